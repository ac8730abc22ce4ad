import { cpus } from 'node:os';
import { probeTap } from '@netmem/tap';
import { LARGE_YOUNG_GENERATION, runChild } from '../measured-child.ts';
import { type Figure, figure, median, type Suite, type SuiteResult } from '../suite.ts';
import { runTapWay, TAP_WAYS } from './kernel-path.ts';
import { isPinned } from './one-cpu.ts';
import { PEERS, runPeer } from './peers.ts';

const ROUNDS = 5;
const IN_PROCESS_CHILD = new URL('in-process-child.ts', import.meta.url);
const CHECKSUM_CHILD = new URL('checksum-child.ts', import.meta.url);

/** Values of every round by figure, or why there are none. */
class Rounds {
  readonly #values = new Map<string, number[]>();
  readonly #reasons = new Map<string, string>();

  /** Measures one value; a failure is kept as the reason and tried again in no later round. */
  async measure(name: string, once: () => Promise<number>): Promise<void> {
    if (this.#reasons.has(name)) return;
    try {
      this.add(name, await once());
    } catch (error) {
      this.#reasons.set(name, error instanceof Error ? (error.message.split('\n')[0] ?? 'failed') : String(error));
    }
  }

  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }

  refuse(name: string, reason: string): void {
    this.#reasons.set(name, reason);
  }

  figure(name: string): Figure {
    return figure(median(this.#values.get(name) ?? []), this.#reasons.get(name) ?? 'not measured');
  }

  line(name: string, label: string): string {
    const values = this.#values.get(name);
    if (values === undefined)
      return `  ${label.padEnd(LABEL_WIDTH)}not measured: ${this.#reasons.get(name) ?? 'no reason'}`;
    const range = `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
    return `  ${label.padEnd(LABEL_WIDTH)}${median(values).toFixed(2).padStart(8)}   ${range}`;
  }
}

const LABEL_WIDTH = 52;
const LABELS: readonly (readonly [name: string, label: string])[] = [
  ['path.inprocess_gbit_per_cpu_s', 'cable to DONTNEED in one process, Gbit per CPU-s'],
  ['path.inprocess_ns_per_packet', '  the same, ns of CPU per 1460-byte segment'],
  ['path.bytes_allocated_per_packet', '  the same, bytes of garbage per segment'],
  ['path.tap1500_gbit_per_cpu_s', "kernel's TCP over a TAP, MTU 1500, Gbit per CPU-s"],
  ['path.tap9000_gbit_per_cpu_s', '  MTU 9000'],
  ['path.vnet_gbit_per_cpu_s', '  super-frames (vnet_hdr)'],
  ['path.peer_node_gbit_per_cpu_s', 'for scale: node net.Socket over loopback'],
  ['path.peer_python_gbit_per_cpu_s', 'for scale: python recv_into over loopback'],
  ['wire.checksum_4k_bytes_per_ns', 'Internet checksum over 4 KiB, bytes per ns'],
];

async function oneRound(rounds: Rounds): Promise<void> {
  for (const way of TAP_WAYS) await rounds.measure(`path.${way.name}_gbit_per_cpu_s`, () => runTapWay(way));
  const speed = (await runChild(IN_PROCESS_CHILD, ['speed'])) as { gbitPerCpuSecond: number; nsPerPacket: number };
  rounds.add('path.inprocess_gbit_per_cpu_s', speed.gbitPerCpuSecond);
  rounds.add('path.inprocess_ns_per_packet', speed.nsPerPacket);
  for (const peer of PEERS) await rounds.measure(`path.peer_${peer}_gbit_per_cpu_s`, () => runPeer(peer));
  rounds.add('wire.checksum_4k_bytes_per_ns', (await runChild(CHECKSUM_CHILD, [])) as number);
}

async function garbage(): Promise<number> {
  const result = (await runChild(IN_PROCESS_CHILD, ['garbage'], LARGE_YOUNG_GENERATION)) as {
    bytesPerPacket: number | null;
  };
  if (result.bytesPerPacket === null) throw new Error('the garbage collector ran in between');
  return result.bytesPerPacket;
}

/**
 * The whole path, in Gbit per second of CPU that receiver and sender use together: five rounds, in each every way once, so that what else the
 * machine does falls on all of them. Payload lands in device memory and every token is returned; nothing is verified.
 */
export const pathSuite: Suite = {
  name: 'path',
  title: 'the whole path: TAP, in process, garbage, checksum, beside ordinary sockets',
  async run(progress): Promise<SuiteResult> {
    const rounds = new Rounds();
    const tap = await probeTap();
    if (!tap.ok) for (const way of TAP_WAYS) rounds.refuse(`path.${way.name}_gbit_per_cpu_s`, tap.reason);
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round} of ${ROUNDS}`);
      await oneRound(rounds);
    }
    progress('garbage');
    await rounds.measure('path.bytes_allocated_per_packet', garbage);
    const figures = Object.fromEntries(LABELS.map(([name]) => [name, rounds.figure(name)]));
    const cpu = cpus()[0]?.model.trim() ?? 'unknown CPU';
    const where = `Node ${process.version}, ${cpu}, sender and receiver ${isPinned ? 'on one processor' : 'where they like'}`;
    const lines = LABELS.map(([name, label]) => rounds.line(name, label));
    return { figures, text: [`path: median of ${ROUNDS} rounds, min–max. ${where}.`, '', ...lines, ''].join('\n') };
  },
};
