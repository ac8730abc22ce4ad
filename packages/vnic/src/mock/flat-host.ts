import { LinearMemory, moveBytes, type Region, regionOver } from '@netmem/region';
import type { DeviceDma, NicEvent, NicHost } from '../host.ts';
import { FlatClock } from './flat-clock.ts';

/** Bus address of the first byte of the host's memory. Above 4 GiB, so that a card that forgets the upper half fails. */
export const FLAT_IOVA_BASE = 0x1_0000_0000;

const PAGE_BYTES = 4096;
const EFAULT = 14;
const VECTORS = 2048;
const EVENTS_KEPT = 256;
const RAM_BYTES_DEFAULT = 16 << 20;

/** Memory that the card may reach: a bus address and a window on the bytes. */
export interface FlatBuffer {
  readonly iova: number;
  readonly region: Region;
}

class FlatDma implements DeviceDma {
  epoch = 1;
  /** Accesses refused. */
  faults = 0;
  readonly ram: Region;
  /** 1 for every page that the card may reach. */
  readonly mapped: Uint8Array;

  constructor(ram: Region) {
    this.ram = ram;
    this.mapped = new Uint8Array(Math.floor(ram.length / PAGE_BYTES));
  }

  read(iova: number, to: Region, at: number, length: number): number {
    const offset = this.#translate(iova, length);
    if (offset < 0) return offset;
    moveBytes(this.ram, offset, to, at, length);
    return length;
  }

  write(iova: number, from: Region, at: number, length: number): number {
    const offset = this.#translate(iova, length);
    if (offset < 0) return offset;
    moveBytes(from, at, this.ram, offset, length);
    return length;
  }

  load32(iova: number): number {
    const offset = this.#translate(iova, 4);
    return offset < 0 ? offset : this.ram.view.getUint32(this.ram.base + offset, true);
  }

  store32(iova: number, value: number): number {
    const offset = this.#translate(iova, 4);
    if (offset < 0) return offset;
    this.ram.view.setInt32(this.ram.base + offset, value, true);
    return 4;
  }

  publish32(iova: number, value: number): number {
    return this.store32(iova, value);
  }

  #translate(iova: number, length: number): number {
    const offset = iova - FLAT_IOVA_BASE;
    const end = offset + length;
    if (length >= 0 && offset >= 0 && end <= this.ram.length) {
      let page = Math.floor(offset / PAGE_BYTES);
      while (page * PAGE_BYTES < end && this.mapped[page] === 1) page++;
      if (page * PAGE_BYTES >= end) return offset;
    }
    this.faults++;
    return -EFAULT;
  }
}

/** How a {@link FlatHost} is made. */
export interface FlatHostOptions {
  /** Memory to carve from; default: its own. Give the one that the frame slots live in, and moves make no garbage. */
  readonly memory?: LinearMemory;
  /** Default 16 MiB. */
  readonly ramBytes?: number;
}

/**
 * The simplest host: one flat piece of memory in which pages can be mapped and unmapped, a clock that stands still until
 * moved, and interrupts that are counted.
 */
export class FlatHost implements NicHost {
  readonly memory: LinearMemory;
  readonly dma: DeviceDma & { readonly faults: number };
  readonly clock: FlatClock = new FlatClock();
  /** The latest events, oldest first; at most 256 are kept. */
  readonly events: NicEvent[] = [];
  /** Events ever noted. */
  eventCount = 0;
  readonly #dma: FlatDma;
  readonly #raised: Uint32Array = new Uint32Array(VECTORS);
  #next = 0;

  constructor(options: FlatHostOptions = {}) {
    const ramBytes = options.ramBytes ?? RAM_BYTES_DEFAULT;
    this.memory = options.memory ?? new LinearMemory(ramBytes + (16 << 20));
    this.#dma = new FlatDma(this.memory.carve(ramBytes, PAGE_BYTES));
    this.dma = this.#dma;
  }

  /** All of the host's memory, mapped or not: byte 0 has bus address FLAT_IOVA_BASE. */
  get ram(): Region {
    return this.#dma.ram;
  }

  /**
   * Hands out zeroed, mapped, page-aligned memory. It is never taken back; unmap it to take it from the card.
   *
   * @throws RangeError when the memory is used up.
   */
  allocate(lengthBytes: number): FlatBuffer {
    const { ram } = this.#dma;
    const at = this.#next;
    const pages = Math.ceil(lengthBytes / PAGE_BYTES);
    if (at + pages * PAGE_BYTES > ram.length) throw new RangeError(`flat host: no ${lengthBytes} bytes left`);
    this.#next = at + pages * PAGE_BYTES;
    const region = regionOver(ram.bytes, ram.view, ram.base + at, lengthBytes, ram.move);
    ram.bytes.fill(0, region.base, region.base + lengthBytes);
    const buffer = { iova: FLAT_IOVA_BASE + at, region };
    this.map(buffer);
    return buffer;
  }

  map(buffer: FlatBuffer): void {
    this.#mark(buffer, 1);
  }

  /** From now on the card's accesses to these pages fail. */
  unmap(buffer: FlatBuffer): void {
    this.#mark(buffer, 0);
  }

  /** Whether the card may reach the page of a bus address. */
  isMapped(iova: number): boolean {
    return this.#dma.mapped[Math.floor((iova - FLAT_IOVA_BASE) / PAGE_BYTES)] === 1;
  }

  raise(vector: number): void {
    this.#raised[vector]++;
  }

  /** How often a vector was signalled since it was last asked. */
  takeInterrupts(vector: number): number {
    const count = this.#raised[vector];
    this.#raised[vector] = 0;
    return count;
  }

  note(event: NicEvent): void {
    this.eventCount++;
    this.events.push(event);
    if (this.events.length > EVENTS_KEPT) this.events.shift();
  }

  #mark(buffer: FlatBuffer, value: number): void {
    const first = (buffer.iova - FLAT_IOVA_BASE) / PAGE_BYTES;
    this.#dma.mapped.fill(value, first, first + Math.ceil(buffer.region.length / PAGE_BYTES));
    this.#dma.epoch++;
  }
}
