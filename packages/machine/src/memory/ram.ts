import type { LinearMemory, Region } from '@netmem/region';
import { KernelBug } from '../log/kernel-bug.ts';
import { MAX_PAGE_ORDER, PAGE_SHIFT, PAGE_SIZE } from './page.ts';

const ORDERS = MAX_PAGE_ORDER + 1;
const NONE = -1;

/**
 * The machine's RAM: page frames handed out by a buddy allocator, in blocks of 2^order pages, per NUMA node.
 *
 * A frame is a number from 0; its address is a linear address, which is what the kernel calls a virtual address. The bytes are
 * part of the machine's linear memory, so `bytes` and `view` are indexed by linear address.
 *
 * The allocator keeps its lists in typed arrays indexed by frame:
 *
 *     heads[node * 11 + order] ─▶ frame ⇄ frame ⇄ frame      (#next, #previous)
 *     #free[frame] = order + 1 at the first frame of a free block, else 0
 *     #used[frame] = order + 1 at the first frame of a block in use, else 0
 *
 * @kernel rmqueue_buddy — mm/page_alloc.c, 7.3
 */
export class Ram {
  readonly pages: number;
  readonly nodes: number;
  /** All of linear memory, indexed by linear address. */
  readonly bytes: Uint8Array;
  /** As `bytes`. */
  readonly view: DataView;
  /** RAM as a region: from the first frame to the last. */
  readonly region: Region;
  readonly #base: number;
  readonly #pagesPerNode: number;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #free: Uint8Array;
  readonly #used: Uint8Array;
  #freePages = 0;
  #reservedPages = 0;

  /**
   * Carves RAM out of `memory`.
   *
   * @param ramBytes - Rounded down to whole pages; at least one per node.
   * @param nodes - NUMA nodes; pages are divided evenly, the last node takes the rest.
   * @throws RangeError when `memory` has less left.
   */
  constructor(memory: LinearMemory, ramBytes: number, nodes: number = 1) {
    const pages = ramBytes >>> PAGE_SHIFT;
    if (!(nodes >= 1 && pages >= nodes)) throw new KernelBug('ram', `${pages} pages do not make ${nodes} nodes`);
    this.region = memory.carve(pages * PAGE_SIZE, PAGE_SIZE);
    this.pages = pages;
    this.nodes = nodes;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.#base = this.region.base;
    this.#pagesPerNode = Math.floor(pages / nodes);
    this.#heads = new Int32Array(nodes * ORDERS).fill(NONE);
    this.#next = new Int32Array(pages);
    this.#previous = new Int32Array(pages);
    this.#free = new Uint8Array(pages);
    this.#used = new Uint8Array(pages);
    for (let node = 0; node < nodes; node++) this.#seed(node);
  }

  /** Pages that can be allocated now. */
  get freePages(): number {
    return this.#freePages;
  }

  /** Pages that were set aside for good by {@link Ram.reserveFrames}. */
  get reservedPages(): number {
    return this.#reservedPages;
  }

  /**
   * Allocates 2^order contiguous, naturally aligned pages; their content is whatever it was.
   *
   * @param nid - Preferred node, -1 for any. Other nodes are tried after it, as alloc_pages does without __GFP_THISNODE.
   * @returns The first frame, or -1 when no node has such a block or `order` is larger than 10.
   */
  allocFrames(order: number, nid: number): number {
    if (!(order >= 0 && order <= MAX_PAGE_ORDER)) return NONE;
    const first = nid >= 0 && nid < this.nodes ? nid : 0;
    for (let i = 0; i < this.nodes; i++) {
      const frame = this.#allocOn((first + i) % this.nodes, order);
      if (frame !== NONE) return frame;
    }
    return NONE;
  }

  /**
   * Gives a block back and merges it with its free buddies.
   *
   * @throws KernelBug unless exactly this block was allocated with this order.
   */
  freeFrames(frame: number, order: number): void {
    if (this.#used[frame] !== order + 1) {
      throw new KernelBug('ram', `frame ${frame} is not the first of an allocated block of order ${order}`);
    }
    this.#used[frame] = 0;
    this.#freePages += 1 << order;
    this.#release(frame, order);
  }

