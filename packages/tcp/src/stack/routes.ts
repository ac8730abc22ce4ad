/** Where a packet goes: the routing table and its answers. */
import type { NetDevice } from '@netmem/netdev';
import { EHOSTUNREACH, ENETUNREACH } from '@netmem/uapi';
import type { Neighbour } from '../neighbour/neighbour.ts';
import { InetAddress } from './inet-address.ts';

/** A route as its owner gave it. */
export interface Route {
  readonly destination: InetAddress;
  /** Over the family's own length: 0 to 32 or 0 to 128. */
  readonly prefixLength: number;
  readonly gateway: InetAddress | null;
  readonly dev: NetDevice;
  readonly source: InetAddress | null;
  readonly metric: number;
  /** Path MTU learned or given; 0 the device's. */
  readonly mtu: number;
}

/** An answer of `RouteTable.lookup`, owned and kept by whoever asked: a socket caches its own until `generation` is old. @kernel rtable — include/net/route.h, 7.3 */
export class Dst {
  dev: NetDevice | null = null;
  readonly nextHop: InetAddress = new InetAddress();
  readonly source: InetAddress = new InetAddress();
  neighbour: Neighbour | null = null;
  mtu: number = 0;
  /** Destination is this host. */
  local: boolean = false;
  generation: number = 0;

  clear(): void {
    this.dev = null;
    this.neighbour = null;
    this.generation = 0;
  }
}

/** What the table needs to know about addresses; implemented by `AddressTable`. */
export interface SourceSelector {
  isLocal(address: InetAddress): boolean;
  /** Exactly this one was given to a device. */
  has(address: InetAddress): boolean;
  selectSource(dev: NetDevice, destination: InetAddress, out: InetAddress): boolean;
}

/** Most learned path MTUs kept. A model choice: a bound on what ICMP messages of strangers can make a host remember. */
const MAX_PATH_MTUS = 256;
/** Least MTU that a path can be said to have. @kernel ip_rt_min_pmtu — net/ipv4/route.c, 7.3 */
export const MIN_PMTU4 = 552;
/** Most that the length fields of the headers can say: loopback's MTU is more. @kernel IP_MAX_MTU — include/net/ip.h, 7.3 */
export const MAX_MTU4 = 65535;
/** @kernel IP6_MAX_MTU — include/net/ip6_route.h, 7.3 */
export const MAX_MTU6 = 65575;
/** @kernel IPV6_MIN_MTU — include/uapi/linux/ipv6.h, 7.3 */
export const MIN_PMTU6 = 1280;

export class RouteTable {
  readonly #routes: Route[] = [];
  readonly #pathMtus: { address: InetAddress; mtu: number }[] = [];
  readonly #addresses: SourceSelector;
  readonly #loopback: NetDevice | null;
  /** Raised by every change: a Dst with another value is stale. */
  generation: number = 1;

  constructor(addresses: SourceSelector, loopback: NetDevice | null) {
    this.#addresses = addresses;
    this.#loopback = loopback;
  }

  /** @returns the routes, most specific first. */
  get routes(): readonly Route[] {
    return this.#routes;
  }

  add(route: Route): void {
    this.#routes.push(route);
    this.#routes.sort((a, b) => mappedLength(b) - mappedLength(a) || a.metric - b.metric);
    this.generation++;
  }

  /** Drops the routes that `match`. @returns how many. */
  remove(match: (route: Route) => boolean): number {
    const kept = this.#routes.filter((route) => !match(route));
    const removed = this.#routes.length - kept.length;
    this.#routes.splice(0, this.#routes.length, ...kept);
    if (removed > 0) this.generation++;
    return removed;
  }

  /** Addresses, links or neighbours changed: everybody asks again. */
  invalidate(): void {
    this.generation++;
  }

