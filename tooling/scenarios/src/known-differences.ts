/** How our two hosts are joined: by a card each and a cable, or one host by its lo. */
export type Wiring = 'cable' | 'lo';

/**
 * Calls of one scenario that our stack answers otherwise than the kernel, on purpose or not yet. A line without a reason of its kind fails the tests; so
 * does an entry that no line needs any more.
 */
export interface KnownDifference {
  readonly scenario: string;
  /** How the calls begin: `x.getsockopt(TCP_KEEPIDLE`. */
  readonly call: string;
  /** The kernel's result; any without it. */
  readonly kernel?: string;
  /** Our result; any without it. */
  readonly netmem?: string;
  /** Only with this wiring; with either without it. */
  readonly on?: Wiring;
  /** Only where the kernel is older: `6.17`. */
  readonly before?: string;
  /** `choice: …` we mean it so; `absent: …` a part that is not built; `bug: …` to be mended; `version: …` another Linux than we follow. */
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];
