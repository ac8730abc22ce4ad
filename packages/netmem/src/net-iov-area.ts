import { NET_IOV, type NetIovOwner, type NetIovRef, type NetmemRef } from './netmem-ref.ts';

/**
 * A contiguous run of net_iovs with one owner.
 *
 * @kernel struct net_iov_area — include/net/netmem.h, 7.3
 */
export class NetIovArea {
  /** Number of the area in its table. @internal */
  readonly index: number;
  readonly firstSlot: number;
  readonly numNiovs: number;
  /** Offset in the dma-buf of the area's first byte. */
  readonly baseVirtual: number;
  /** NET_IOV_DMABUF or NET_IOV_IOURING. */
  readonly type: number;
  readonly owner: NetIovOwner;

  /** @internal */
  constructor(
    index: number,
    firstSlot: number,
    numNiovs: number,
    type: number,
    owner: NetIovOwner,
    baseVirtual: number,
  ) {
    this.index = index;
    this.firstSlot = firstSlot;
    this.numNiovs = numNiovs;
    this.type = type;
    this.owner = owner;
    this.baseVirtual = baseVirtual;
  }

  /** The net_iov at a position; positions outside [0, numNiovs) are the caller's bug. */
  netIov(index: number): NetIovRef {
    return (this.firstSlot + index) as NetIovRef;
  }

  /** As {@link NetIovArea.netIov}, as a netmem_ref. */
  netmem(index: number): NetmemRef {
    return (((this.firstSlot + index) << 1) | NET_IOV) as NetmemRef;
  }
}
