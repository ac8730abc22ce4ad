import {
  REG_ADMINQ_DOORBELL,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
  REG_DEVICE_STATUS,
  REG_DRIVER_VERSION,
  REG_MAX_RX_QUEUES,
  REG_MAX_TX_QUEUES,
  swap32,
} from './abi/index.ts';
import { DRIVER_VERSION_MAX } from './choices.ts';

const IMAGE_BYTES = 0x40;
const LINE_FEED = 10;

/**
 * BAR0. What a driver reads lies in an image of big-endian bytes, so any width at any offset comes out as on a bus. What
 * it writes is only recorded; the card takes it up in its next run.
 */
export class Registers {
  /** Free-running count of commands that the driver says it has submitted. */
  adminqDoorbell = 0;
  /** A page number was written: the card must start over (with no admin queue when the number is 0). */
  resetPending = false;
  /** The page number to start over with. */
  pendingPfn = 0;

  readonly #image: DataView = new DataView(new ArrayBuffer(IMAGE_BYTES));
  #version = '';
  #versionEnded = false;

  constructor(maxQueues: number) {
    this.#image.setUint32(REG_MAX_TX_QUEUES, maxQueues);
    this.#image.setUint32(REG_MAX_RX_QUEUES, maxQueues);
  }

  read(offset: number, size: number): number {
    const inside = Number.isInteger(offset) && offset >= 0 && offset + size <= IMAGE_BYTES;
    if (!inside) return 0;
    if (size === 4) return this.#image.getUint32(offset, true);
    if (size === 2) return this.#image.getUint16(offset, true);
    return size === 1 ? this.#image.getUint8(offset) : 0;
  }

  /** Widths and offsets that are no register's are dropped, as are revision 1's registers. */
  write(offset: number, size: number, value: number): void {
    if (size === 1) {
      if (offset === REG_DRIVER_VERSION) this.#versionByte(value & 255);
    } else if (size === 4) {
      if (offset === REG_ADMINQ_PFN) this.#pageNumber(swap32(value));
      else if (offset === REG_ADMINQ_DOORBELL) this.adminqDoorbell = swap32(value);
    }
  }

  get deviceStatus(): number {
    return this.#image.getUint32(REG_DEVICE_STATUS);
  }

  set deviceStatus(bits: number) {
    this.#image.setUint32(REG_DEVICE_STATUS, bits);
  }

  /** Free-running count of commands executed. */
  get eventCounter(): number {
    return this.#image.getUint32(REG_ADMINQ_EVENT_COUNTER);
  }

  set eventCounter(count: number) {
    this.#image.setUint32(REG_ADMINQ_EVENT_COUNTER, count);
  }

  /** What the driver said it is, without the line feed; '' before it said anything. */
  get driverVersion(): string {
    return this.#version;
  }

  /** The reset that was asked for has happened: the page number shows what is live now. */
  resetDone(): void {
    this.#image.setUint32(REG_ADMINQ_PFN, this.pendingPfn);
    this.eventCounter = 0;
    this.resetPending = false;
    this.pendingPfn = 0;
  }

  /** A reset from outside: recorded writes are void as well. */
  clear(): void {
    this.pendingPfn = 0;
    this.adminqDoorbell = 0;
    this.resetDone();
  }

  #pageNumber(pfn: number): void {
    this.resetPending = true;
    this.pendingPfn = pfn;
    // Doorbells rung before this write belong to the old queue, those after it to the new one.
    this.adminqDoorbell = 0;
    if (pfn !== 0) {
      // Drivers check at once that the counter of a fresh queue reads 0, and that the page number took.
      this.eventCounter = 0;
      this.#image.setUint32(REG_ADMINQ_PFN, pfn);
    }
  }

  #versionByte(byte: number): void {
    if (this.#versionEnded) {
      this.#version = '';
      this.#versionEnded = false;
    }
    if (byte === LINE_FEED) this.#versionEnded = true;
    else if (this.#version.length < DRIVER_VERSION_MAX) this.#version += String.fromCharCode(byte);
  }
}
