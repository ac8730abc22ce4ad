/** One connection of a recording: what its client sent, put in order without our stack, so that a replay has something to be compared with. */
import { createHash } from 'node:crypto';
import { seqDistance, tcp } from '@netmem/wire';
import type { TcpSegment } from './tcp-segment.ts';

interface Piece {
  /** From the first byte of the stream. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Collects segments in the order in which they were recorded. */
export class RecordedStream {
  readonly port: number;
  readonly #start: number;
  readonly #pieces: Piece[] = [];
  #furthest = 0;
  #endAt: number | null = null;
  #length = 0;
  #digest = '';
  /** The recorded host's initial sequence number; null when the capture does not tell. */
  serverStart: number | null = null;
  /** The recorded host's first timestamp, likewise. */
  serverTimestamp: number | null = null;

  /** @param syn - The client's. */
  constructor(syn: TcpSegment) {
    this.port = syn.sourcePort;
    this.#start = syn.sequence;
  }

  /** Whether a SYN is this stream's, sent again. */
  startsWith(syn: TcpSegment): boolean {
    return syn.sequence === this.#start;
  }

  /** A segment from the client, with a good checksum. `bytes` is the payload: a window on the capture. */
  add(segment: TcpSegment, bytes: Uint8Array): void {
    const first = (segment.sequence + (segment.has(tcp.SYN) ? 1 : 0)) | 0;
    // Sequence numbers come round after 4 GiB: what is near the furthest byte so far decides which round it is.
    const at = this.#furthest + seqDistance(first, (this.#start + 1 + this.#furthest) | 0);
    this.#furthest = Math.max(this.#furthest, at + bytes.length);
    if (this.serverStart === null && segment.has(tcp.ACK)) this.serverStart = (segment.acknowledgment - 1) | 0;
    if (bytes.length > 0) this.#pieces.push({ at, bytes });
    if (segment.has(tcp.FIN)) this.#endAt = at + bytes.length;
  }

  /** Nothing more will be added: sorts out what there is. */
  finish(): void {
    const hash = createHash('sha256');
    let next = 0;
    this.#pieces.sort((a, b) => a.at - b.at);
    for (const { at, bytes } of this.#pieces) {
      if (at > next) break;
      if (at + bytes.length <= next) continue;
      hash.update(bytes.subarray(next - at));
      next = at + bytes.length;
    }
    this.#pieces.length = 0;
    this.#length = next;
    this.#digest = hash.digest('hex');
  }

  /** Bytes from the start up to the first that the capture does not hold. */
  get length(): number {
    return this.#length;
  }

  /** SHA-256 of them. */
  get digest(): string {
    return this.#digest;
  }

  /** The capture holds the stream up to the client's FIN. */
  get isWhole(): boolean {
    return this.#endAt === this.#length;
  }
}
