/** What a scenario was: one JSON object, and the judgement whether it was what it should have been. */
import type { CableFaults } from '@netmem/link';
import type { CardFaultCounts } from '../../faults/card-faults.ts';
import { round3 } from '../../quantities.ts';
import type { QemuEnd } from '../guest/qemu-process.ts';
import type { Transfer } from '../peer/transfers.ts';
import type { CardFigures } from './card-figures.ts';
import type { Observations, Observed, Step } from './observations.ts';
import { isRefused, type Scenario } from './scenarios.ts';

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
  /** Of this scenario; the first one of a guest has its boot. */
  readonly seconds: number;
  /** Processor time of this process in that span: card, server and the machine at the other end; null when the scenario did not begin. */
  readonly cpu_seconds: number | null;
  /** Until the guest's first process ran; null when it never did. */
  readonly boot_seconds: number | null;
  readonly steps: readonly Step[];
  /** What the machine at the other end sent and received. */
  readonly transfers: readonly Transfer[];
  readonly card: CardFigures | null;
  readonly cable: Readonly<CableFaults> | null;
  /** What `--fault` did to the guest's card up to its end; null when nothing was asked for. */
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

/** Everything the reports of one guest are made of. */
export interface VmOutcome {
  readonly scenarios: readonly Scenario[];
  readonly seed: number;
  readonly qemu: string;
  readonly release: string;
  readonly seen: Observations;
  /** The guest's end; or why the run was over before, as a sentence. */
  readonly outcome: QemuEnd | string;
  readonly seconds: number;
  readonly cardFaults: CardFaultCounts | null;
  readonly peerFindings: readonly string[];
  readonly pcapPackets: number | null;
}

/** Why the scenario did not come to its end; null when it did. */
function whyNotFinished({ seen, outcome }: VmOutcome, observed: Observed | undefined): string | null {
  if (observed?.status !== undefined && observed.status !== null) return null;
  if (typeof outcome === 'string') return outcome;
  if (seen.boots === 0) return `the guest did not boot: ${outcome.complaints || 'its console said nothing'}`;
  return `the guest ended in the middle: ${outcome.complaints || 'without a complaint'}`;
}

/** The first reason, in order of importance, why the scenario was not what it should be. */
function judge(outcome: VmOutcome, scenario: Scenario, observed: Observed | undefined): string | null {
  const failed = observed?.steps.find(({ ok }) => !ok);
  if (failed !== undefined) return failed.text;
  const unfinished = whyNotFinished(outcome, observed);
  if (unfinished !== null || observed === undefined) return unfinished ?? 'it did not begin';
  const { status, steps, kernelComplaints, tally } = observed;
  if (status !== 0) return `the scenario ended with status ${status}`;
  if (steps.length === 0) return 'the scenario did nothing';
  if (kernelComplaints[0] !== undefined) return `the kernel says: ${kernelComplaints[0]}`;
  const transfer = tally.transfers.find(({ error }) => error !== null);
  if (transfer !== undefined) return `the other end: ${transfer.error}`;
  const { iommu_faults, faults } = tally.card;
  if (iommu_faults > 0) return `${iommu_faults} accesses of the card were not mapped`;
  if (faults > 0) return `the card stopped ${faults} queues for what the driver asked of them`;
  const expected = isRefused(scenario, outcome.release) ? null : (scenario.expect?.(tally.card) ?? null);
  return expected ?? outcome.peerFindings[0] ?? null;
}

function buildReport(outcome: VmOutcome, scenario: Scenario, observed: Observed | undefined): VmReport {
  const { seen } = outcome;
  const error = judge(outcome, scenario, observed);
  return {
    ok: error === null,
    error,
    scenario: scenario.name,
    kernel: outcome.release,
    qemu: outcome.qemu,
    seed: outcome.seed,
    seconds: round3(observed?.seconds ?? outcome.seconds),
    cpu_seconds: observed === undefined ? null : round3(observed.tally.cpuSeconds),
    boot_seconds: seen.bootSeconds === null ? null : round3(seen.bootSeconds),
    steps: observed?.steps ?? [],
    transfers: observed?.tally.transfers.map((one) => ({ ...one, seconds: round3(one.seconds) })) ?? [],
    card: observed?.tally.card ?? null,
    cable: observed?.tally.cable ?? null,
    faults: outcome.cardFaults,
    kernel_complaints: observed?.kernelComplaints ?? [],
    card_events: observed?.tally.cardEvents ?? [],
    leaks: outcome.peerFindings,
    pcap_packets: outcome.pcapPackets,
    last_lines: error === null ? [] : seen.lines,
  };
}

/** Makes the reports, judgement included: one for each scenario that was to run. */
export function buildVmReports(outcome: VmOutcome): VmReport[] {
  const observed = outcome.seen.finish();
  return outcome.scenarios.map((scenario) =>
    buildReport(
      outcome,
      scenario,
      observed.find((one) => one.scenario === scenario),
    ),
  );
}
