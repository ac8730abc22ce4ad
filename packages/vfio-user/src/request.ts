/** The command being carried out; a session has one and uses it again. Nothing in its bytes can be trusted. */
export interface Request {
  bytes: Uint8Array;
  view: DataView;
  /** Where the message starts, header included. */
  at: number;
  /** With the header. */
  length: number;
  id: number;
  command: number;
  /** The client wants no answer. */
  silent: boolean;
}
