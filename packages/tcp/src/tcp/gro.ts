/**
 * TCP over IP for the device layer: merging received segments of one flow into one packet (GRO) and cutting a super-segment for a device that cannot (GSO).
 * Ethertype handlers of netdev; one per address family.
 *
 * @kernel inet_gro_receive — net/ipv4/af_inet.c, 7.3
 */
import {
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  type GroOffload,
  groHeader,
  groLength,
  SKB_GSO_TCPV4,
  SKB_GSO_TCPV6,
  type SkBuff,
  type SkBuffQueue,
  skbGroReceive,
} from '@netmem/netdev';
import { ipv4, ipv6 } from '@netmem/wire';
import type { InetCore } from '../stack/inet-core.ts';
import { cutSegments } from './gso.ts';
import { TCPHDR_ACK, TCPHDR_CWR, TCPHDR_FIN, TCPHDR_PSH } from './tcp-states.ts';

const TCP_HEADER = 20;
const PROTOCOL_TCP = 6;

export class InetGro implements GroOffload {
  readonly #stack: InetCore;
  readonly #v4: boolean;
  readonly #ipBytes: number;

  /** @param version - 4 or 6 */
  constructor(stack: InetCore, version: 4 | 6) {
    this.#stack = stack;
    this.#v4 = version === 4;
    this.#ipBytes = version === 4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES;
  }

