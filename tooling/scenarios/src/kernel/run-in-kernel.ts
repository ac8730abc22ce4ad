import { fileURLToPath } from 'node:url';
import { spawnInNetworkNamespace } from '@netmem/tap';
import type { Transcript } from '../transcript.ts';

/** What the kernel did in each scenario, by id; or why it could not be asked. */
export type KernelRun =
  | { readonly ok: true; readonly release: string; readonly transcripts: Readonly<Record<string, Transcript>> }
  | { readonly ok: false; readonly reason: string };

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
/** All scenarios take a few seconds; patient runs of a few no longer. */
const DEADLINE_MS = 120_000;

/**
 * Runs scenarios on the kernel of this machine, in a child with a network of its own.
 *
 * @param ids - Which; none is all. @param settleMs - How long to wait after every call.
 * @returns `ok: false` where namespaces are not permitted, or there is no Linux.
 * @throws Error when a scenario itself fails.
 */
export function runInKernel(ids: readonly string[], settleMs: number): Promise<KernelRun> {
  if (process.platform !== 'linux') return Promise.resolve({ ok: false, reason: `this is ${process.platform}` });
  return new Promise((resolve, reject) => {
    const child = spawnInNetworkNamespace(CHILD, [String(settleMs), ...ids], {
      nodeArguments: ['--conditions=@netmem/source'],
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) => resolve({ ok: false, reason: error.message }));
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ ok: true, ...(JSON.parse(stdout) as Omit<Extract<KernelRun, { ok: true }>, 'ok'>) });
      else if (isRefusal(stderr)) resolve({ ok: false, reason: stderr.trim().split('\n')[0] ?? '' });
      else reject(new Error(`the kernel's side ended with ${code ?? signal}: ${stderr}`));
    });
  });
}

/** `unshare` itself failed, or the child's own namespaces are forbidden: nothing that a scenario did. */
function isRefusal(stderr: string): boolean {
  return /^unshare: /.test(stderr) || stderr.includes('unshare: errno');
}
