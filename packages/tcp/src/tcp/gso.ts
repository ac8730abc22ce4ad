/** Cuts a super-segment into segments for a device without TSO. @kernel tcp_gso_segment — net/ipv4/tcp_offload.c, 7.3 */
import { CHECKSUM_PARTIAL, SKB_HEADROOM, type SkBuff } from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { ipv4, ipv6, pseudoHeaderSum4, pseudoHeaderSum6 } from '@netmem/wire';
import type { InetCore } from '../stack/inet-core.ts';
import { TCPHDR_CWR, TCPHDR_FIN, TCPHDR_PSH } from './tcp-states.ts';

const CHECKSUM_AT = 16;

/**
 * @param skb - `data` at its first header; all headers linear, all payload in fragments.
 * @returns the segments chained by `next`, `skb` consumed; null (nothing changed) without memory or for a packet that this stack did not build.
 */
export function cutSegments(stack: InetCore, skb: SkBuff, v4: boolean): SkBuff | null {
  const view = stack.view;
  const tcp = skb.transportHeader;
  const headers = tcp - skb.data + ((view.getUint8(tcp + 12) >>> 4) << 2);
  if (skb.headlen !== headers || skb.gsoSize === 0 || skb.fragList !== null) return null;
  const payload = skb.dataLen;
  let first: SkBuff | null = null;
  let last: SkBuff | null = null;
  for (let offset = 0; offset < payload; offset += skb.gsoSize) {
    const bytes = Math.min(skb.gsoSize, payload - offset);
    const segment = cutOne(stack, skb, headers, offset, bytes);
    if (segment === null) {
      freeChain(first);
      return null;
    }
    finish(stack, skb, segment, offset, bytes, offset + bytes === payload, v4);
    if (last === null) first = segment;
    else last.next = segment;
    last = segment;
  }
  if (first !== null) skb.consume();
  return first;
}

function cutOne(stack: InetCore, skb: SkBuff, headers: number, offset: number, bytes: number): SkBuff | null {
  const segment = stack.network.skbs.alloc(skb.dev);
  if (segment === null) return null;
  if (segment.headroom < SKB_HEADROOM) segment.reserve(SKB_HEADROOM - segment.headroom);
  const at = segment.put(headers);
  stack.memory.move(at, skb.data, headers);
  const netmem = stack.network.netmem;
  let start = 0;
  for (let i = 0; i < skb.nrFrags; i++) {
    const size = skb.fragSize(i);
    const from = Math.max(offset - start, 0);
    const to = Math.min(offset + bytes - start, size);
    if (from < to) {
      netmem.get(skb.fragRef(i));
      segment.addRxFragNetmem(skb.fragRef(i), skb.fragOffset(i) + from, to - from, to - from);
    }
    start += size;
  }
  return segment;
}

function finish(
  stack: InetCore,
  skb: SkBuff,
  segment: SkBuff,
  offset: number,
  bytes: number,
  isLast: boolean,
  v4: boolean,
): void {
  const view = stack.view;
  const shift = segment.data - skb.data;
  const ip = skb.networkHeader + shift;
  const tcp = skb.transportHeader + shift;
  segment.macHeader = skb.macHeader + shift;
  segment.networkHeader = ip;
  segment.transportHeader = tcp;
  segment.protocol = skb.protocol;
  segment.hash = skb.hash;
  segment.l4Hash = skb.l4Hash;
  segment.queueMapping = skb.queueMapping;
  const header = (view.getUint8(tcp + 12) >>> 4) << 2;
  let flags = view.getUint8(tcp + 13);
  if (!isLast) flags &= ~(TCPHDR_FIN | TCPHDR_PSH);
  if (offset > 0) flags &= ~TCPHDR_CWR;
  view.setInt32(tcp + 4, (view.getInt32(tcp + 4) + offset) | 0);
  view.setUint8(tcp + 13, flags);
  const length = header + bytes;
  let pseudo: number;
  if (v4) {
    view.setUint16(ip + 4, (view.getUint16(ip + 4) + offset / skb.gsoSize) & 0xffff);
    ipv4.setTotalLength(view, ip, tcp - ip + length);
    view.setUint16(ip + ipv4.CHECKSUM_AT, ipv4.headerChecksum(view, ip));
    pseudo = pseudoHeaderSum4(view, ip + ipv4.SOURCE_AT, ip + ipv4.DESTINATION_AT, IPPROTO.TCP, length);
  } else {
    view.setUint16(ip + ipv6.PAYLOAD_LENGTH_AT, tcp - ip - ipv6.HEADER_BYTES + length);
    pseudo = pseudoHeaderSum6(view, ip + ipv6.SOURCE_AT, ip + ipv6.DESTINATION_AT, IPPROTO.TCP, length);
  }
  view.setUint16(tcp + CHECKSUM_AT, pseudo);
  segment.ipSummed = CHECKSUM_PARTIAL;
  segment.csumStart = tcp;
  segment.csumOffset = CHECKSUM_AT;
}

function freeChain(first: SkBuff | null): void {
  for (let skb = first; skb !== null; ) {
    const next: SkBuff | null = skb.next;
    skb.next = null;
    skb.free();
    skb = next;
  }
}
