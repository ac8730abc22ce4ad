import {
  RX_BUFFER_DESC,
  RX_BUFFER_DESC_BYTES,
  RX_COMPLETION_CSUM_IP_ERR,
  RX_COMPLETION_CSUM_L4_ERR,
  RX_COMPLETION_DESC,
  RX_COMPLETION_DESC_BYTES,
  RX_COMPLETION_END_OF_PACKET,
  RX_COMPLETION_GENERATION,
  RX_COMPLETION_HEADER_BUFFER_OVERFLOW,
  RX_COMPLETION_HEADER_LEN,
  RX_COMPLETION_IPV6_EX_ADD,
  RX_COMPLETION_L3_L4_PROCESSED,
  RX_COMPLETION_PACKET_LEN,
  RX_COMPLETION_PACKET_TYPE,
  RX_COMPLETION_RSC,
  RX_COMPLETION_SPLIT_HEADER,
  RX_COMPLETION_TS_VALID,
  writeU64le,
} from '../abi/index.ts';
import type { FlatBuffer, FlatHost } from './flat-host.ts';

/** A receive completion in plain values. */
export interface MockRxCompletion {
  readonly bufId: number;
  readonly packetLen: number;
  readonly headerLen: number;
  readonly splitHeader: boolean;
  readonly headerOverflow: boolean;
  readonly endOfPacket: boolean;
  readonly rsc: boolean;
  /** Payload of each merged segment; only where `rsc`. */
  readonly rscSegLen?: number;
  readonly packetType: number;
  readonly ipv6ExAdd: boolean;
  readonly l3L4Processed: boolean;
  readonly csumIpErr: boolean;
  readonly csumL4Err: boolean;
  readonly hash: number;
  /** Low 32 bits of the card's clock when the packet came; only where the card says so. */
  readonly timestamp?: number;
}

/** A packet put together from its completions. */
export interface MockRxPacket {
  /** Copied from the header buffer; empty when the packet was not split. */
  readonly header: Uint8Array;
  /** Copied from the packet buffers. */
  readonly payload: Uint8Array;
  /** Both, one behind the other. */
  readonly frame: Uint8Array;
  readonly completions: readonly MockRxCompletion[];
}

/** Geometry of a receive queue. */
export interface MockRxQueueOptions {
  readonly entries: number;
  readonly packetBufferBytes: number;
  /** 0 = no header split. */
  readonly headerBufferBytes: number;
  /** Lets the card merge segments. Default false. */
  readonly enableRsc?: boolean;
}

/** The driver's side of a receive queue: two rings, and a buffer for every ring entry. */
export class MockRxQueue {
  readonly id: number;
  readonly options: MockRxQueueOptions;
  readonly bufferRing: FlatBuffer;
  readonly completionRing: FlatBuffer;
  readonly buffers: FlatBuffer;
  readonly headers: FlatBuffer | null;
  /** Doorbell index that the card handed out. */
  doorbell = 0;
  /** Where the next buffer descriptor goes. */
  tail = 0;
  readonly #ring: (index: number, value: number) => void;
  readonly #free: number[] = [];
  #next = 0;
  #generation = RX_COMPLETION_GENERATION;

  constructor(host: FlatHost, id: number, options: MockRxQueueOptions, ring: (index: number, value: number) => void) {
    this.id = id;
    this.options = options;
    this.#ring = ring;
    const { entries, packetBufferBytes, headerBufferBytes } = options;
    this.bufferRing = host.allocate(entries * RX_BUFFER_DESC_BYTES);
    this.completionRing = host.allocate(entries * RX_COMPLETION_DESC_BYTES);
    this.buffers = host.allocate(entries * packetBufferBytes);
    this.headers = headerBufferBytes > 0 ? host.allocate(entries * headerBufferBytes) : null;
    for (let id = entries - 1; id >= 0; id--) this.#free.push(id);
  }

