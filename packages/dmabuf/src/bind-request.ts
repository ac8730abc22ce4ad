import { PAGE_SIZE } from '@netmem/machine';
import { EINVAL, ERANGE, type ErrPtr, type Extack, NETDEV_QUEUE_TYPE } from '@netmem/uapi';
import type { DmaBuf } from './dma-buf.ts';

/** One queue of a request. A missing field is what a message without the attribute is. */
export interface QueueId {
  readonly id?: number | undefined;
  /** NETDEV_QUEUE_TYPE. */
  readonly type?: number | undefined;
}

/** What bind-rx asks for. A missing field is what a message without the attribute is. */
export interface BindRxRequest {
  readonly ifindex?: number | undefined;
  /** A dma-buf by number, looked up in the socket's process … */
  readonly fd?: number | undefined;
  /** … or the object itself, for a program that has no use for numbers. Wins over `fd`; the caller keeps its reference. */
  readonly dmabuf?: DmaBuf | undefined;
  readonly queues?: readonly QueueId[] | undefined;
  /** Bytes per net_iov: a power of two, at least PAGE_SIZE. Default PAGE_SIZE. */
  readonly rxPageSize?: number | undefined;
}

/** What bind-tx asks for. */
export interface BindTxRequest {
  readonly ifindex?: number | undefined;
  readonly fd?: number | undefined;
  readonly dmabuf?: DmaBuf | undefined;
}

const U32_MAX = 0xffffffff;
const OUT_OF_RANGE = 'integer out of range';

function outOfRange(extack: Extack | null, attribute: string): number {
  extack?.set(OUT_OF_RANGE, attribute);
  return -ERANGE;
}

/**
 * The checks that netlink's policy makes before the operation sees the request, in attribute order.
 *
 * @returns 0; `-ERANGE`: ifindex below 1, a queue type above tx, or rxPageSize below PAGE_SIZE or above 32 bits.
 */
export function checkBindPolicy(request: BindRxRequest, extack: Extack | null): number {
  const { ifindex, queues, rxPageSize } = request;
  if (ifindex !== undefined && ifindex < 1) return outOfRange(extack, 'ifindex');
  for (const { type } of queues ?? []) {
    if (type !== undefined && (type < 0 || type > NETDEV_QUEUE_TYPE.TX)) return outOfRange(extack, 'type');
  }
  if (rxPageSize !== undefined && !(rxPageSize >= PAGE_SIZE && rxPageSize <= U32_MAX)) {
    return outOfRange(extack, 'rx-page-size');
  }
  return 0;
}

/**
 * The queues of a request as ascending indexes without repetition.
 *
 * @returns the indexes; `-EINVAL`: id or type missing, type not rx (bad-attr type), id not below `queueCount` (bad-attr id).
 * @kernel netdev_nl_read_rxq_bitmap — net/core/netdev-genl.c, 7.3
 */
export function readQueues(queues: readonly QueueId[], queueCount: number, extack: Extack | null): ErrPtr<number[]> {
  const chosen = new Set<number>();
  for (const { id, type } of queues) {
    if (id === undefined || type === undefined) return -EINVAL;
    if (type !== NETDEV_QUEUE_TYPE.RX) {
      extack?.set(null, 'type');
      return -EINVAL;
    }
    if (!(id >= 0 && id < queueCount)) {
      extack?.set(null, 'id');
      return -EINVAL;
    }
    chosen.add(id);
  }
  return [...chosen].sort((a, b) => a - b);
}
