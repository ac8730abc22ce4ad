/** Who sends, as the receive loop sees it. */
export interface SenderControl {
  /** Connections that have to come and go before the run is over. */
  readonly connections: number;
  /** Bytes over all connections; null when nobody knows. */
  readonly total: number | null;
  /** Does what can be done without waiting; true if anything was. */
  service(): boolean;
  /** The sender is through, well or not, and its report is in. */
  readonly done: boolean;
  /** What went wrong, as a sentence. */
  readonly error: string | null;
  /** Digest of what was sent over the `nth` connection, from 0, from a port of the sender; null when none was computed. */
  digestOf(port: number, nth: number): string | null;
  /** Processor time outside the receiver's process. */
  readonly cpuSeconds: number;
  close(): void;
}

/** Whoever comes: `--sender none`. */
export function createNobody(connections: number): SenderControl {
  return {
    connections,
    total: null,
    service: () => false,
    done: true,
    error: null,
    digestOf: () => null,
    cpuSeconds: 0,
    close() {},
  };
}