  /** Posts up to `count` free buffers, never the whole ring, and rings. Returns how many. */
  post(count: number): number {
    const { entries } = this.options;
    let posted = 0;
    // A full ring would look empty: one entry stays free, as its buffer does.
    while (posted < count && this.#free.length > 1) {
      this.writeDescriptor(this.tail, this.#free.pop() as number);
      this.tail = (this.tail + 1) & (entries - 1);
      posted++;
    }
    this.ring();
    return posted;
  }

  /** Tells the card about the tail. */
  ring(tail: number = this.tail): void {
    this.#ring(this.doorbell, tail);
  }

  /** Writes one buffer descriptor. */
  writeDescriptor(index: number, bufId: number): void {
    const { view, base } = this.bufferRing.region;
    const at = base + index * RX_BUFFER_DESC_BYTES;
    const { packetBufferBytes, headerBufferBytes } = this.options;
    view.setUint16(at + RX_BUFFER_DESC.bufId, bufId, true);
    writeU64le(view, at + RX_BUFFER_DESC.bufAddr, this.buffers.iova + bufId * packetBufferBytes);
    const header = this.headers === null ? 0 : this.headers.iova + bufId * headerBufferBytes;
    writeU64le(view, at + RX_BUFFER_DESC.headerBufAddr, header);
  }

  /** The next completion if the card has written it; its buffer is not given back. */
  pollCompletion(): MockRxCompletion | null {
    const { view, base } = this.completionRing.region;
    const at = base + this.#next * RX_COMPLETION_DESC_BYTES;
    const desc = RX_COMPLETION_DESC;
    const lengths = view.getUint16(at + desc.packetLen, true);
    if ((lengths & RX_COMPLETION_GENERATION) !== this.#generation) return null;
    this.#next = (this.#next + 1) & (this.options.entries - 1);
    if (this.#next === 0) this.#generation ^= RX_COMPLETION_GENERATION;
    const headers = view.getUint16(at + desc.headerLen, true);
    const status = view.getUint8(at + desc.descriptorDone);
    const rsc = (headers & RX_COMPLETION_RSC) !== 0;
    const stamped = (view.getUint8(at + desc.tsSubNsecsLow) & RX_COMPLETION_TS_VALID) !== 0;
    return {
      bufId: view.getUint16(at + desc.bufId, true),
      packetLen: lengths & RX_COMPLETION_PACKET_LEN,
      headerLen: headers & RX_COMPLETION_HEADER_LEN,
      splitHeader: (headers & RX_COMPLETION_SPLIT_HEADER) !== 0,
      headerOverflow: (status & RX_COMPLETION_HEADER_BUFFER_OVERFLOW) !== 0,
      endOfPacket: (status & RX_COMPLETION_END_OF_PACKET) !== 0,
      rsc,
      ...(rsc ? { rscSegLen: view.getUint16(at + desc.rscSegLen, true) } : {}),
      packetType: view.getUint16(at + desc.packetType, true) & RX_COMPLETION_PACKET_TYPE,
      ipv6ExAdd: (view.getUint8(at + desc.ipv6ExAdd) & RX_COMPLETION_IPV6_EX_ADD) !== 0,
      l3L4Processed: (status & RX_COMPLETION_L3_L4_PROCESSED) !== 0,
      csumIpErr: (status & RX_COMPLETION_CSUM_IP_ERR) !== 0,
      csumL4Err: (status & RX_COMPLETION_CSUM_L4_ERR) !== 0,
      hash: view.getUint32(at + desc.hash, true),
      ...(stamped ? { timestamp: view.getUint32(at + desc.ts, true) } : {}),
    };
  }

  /** The next whole packet, copied out, its buffers given back; null when there is none. */
  poll(): MockRxPacket | null {
    let header = new Uint8Array(0);
    const parts: Uint8Array[] = [];
    const completions: MockRxCompletion[] = [];
    for (let completion = this.pollCompletion(); completion !== null; completion = this.pollCompletion()) {
      completions.push(completion);
      if (completion.splitHeader)
        header = this.#copy(this.headers, this.options.headerBufferBytes, completion.bufId, completion.headerLen);
      parts.push(this.#copy(this.buffers, this.options.packetBufferBytes, completion.bufId, completion.packetLen));
      this.#free.unshift(completion.bufId);
      if (!completion.endOfPacket) continue;
      const payload = joined(parts);
      return { header, payload, frame: joined([header, payload]), completions };
    }
    return null;
  }

  /** All packets there are. */
  pollAll(): MockRxPacket[] {
    const packets: MockRxPacket[] = [];
    for (let packet = this.poll(); packet !== null; packet = this.poll()) packets.push(packet);
    return packets;
  }

  #copy(buffer: FlatBuffer | null, stride: number, bufId: number, length: number): Uint8Array<ArrayBuffer> {
    if (buffer === null) throw new Error(`receive queue ${this.id}: a split header and no header buffers`);
    const at = buffer.region.base + bufId * stride;
    return buffer.region.bytes.slice(at, at + length) as Uint8Array<ArrayBuffer>;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
