import { moveBytes, type Region } from '@netmem/region';
import { type Dissection, ipv4, ipv6, L3_IPV4, tcp } from '@netmem/wire';
import { RX_BUFFER_DESC, readU64le } from './abi/index.ts';
import { RSC_BUFFERS_MAX, RSC_IP_BYTES_MAX } from './choices.ts';
import type { DeviceDma } from './host.ts';
import { sameHeaders } from './rsc-rules.ts';
import type { RxBufferRing } from './rx-buffer-ring.ts';
import {
  WORD1_HEADER_LEN_SHIFT,
  WORD1_RSC,
  WORD1_SPLIT_HEADER,
  WORD2_END_OF_PACKET,
  WORD2_HEADER_OVERFLOW,
  WORD3_RSC_SEG_LEN_SHIFT,
} from './rx-completion-ring.ts';
import type { RxQueueStats } from './stats.ts';

/** Room for the longest headers of a frame that may be merged: Ethernet with two tags, IPv6, TCP with all options. */
export const MERGE_HEADER_BYTES: number = 22 + ipv6.HEADER_BYTES + tcp.MAX_HEADER_BYTES + 6;

// Positions in the address column.
const NEXT_PAYLOAD = 0;
const HEADER = 1;

/** What a merge needs of its receive queue. */
export interface MergeQueue {
  readonly buffers: RxBufferRing;
  readonly packetBufferBytes: number;
  readonly headerBufferBytes: number;
  readonly stats: RxQueueStats;
  /** When the frame that is being placed came. */
  readonly stamp: number;
  /** Writes a completion. False: the queue has stopped. */
  complete(word0: number, word1: number, word2: number, word3: number, hash: number, stamp: number): boolean;
  /** Stops the queue, because the card cannot reach `what`. */
  fail(what: string): false;
}

/**
 * Receive-side coalescing on one queue: consecutive segments of one TCP flow become one packet over several buffers. One
 * packet is open at a time and nothing else is placed before it is closed, so that completions stay in ring order.
 *
 * Payload goes to its buffers as it comes. The header is kept here, because its length and PSH are known only at the end,
 * and so are the completions, which say how long the packet is.
 */
export class RscMerge {
  open = false;
  /** When it was opened, by the host's clock. */
  openedNs = 0;
  readonly #queue: MergeQueue;
  readonly #dma: DeviceDma;
  readonly #header: Region;
  readonly #addresses: Float64Array = new Float64Array(2);
  readonly #bufIds: Uint16Array = new Uint16Array(RSC_BUFFERS_MAX);
  #buffers = 0;
  /** Bytes left in the last of them. */
  #room = 0;
  #split = false;
  #overflow = 0;
  #headerLength = 0;
  /** Bytes in front of the IP header. */
  #l3 = 0;
  #four = false;
  #segmentBytes = 0;
  #segments = 0;
  #payloadBytes = 0;
  #nextSequence = 0;
  #pushed = false;
  #word0 = 0;
  #word2 = 0;
  #hash = 0;
  /** When its last segment came. */
  #stamp = 0;

  /** @param scratch - MERGE_HEADER_BYTES. */
  constructor(queue: MergeQueue, dma: DeviceDma, scratch: Region) {
    this.#queue = queue;
    this.#dma = dma;
    this.#header = scratch;
  }

