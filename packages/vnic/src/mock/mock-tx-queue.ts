import {
  TX_COMPLETION_DESC,
  TX_COMPLETION_DESC_BYTES,
  TX_COMPLETION_GENERATION,
  TX_COMPLETION_ID,
  TX_COMPLETION_TYPE,
  TX_COMPLETION_TYPE_SHIFT,
  TX_DESC_BYTES,
  TX_DESC_DTYPE_AT,
  TX_DTYPE_GENERAL_CONTEXT,
  TX_DTYPE_PACKET,
  TX_DTYPE_TSO_CONTEXT,
  TX_PACKET_CHECKSUM_OFFLOAD_ENABLE,
  TX_PACKET_DESC,
  TX_PACKET_END_OF_PACKET,
  TX_PACKET_REPORT_EVENT,
  TX_TSO_CONTEXT_DESC,
  TX_TSO_CONTEXT_TSO,
  writeU64le,
} from '../abi/index.ts';
import type { FlatBuffer, FlatHost } from './flat-host.ts';

/** A transmit completion in plain values. */
export interface MockTxCompletion {
  readonly queueId: number;
  /** TX_COMPLETION_TYPE_*. */
  readonly type: number;
  /** The packet's tag, or for TX_COMPLETION_TYPE_DESC the ring index up to which slots are free. */
  readonly value: number;
}

/** How a packet is to be sent. */
export interface MockTxPacket {
  /** The frame, in one piece for each descriptor. */
  readonly pieces: readonly Uint8Array[];
  readonly tag?: number;
  readonly checksum?: boolean;
  /** Adds a TSO context; by default it says headerLength and the rest of the bytes. */
  readonly tso?: { readonly mss: number; readonly headerLength: number; readonly totalLength?: number };
  /** Adds a general context, as Linux always does. */
  readonly generalContext?: boolean;
  /** Sets report_event on the last descriptor. */
  readonly report?: boolean;
}

/** The driver's side of a transmit queue. Packet bytes go to a buffer area that is used round and round. */
export class MockTxQueue {
  readonly id: number;
  readonly entries: number;
  readonly ring: FlatBuffer;
  readonly completionRing: FlatBuffer;
  readonly buffers: FlatBuffer;
  doorbell = 0;
  tail = 0;
  readonly #ringDoorbell: (index: number, value: number) => void;
  #next = 0;
  #generation = TX_COMPLETION_GENERATION;
  #bufferAt = 0;

  constructor(host: FlatHost, id: number, entries: number, ring: (index: number, value: number) => void) {
    this.id = id;
    this.entries = entries;
    this.#ringDoorbell = ring;
    this.ring = host.allocate(entries * TX_DESC_BYTES);
    this.completionRing = host.allocate(entries * TX_COMPLETION_DESC_BYTES);
    this.buffers = host.allocate(1 << 19);
  }

  /** Writes a packet's descriptors without ringing. */
  push(packet: MockTxPacket): void {
    const bytes = packet.pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (packet.tso !== undefined) {
      const { mss, headerLength, totalLength } = packet.tso;
      this.writeTsoContext(totalLength ?? bytes - headerLength, mss, headerLength);
    }
    if (packet.generalContext === true) this.#write(TX_DTYPE_GENERAL_CONTEXT);
    packet.pieces.forEach((piece, i) => {
      const last = i === packet.pieces.length - 1;
      const flags =
        (last ? TX_PACKET_END_OF_PACKET : 0) |
        (last && packet.report === true ? TX_PACKET_REPORT_EVENT : 0) |
        (packet.checksum === true ? TX_PACKET_CHECKSUM_OFFLOAD_ENABLE : 0);
      this.writePacketDesc(this.#place(piece), piece.length, flags, packet.tag ?? 0);
    });
  }

  /** Sends packets: descriptors, then one doorbell. */
  send(...packets: readonly MockTxPacket[]): void {
    for (const packet of packets) this.push(packet);
    this.kick();
  }

  /** Tells the card about the tail. */
  kick(tail: number = this.tail): void {
    this.#ringDoorbell(this.doorbell, tail);
  }

  /** One packet descriptor with whatever values a test likes. */
  writePacketDesc(address: number, length: number, flags: number, tag: number): void {
    const at = this.#write(TX_DTYPE_PACKET | flags);
    const { view } = this.ring.region;
    writeU64le(view, at + TX_PACKET_DESC.bufAddr, address);
    view.setUint16(at + TX_PACKET_DESC.complTag, tag, true);
    view.setUint16(at + TX_PACKET_DESC.bufSize, length, true);
  }

  writeTsoContext(totalLength: number, mss: number, headerLength: number): void {
    const at = this.#write(TX_DTYPE_TSO_CONTEXT | TX_TSO_CONTEXT_TSO);
    const { view } = this.ring.region;
    view.setUint32(at + TX_TSO_CONTEXT_DESC.tsoTotalLen, totalLength, true);
    view.setUint16(at + TX_TSO_CONTEXT_DESC.mss, mss, true);
    view.setUint8(at + TX_TSO_CONTEXT_DESC.headerLen, headerLength);
  }

  /** The next completion if the card has written it. */
  pollCompletion(): MockTxCompletion | null {
    const { view, base } = this.completionRing.region;
    const at = base + this.#next * TX_COMPLETION_DESC_BYTES;
    const word = view.getUint16(at + TX_COMPLETION_DESC.id, true);
    if ((word & TX_COMPLETION_GENERATION) !== this.#generation) return null;
    this.#next = (this.#next + 1) & (this.entries - 1);
    if (this.#next === 0) this.#generation ^= TX_COMPLETION_GENERATION;
    return {
      queueId: word & TX_COMPLETION_ID,
      type: (word >>> TX_COMPLETION_TYPE_SHIFT) & TX_COMPLETION_TYPE,
      value: view.getUint16(at + TX_COMPLETION_DESC.completionTag, true),
    };
  }

  /** All completions there are. */
  pollAll(): MockTxCompletion[] {
    const completions: MockTxCompletion[] = [];
    for (let one = this.pollCompletion(); one !== null; one = this.pollCompletion()) completions.push(one);
    return completions;
  }

  /** Starts a slot of that kind; returns where it is. */
  #write(kind: number): number {
    const { bytes, base } = this.ring.region;
    const at = base + this.tail * TX_DESC_BYTES;
    bytes.fill(0, at, at + TX_DESC_BYTES);
    bytes[at + TX_DESC_DTYPE_AT] = kind;
    this.tail = (this.tail + 1) & (this.entries - 1);
    return at;
  }

  #place(piece: Uint8Array): number {
    const { bytes, base, length } = this.buffers.region;
    if (this.#bufferAt + piece.length > length) this.#bufferAt = 0;
    const at = this.#bufferAt;
    bytes.set(piece, base + at);
    this.#bufferAt += piece.length;
    return this.buffers.iova + at;
  }
}
