/** The whole command with the running kernel's TCP as sender: what `devmem rx` reports about itself. */
import { fileURLToPath } from 'node:url';
import { runOnOneCpu } from './one-cpu.ts';

const DEVMEM = fileURLToPath(new URL('../../../../apps/devmem/src/main.ts', import.meta.url));
/** Long enough that the receiver runs optimised code for most of it. */
const STREAM = '8GiB';

/** As in the process that is its own sender. */
const DEVICE_MEMORY = '16MiB';

/** A way over the TAP. */
export interface TapWay {
  /** Part of the figure's name. */
  readonly name: 'tap1500' | 'tap9000' | 'vnet';
  readonly args: readonly string[];
}

export const TAP_WAYS: readonly TapWay[] = [
  { name: 'tap1500', args: [] },
  { name: 'tap9000', args: ['--mtu', '9000'] },
  { name: 'vnet', args: ['--vnet-hdr'] },
];

/** One run; Gbit per second of CPU of receiver and sender. Throws with what the command said. */
export async function runTapWay(way: TapWay): Promise<number> {
  const args = [
    'rx',
    '--sender',
    'kernel',
    '--bytes',
    STREAM,
    '--dmabuf',
    DEVICE_MEMORY,
    '--validate',
    'none',
    '--no-checks',
    '--json',
    ...way.args,
  ];
  const stdout = await runOnOneCpu(process.execPath, ['--conditions=@netmem/source', DEVMEM, ...args]);
  const report = JSON.parse(stdout) as { ok: boolean; error: string | null; gbit_per_cpu_s: number };
  if (!report.ok) throw new Error(report.error ?? 'the run failed');
  return report.gbit_per_cpu_s;
}
