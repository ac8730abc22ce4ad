/** All neighbours of one address family. Bounded: a link full of strangers makes it forget the least used, not grow. @kernel neigh_table — include/net/neighbour.h, 7.3 */
import type { NetDevice } from '@netmem/netdev';
import type { InetDevice } from '../stack/addresses.ts';
import type { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { Neighbour, NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP, NUD_PERMANENT } from './neighbour.ts';

const BUCKETS = 256;

export class NeighbourTable {
  readonly stack: InetCore;
  /** Asks for an address: an ARP request or a neighbour solicitation. */
  readonly solicit: (neighbour: Neighbour) => void;
  readonly #buckets: (Neighbour | null)[] = new Array(BUCKETS).fill(null);
  #count: number = 0;
  /** Base reachable time times 0.5 to 1.5 (RFC 4861, 6.3.2), drawn once. */
  readonly reachableMs: number;
  /** Packets dropped from a waiting queue, neighbours that did not answer, entries refused. */
  unresDiscards: number = 0;
  resFailed: number = 0;
  tableFulls: number = 0;

  constructor(stack: InetCore, solicit: (neighbour: Neighbour) => void) {
    this.stack = stack;
    this.solicit = solicit;
    const base = stack.sysctl.neighReachableMs;
    this.reachableMs = (base >> 1) + stack.random.below(base);
  }

  get count(): number {
    return this.#count;
  }

  /** The entry, or null. */
  find(dev: NetDevice, address: InetAddress): Neighbour | null {
    let entry = this.#buckets[bucketOf(dev.ifindex, address)];
    while (entry !== null && !(entry.link.dev === dev && entry.address.equals(address))) entry = entry.hashNext;
    return entry;
  }

  /** The entry, made when missing; null when the table is full of entries in use. @kernel __neigh_create — net/core/neighbour.c, 7.3 */
  lookup(dev: NetDevice, address: InetAddress): Neighbour | null {
    const found = this.find(dev, address);
    if (found !== null) return found;
    if (this.#count >= this.stack.sysctl.neighMaxEntries && !this.#evict()) {
      this.tableFulls++;
      return null;
    }
    const entry = new Neighbour(this, this.stack.addresses.device(dev), address.clone());
    this.#construct(entry);
    entry.usedMs = this.stack.nowMs;
    const bucket = bucketOf(dev.ifindex, address);
    entry.hashNext = this.#buckets[bucket];
    this.#buckets[bucket] = entry;
    this.#count++;
    return entry;
  }

  /** Multicast, broadcast and loopback need no asking. @kernel arp_constructor — net/ipv4/arp.c, 7.3 */
  #construct(entry: Neighbour): void {
    const address = entry.address;
    if (entry.link.dev === this.stack.network.loopback) {
      entry.state = NUD_NOARP;
    } else if (address.isMulticast) {
      entry.state = NUD_NOARP;
      if (address.isV4) {
        // RFC 1112, 6.4: 01:00:5e and the low 23 bits.
        entry.macHigh = 0x01005e00 | ((address.w3 >>> 16) & 0x7f);
        entry.macLow = address.w3 & 0xffff;
      } else {
        // RFC 2464, 7: 33:33 and the last four bytes.
        entry.macHigh = 0x33330000 | (address.w3 >>> 16);
        entry.macLow = address.w3 & 0xffff;
      }
    } else if (address.isV4 && this.stack.addresses.isBroadcast4(address.w3)) {
      entry.state = NUD_NOARP;
      entry.macHigh = -1;
      entry.macLow = 0xffff;
    }
  }

  /** Frees the entry that was used longest ago. Entries that are being resolved stay, so that a scan cannot starve a real neighbour. @kernel neigh_forced_gc — net/core/neighbour.c, 7.3 */
  #evict(): boolean {
    let oldest: Neighbour | null = null;
    const now = this.stack.nowMs;
    for (const entry of this.entries()) {
      if (entry.state === NUD_PERMANENT || entry.state === NUD_INCOMPLETE) continue;
      const older = oldest === null || ((now - entry.usedMs) | 0) > ((now - oldest.usedMs) | 0);
      if (entry.state === NUD_FAILED || older) oldest = entry;
      if (entry.state === NUD_FAILED) break;
    }
    if (oldest === null) return false;
    this.remove(oldest);
    return true;
  }

  remove(entry: Neighbour): void {
    const bucket = bucketOf(entry.link.dev.ifindex, entry.address);
    let at = this.#buckets[bucket];
    if (at === entry) {
      this.#buckets[bucket] = entry.hashNext;
    } else {
      while (at !== null && at.hashNext !== entry) at = at.hashNext;
      if (at === null) return;
      at.hashNext = entry.hashNext;
    }
    this.#count--;
    entry.kill();
  }

  /** Every entry, for listings and clean-up. */
  entries(): Neighbour[] {
    const all: Neighbour[] = [];
    for (const first of this.#buckets) {
      for (let entry = first; entry !== null; entry = entry.hashNext) all.push(entry);
    }
    return all;
  }

  /** Forgets a device's neighbours. @kernel neigh_ifdown — net/core/neighbour.c, 7.3 */
  removeDevice(link: InetDevice, keepPermanent: boolean): void {
    for (const entry of this.entries()) {
      if (entry.link === link && !(keepPermanent && entry.state === NUD_PERMANENT)) this.remove(entry);
    }
  }
}

function bucketOf(ifindex: number, address: InetAddress): number {
  let h = Math.imul(address.w0 ^ address.w2 ^ ifindex, 0x9e3779b1) ^ Math.imul(address.w1 ^ address.w3, 0x85ebca6b);
  h ^= h >>> 16;
  return h & (BUCKETS - 1);
}
