/** What a run measured, as one JSON object and as text for a person. */
import { formatBytes } from '../quantities.ts';
import type { RxOptions } from './options.ts';

/** The object that `--json` prints. Names and meanings are a contract; digests are null where nobody computed them. */
export interface RxReport {
  /** The run did what it should: bytes arrived, digests equal, nothing linear, nothing leaked. */
  readonly ok: boolean;
  /** Why not, in one sentence; null when `ok`. */
  readonly error: string | null;
  readonly sender: 'kernel' | 'embedded' | 'none';
  /** Why `--sender auto` did not take the kernel; null when it did or was not asked to choose. */
  readonly sender_reason: string | null;
  /** Bytes that DMABUF messages announced. */
  readonly bytes_devmem: number;
  /** Bytes of LINEAR messages, and payload that was copied without a message. */
  readonly bytes_linear: number;
  /** DMABUF messages. */
  readonly frags: number;
  readonly tokens_issued: number;
  readonly tokens_returned: number;
  /** Tokens still held when the last socket closed. */
  readonly tokens_outstanding: number;
  /** Held minus released, over every page pool that was ever made, after unbind, close and drain. */
  readonly inflight: number;
  readonly iommu_faults: number;
  /** Frames and segments dropped by card, driver and sockets. */
  readonly drops: number;
  readonly sha256_sent: string | null;
  readonly sha256_devmem: string | null;
  /** From the first SYN to the last byte. */
  readonly seconds: number;
  readonly gbit_per_s: number;
  /** Per second of processor time that receiver and sender used together in that span. */
  readonly gbit_per_cpu_s: number;
  /** Warnings in the machine's log. */
  readonly log_warnings: number;
  /** Each finding of the audits after unbind, close and drain, as a sentence. */
  readonly leaks: readonly string[];
  readonly connections: number;
  readonly exporter: string;
  readonly queues: number;
}

const WIDTH = 18;

function line(label: string, value: string): string {
  return `  ${label.padEnd(WIDTH)}${value}`;
}

function senderText(report: RxReport): string {
  switch (report.sender) {
    case 'kernel':
      return "the kernel's TCP, over a TAP in a network namespace of its own";
    case 'embedded':
      return 'a second host of our own stack, over an in-memory cable';
    case 'none':
      return `${report.connections} client connection(s) in the namespace`;
  }
}

function digestText(report: RxReport): string {
  if (report.sha256_devmem === null) return 'not asked for';
  if (report.sha256_sent === null) return `${report.sha256_devmem} (the sender gave none to compare)`;
  const same = report.sha256_sent === report.sha256_devmem;
  return same
    ? `${report.sha256_devmem}, the same as sent`
    : `${report.sha256_devmem}, but sent was ${report.sha256_sent}`;
}

/** A report that a person understands, one fact a line. */
export function formatReport(report: RxReport, options: RxOptions): string {
  const memory = options.exporter === 'device' ? 'device memory the CPU cannot see' : 'a udmabuf';
  const lines = [
    report.ok ? 'Received, every byte where it should be.' : `Failed: ${report.error ?? 'see below'}.`,
    line('sender', senderText(report)),
    ...(report.sender_reason === null ? [] : [line('', `(not the kernel: ${report.sender_reason})`)]),
    line(
      'into',
      `${formatBytes(options.dmabuf)} of ${memory}, bound to rx queue ${options.queues - 1} of ${options.queues}`,
    ),
    line(
      'device memory',
      `${report.bytes_devmem} bytes (${formatBytes(report.bytes_devmem)}) in ${report.frags} fragments`,
    ),
    line('CPU memory', `${report.bytes_linear} bytes of payload`),
    line(
      'tokens',
      `${report.tokens_issued} issued, ${report.tokens_returned} returned, ${report.tokens_outstanding} outstanding`,
    ),
    line('sha256', digestText(report)),
    line('leaks', report.leaks.length === 0 ? `none (pool inflight ${report.inflight})` : report.leaks.join('; ')),
    line(
      'faults, drops',
      `${report.iommu_faults} IOMMU faults, ${report.drops} drops, ${report.log_warnings} warnings`,
    ),
    line(
      'speed',
      `${report.gbit_per_s} Gbit/s for ${report.seconds} s; ${report.gbit_per_cpu_s} Gbit per second of CPU, sender and receiver`,
    ),
  ];
  return lines.join('\n');
}
