/** What a run was: one JSON object, and the judgement whether it was what it should have been. */
import type { CableFaults } from '@netmem/link';
import type { CardFaultCounts } from '../faults/card-faults.ts';
import type { Figures, Measurement } from '../run/measurement.ts';
import type { RxOptions } from './options.ts';
import type { SenderControl } from './sender.ts';
import type { ReceivedStream, ReceiveSession } from './session.ts';

/** Who sent. */
export type SenderKind = 'kernel' | 'embedded' | 'none' | 'replay';

/** What came over one connection. */
export interface StreamReport {
  /** The sender's address and port. */
  readonly peer: string;
  readonly bytes_devmem: number;
  readonly sha256_sent: string | null;
  readonly sha256_devmem: string | null;
}

/** How a recording was replayed. */
export interface ReplayFacts {
  /** Frames of the capture that came to its host. */
  readonly frames: number;
  /** Frames that were neither for that host nor from it, or cut short when they were captured. */
  readonly skipped: number;
  readonly connections: number;
  /** Connections whose end, or some middle, is not in the capture. */
  readonly incomplete: number;
  /** Frames whose acknowledgment or echoed timestamp was changed, because this host's numbers are not the recorded ones. */
  readonly aligned: number;
  /** How often the next frame came only because the host had nothing left to do. */
  readonly pauses: number;
  /** Why the file could not be read to its end; null when it could. */
  readonly damage: string | null;
}

/** The object that `--json` prints. Names and meanings are a contract; digests are null where nobody computed them. */
export interface RxReport extends Figures {
  /** The run did what it should: bytes arrived, digests equal, nothing linear, nothing leaked. */
  readonly ok: boolean;
  /** Why not, in one sentence; null when `ok`. */
  readonly error: string | null;
  readonly sender: SenderKind;
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
  /** Of the first connection whose digests differ, else of the first one. */
  readonly sha256_sent: string | null;
  readonly sha256_devmem: string | null;
  /** Warnings in the machine's log. */
  readonly log_warnings: number;
  /** Each finding of the audits after unbind, close and drain, as a sentence. */
  readonly leaks: readonly string[];
  readonly connections: number;
  /** One entry for each connection, in the order in which they were accepted. */
  readonly streams: readonly StreamReport[];
  readonly exporter: string;
  /** DMA mode of the receiving host. */
  readonly dma: string;
  readonly queues: number;
  /** False in production mode, `--no-checks`. */
  readonly checks: boolean;
  /** Frames that the cable lost, reordered, duplicated, corrupted; null on a TAP with a good cable, and for a recording. */
  readonly cable: Readonly<CableFaults> | null;
  /** What `--fault` did; null when nothing was asked for. */
  readonly faults: CardFaultCounts | null;
  /** Packets in the `--pcap` file; null without one. */
  readonly pcap_packets: number | null;
  /** Null when nothing was replayed. */
  readonly replay: ReplayFacts | null;
}

/** Everything a report is made of. */
export interface RunOutcome {
  readonly options: RxOptions;
  readonly sender: SenderKind;
  readonly senderReason: string | null;
  readonly session: ReceiveSession;
  readonly control: SenderControl;
  readonly counted: ReturnType<Measurement['counters']>;
  readonly figures: Figures;
  readonly tokensOutstanding: number;
  readonly inflight: number;
  readonly leaks: readonly string[];
  readonly stopReason: string | null;
  readonly cableFaults: Readonly<CableFaults> | null;
  readonly cardFaults: CardFaultCounts | null;
  readonly pcapPackets: number | null;
  readonly replay: ReplayFacts | null;
}

/** Makes the report, judgement included. */
export function buildReport(outcome: RunOutcome): RxReport {
  const { options, session, counted } = outcome;
  const streams = streamReports(session.streams(), outcome.control);
  const shown = streams.find(differs) ?? streams[0];
  const facts = {
    sender: outcome.sender,
    sender_reason: outcome.senderReason,
    bytes_devmem: session.bytes,
    bytes_linear: counted.linearBytes,
    frags: session.tokensIssued,
    tokens_issued: session.tokensIssued,
    tokens_returned: session.tokensReturned,
    tokens_outstanding: outcome.tokensOutstanding,
    inflight: outcome.inflight,
    iommu_faults: counted.iommuFaults,
    drops: counted.drops,
    sha256_sent: shown?.sha256_sent ?? null,
    sha256_devmem: shown?.sha256_devmem ?? null,
    ...outcome.figures,
    log_warnings: counted.warnings,
    leaks: outcome.leaks,
    connections: session.acceptedConnections,
    streams,
    exporter: options.exporter,
    dma: options.dma,
    queues: options.queues,
    checks: options.checks,
    cable: outcome.cableFaults,
    faults: outcome.cardFaults,
    pcap_packets: outcome.pcapPackets,
    replay: outcome.replay,
  };
  const error = judge(outcome, facts);
  return { ok: error === null, error, ...facts };
}

function streamReports(streams: readonly ReceivedStream[], control: SenderControl): StreamReport[] {
  const seen = new Map<number, number>();
  return streams.map(({ peer, bytes, digest }) => {
    const nth = seen.get(peer.port) ?? 0;
    seen.set(peer.port, nth + 1);
    return {
      peer: `${peer.address}:${peer.port}`,
      bytes_devmem: bytes,
      sha256_sent: digest === null ? null : control.digestOf(peer.port, nth),
      sha256_devmem: digest,
    };
  });
}

function differs({ sha256_sent, sha256_devmem }: StreamReport): boolean {
  return sha256_sent !== null && sha256_sent !== sha256_devmem;
}

/** The first reason, in order of importance, why the run was not what it should be. */
function judge(outcome: RunOutcome, facts: Omit<RxReport, 'ok' | 'error'>): string | null {
  const { control, session, stopReason } = outcome;
  const missing = control.total === null ? 0 : control.total - facts.bytes_devmem - facts.bytes_linear;
  if (stopReason !== null) return stopReason;
  if (control.error !== null) return `${control.error}; ${facts.bytes_devmem} bytes had arrived`;
  if (session.error !== null) return session.error;
  if (missing !== 0) return `${missing} of ${control.total} bytes are missing`;
  const problem = session.problem();
  if (problem !== null) return problem;
  const wrong = facts.streams.findIndex(differs);
  if (wrong >= 0)
    return facts.connections === 1 ? 'the digests differ' : `the digests of connection ${wrong + 1} differ`;
  if (facts.bytes_linear > 0) return `${facts.bytes_linear} bytes of payload came outside device memory`;
  if (facts.tokens_outstanding > 0) return `${facts.tokens_outstanding} tokens were not returned`;
  if (facts.inflight !== 0) return `${facts.inflight} buffers are still in flight`;
  return facts.leaks[0] ?? null;
}
