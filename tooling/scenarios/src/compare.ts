import { KNOWN_DIFFERENCES, type KnownDifference, type Wiring } from './known-differences.ts';
import { callText, type Entry, entryText, type Transcript } from './transcript.ts';

/** One line where a stack of ours does something else than the kernel. */
export interface Difference {
  readonly scenario: string;
  readonly wiring: Wiring;
  readonly kernel: Entry | undefined;
  readonly netmem: Entry | undefined;
}

/** Lines that differ, in order. */
export function differences(
  scenario: string,
  wiring: Wiring,
  kernel: Transcript,
  netmem: Transcript,
): readonly Difference[] {
  const found: Difference[] = [];
  for (let i = 0; i < Math.max(kernel.length, netmem.length); i++) {
    const [left, right] = [kernel[i], netmem[i]];
    const same = left !== undefined && right !== undefined && entryText(left) === entryText(right);
    if (!same) found.push({ scenario, wiring, kernel: left, netmem: right });
  }
  return found;
}

/** A difference as a failed test shows it. */
export function differenceText({ scenario, wiring, kernel, netmem }: Difference): string {
  const lines = [kernel, netmem].map((entry) => (entry === undefined ? 'nothing' : entryText(entry)));
  return `${scenario}\n  kernel: ${lines[0]}\n  ${wiring}: ${lines[1]}`;
}

/** `6.18.44-x` → 6.18 as a number that can be compared, 6018. */
export function kernelNumber(release: string): number {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  return major * 1000 + minor;
}

/** Whether a listed difference is about this kernel. */
export function isAbout(known: KnownDifference, release: string): boolean {
  const running = kernelNumber(release);
  if (known.since !== undefined && running < kernelNumber(known.since)) return false;
  return known.before === undefined || running < kernelNumber(known.before);
}

/** Whether a listed difference says that this one is expected. */
export function explains(known: KnownDifference, difference: Difference): boolean {
  const { kernel, netmem } = difference;
  if (kernel === undefined || netmem === undefined || callText(kernel) !== callText(netmem)) return false;
  if (known.scenario !== difference.scenario || (known.on !== undefined && known.on !== difference.wiring))
    return false;
  if (!callText(kernel).startsWith(known.call)) return false;
  return (
    (known.kernel === undefined || known.kernel === kernel.result) &&
    (known.netmem === undefined || known.netmem === netmem.result)
  );
}

/** What a comparison has to say: differences that nobody listed, and listed ones that are not there any more. */
export interface Verdict {
  readonly unexplained: readonly Difference[];
  readonly stale: readonly KnownDifference[];
}

/** Holds all differences of a run against the list. @param scenarios - Those that ran, on the wirings that ran. */
export function judge(
  found: readonly Difference[],
  release: string,
  scenarios: ReadonlySet<string>,
  list: readonly KnownDifference[] = KNOWN_DIFFERENCES,
): Verdict {
  const about = list.filter((known) => scenarios.has(known.scenario) && isAbout(known, release));
  return {
    unexplained: found.filter((difference) => !about.some((known) => explains(known, difference))),
    stale: about.filter((known) => !found.some((difference) => explains(known, difference))),
  };
}
