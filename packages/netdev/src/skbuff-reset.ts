import type { NetmemRef } from '@netmem/netmem';
import type { NetDevice } from './netdevice.ts';
import { SKB_OVERHEAD_BYTES } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';

function clearStamps(skb: SkBuff): void {
  skb.tstampNs = 0;
  skb.hwtstampNs = 0;
}

/** Makes a slot a fresh skb with `bytes` bytes of head at linear address `head`. */
export function resetSkb(skb: SkBuff, dev: NetDevice | null, head: number, bytes: number): void {
  skb.dev = dev;
  skb.refs = 1;
  skb.head = head;
  skb.end = head + bytes;
  skb.data = head;
  skb.len = 0;
  skb.dataLen = 0;
  skb.truesize = bytes + SKB_OVERHEAD_BYTES;
  skb.nrFrags = 0;
  skb.headRef = 0 as NetmemRef;
  skb.protocol = 0;
  skb.macHeader = 0;
  skb.networkHeader = 0;
  skb.transportHeader = 0;
  skb.hash = 0;
  skb.l4Hash = false;
  skb.ipSummed = 0;
  skb.csumValid = false;
  skb.csum = 0;
  skb.csumStart = 0;
  skb.csumOffset = 0;
  skb.queueMapping = -1;
  skb.rxQueue = -1;
  skb.napiId = 0;
  skb.vlanTci = 0;
  skb.priority = 0;
  skb.mark = 0;
  skb.pktType = 0;
  skb.gsoSize = 0;
  skb.gsoType = 0;
  skb.gsoSegs = 0;
  if (skb.pool.stamping) clearStamps(skb);
  skb.ppRecycle = false;
  skb.unreadable = false;
  skb.zerocopy = false;
  skb.cloneGroup = 0;
  skb.groOffset = 0;
  skb.groCount = 0;
  skb.groAge = 0;
  skb.groFlush = 0;
  skb.groFlushId = 0;
  skb.groSameFlow = false;
  skb.groIsAtomic = false;
  skb.groFree = false;
  skb.groLast = null;
  skb.cb.fill(0);
}
