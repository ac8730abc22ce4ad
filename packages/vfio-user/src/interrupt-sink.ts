/**
 * How the device's interrupts reach the guest. The server's own sink sends MSI messages through the socket; one that writes
 * eventfds (which takes a native module to receive them) would be another implementation.
 *
 * A signal is never lost: one that cannot be delivered is kept until it can, one for each vector.
 */
export interface InterruptSink {
  /** The device signals MSI-X vector `vector`. Returns at once. */
  signal(vector: number): void;
  /** The guest turned MSI-X on or off, or set up or unmasked a vector: what is known of the table is out of date. */
  changed(enabled: boolean): void;
  /** Delivers what can be delivered by now. Called after every round, and when something changed. */
  deliver(): void;
  /** Whether a signal of this vector waits: its bit in the pending-bit array. */
  isPending(vector: number): boolean;
  /** The device was reset: nothing is pending any more. */
  reset(): void;
}

/** What a sink may use. */
export interface InterruptChannel {
  readonly vectors: number;
  /** Bus address of the MSI-X table; -1 while the guest has given it none, or while all vectors are masked. */
  tableAddress(): number;
  /** The guest does not read what it is sent: nothing more should be. */
  readonly congested: boolean;
  /**
   * Reads guest memory or another device's registers by bus address, through the guest. `done` is called once, later, with a
   * view that is good only then, or null when the guest refused or has gone.
   */
  readBus(address: number, length: number, done: (data: DataView | null, at: number) => void): void;
  /** Writes a 32-bit word by bus address, through the guest. */
  writeBus32(address: number, value: number): void;
  /** Interrupts cannot be delivered for now, and why; for people. */
  report(detail: string): void;
  /** Calls back once, after a while. */
  after(ns: number, callback: () => void): void;
}
