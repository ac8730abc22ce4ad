/** Building packets of this host's own: headers in the linear area, bytes that do not fit there in pages. */
import { SKB_HEADROOM, type SkBuff } from '@netmem/netdev';
import { moveBytes, type Region } from '@netmem/region';
import type { InetCore } from './inet-core.ts';
import { IP_HEADROOM } from './ip-output.ts';

const PAGE_BYTES = 4096;

/**
 * An skb with room for IP and Ethernet headers in front and `length` bytes, not yet written: linear if they fit, else `linearBytes` linear and the rest
 * in pages. Null without memory.
 */
export function allocPacket(stack: InetCore, length: number, linearBytes: number): SkBuff | null {
  const skb = stack.network.skbs.alloc(null);
  if (skb === null) return null;
  if (skb.headroom < IP_HEADROOM + SKB_HEADROOM) skb.reserve(IP_HEADROOM + SKB_HEADROOM - skb.headroom);
  if (length <= skb.tailroom) {
    skb.put(length);
    return skb;
  }
  skb.put(linearBytes);
  const netmem = stack.network.netmem;
  for (let left = length - linearBytes; left > 0; left -= PAGE_BYTES) {
    const page = netmem.allocPages(0, -1);
    if (page === 0) {
      skb.free();
      return null;
    }
    skb.addRxFragNetmem(netmem.pageToNetmem(page), 0, Math.min(left, PAGE_BYTES), PAGE_BYTES);
  }
  return skb;
}

/** Overwrites everything with zeros: memory of earlier packets must not leave the host. */
export function clearPacket(stack: InetCore, skb: SkBuff): void {
  const bytes = stack.memory.bytes;
  bytes.fill(0, skb.data, skb.tail);
  for (let i = 0; i < skb.nrFrags; i++) {
    const at = skb.fragAddress(i) ?? 0;
    bytes.fill(0, at, at + skb.fragSize(i));
  }
}

/** Fills `skb` from `offset` with bytes of a region. */
export function storeRegion(
  stack: InetCore,
  skb: SkBuff,
  offset: number,
  from: Region,
  fromAt: number,
  length: number,
): void {
  let done = Math.min(length, Math.max(0, skb.headlen - offset));
  if (done > 0) moveBytes(from, fromAt, stack.ram, skb.data + offset, done);
  let start = skb.headlen;
  for (let i = 0; i < skb.nrFrags && done < length; i++) {
    const size = skb.fragSize(i);
    const at = offset + done - start;
    if (at < size) {
      const n = Math.min(size - at, length - done);
      moveBytes(from, fromAt + done, stack.ram, (skb.fragAddress(i) ?? 0) + at, n);
      done += n;
    }
    start += size;
  }
}

/** Fills `skb` from `offset` with bytes of another packet. @returns 0, -EFAULT when `from` is unreadable there. */
export function storePacket(skb: SkBuff, offset: number, from: SkBuff, fromOffset: number, length: number): number {
  let done = Math.min(length, Math.max(0, skb.headlen - offset));
  if (done > 0) {
    const result = from.copyBits(fromOffset, skb.data + offset, done);
    if (result < 0) return result;
  }
  let start = skb.headlen;
  for (let i = 0; i < skb.nrFrags && done < length; i++) {
    const size = skb.fragSize(i);
    const at = offset + done - start;
    if (at < size) {
      const n = Math.min(size - at, length - done);
      const result = from.copyBits(fromOffset + done, (skb.fragAddress(i) ?? 0) + at, n);
      if (result < 0) return result;
      done += n;
    }
    start += size;
  }
  return 0;
}
