/**
 * Many senders on one wire, as cheap as they can be made: a port that hands out bursts of full-sized segments, one connection after the other, as far as
 * each receiver's window allows, and reads the acknowledgments. State is columns by connection, so that the sender costs the same for one as for thousands.
 */
import { type FrameSlots, newPortStats, type Port, type PortStats } from '@netmem/link';
import { composeFrame, decodeFrame, formatMac, tcp } from '@netmem/wire';
import { arpAnswer, isArp } from '../path/arp-answer.ts';

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const TCP_AT: number = ETHERNET_BYTES + IPV4_BYTES;
const HEADER_BYTES: number = TCP_AT + 20;
const SOURCE_PORT_AT: number = TCP_AT;
const DESTINATION_PORT_AT: number = TCP_AT + 2;
const SEQUENCE_AT: number = TCP_AT + 4;
const ACKNOWLEDGMENT_AT: number = TCP_AT + 8;
const FLAGS_AT: number = TCP_AT + 13;
const WINDOW_AT: number = TCP_AT + 14;
const CHECKSUM_AT: number = TCP_AT + 16;
const WINDOW_SCALE = 10;

const SOURCE_MAC = '02:00:00:00:00:99';
const SOURCE_ADDRESS = '10.0.0.2';
const FIRST_PORT = 20_000;
const FIRST_SEQUENCE = 0x1000_0000;
const PAYLOAD_BYTE = 0x5a;
/** Segments of one connection that follow on each other. The last says PSH, so that merging ends there whatever comes next. */
export const BURST_SEGMENTS = 16;

/** Who is who. */
export interface Endpoints {
  readonly hostMac: Uint8Array;
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** Senders 0 to `streams` - 1. {@link StreamSources.open} shakes hands for one, then `receive` yields data of all. */
export class StreamSources implements Port {
  readonly slots: FrameSlots;
  readonly mtu = 1500;
  readonly linkUp: boolean = true;
  readonly stats: PortStats = newPortStats();
  readonly payloadBytes: number = this.mtu - IPV4_BYTES - 20;
  /** Segments that may still be sent. */
  credit = 0;
  /** Bytes handed out, by connection. */
  readonly sent: Float64Array;
  /** Connections that were handed out, in order, since somebody took them from the list. */
  readonly touched: Int32Array;
  touchedCount = 0;
  readonly #isTouched: Uint8Array;
  readonly #sequence: Int32Array;
  readonly #acknowledged: Int32Array;
  readonly #window: Int32Array;
  readonly #receiverSequence: Int32Array;
  readonly #endpoints: Endpoints;
  #template: Uint8Array = new Uint8Array(0);
  /** Ones-complement sum of the template without what differs from segment to segment. */
  #templateSum = 0;
  #receiverScale = 0;
  #pendingSlot = 0;
  #opened = 0;
  #turn = 0;
  #left = BURST_SEGMENTS;

  constructor(slots: FrameSlots, streams: number, endpoints: Endpoints) {
    this.slots = slots;
    this.#endpoints = endpoints;
    this.sent = new Float64Array(streams);
    this.touched = new Int32Array(streams);
    this.#isTouched = new Uint8Array(streams);
    this.#sequence = new Int32Array(streams).fill(FIRST_SEQUENCE);
    this.#acknowledged = new Int32Array(streams).fill(FIRST_SEQUENCE);
    this.#window = new Int32Array(streams);
    this.#receiverSequence = new Int32Array(streams);
  }