  /**
   * Opens a packet with its first segment, which passed `mergeablePayload`.
   *
   * @param from - Memory that holds the frame; `at` is the frame's first byte in its view, `payload` that function's result.
   * @returns false, with nothing done, when there are no buffers for it. True also when the queue stopped.
   */
  begin(
    from: Region,
    at: number,
    frame: Dissection,
    payload: number,
    word0: number,
    word2: number,
    hash: number,
    nowNs: number,
  ): boolean {
    const queue = this.#queue;
    const headerLength = frame.payloadAt - at;
    const size = queue.packetBufferBytes;
    const split = queue.headerBufferBytes > 0 && headerLength <= queue.headerBufferBytes;
    const buffers = Math.ceil((split ? payload : payload + headerLength) / size);
    if (buffers > queue.buffers.posted || buffers > RSC_BUFFERS_MAX) return false;
    moveBytes(from, at - from.base, this.#header, 0, headerLength);
    this.open = true;
    this.openedNs = nowNs;
    this.#split = split;
    this.#overflow = !split && queue.headerBufferBytes > 0 ? WORD2_HEADER_OVERFLOW : 0;
    this.#headerLength = headerLength;
    this.#l3 = frame.l3At - at;
    this.#four = frame.l3 === L3_IPV4;
    this.#segmentBytes = payload;
    this.#segments = 1;
    this.#payloadBytes = payload;
    this.#nextSequence = (tcp.sequence(from.view, frame.l4At) + payload) | 0;
    this.#pushed = false;
    this.#word0 = word0;
    this.#word2 = word2;
    this.#hash = hash | 0;
    this.#stamp = queue.stamp;
    this.#buffers = 0;
    const desc = this.#takeBuffer();
    if (desc < 0) return true;
    if (split) {
      this.#addresses[HEADER] = readU64le(queue.buffers.view, desc + RX_BUFFER_DESC.headerBufAddr);
    } else {
      this.#addresses[HEADER] = this.#addresses[NEXT_PAYLOAD];
      this.#addresses[NEXT_PAYLOAD] += headerLength;
      this.#room -= headerLength;
    }
    this.#put(from, frame.payloadAt - from.base, payload);
    return true;
  }

  /**
   * Adds a frame that passed `mergeablePayload` and whose checksums are good to the open packet, if it is the next segment
   * of its flow. Closes the packet behind a segment that is short or pushed.
   *
   * @returns whether the frame was taken.
   */
  append(from: Region, at: number, frame: Dissection, payload: number, hash: number): boolean {
    const headerLength = this.#headerLength;
    const { view } = from;
    const tcpAt = frame.l4At;
    if (
      (hash | 0) !== this.#hash ||
      (tcp.sequence(view, tcpAt) | 0) !== this.#nextSequence ||
      payload > this.#segmentBytes ||
      frame.payloadAt - at !== headerLength ||
      frame.l3At - at !== this.#l3 ||
      (frame.l3 === L3_IPV4) !== this.#four ||
      headerLength - this.#l3 + this.#payloadBytes + payload > RSC_IP_BYTES_MAX ||
      !this.#hasRoomFor(payload) ||
      !sameHeaders(this.#header.view, this.#header.base, view, at, this.#l3, headerLength, this.#four)
    ) {
      return false;
    }
    this.#segments++;
    this.#stamp = this.#queue.stamp;
    this.#payloadBytes += payload;
    this.#nextSequence = (this.#nextSequence + payload) | 0;
    this.#pushed = (view.getUint8(tcpAt + tcp.FLAGS_AT) & tcp.PSH) !== 0;
    const placed = this.#put(from, frame.payloadAt - from.base, payload);
    if (placed && (this.#pushed || payload < this.#segmentBytes)) this.close();
    return true;
  }

  /** Completes the packet. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    const queue = this.#queue;
    const { stats } = queue;
    const headerLength = this.#headerLength;
    const merged = this.#segments > 1;
    if (merged) this.#rewriteHeader();
    if (this.#dma.write(this.#addresses[HEADER], this.#header, 0, headerLength) !== headerLength) {
      queue.fail(this.#split ? 'header buffer' : 'packet buffer');
      return;
    }
    const rsc = merged ? WORD1_RSC : 0;
    const segmentWord = merged ? this.#segmentBytes << WORD3_RSC_SEG_LEN_SHIFT : 0;
    const size = queue.packetBufferBytes;
    const last = this.#buffers - 1;
    for (let i = 0; i <= last; i++) {
      const bytes = i === last ? size - this.#room : size;
      const split = i === 0 && this.#split ? (headerLength << WORD1_HEADER_LEN_SHIFT) | WORD1_SPLIT_HEADER : 0;
      const status = this.#word2 | (i === 0 ? this.#overflow : 0) | (i === last ? WORD2_END_OF_PACKET : 0);
      const word1 = bytes | split | rsc;
      if (!queue.complete(this.#word0, word1, status, this.#bufIds[i] | segmentWord, this.#hash, this.#stamp)) return;
    }
    stats.packets++;
    stats.bytes += headerLength + this.#payloadBytes;
    if (this.#split) stats.split++;
    else if (this.#overflow !== 0) stats.headerOverflow++;
    if (merged) {
      stats.rscPackets++;
      stats.rscSegments += this.#segments;
    }
  }

  /** Forgets what is open: its queue goes. */
  abandon(): void {
    this.open = false;
  }

  #hasRoomFor(payload: number): boolean {
    const over = payload - this.#room;
    if (over <= 0) return true;
    const buffers = Math.ceil(over / this.#queue.packetBufferBytes);
    return buffers <= this.#queue.buffers.posted && this.#buffers + buffers <= RSC_BUFFERS_MAX;
  }

  /** Position of the next buffer's descriptor; -1 when the queue stopped. */
  #takeBuffer(): number {
    const { buffers } = this.#queue;
    const desc = buffers.take();
    if (desc < 0) {
      this.open = false;
      this.#queue.fail('buffer ring');
      return desc;
    }
    this.#bufIds[this.#buffers++] = buffers.view.getUint16(desc + RX_BUFFER_DESC.bufId, true);
    this.#addresses[NEXT_PAYLOAD] = readU64le(buffers.view, desc + RX_BUFFER_DESC.bufAddr);
    this.#room = this.#queue.packetBufferBytes;
    return desc;
  }

  #put(from: Region, at: number, length: number): boolean {
    let left = length;
    let here = at;
    while (left > 0) {
      // Not before it is needed: a packet that fills its buffers exactly must not have an empty one at its end.
      if (this.#room === 0 && this.#takeBuffer() < 0) return false;
      const bytes = Math.min(left, this.#room);
      if (this.#dma.write(this.#addresses[NEXT_PAYLOAD], from, here, bytes) !== bytes) {
        this.open = false;
        return this.#queue.fail('packet buffer');
      }
      this.#addresses[NEXT_PAYLOAD] += bytes;
      this.#room -= bytes;
      here += bytes;
      left -= bytes;
    }
    return true;
  }

  /** Stacks trim a packet to the length that its IP header states. The TCP checksum stays that of the first segment. */
  #rewriteHeader(): void {
    const { view, base } = this.#header;
    const ip = base + this.#l3;
    const ipBytes = this.#headerLength - this.#l3 + this.#payloadBytes;
    if (this.#four) ipv4.setTotalLength(view, ip, ipBytes);
    else view.setUint16(ip + ipv6.PAYLOAD_LENGTH_AT, ipBytes - ipv6.HEADER_BYTES);
    if (!this.#pushed) return;
    const flagsAt = ip + (this.#four ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES) + tcp.FLAGS_AT;
    view.setUint8(flagsAt, view.getUint8(flagsAt) | tcp.PSH);
  }
}
