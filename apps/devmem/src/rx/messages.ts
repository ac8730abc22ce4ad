/** What the receiver process tells the command over its IPC channel, and what it is told. */
import type { RxOptions } from './options.ts';
import type { RxReport } from './report.ts';

/** The receiver's only argument, as JSON. */
export interface ReceiverRequest {
  readonly options: RxOptions;
  /** The sender that was decided on. */
  readonly sender: RxReport['sender'];
  readonly senderReason: string | null;
  /** The namespace needs a user namespace around it, because nobody here is root. */
  readonly rootless: boolean;
}

/** Receiver → command. */
export type ReceiverMessage =
  /** The listener is open; `total` is null when nobody knows how much will come. */
  | { readonly type: 'listening'; readonly total: number | null; readonly enter: string | null }
  | { readonly type: 'progress'; readonly bytes: number }
  | { readonly type: 'report'; readonly report: RxReport }
  /** Set-up failed: nothing was received. */
  | { readonly type: 'refused'; readonly exitCode: number; readonly message: string };

/** Command → receiver: stop receiving, take everything down, report. */
export interface StopMessage {
  readonly type: 'stop';
  readonly reason: string;
}