  /** Connects the next sender; `run` moves the receiver on. */
  open(run: () => void): void {
    const stream = this.#opened++;
    this.#push(stream, tcp.SYN, 0, { mss: this.payloadBytes, windowScale: WINDOW_SCALE });
    run();
    if (this.#acknowledged[stream] !== ((FIRST_SEQUENCE + 1) | 0)) throw new Error(`stream ${stream}: no SYN-ACK came`);
    this.#sequence[stream] = FIRST_SEQUENCE + 1;
    this.#push(stream, tcp.ACK, 0);
    run();
    if (stream === 0) this.#makeTemplate();
  }

  /** Takes a connection off the list of those that were handed out. */
  untouch(index: number): void {
    this.#isTouched[this.touched[index]] = 0;
    this.touched[index] = this.touched[--this.touchedCount];
  }

  receive(): number {
    if (this.#pendingSlot !== 0) {
      const slot = this.#pendingSlot;
      this.#pendingSlot = 0;
      return slot;
    }
    if (this.credit === 0) return 0;
    for (let tries = this.#opened; tries > 0; tries--) {
      const stream = this.#turn;
      const inFlight = (this.#sequence[stream] - this.#acknowledged[stream]) | 0;
      if (this.#left > 0 && inFlight + this.payloadBytes <= this.#window[stream]) return this.#segment(stream);
      this.#left = BURST_SEGMENTS;
      this.#turn = stream + 1 === this.#opened ? 0 : stream + 1;
    }
    return 0;
  }

  transmit(slot: number): boolean {
    const { view } = this.slots.region;
    const at = this.slots.address(slot);
    if (isArp(this.slots, slot)) this.#pendingSlot = arpAnswer(this.slots, slot, SOURCE_MAC);
    else {
      const stream = view.getUint16(at + DESTINATION_PORT_AT) - FIRST_PORT;
      if ((view.getUint8(at + FLAGS_AT) & tcp.SYN) !== 0) this.#readHandshake(slot, stream);
      this.#acknowledged[stream] = view.getInt32(at + ACKNOWLEDGMENT_AT);
      this.#window[stream] = view.getUint16(at + WINDOW_AT) << this.#receiverScale;
    }
    this.slots.release(slot);
    return true;
  }

  #segment(stream: number): number {
    const slot = this.slots.allocate();
    if (slot === 0) return 0;
    const { bytes, view } = this.slots.region;
    const at = this.slots.address(slot);
    const template = this.#template;
    // The payload of a slot is whatever the last frame left there: only the header is new, and it is right for the template's payload.
    if (bytes[at + HEADER_BYTES] !== PAYLOAD_BYTE || bytes[at + template.length - 1] !== PAYLOAD_BYTE) {
      bytes.set(template, at);
    } else {
      for (let i = 0; i < HEADER_BYTES; i++) bytes[at + i] = template[i] as number;
    }
    const sequence = this.#sequence[stream];
    const acknowledgment = this.#receiverSequence[stream];
    const flags = --this.#left === 0 ? tcp.ACK | tcp.PSH : tcp.ACK;
    view.setUint16(at + SOURCE_PORT_AT, FIRST_PORT + stream);
    view.setInt32(at + SEQUENCE_AT, sequence);
    view.setInt32(at + ACKNOWLEDGMENT_AT, acknowledgment);
    view.setUint8(at + FLAGS_AT, flags);
    let sum = this.#templateSum + FIRST_PORT + stream + (sequence >>> 16) + (sequence & 0xffff);
    sum += (acknowledgment >>> 16) + (acknowledgment & 0xffff) + flags;
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(at + CHECKSUM_AT, ~sum & 0xffff);
    this.slots.length[slot] = template.length;
    this.#sequence[stream] = sequence + this.payloadBytes;
    this.sent[stream] += this.payloadBytes;
    this.credit--;
    if (this.#isTouched[stream] === 0) {
      this.#isTouched[stream] = 1;
      this.touched[this.touchedCount++] = stream;
    }
    return slot;
  }

  #readHandshake(slot: number, stream: number): void {
    const segment = decodeFrame(this.slots.copyOf(slot))?.tcp;
    this.#receiverScale = segment?.options?.windowScale ?? 0;
    this.#receiverSequence[stream] = (segment?.sequence ?? 0) + 1;
  }

  #push(stream: number, flags: number, payloadBytes: number, options?: { mss: number; windowScale: number }): void {
    this.#pendingSlot = this.slots.store(this.#compose(stream, flags, payloadBytes, options));
  }

  #compose(
    stream: number,
    flags: number,
    payloadBytes: number,
    options?: { mss: number; windowScale: number },
  ): Uint8Array {
    const { hostMac, hostAddress, hostPort } = this.#endpoints;
    return composeFrame({
      ethernet: { source: SOURCE_MAC, destination: formatMac(hostMac, 0) },
      ipv4: { source: SOURCE_ADDRESS, destination: hostAddress },
      tcp: {
        sourcePort: FIRST_PORT + stream,
        destinationPort: hostPort,
        sequence: this.#sequence[stream] >>> 0,
        acknowledgment: this.#receiverSequence[stream] >>> 0,
        flags,
        window: 65_535,
        payload: new Uint8Array(payloadBytes).fill(PAYLOAD_BYTE),
        ...(options === undefined ? {} : { options }),
      },
    });
  }

  /** Ones complement: what is taken out of a sum is added as its complement. */
  #makeTemplate(): void {
    this.#template = this.#compose(0, tcp.ACK, this.payloadBytes);
    const view = new DataView(this.#template.buffer, this.#template.byteOffset);
    let sum = ~view.getUint16(CHECKSUM_AT) & 0xffff;
    for (const at of [SOURCE_PORT_AT, SEQUENCE_AT, SEQUENCE_AT + 2, ACKNOWLEDGMENT_AT, ACKNOWLEDGMENT_AT + 2]) {
      sum += ~view.getUint16(at) & 0xffff;
    }
    this.#templateSum = sum + (~tcp.ACK & 0xffff);
  }
}
