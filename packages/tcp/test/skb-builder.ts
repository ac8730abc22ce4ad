// Packets built by hand, in every shape that a receive queue can hold.

import { Machine } from '@netmem/machine';
import { Network, type SkBuff } from '@netmem/netdev';
import { type NetmemRef, NetmemTable } from '@netmem/netmem';
import { PagePools } from '@netmem/page-pool';
import { DmabufMemory, type DmabufOptions } from './dmabuf-memory.ts';

/** A fragment: bytes in a page, or a place in the dma-buf. */
export interface FragSpec {
  memory: 'page' | 'dmabuf' | 'io-uring';
  offset: number;
  size: number;
}

/** One skb; `members` is its frag list. */
export interface SkbSpec {
  linear: number;
  frags: readonly FragSpec[];
  members?: readonly SkbSpec[];
}

export const frag = (size: number, offset: number = 0, memory: FragSpec['memory'] = 'dmabuf'): FragSpec => ({
  memory,
  offset,
  size,
});

/** Where bytes of the stream were put: `offset` counts in the dma-buf, -1 for bytes a CPU can read. */
export interface Place {
  position: number;
  size: number;
  offset: number;
}

/** Payload byte `i` of every stream in these tests. */
export function pattern(i: number): number {
  return (i * 7 + (i >>> 8) * 13) & 0xff;
}

/** Length of an skb that a spec makes. */
export function specLength(spec: SkbSpec): number {
  const own = spec.linear + spec.frags.reduce((sum, f) => sum + f.size, 0);
  return own + (spec.members ?? []).reduce((sum, m) => sum + specLength(m), 0);
}

/** Machine, netmem, pools and net core, with device memory, and a maker of skbs whose readable bytes carry the pattern. */
export class SkbBench {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly pools: PagePools;
  readonly network: Network;
  readonly memory: DmabufMemory;
  #uring: DmabufMemory | null = null;
  /** Position in the stream of the next byte built. */
  position = 0;
  /** All bytes built, in order. */
  readonly places: Place[] = [];

  constructor(options: DmabufOptions = {}) {
    this.machine = new Machine({ ramBytes: 2 ** 22 });
    this.netmem = new NetmemTable(this.machine, { maxNetIovs: 2048 });
    this.pools = new PagePools(this.machine, this.netmem);
    this.network = new Network({ machine: this.machine, netmem: this.netmem, pools: this.pools, maxSkbs: 256 });
    this.memory = new DmabufMemory(this.machine, this.netmem, this.pools, options);
  }

  build(spec: SkbSpec): SkBuff {
    const skb = this.network.skbs.alloc(null) as SkBuff;
    this.#pattern(skb.put(spec.linear), spec.linear);
    for (const { memory, offset, size } of spec.frags) {
      const ref = this.#take(memory);
      const address = this.netmem.address(ref);
      if (address === null) this.#skip(this.memory.indexOf(ref) * 4096 + offset, size);
      else this.#pattern(address + offset, size);
      skb.addRxFragNetmem(ref, offset, size, 4096);
    }
    skb.markForRecycle();
    let last: SkBuff | null = null;
    for (const memberSpec of spec.members ?? []) {
      const member = this.build(memberSpec);
      skb.len += member.len;
      skb.dataLen += member.len;
      skb.truesize += member.truesize;
      if (last === null) skb.fragList = member;
      else last.next = member;
      last = member;
    }
    return skb;
  }

  #take(memory: FragSpec['memory']): NetmemRef {
    if (memory === 'dmabuf') return this.memory.take();
    if (memory === 'page') return this.netmem.pageToNetmem(this.netmem.allocPages(0, -1));
    this.#uring ??= new DmabufMemory(this.machine, this.netmem, this.pools, { id: 77, type: 1, niovs: 8 });
    return this.#uring.take();
  }

  #skip(offset: number, size: number): void {
    this.places.push({ position: this.position, size, offset });
    this.position += size;
  }

  #pattern(address: number, length: number): void {
    const { bytes } = this.machine.memory;
    if (length > 0) this.places.push({ position: this.position, size: length, offset: -1 });
    for (let i = 0; i < length; i++) bytes[address + i] = pattern(this.position++);
  }
}