  /**
   * Sets contiguous pages aside for the life of the machine, as memblock does at boot: for slabs that a subsystem never gives
   * back. They do not count as in use when the machine is audited.
   *
   * @param pages - At most 1024.
   * @returns The first frame, or -1.
   */
  reserveFrames(pages: number): number {
    const order = pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
    const frame = this.allocFrames(order, -1);
    if (frame === NONE) return NONE;
    this.#used[frame] = 0;
    // Give the tail back in the largest aligned blocks that fit.
    for (let at = pages; at < 1 << order; ) {
      const tail = 31 - Math.clz32(at & -at);
      this.#freePages += 1 << tail;
      this.#release(frame + at, tail);
      at += 1 << tail;
    }
    this.#reservedPages += pages;
    return frame;
  }

  /** Linear address of a frame's first byte. */
  address(frame: number): number {
    return this.#base + frame * PAGE_SIZE;
  }

  /**
   * The frame that a linear address lies in.
   *
   * @throws KernelBug when the address is not RAM: device memory has no frame.
   */
  frameOf(address: number): number {
    const offset = address - this.#base;
    if (!(offset >= 0 && offset < this.region.length)) {
      throw new KernelBug('not RAM', `linear address 0x${address.toString(16)} has no page frame`);
    }
    return offset >>> PAGE_SHIFT;
  }

  /** Whether all of a range of linear addresses is RAM. */
  contains(address: number, lengthBytes: number): boolean {
    const offset = address - this.#base;
    return offset >= 0 && offset + lengthBytes <= this.region.length;
  }

  /** The NUMA node of a frame. */
  nodeOf(frame: number): number {
    return Math.min(Math.floor(frame / this.#pagesPerNode), this.nodes - 1);
  }

  #nodeStart(node: number): number {
    return node * this.#pagesPerNode;
  }

  #nodeEnd(node: number): number {
    return node === this.nodes - 1 ? this.pages : (node + 1) * this.#pagesPerNode;
  }

  /** Fills a node's lists with the largest aligned blocks that fit; the remainder at the end is handed out first. */
  #seed(node: number): void {
    const start = this.#nodeStart(node);
    const pages = this.#nodeEnd(node) - start;
    this.#freePages += pages;
    // Lists are last in, first out: insert from the top.
    let left = pages;
    for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
      const size = 1 << order;
      const isTop = order === MAX_PAGE_ORDER;
      while (left >= size && (isTop || (left & size) !== 0)) {
        left -= size;
        this.#insert(node, start + left, order);
      }
    }
  }

  #allocOn(node: number, order: number): number {
    const heads = this.#heads;
    for (let from = order; from <= MAX_PAGE_ORDER; from++) {
      const frame = heads[node * ORDERS + from] as number;
      if (frame === NONE) continue;
      this.#unlink(node, frame, from);
      for (let split = from - 1; split >= order; split--) this.#insert(node, frame + (1 << split), split);
      this.#used[frame] = order + 1;
      this.#freePages -= 1 << order;
      return frame;
    }
    return NONE;
  }

  #release(frame: number, order: number): void {
    const node = this.nodeOf(frame);
    const start = this.#nodeStart(node);
    let at = frame - start;
    let size = order;
    // Buddies are found relative to the node's first frame, so that blocks never merge across nodes.
    while (size < MAX_PAGE_ORDER) {
      const buddy = at ^ (1 << size);
      if (this.#free[start + buddy] !== size + 1 || start + buddy >= this.#nodeEnd(node)) break;
      this.#unlink(node, start + buddy, size);
      at &= ~(1 << size);
      size++;
    }
    this.#insert(node, start + at, size);
  }

  #insert(node: number, frame: number, order: number): void {
    const list = node * ORDERS + order;
    const head = this.#heads[list] as number;
    this.#next[frame] = head;
    this.#previous[frame] = NONE;
    if (head !== NONE) this.#previous[head] = frame;
    this.#heads[list] = frame;
    this.#free[frame] = order + 1;
  }

  #unlink(node: number, frame: number, order: number): void {
    const next = this.#next[frame] as number;
    const previous = this.#previous[frame] as number;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous === NONE) this.#heads[node * ORDERS + order] = next;
    else this.#next[previous] = next;
    this.#free[frame] = 0;
  }
}
