/** What a test was, from the receiver's side: one JSON object, and text for a person. */
import type { CableFaults } from '@netmem/link';
import type { CardFaultCounts } from '../faults/card-faults.ts';
import { cableLines, factLine, faultLines, hostLines } from '../host/report-lines.ts';
import { formatBytes } from '../quantities.ts';
import type { Figures, Measurement } from '../run/measurement.ts';
import type { IperfOptions } from './options.ts';
import type { IperfServer } from './server.ts';

/** What came over one data connection. */
export interface IperfStreamReport {
  readonly peer: string;
  readonly bytes_devmem: number;
  readonly bytes_linear: number;
}

/** The object that `--json` prints. Where names are those of `devmem rx`, so are meanings. */
export interface IperfReport extends Figures {
  readonly ok: boolean;
  readonly error: string | null;
  readonly sender: 'kernel' | 'none';
  /** The option of the client that this server does not serve; null when there was none. */
  readonly refused: string | null;
  /** Payload of the data connections in device memory, and payload that came otherwise. */
  readonly bytes_devmem: number;
  readonly bytes_linear: number;
  /** Cookies, parameters, states and results: ordinary traffic on ordinary queues. */
  readonly bytes_control: number;
  /** What the client says it sent; null when it said nothing. */
  readonly bytes_sent: number | null;
  readonly frags: number;
  readonly tokens_issued: number;
  readonly tokens_returned: number;
  readonly tokens_outstanding: number;
  readonly inflight: number;
  readonly iommu_faults: number;
  readonly drops: number;
  readonly log_warnings: number;
  readonly leaks: readonly string[];
  readonly streams: readonly IperfStreamReport[];
  readonly exporter: string;
  /** DMA mode of the receiving host. */
  readonly dma: string;
  readonly queues: number;
  readonly checks: boolean;
  /** Frames that the cable lost, reordered, duplicated, corrupted; null with a good one. */
  readonly cable: Readonly<CableFaults> | null;
  /** What `--fault` did; null when nothing was asked for. */
  readonly faults: CardFaultCounts | null;
  readonly pcap_packets: number | null;
  /** What `iperf3 --json` printed; null when this command did not run it. */
  readonly iperf3: unknown;
}

/** Everything a report is made of. */
export interface IperfOutcome {
  readonly options: IperfOptions;
  readonly server: IperfServer;
  readonly measurement: Measurement;
  readonly counted: ReturnType<Measurement['counters']>;
  readonly tokensOutstanding: number;
  readonly inflight: number;
  readonly leaks: readonly string[];
  readonly stopReason: string | null;
  readonly clientError: string | null;
  readonly cableFaults: Readonly<CableFaults> | null;
  readonly cardFaults: CardFaultCounts | null;
  readonly pcapPackets: number | null;
  readonly iperf3: unknown;
}

/** Makes the report, judgement included. */
export function buildIperfReport(outcome: IperfOutcome): IperfReport {
  const { options, server, counted } = outcome;
  const { reader, client } = server;
  const clientCpuSeconds = ((client?.cpuPercent ?? 0) / 100) * server.seconds;
  const facts = {
    sender: options.sender,
    refused: server.refused,
    bytes_devmem: server.streams.reduce((total, stream) => total + stream.devmemBytes, 0),
    bytes_linear: server.streams.reduce((total, stream) => total + stream.linearBytes, 0),
    bytes_control: server.controlBytes,
    bytes_sent: client === null ? null : client.streams.reduce((total, stream) => total + stream.bytes, 0),
    frags: reader.tokensIssued,
    tokens_issued: reader.tokensIssued,
    tokens_returned: reader.tokensReturned,
    tokens_outstanding: outcome.tokensOutstanding,
    inflight: outcome.inflight,
    iommu_faults: counted.iommuFaults,
    drops: counted.drops,
    ...outcome.measurement.figures(clientCpuSeconds),
    log_warnings: counted.warnings,
    leaks: outcome.leaks,
    streams: server.streams.map(({ peer, devmemBytes, linearBytes }) => {
      return { peer, bytes_devmem: devmemBytes, bytes_linear: linearBytes };
    }),
    exporter: options.exporter,
    dma: options.dma,
    queues: options.queues,
    checks: options.checks,
    cable: outcome.cableFaults,
    faults: outcome.cardFaults,
    pcap_packets: outcome.pcapPackets,
    iperf3: outcome.iperf3,
  };
  const error = judge(outcome, facts);
  return { ok: error === null, error, ...facts };
}

/** The first reason, in order of importance, why the run was not what it should be. */
function judge(outcome: IperfOutcome, facts: Omit<IperfReport, 'ok' | 'error'>): string | null {
  const { server, stopReason, clientError } = outcome;
  if (stopReason !== null) return stopReason;
  if (facts.refused !== null) return `the client asked for ${facts.refused}, which this server does not do`;
  if (server.error !== null) return server.error;
  if (clientError !== null) return clientError;
  if (facts.bytes_devmem === 0) return 'no byte came';
  if (facts.bytes_linear > 0) return `${facts.bytes_linear} bytes of payload came outside device memory`;
  if (facts.tokens_outstanding > 0) return `${facts.tokens_outstanding} tokens were not returned`;
  if (facts.inflight !== 0) return `${facts.inflight} buffers are still in flight`;
  return facts.leaks[0] ?? null;
}

/** A report that a person understands, one fact a line. */
export function formatIperfReport(report: IperfReport, options: IperfOptions): string {
  const memory = options.exporter === 'device' ? 'device memory the CPU cannot see' : 'a udmabuf';
  const { tokens, leaks, faults } = hostLines(report);
  const count = report.streams.length;
  return [
    report.ok ? 'Received, every byte of payload in device memory.' : `Failed: ${report.error ?? 'see below'}.`,
    factLine(
      'into',
      `${formatBytes(options.dmabuf)} of ${memory}, bound to rx queue ${options.queues - 1} of ${options.queues}`,
    ),
    factLine(
      'device memory',
      `${report.bytes_devmem} bytes (${formatBytes(report.bytes_devmem)}) in ${report.frags} fragments, over ${count} streams with a flow rule each`,
    ),
    factLine(
      'CPU memory',
      `${report.bytes_linear} bytes of payload, ${report.bytes_control} bytes of cookies and control`,
    ),
    tokens,
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
  ].join('\n');
}
