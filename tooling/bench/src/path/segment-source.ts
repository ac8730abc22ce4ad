/**
 * The other end of a connection, as cheap as it can be made: a port that hands out full-sized segments of one TCP stream as long as the receiver's
 * window allows, and reads the acknowledgments. What a benchmark measures is then the receiver.
 */
import { type FrameSlots, newPortStats, type Port, type PortStats } from '@netmem/link';
import { composeFrame, decodeFrame, formatMac, tcp } from '@netmem/wire';
import { arpAnswer, isArp } from './arp-answer.ts';

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const SEQUENCE_AT: number = ETHERNET_BYTES + IPV4_BYTES + 4;
const ACKNOWLEDGMENT_AT: number = SEQUENCE_AT + 4;
const WINDOW_AT: number = ETHERNET_BYTES + IPV4_BYTES + 14;
const CHECKSUM_AT: number = ETHERNET_BYTES + IPV4_BYTES + 16;
const WINDOW_SCALE = 10;

/** Who is who. */
export interface Endpoints {
  readonly hostMac: Uint8Array;
  readonly hostAddress: string;
  readonly hostPort: number;
}

const SOURCE_MAC = '02:00:00:00:00:99';
const SOURCE_ADDRESS = '10.0.0.2';
const SOURCE_PORT = 40_000;
const FIRST_SEQUENCE = 0x1000_0000;

/** One sender of one stream. {@link SegmentSource.open} shakes hands, then `receive` yields data. */
export class SegmentSource implements Port {
  readonly slots: FrameSlots;
  readonly mtu: number;
  readonly linkUp: boolean = true;
  readonly stats: PortStats = newPortStats();
  readonly #payloadBytes: number;
  #endpoints: Endpoints | null = null;
  #template: Uint8Array = new Uint8Array(0);
  /** Ones-complement sum of the template without sequence number and checksum. */
  #templateSum = 0;
  #pendingSlot = 0;
  #sequence: number = FIRST_SEQUENCE;
  #acknowledged: number = FIRST_SEQUENCE;
  #window = 0;
  /** Payload bytes that may still be sent. */
  credit: number = 0;
  /** Segments handed out. */
  segments: number = 0;

  constructor(slots: FrameSlots, mtu: number) {
    this.slots = slots;
    this.mtu = mtu;
    this.#payloadBytes = mtu - IPV4_BYTES - 20;
  }

  /** Sends the SYN; `run` moves the receiver on. */
  open(endpoints: Endpoints, run: () => void): void {
    this.#endpoints = endpoints;
    this.#push(tcp.SYN, 0, { mss: this.#payloadBytes, windowScale: WINDOW_SCALE });
    run();
    if (this.#acknowledged !== ((FIRST_SEQUENCE + 1) | 0)) throw new Error('no SYN-ACK came');
    this.#sequence = this.#acknowledged;
    this.#push(tcp.ACK, 0);
    run();
    this.#makeTemplate();
  }

  receive(): number {
    if (this.#pendingSlot !== 0) {
      const slot = this.#pendingSlot;
      this.#pendingSlot = 0;
      return slot;
    }
    const inFlight = (this.#sequence - this.#acknowledged) | 0;
    if (this.credit < this.#payloadBytes || inFlight + this.#payloadBytes > this.#window) return 0;
    const slot = this.slots.allocate();
    if (slot === 0) return 0;
    const { bytes, view } = this.slots.region;
    const at = this.slots.address(slot);
    const headerBytes = this.#template.length - this.#payloadBytes;
    // The payload of a slot is whatever the last frame left there: only the header is new, and it is right for the template's payload.
    if (bytes[at + headerBytes] !== PAYLOAD_BYTE || bytes[at + this.#template.length - 1] !== PAYLOAD_BYTE) {
      bytes.set(this.#template, at);
    } else {
      for (let i = 0; i < headerBytes; i++) bytes[at + i] = this.#template[i] as number;
    }
    const sequence = this.#sequence;
    view.setInt32(at + SEQUENCE_AT, sequence);
    let sum = this.#templateSum + (sequence >>> 16) + (sequence & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(at + CHECKSUM_AT, ~sum & 0xffff);
    this.slots.length[slot] = this.#template.length;
    this.#sequence = (sequence + this.#payloadBytes) | 0;
    this.credit -= this.#payloadBytes;
    this.segments++;
    return slot;
  }

  transmit(slot: number): boolean {
    const { view } = this.slots.region;
    const at = this.slots.address(slot);
    if (isArp(this.slots, slot)) this.#pendingSlot = arpAnswer(this.slots, slot, SOURCE_MAC);
    else {
      this.#acknowledged = view.getInt32(at + ACKNOWLEDGMENT_AT);
      const scale = this.#template.length === 0 ? 0 : this.#receiverScale;
      this.#window = view.getUint16(at + WINDOW_AT) << scale;
      if (this.#template.length === 0) this.#readHandshake(slot);
    }
    this.slots.release(slot);
    return true;
  }

  #receiverScale = 0;
  #receiverSequence = 0;

  #readHandshake(slot: number): void {
    const segment = decodeFrame(this.slots.copyOf(slot))?.tcp;
    if (segment === undefined || (segment.flags & tcp.SYN) === 0) return;
    this.#receiverScale = segment.options?.windowScale ?? 0;
    this.#receiverSequence = (segment.sequence + 1) >>> 0;
  }

  #compose(flags: number, payloadBytes: number, options?: { mss: number; windowScale: number }): Uint8Array {
    const endpoints = this.#endpoints;
    if (endpoints === null) throw new Error('open() comes first');
    return composeFrame({
      ethernet: { source: SOURCE_MAC, destination: formatMac(endpoints.hostMac, 0) },
      ipv4: { source: SOURCE_ADDRESS, destination: endpoints.hostAddress },
      tcp: {
        sourcePort: SOURCE_PORT,
        destinationPort: endpoints.hostPort,
        sequence: this.#sequence >>> 0,
        acknowledgment: this.#receiverSequence,
        flags,
        window: 65_535,
        payload: new Uint8Array(payloadBytes).fill(PAYLOAD_BYTE),
        ...(options === undefined ? {} : { options }),
      },
    });
  }

  #push(flags: number, payloadBytes: number, options?: { mss: number; windowScale: number }): void {
    this.#pendingSlot = this.slots.store(this.#compose(flags, payloadBytes, options));
  }

  #makeTemplate(): void {
    this.#template = this.#compose(tcp.ACK, this.#payloadBytes);
    const view = new DataView(this.#template.buffer, this.#template.byteOffset);
    const sequence = view.getUint32(SEQUENCE_AT);
    const whole = ~view.getUint16(CHECKSUM_AT) & 0xffff;
    // Ones complement: taking the sequence number out is adding its complement.
    let sum = whole + (~(sequence >>> 16) & 0xffff) + (~sequence & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    this.#templateSum = sum;
  }
}

const PAYLOAD_BYTE = 0x5a;
