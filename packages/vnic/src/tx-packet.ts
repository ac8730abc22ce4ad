import type { Region } from '@netmem/region';
import {
  TSO_HEADER_MAX,
  TSO_MSS_MAX,
  TSO_MSS_MIN,
  TSO_PAYLOAD_MAX,
  TX_DATA_DESCS_MAX,
  TX_PACKET_BYTES_MAX,
  TX_PACKET_BYTES_MIN,
} from './abi/index.ts';
import type { DeviceDma } from './host.ts';

/** The packet keeps to every limit. */
export const WITHIN_LIMITS = '';

/**
 * One packet as its descriptors describe it, and a cursor that reads its bytes in order. A queue has one and uses it again
 * for every packet.
 */
export class TxPacket {
  tag = 0;
  checksumOffload = false;
  tso = false;
  /** Set by a TSO context descriptor: layer 4 payload bytes, bytes of each segment, bytes of headers. */
  tsoPayload = 0;
  tsoMss = 0;
  tsoHeader = 0;
  hasGeneralContext = false;
  /** Buffers of the packet. */
  count = 0;
  totalBytes = 0;
  /** Descriptors that asked for a descriptor completion. */
  reports = 0;

  #address: Float64Array = new Float64Array(0);
  #length: Uint16Array = new Uint16Array(0);
  /** Ring index after each of those descriptors. */
  #reportHead: Uint16Array = new Uint16Array(0);
  #cursor = 0;
  #cursorOffset = 0;

  /** Makes room for as many buffers as a ring has descriptors. Keeps what is large enough. */
  reserve(entries: number): void {
    if (this.#address.length >= entries) return;
    this.#address = new Float64Array(entries);
    this.#length = new Uint16Array(entries);
    this.#reportHead = new Uint16Array(entries);
  }

  clear(): void {
    this.tag = 0;
    this.checksumOffload = false;
    this.tso = false;
    this.hasGeneralContext = false;
    this.count = 0;
    this.totalBytes = 0;
    this.reports = 0;
    this.rewind();
  }

  addBuffer(address: number, length: number): void {
    this.#address[this.count] = address;
    this.#length[this.count] = length;
    this.count++;
    this.totalBytes += length;
  }

  addReport(head: number): void {
    this.#reportHead[this.reports++] = head;
  }

  reportHead(n: number): number {
    return this.#reportHead[n];
  }

  rewind(): void {
    this.#cursor = 0;
    this.#cursorOffset = 0;
  }

  /** Reads the next `length` bytes of the packet; false when memory cannot be reached or the packet is shorter. */
  gather(dma: DeviceDma, to: Region, at: number, length: number): boolean {
    let left = length;
    let here = at;
    while (left > 0) {
      if (this.#cursor >= this.count) return false;
      const inBuffer = this.#length[this.#cursor] - this.#cursorOffset;
      const bytes = Math.min(left, inBuffer);
      if (dma.read(this.#address[this.#cursor] + this.#cursorOffset, to, here, bytes) !== bytes) return false;
      here += bytes;
      left -= bytes;
      if (bytes === inBuffer) {
        this.#cursor++;
        this.#cursorOffset = 0;
      } else {
        this.#cursorOffset += bytes;
      }
    }
    return true;
  }

  /** WITHIN_LIMITS, or what a well-behaved driver never does, in words. */
  violation(): string {
    if (!this.tso) {
      if (this.count > TX_DATA_DESCS_MAX) return `${this.count} buffers in one packet`;
      if (this.totalBytes < TX_PACKET_BYTES_MIN || this.totalBytes > TX_PACKET_BYTES_MAX) {
        return `a packet of ${this.totalBytes} bytes`;
      }
      return WITHIN_LIMITS;
    }
    if (this.tsoMss < TSO_MSS_MIN || this.tsoMss > TSO_MSS_MAX) return `segments of ${this.tsoMss} bytes`;
    if (this.tsoPayload < 1 || this.tsoPayload > TSO_PAYLOAD_MAX) return `${this.tsoPayload} bytes to segment`;
    if (this.tsoHeader < 1 || this.tsoHeader > TSO_HEADER_MAX) return `${this.tsoHeader} bytes of headers`;
    if (this.tsoHeader + this.tsoPayload !== this.totalBytes) {
      return `${this.totalBytes} bytes for ${this.tsoHeader} of headers and ${this.tsoPayload} to segment`;
    }
    const most = this.#mostBuffersInASegment();
    return most + 1 > TX_DATA_DESCS_MAX ? `${most} buffers and a header in one segment` : WITHIN_LIMITS;
  }

  #mostBuffersInASegment(): number {
    let skip = this.tsoHeader;
    let filled = 0;
    let buffers = 0;
    let most = 0;
    for (let i = 0; i < this.count; i++) {
      let left = this.#length[i];
      if (skip > 0) {
        const headerBytes = Math.min(left, skip);
        skip -= headerBytes;
        left -= headerBytes;
      }
      if (left === 0) continue;
      buffers++;
      if (buffers > most) most = buffers;
      filled += left;
      if (filled >= this.tsoMss) {
        filled %= this.tsoMss;
        // What is left over opens the next segment.
        buffers = filled > 0 ? 1 : 0;
      }
    }
    return most;
  }
}