  /** See `GroOffload.groReceive`. */
  groReceive(held: SkBuffQueue, skb: SkBuff): SkBuff | null {
    skb.groFlush = 1;
    const at = groHeader(skb, this.#ipBytes + TCP_HEADER);
    if (at === 0 || !this.#isPlain(skb, at)) return null;
    const header = (this.#stack.view.getUint8(at + this.#ipBytes + 12) >>> 4) << 2;
    if (header < TCP_HEADER || groHeader(skb, this.#ipBytes + header) === 0) return null;
    // Pulling may have moved nothing: `at` is the start of the linear area either way.
    const match = this.#findFlow(held, at);
    skb.groOffset += this.#ipBytes;
    skb.groFlush = 0;
    return this.#merge(match, skb, at, header);
  }

  /** An IP header without options or fragments that agrees with the packet's length, TCP, and a checksum that the device vouches for. */
  #isPlain(skb: SkBuff, at: number): boolean {
    if (skb.ipSummed !== CHECKSUM_UNNECESSARY && skb.ipSummed !== CHECKSUM_PARTIAL) return false;
    const view = this.#stack.view;
    if (this.#v4) {
      // Version 4, five words; never a fragment; the sum must be right, since a merged header gets a new one.
      return (
        view.getUint8(at) === 0x45 &&
        view.getUint8(at + ipv4.PROTOCOL_AT) === PROTOCOL_TCP &&
        (view.getUint16(at + ipv4.FLAGS_AT) & ~ipv4.DONT_FRAGMENT) === 0 &&
        view.getUint16(at + ipv4.TOTAL_LENGTH_AT) === groLength(skb) &&
        ipv4.isHeaderIntact(view, at)
      );
    }
    return (
      view.getUint8(at) >>> 4 === 6 &&
      view.getUint8(at + ipv6.NEXT_HEADER_AT) === PROTOCOL_TCP &&
      view.getUint16(at + ipv6.PAYLOAD_LENGTH_AT) + ipv6.HEADER_BYTES === groLength(skb)
    );
  }

  /** The held packet of the same addresses and ports; the others lose `groSameFlow`. */
  #findFlow(held: SkBuffQueue, at: number): SkBuff | null {
    let match: SkBuff | null = null;
    for (let other = held.first; other !== null; other = other.next) {
      if (!other.groSameFlow) continue;
      if (match === null && this.#sameFlow(other.data, at)) match = other;
      else other.groSameFlow = false;
    }
    return match;
  }

  #sameFlow(a: number, b: number): boolean {
    const view = this.#stack.view;
    const tcp = this.#ipBytes;
    if (view.getInt32(a + tcp) !== view.getInt32(b + tcp)) return false;
    if (this.#v4) {
      return (
        view.getInt32(a + ipv4.SOURCE_AT) === view.getInt32(b + ipv4.SOURCE_AT) &&
        view.getInt32(a + ipv4.DESTINATION_AT) === view.getInt32(b + ipv4.DESTINATION_AT)
      );
    }
    for (let i = ipv6.SOURCE_AT; i < ipv6.HEADER_BYTES; i += 4) {
      if (view.getInt32(a + i) !== view.getInt32(b + i)) return false;
    }
    return true;
  }

  /** @kernel tcp_gro_receive — net/ipv4/tcp_offload.c, 7.3 */
  #merge(match: SkBuff | null, skb: SkBuff, at: number, header: number): SkBuff | null {
    const view = this.#stack.view;
    const th = at + this.#ipBytes;
    skb.groOffset += header;
    const length = groLength(skb);
    const flags = view.getUint8(th + 13);
    let mss = 1;
    if (match === null) {
      mss = skb.gsoSize !== 0 ? skb.gsoSize : length;
    } else if (this.#continues(match, skb, at, header, length, flags) && skbGroReceive(match, skb) === 0) {
      mss = match.gsoSize;
      const first = match.data + this.#ipBytes + 13;
      view.setUint8(first, view.getUint8(first) | (flags & (TCPHDR_FIN | TCPHDR_PSH)));
    }
    // A short segment, or a flag that wants attention, ends the aggregate.
    const whole = skb.gsoSize !== 0 ? skb.groCount * skb.gsoSize : mss;
    const last = length < whole || (flags & ~(TCPHDR_ACK | TCPHDR_CWR)) !== 0;
    if (match !== null && (!skb.groSameFlow || last)) {
      if (!skb.groSameFlow && last) skb.groFlush = 1;
      return match;
    }
    // Nothing to wait for: an ACK alone, or the end of a burst.
    if (!skb.groSameFlow && (last || length === 0)) skb.groFlush = 1;
    return null;
  }

  /** Whether the segment stands right behind the aggregate and its header says nothing new. */
  #continues(match: SkBuff, skb: SkBuff, at: number, header: number, length: number, flags: number): boolean {
    const view = this.#stack.view;
    const a = match.data;
    if (this.#v4 ? !this.#sameIpv4(a, at) : view.getInt32(a) !== view.getInt32(at)) return false;
    if (!this.#v4 && view.getUint8(a + ipv6.HOP_LIMIT_AT) !== view.getUint8(at + ipv6.HOP_LIMIT_AT)) return false;
    const th = at + this.#ipBytes;
    const th2 = a + this.#ipBytes;
    // Header length, flags and window in one word: all the same but for the flags that end a burst.
    const differ = view.getInt32(th + 12) ^ view.getInt32(th2 + 12);
    if ((flags & TCPHDR_CWR) !== 0 || (differ & ~((TCPHDR_FIN | TCPHDR_PSH) << 16)) !== 0) return false;
    for (let i = 8; i < header; i += i === 8 ? 12 : 4)
      if (view.getInt32(th + i) !== view.getInt32(th2 + i)) return false;
    if (length === 0 || length > match.gsoSize) return false;
    // Readable and unreadable bytes must not meet in one packet: the socket could deliver neither whole.
    if (match.unreadable !== skb.unreadable) return false;
    return ((view.getInt32(th2 + 4) + groLength(match)) | 0) === view.getInt32(th + 4);
  }

  #sameIpv4(a: number, b: number): boolean {
    const view = this.#stack.view;
    return (
      view.getUint8(a + 1) === view.getUint8(b + 1) &&
      view.getUint8(a + ipv4.TTL_AT) === view.getUint8(b + ipv4.TTL_AT) &&
      view.getUint16(a + ipv4.FLAGS_AT) === view.getUint16(b + ipv4.FLAGS_AT) &&
      // Without DF the identification means something, and merging loses it.
      (view.getUint16(a + ipv4.FLAGS_AT) & ipv4.DONT_FRAGMENT) !== 0
    );
  }

  /** See `GroOffload.groComplete`. @kernel inet_gro_complete — net/ipv4/af_inet.c, 7.3 */
  groComplete(skb: SkBuff, offset: number): number {
    const view = this.#stack.view;
    const at = skb.data + offset;
    const bytes = skb.len - offset;
    if (this.#v4) ipv4.setTotalLength(view, at, bytes);
    else view.setUint16(at + ipv6.PAYLOAD_LENGTH_AT, bytes - ipv6.HEADER_BYTES);
    skb.transportHeader = at + this.#ipBytes;
    skb.gsoSegs = skb.groCount;
    skb.gsoType = this.#v4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
    skb.ipSummed = CHECKSUM_UNNECESSARY;
    return 0;
  }

  /** See `GroOffload.gsoSegment`. */
  gsoSegment(skb: SkBuff, _features: number): SkBuff | null {
    return cutSegments(this.#stack, skb, this.#v4);
  }
}
