import { FLAG_ERROR, HEADER, HEADER_BYTES, REGION_ACCESS_BYTES_MAX, REGION_MESSAGE, TYPE_REPLY } from './protocol.ts';

/** Collected bytes that are sent before more are collected. */
const FLUSH_BYTES = 16_384;
/** The longest message that goes out answers a region read. */
const LONGEST_BYTES = REGION_MESSAGE.$bytes + REGION_ACCESS_BYTES_MAX;

/**
 * Collects what goes out, so that the replies and interrupts of one round are one system call. A message is begun, filled in
 * at {@link MessageWriter.at}, and is part of the stream from then on.
 */
export class MessageWriter {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Where the message that was begun last starts. */
  at = 0;
  #end = 0;
  readonly #send: (bytes: Uint8Array) => void;

  /** @param send - Takes bytes that are its own. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.bytes = new Uint8Array(FLUSH_BYTES + LONGEST_BYTES);
    this.view = new DataView(this.bytes.buffer);
    this.#send = send;
  }

  /** Starts a message of `length` bytes, all zero behind the header; returns where. */
  begin(id: number, command: number, flags: number, length: number): number {
    if (this.#end >= FLUSH_BYTES) this.flush();
    const at = this.#end;
    const { view } = this;
    view.setUint16(at + HEADER.id, id, true);
    view.setUint16(at + HEADER.command, command, true);
    view.setUint32(at + HEADER.size, length, true);
    view.setUint32(at + HEADER.flags, flags, true);
    view.setUint32(at + HEADER.error, 0, true);
    this.bytes.fill(0, at + HEADER_BYTES, at + length);
    this.at = at;
    this.#end = at + length;
    return at;
  }

  /** An error reply: a header and nothing else. */
  error(id: number, command: number, errno: number): void {
    const at = this.begin(id, command, TYPE_REPLY | FLAG_ERROR, HEADER_BYTES);
    this.view.setUint32(at + HEADER.error, errno, true);
  }

  /** Sends what was collected. */
  flush(): void {
    if (this.#end === 0) return;
    const bytes = this.bytes.slice(0, this.#end);
    this.#end = 0;
    this.#send(bytes);
  }

  /** Forgets what was collected. */
  clear(): void {
    this.#end = 0;
  }
}
