import { moveBytes, type Region } from '@netmem/region';
import type { InternetChecksum } from '@netmem/wire';
import { SegmentHeaders } from './tso.ts';

/** Room for the longest header and for reading a little past it. */
export const CUT_TEMPLATE_BYTES = 320;

/**
 * Cuts a super-frame that came from a virtual link into the frames that a wire would have carried, one at a time and in
 * place: each segment's headers are written in front of its payload, over the payload of the segment before, which has been
 * delivered by then.
 */
export class ReceivedSuperFrame {
  /** The segment that {@link next} made: its first byte, from the start of the buffer, and its length. */
  at = 0;
  length = 0;
  readonly #headers: SegmentHeaders;
  readonly #checksum: InternetChecksum;
  #from: Region | null = null;
  #start = 0;
  #segmentBytes = 0;
  #payload = 0;
  #sent = 0;
  #count = 0;

  /** @param template - Scratch of CUT_TEMPLATE_BYTES. */
  constructor(template: Region, checksum: InternetChecksum) {
    this.#headers = new SegmentHeaders(template);
    this.#checksum = checksum;
  }

  /**
   * Starts on a frame.
   *
   * @param at - Its first byte, from the start of the buffer; `headerLength` of all its headers, `payload` bytes behind them.
   * @returns false when its headers are not TCP or UDP over IP, or too long.
   */
  begin(from: Region, at: number, headerLength: number, payload: number, segmentBytes: number): boolean {
    const { template } = this.#headers;
    if (headerLength > template.length) return false;
    moveBytes(from, at - from.base, template, 0, headerLength);
    this.#from = from;
    this.#start = at;
    this.#segmentBytes = segmentBytes;
    this.#payload = payload;
    this.#sent = 0;
    this.#count = 0;
    return this.#headers.prepare(headerLength);
  }

  /** Makes the next segment; false when there is none. */
  next(): boolean {
    const from = this.#from;
    const left = this.#payload - this.#sent;
    if (from === null || left <= 0) return false;
    const headers = this.#headers;
    const bytes = Math.min(left, this.#segmentBytes);
    this.at = this.#start + this.#sent;
    this.length = headers.length + bytes;
    headers.write(from, this.at, this.#count, this.#sent, bytes, bytes === left, this.#checksum);
    this.#sent += bytes;
    this.#count++;
    return true;
  }
}