  /**
   * Finds device, next hop, source and MTU for `destination`. The neighbour is for the caller to resolve.
   *
   * @param oif - ifindex the packet must leave by; 0 any.
   * @returns 0; -ENETUNREACH no route; -EHOSTUNREACH the device is down.
   * @kernel ip_route_output_key_hash_rcu — net/ipv4/route.c, 7.3
   */
  lookup(destination: InetAddress, oif: number, out: Dst): number {
    out.clear();
    const scope = oif !== 0 ? oif : destination.scopeId;
    if (this.#addresses.isLocal(destination)) return this.#local(destination, out);
    let down = false;
    for (const route of this.#routes) {
      if (scope !== 0 && route.dev.ifindex !== scope) continue;
      if (!covers(route, destination)) continue;
      if (!route.dev.running) {
        down = true;
        continue;
      }
      return this.#fill(route, destination, out);
    }
    return down ? -EHOSTUNREACH : -ENETUNREACH;
  }

  /** A router said that packets to `address` must not be longer than `mtu`. @kernel __ip_rt_update_pmtu — net/ipv4/route.c, 7.3 */
  updatePathMtu(address: InetAddress, mtu: number): void {
    const least = Math.max(mtu, address.isV4 ? MIN_PMTU4 : MIN_PMTU6);
    const known = this.#pathMtus.find((entry) => entry.address.equals(address));
    if (known !== undefined) {
      if (least >= known.mtu) return;
      known.mtu = least;
    } else {
      if (this.#pathMtus.length === MAX_PATH_MTUS) this.#pathMtus.shift();
      this.#pathMtus.push({ address: address.clone(), mtu: least });
    }
    this.generation++;
  }

  #local(destination: InetAddress, out: Dst): number {
    if (this.#loopback === null || !this.#loopback.running) return -ENETUNREACH;
    out.dev = this.#loopback;
    out.nextHop.copyFrom(destination);
    // Every address of 127.0.0.0/8 is this host, and packets to those that nobody gave it come from the one that somebody did, 127.0.0.1.
    if (this.#addresses.has(destination) || !this.#addresses.selectSource(this.#loopback, destination, out.source)) {
      out.source.copyFrom(destination);
    }
    out.mtu = capped(this.#loopback.mtu, destination);
    out.local = true;
    out.generation = this.generation;
    return 0;
  }

  #fill(route: Route, destination: InetAddress, out: Dst): number {
    out.dev = route.dev;
    out.nextHop.copyFrom(route.gateway ?? destination);
    if (route.source !== null) out.source.copyFrom(route.source);
    else if (!this.#addresses.selectSource(route.dev, destination, out.source)) return -ENETUNREACH;
    out.mtu = capped(route.mtu > 0 ? Math.min(route.mtu, route.dev.mtu) : route.dev.mtu, destination);
    for (const entry of this.#pathMtus) {
      if (entry.address.equals(destination)) out.mtu = Math.min(out.mtu, entry.mtu);
    }
    out.local = false;
    out.generation = this.generation;
    return 0;
  }
}

function capped(mtu: number, destination: InetAddress): number {
  return Math.min(mtu, destination.isV4 ? MAX_MTU4 : MAX_MTU6);
}

function mappedLength(route: Route): number {
  return route.prefixLength + (route.destination.isV4 ? 96 : 0);
}

/** Whether the first `length` bits of two addresses agree. */
export function prefixEquals(a: InetAddress, b: InetAddress, length: number): boolean {
  return (
    wordEquals(a.w0, b.w0, length) &&
    wordEquals(a.w1, b.w1, length - 32) &&
    wordEquals(a.w2, b.w2, length - 64) &&
    wordEquals(a.w3, b.w3, length - 96)
  );
}

function wordEquals(a: number, b: number, bits: number): boolean {
  if (bits <= 0) return true;
  const differ = a ^ b;
  return bits >= 32 ? differ === 0 : differ >>> (32 - bits) === 0;
}

/** How many leading bits two addresses share. */
export function commonPrefix(a: InetAddress, b: InetAddress): number {
  if (a.w0 !== b.w0) return Math.clz32(a.w0 ^ b.w0);
  if (a.w1 !== b.w1) return 32 + Math.clz32(a.w1 ^ b.w1);
  if (a.w2 !== b.w2) return 64 + Math.clz32(a.w2 ^ b.w2);
  return 96 + Math.clz32(a.w3 ^ b.w3);
}

/** Whether `destination` lies in a route's prefix. */
export function covers(route: Route, destination: InetAddress): boolean {
  // The v4 default route must not catch v6 addresses, nor the reverse.
  if (route.destination.isV4 !== destination.isV4) return false;
  return prefixEquals(route.destination, destination, mappedLength(route));
}
