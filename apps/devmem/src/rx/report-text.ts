/** A report as text for a person. */
import { cableLines, factLine, faultLines, hostLines } from '../host/report-lines.ts';
import { formatBytes } from '../quantities.ts';
import type { RxOptions } from './options.ts';
import type { RxReport } from './report.ts';

function senderText(report: RxReport, options: RxOptions): string {
  const times = options.connections === 1 ? '' : `, ${options.connections} connections at once`;
  switch (report.sender) {
    case 'kernel':
      return `the kernel's TCP, over a TAP in a network namespace of its own${times}`;
    case 'embedded':
      return `a second host of our own stack, over an in-memory cable${times}`;
    case 'none':
      return `${report.connections} client connection(s) in the namespace`;
    case 'replay':
      return `the recording ${options.replay}`;
  }
}

function digestText(report: RxReport): string {
  if (report.sha256_devmem === null) return 'not asked for';
  if (report.sha256_sent === null) return `${report.sha256_devmem} (the sender gave none to compare)`;
  const same = report.sha256_sent === report.sha256_devmem;
  if (!same) return `${report.sha256_devmem}, but sent was ${report.sha256_sent}`;
  return `${report.sha256_devmem}, the same as sent${report.connections > 1 ? ' (all connections agree)' : ''}`;
}

function replayLines({ replay }: RxReport): string[] {
  if (replay === null) return [];
  const { frames, skipped, connections, incomplete, aligned, damage } = replay;
  return [
    factLine('', `${frames} frames for its host (${skipped} others), ${connections} connections`),
    factLine(
      '',
      aligned === 0 ? 'every frame as it was recorded' : `${aligned} frames aligned with this host's numbers`,
    ),
    ...(incomplete === 0 ? [] : [factLine('', `${incomplete} connections are not in it to their end`)]),
    ...(damage === null ? [] : [factLine('', `read up to a damaged place: ${damage}`)]),
  ];
}

/** A report that a person understands, one fact a line. */
export function formatReport(report: RxReport, options: RxOptions): string {
  const memory = options.exporter === 'device' ? 'device memory the CPU cannot see' : 'a udmabuf';
  const { tokens, leaks, faults } = hostLines(report);
  const lines = [
    report.ok ? 'Received, every byte where it should be.' : `Failed: ${report.error ?? 'see below'}.`,
    factLine('sender', senderText(report, options)),
    ...(report.sender_reason === null ? [] : [factLine('', `(not the kernel: ${report.sender_reason})`)]),
    ...replayLines(report),
    factLine(
      'into',
      `${formatBytes(options.dmabuf)} of ${memory}, bound to rx queue ${options.queues - 1} of ${options.queues}`,
    ),
    factLine(
      'device memory',
      `${report.bytes_devmem} bytes (${formatBytes(report.bytes_devmem)}) in ${report.frags} fragments`,
    ),
    factLine('CPU memory', `${report.bytes_linear} bytes of payload`),
    tokens,
    factLine('sha256', digestText(report)),
    leaks,
    faults,
    ...cableLines(report.cable),
    ...faultLines(report.faults),
    ...(report.pcap_packets === null ? [] : [factLine('capture', `${report.pcap_packets} packets in ${options.pcap}`)]),
    factLine(
      'speed',
      `${report.gbit_per_s} Gbit/s for ${report.seconds} s; ${report.gbit_per_cpu_s} Gbit per second of CPU, sender and receiver`,
    ),
    ...(report.checks ? [factLine('', "(with the packages' checks on the data path; --no-checks for figures)")] : []),
  ];
  return lines.join('\n');
}
