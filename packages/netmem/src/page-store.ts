import { KernelBug, type Ram } from '@netmem/machine';
import { NULL_PAGE, type PageRef } from './netmem-ref.ts';

const CHECKED: boolean = (globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ !== true;

/**
 * Pages: frames of RAM with a reference count. Pages of one allocation form a compound page, counted at its first, the head.
 *
 * Columns are indexed by slot, which is frame + 1.
 */
export class PageStore {
  /** `_refcount`; 0 when free. */
  readonly refCount: Int32Array;
  /** At a head: log2 of its pages. */
  readonly order: Uint8Array;
  /** Slot of the head of a tail page; 0 for heads and free pages. */
  readonly headOf: Int32Array;
  readonly #ram: Ram;
  readonly #leaving: (slot: number) => void;

  /** @param leaving - Called for a head that is about to become free. */
  constructor(ram: Ram, leaving: (slot: number) => void) {
    this.#ram = ram;
    this.#leaving = leaving;
    this.refCount = new Int32Array(ram.pages + 1);
    this.order = new Uint8Array(ram.pages + 1);
    this.headOf = new Int32Array(ram.pages + 1);
  }

  alloc(order: number, nid: number): PageRef {
    const frame = this.#ram.allocFrames(order, nid);
    if (frame < 0) return NULL_PAGE;
    const head = frame + 1;
    this.refCount[head] = 1;
    this.order[head] = order;
    for (let tail = 1; tail < 1 << order; tail++) this.headOf[head + tail] = head;
    return head as PageRef;
  }

  headSlot(slot: number): number {
    const head = this.headOf[slot] as number;
    return head === 0 ? slot : head;
  }

  get(slot: number): void {
    const head = this.headSlot(slot);
    const count = this.refCount[head] as number;
    if (CHECKED && count <= 0) throw new KernelBug('page refcount', `get_page of free page ${slot - 1}`, slot << 1);
    this.refCount[head] = count + 1;
  }

  put(slot: number): void {
    const head = this.headSlot(slot);
    const count = (this.refCount[head] as number) - 1;
    if (count < 0) throw new KernelBug('page refcount', `put_page of free page ${slot - 1}`, slot << 1);
    if (count === 0) this.#leaving(head);
    this.refCount[head] = count;
    if (count === 0) this.#free(head);
  }

  #free(head: number): void {
    const order = this.order[head] as number;
    this.headOf.fill(0, head, head + (1 << order));
    this.order[head] = 0;
    this.#ram.freeFrames(head - 1, order);
  }
}
