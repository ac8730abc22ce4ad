/** What a receiver process tells the command over its IPC channel, and what it is told. */

/** Receiver → command. */
export type ReceiverMessage<Report> =
  /** The listener is open; `total` is null when nobody knows how much will come. */
  | { readonly type: 'listening'; readonly total: number | null; readonly enter: string | null }
  | { readonly type: 'progress'; readonly bytes: number }
  /** What a program that the receiver runs prints on its standard output. */
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'report'; readonly report: Report }
  /** Set-up failed: nothing was received. */
  | { readonly type: 'refused'; readonly exitCode: number; readonly message: string };

/** Command → receiver: stop receiving, take everything down, report. */
export interface StopMessage {
  readonly type: 'stop';
  readonly reason: string;
}
