/** What the guest's kernel said that it should not have. */

import type { CardFault } from '../../faults/fault-option.ts';

/** A message that is expected, and why. */
export interface KnownMessage {
  readonly pattern: RegExp;
  readonly cause: string;
}

/** All of these come from the machine that QEMU makes or from the driver's way of greeting a card; none is about what the card did. */
const KNOWN: readonly KnownMessage[] = [
  { pattern: /Kernel command line|Unknown kernel command line parameters/, cause: 'the command line, repeated' },
  { pattern: /\bgve\b.*(?:Link is (?:up|down)|Device link is)/, cause: 'the driver announces the link' },
  { pattern: /\bgve\b.*(?:GVE version|GVE queue format|Google.*driver)/i, cause: 'the driver introduces itself' },
  { pattern: /\bgve\b.*(?:enabling|renamed from|registered)/i, cause: 'the driver introduces itself' },
];

const BAD = /\b(?:WARNING|BUG|Oops|Kernel panic|Call Trace|general protection|soft lockup|rcu: INFO)\b|NETDEV WATCHDOG/;
const LEVEL_ERROR = 3;

/** A line of `dmesg -r`. */
export interface KernelMessage {
  readonly level: number;
  readonly text: string;
}

/** `<4>[    1.2] text` → level 4 and the rest; the facility in the higher bits is dropped. */
export function parseKernelMessage(line: string): KernelMessage {
  const match = /^<(\d+)>(.*)$/.exec(line);
  return match === null ? { level: 6, text: line } : { level: Number(match[1]) & 7, text: match[2] as string };
}

/**
 * Whether a test fails for this message: a warning or bug of the kernel, or an error that the driver reports.
 *
 * @param provoked - What the scenario asks for on purpose.
 */
export function isUnexpected({ level, text }: KernelMessage, provoked: readonly KnownMessage[] = []): boolean {
  if ([...KNOWN, ...provoked].some(({ pattern }) => pattern.test(text))) return false;
  return BAD.test(text) || (level <= LEVEL_ERROR && /\bgve\b|eth\d|netdev|page_pool/.test(text));
}

/** What the kernel says of a queue that does not go on, because `--fault` asked for that. */
const HANGS: readonly KnownMessage[] = [
  { pattern: /NETDEV WATCHDOG/, cause: 'transmit completions, or the interrupt that tells of them, were kept back' },
];

/** What a guest may say when these faults happen to its card. */
export function provokedBy(faults: readonly CardFault[]): readonly KnownMessage[] {
  return faults.some(({ what }) => what === 'hang-tx' || what === 'lose-interrupt') ? HANGS : [];
}
