import { FRAME_NEEDS_CSUM, type FrameSlots, GSO_TCPV4, GSO_TCPV6 } from '@netmem/link';
import { Dissection, dissect, ipv4, L3_IPV4, L4_TCP, tcp } from '@netmem/wire';
import type { QueueContext } from './queue-context.ts';
import type { TxQueueStats } from './stats.ts';
import { SegmentHeaders } from './tso.ts';
import { fillChecksum, writePartialChecksum } from './tx-checksum.ts';
import type { TxPacket } from './tx-packet.ts';

/** The port or its slots are full: come again. */
export const EMIT_BLOCKED = 0;
/** A frame left; the packet has more. */
export const EMIT_MORE = 1;
/** The packet is done with, sent or dropped. */
export const EMIT_DONE = 2;
/** Memory that the packet names cannot be reached. */
export const EMIT_FAULT = 3;

/** Room for the longest header and for reading a little past it. */
const TEMPLATE_BYTES = 320;

/**
 * Turns a packet into frames for the port, one per step, so that a packet of hundreds of segments fits any budget and a
 * full port stops it half-way without loss.
 */
export class TxEmitter {
  readonly #card: QueueContext;
  readonly #stats: TxQueueStats;
  readonly #slots: FrameSlots;
  readonly #queueId: number;
  readonly #headers: SegmentHeaders;
  readonly #frame: Dissection = new Dissection();
  /** A finished frame that the port did not take yet, 0 = none. */
  #waiting = 0;
  #started = false;
  /** Payload bytes of a TSO packet that are in frames already, and how many frames that were. */
  #sent = 0;
  #segments = 0;

  constructor(card: QueueContext, stats: TxQueueStats, queueId: number) {
    this.#card = card;
    this.#stats = stats;
    this.#slots = card.port.slots;
    this.#queueId = queueId;
    this.#headers = new SegmentHeaders(card.carve(TEMPLATE_BYTES));
  }

  /** Starts on a packet. */
  begin(packet: TxPacket): void {
    packet.rewind();
    this.#started = false;
    this.#sent = 0;
    this.#segments = 0;
  }

  /** Forgets a packet half-way, when its queue goes. */
  abandon(): void {
    if (this.#waiting !== 0) this.#slots.release(this.#waiting);
    this.#waiting = 0;
  }

  /** One frame's worth of work: EMIT_*. */
  step(packet: TxPacket): number {
    if (this.#waiting !== 0) return this.#handOver(packet);
    if (!this.#card.linkUp) {
      this.#stats.linkDown++;
      return EMIT_DONE;
    }
    const slot = this.#slots.allocate();
    if (slot === 0) {
      this.#stats.stalls++;
      return EMIT_BLOCKED;
    }
    const result = packet.tso ? this.#segment(packet, slot) : this.#plain(packet, slot);
    if (result !== EMIT_MORE) {
      this.#slots.release(slot);
      return result;
    }
    this.#slots.queue[slot] = this.#queueId;
    this.#waiting = slot;
    return this.#handOver(packet);
  }

  /** Fills the slot; EMIT_MORE when it holds a frame. */
  #plain(packet: TxPacket, slot: number): number {
    const length = packet.totalBytes;
    const { region } = this.#slots;
    if (length > this.#slots.slotBytes) {
      this.#stats.tooLong++;
      return EMIT_DONE;
    }
    const at = this.#slots.address(slot);
    if (!packet.gather(this.#card.dma, region, at - region.base, length)) return EMIT_FAULT;
    this.#slots.length[slot] = length;
    if (packet.checksumOffload) {
      dissect(region.view, at, length, this.#frame);
      this.#count(fillChecksum(region.view, this.#frame, this.#card.checksum));
    }
    return EMIT_MORE;
  }

  #segment(packet: TxPacket, slot: number): number {
    const headers = this.#headers;
    const { dma, checksum } = this.#card;
    const { region } = this.#slots;
    if (!this.#started) {
      if (this.#card.superFrames && packet.totalBytes <= this.#slots.slotBytes) {
        const result = this.#whole(packet, slot);
        if (result !== EMIT_BLOCKED) return result;
        packet.rewind();
      }
      if (!packet.gather(dma, headers.template, 0, packet.tsoHeader)) return EMIT_FAULT;
      if (!headers.prepare(packet.tsoHeader)) {
        this.#stats.notSegmentable++;
        return EMIT_DONE;
      }
      this.#started = true;
      this.#stats.tsoPackets++;
    }
    const left = packet.tsoPayload - this.#sent;
    const payload = Math.min(left, packet.tsoMss);
    const length = headers.length + payload;
    if (length > this.#slots.slotBytes) {
      this.#stats.tooLong++;
      return EMIT_DONE;
    }
    const at = this.#slots.address(slot);
    if (!packet.gather(dma, region, at - region.base + headers.length, payload)) return EMIT_FAULT;
    headers.write(region, at, this.#segments, this.#sent, payload, payload === left, checksum);
    this.#slots.length[slot] = length;
    this.#count(true);
    this.#sent += payload;
    this.#segments++;
    return EMIT_MORE;
  }

  /**
   * Fills the slot with all of a TSO packet, for a port whose other side cuts it. EMIT_BLOCKED when it has to be cut here:
   * the other side is told lengths by the IP header, which cannot say more than 64 KiB, and of TCP only.
   */
  #whole(packet: TxPacket, slot: number): number {
    const slots = this.#slots;
    const { region } = slots;
    const { view } = region;
    const length = packet.totalBytes;
    const at = slots.address(slot);
    if (!packet.gather(this.#card.dma, region, at - region.base, length)) return EMIT_FAULT;
    const frame = this.#frame;
    dissect(view, at, length, frame);
    const end = frame.l4At + frame.l4Length;
    if (frame.l4 !== L4_TCP || frame.payloadAt - at !== packet.tsoHeader || end !== at + length) return EMIT_BLOCKED;
    const four = frame.l3 === L3_IPV4;
    if (four) ipv4.setTotalLength(view, frame.l3At, end - frame.l3At);
    writePartialChecksum(view, frame);
    slots.length[slot] = length;
    slots.flags[slot] = FRAME_NEEDS_CSUM;
    slots.checksumStart[slot] = frame.l4At - at;
    slots.checksumOffset[slot] = tcp.CHECKSUM_AT;
    if (packet.tsoPayload > packet.tsoMss) {
      slots.gsoType[slot] = four ? GSO_TCPV4 : GSO_TCPV6;
      slots.gsoSize[slot] = packet.tsoMss;
      slots.headerLength[slot] = packet.tsoHeader;
    }
    this.#sent = packet.tsoPayload;
    this.#stats.tsoPackets++;
    this.#stats.superFrames++;
    return EMIT_MORE;
  }

  #count(made: boolean): void {
    if (made) this.#stats.checksums++;
    else this.#stats.checksumSkipped++;
  }

  #handOver(packet: TxPacket): number {
    const slot = this.#waiting;
    const bytes = this.#slots.length[slot];
    if (!this.#card.port.transmit(slot)) {
      this.#stats.stalls++;
      return EMIT_BLOCKED;
    }
    this.#waiting = 0;
    this.#stats.frames++;
    this.#stats.bytes += bytes;
    return packet.tso && this.#sent < packet.tsoPayload ? EMIT_MORE : EMIT_DONE;
  }
}
