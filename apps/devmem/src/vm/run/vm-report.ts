/** What a scenario was: one JSON object, and the judgement whether it was what it should have been. */
import type { CableFaults } from '@netmem/link';
import type { VfioUserStats } from '@netmem/vfio-user';
import type { NicStats } from '@netmem/vnic';
import type { CardFaultCounts } from '../../faults/card-faults.ts';
import { round3 } from '../../quantities.ts';
import type { QemuEnd } from '../guest/qemu-process.ts';
import type { Transfer } from '../peer/transfers.ts';

/** A step of the scenario, in the guest's words. */
export interface Step {
  readonly ok: boolean;
  readonly text: string;
}

/** What the guest said. */
export interface Observations {
  boots: number;
  bootSeconds: number | null;
  kernel: string;
  readonly steps: Step[];
  exitStatus: number | null;
  readonly kernelComplaints: string[];
  readonly cardEvents: string[];
}

/** What the card did, over the whole run. */
export interface CardFigures {
  readonly rx_packets: number;
  readonly rx_split: number;
  readonly rx_merged: number;
  readonly rx_dropped: number;
  readonly tx_packets: number;
  readonly tx_frames: number;
  readonly commands: number;
  readonly commands_refused: number;
  /** Queues stopped for what the driver asked of them. */
  readonly faults: number;
  readonly resets: number;
  readonly iommu_faults: number;
  readonly interrupts: number;
}

/** The object that `--json` prints. Names and meanings are a contract. */
export interface VmReport {
  /** Every step went well, on both sides. */
  readonly ok: boolean;
  /** Why not, in one sentence; null when `ok`. */
  readonly error: string | null;
  readonly scenario: string;
  readonly kernel: string;
  readonly qemu: string;
  readonly seed: number;
  /** From QEMU's start to its end. */
  readonly seconds: number;
  /** Until the guest's first process ran; null when it never did. */
  readonly boot_seconds: number | null;
  readonly steps: readonly Step[];
  /** What the machine at the other end sent and received. */
  readonly transfers: readonly Transfer[];
  readonly card: CardFigures;
  readonly cable: Readonly<CableFaults>;
  /** What `--fault` did; null when nothing was asked for. */
  readonly faults: CardFaultCounts | null;
  /** Warnings, bugs and errors of the guest's kernel. */
  readonly kernel_complaints: readonly string[];
  /** What the card noted: resets, refused commands, stopped queues. */
  readonly card_events: readonly string[];
  /** What the audit of the machine at the other end found after everything was taken down. */
  readonly leaks: readonly string[];
  readonly pcap_packets: number | null;
  /** The console's last lines, when the run failed; empty when not. */
  readonly last_lines: readonly string[];
}

/** Everything a report is made of. */
export interface VmOutcome {
  readonly scenario: string;
  readonly expect: ((card: CardFigures) => string | null) | null;
  readonly seed: number;
  readonly qemu: string;
  readonly release: string;
  readonly seen: Observations;
  readonly end: QemuEnd | null;
  readonly stopReason: string | null;
  readonly seconds: number;
  readonly transfers: readonly Transfer[];
  readonly card: NicStats;
  readonly server: VfioUserStats;
  readonly cable: Readonly<CableFaults>;
  readonly cardFaults: CardFaultCounts | null;
  readonly peerFindings: readonly string[];
  readonly pcapPackets: number | null;
  readonly lastLines: readonly string[];
}

function sum<T>(of: readonly T[], value: (one: T) => number): number {
  return of.reduce((total, one) => total + value(one), 0);
}

function cardFigures({ rx, tx, device }: NicStats, server: VfioUserStats): CardFigures {
  return {
    rx_packets: sum(rx, (queue) => queue.packets),
    rx_split: sum(rx, (queue) => queue.split),
    rx_merged: sum(rx, (queue) => queue.rscPackets),
    rx_dropped: sum(rx, (queue) => queue.dropped),
    tx_packets: sum(tx, (queue) => queue.packets),
    tx_frames: sum(tx, (queue) => queue.frames),
    commands: device.commands,
    commands_refused: device.commandsRefused,
    faults: device.faults,
    resets: device.resets,
    iommu_faults: server.dmaFaults,
    interrupts: server.interrupts,
  };
}

/** The first reason, in order of importance, why the run was not what it should be. */
function judge(
  { stopReason, seen, end, transfers, peerFindings, expect }: VmOutcome,
  card: CardFigures,
): string | null {
  if (stopReason !== null) return stopReason;
  const failed = seen.steps.find(({ ok }) => !ok);
  if (failed !== undefined) return failed.text;
  if (seen.boots === 0) return `the guest did not boot: ${end?.complaints || 'its console said nothing'}`;
  if (seen.exitStatus === null) return `the guest ended in the middle: ${end?.complaints || 'without a complaint'}`;
  if (seen.exitStatus !== 0) return `the scenario ended with status ${seen.exitStatus}`;
  if (seen.steps.length === 0) return 'the scenario did nothing';
  const complaint = seen.kernelComplaints[0];
  if (complaint !== undefined) return `the kernel says: ${complaint}`;
  const transfer = transfers.find(({ error }) => error !== null);
  if (transfer !== undefined) return `the other end: ${transfer.error}`;
  if (card.iommu_faults > 0) return `${card.iommu_faults} accesses of the card were not mapped`;
  if (card.faults > 0) return `the card stopped ${card.faults} queues for what the driver asked of them`;
  return expect?.(card) ?? peerFindings[0] ?? null;
}

/** Makes the report, judgement included. */
export function buildVmReport(outcome: VmOutcome): VmReport {
  const { seen } = outcome;
  const card = cardFigures(outcome.card, outcome.server);
  const error = judge(outcome, card);
  return {
    ok: error === null,
    error,
    scenario: outcome.scenario,
    kernel: seen.kernel || outcome.release,
    qemu: outcome.qemu,
    seed: outcome.seed,
    seconds: round3(outcome.seconds),
    boot_seconds: seen.bootSeconds === null ? null : round3(seen.bootSeconds),
    steps: seen.steps,
    transfers: outcome.transfers.map((transfer) => ({ ...transfer, seconds: round3(transfer.seconds) })),
    card,
    cable: { ...outcome.cable },
    faults: outcome.cardFaults,
    kernel_complaints: seen.kernelComplaints,
    card_events: seen.cardEvents,
    leaks: outcome.peerFindings,
    pcap_packets: outcome.pcapPackets,
    last_lines: error === null ? [] : outcome.lastLines,
  };
}
