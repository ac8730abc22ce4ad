import { KernelBug, type Machine, PAGE_SHIFT, Work } from '@netmem/machine';
import type { NetDevice } from '@netmem/netdev';
import { NET_IOV_DMABUF, type NetIovArea, type NetIovOwner, type NetIovRef, type NetmemTable } from '@netmem/netmem';
import { ChunkPool } from './chunk-pool.ts';
import type { DmaBufAttachment } from './dma-buf.ts';
import type { NetlinkSocketLike } from './netlink-socket.ts';

/** What a binding is made of, gathered by bind-rx and bind-tx before there is an id. */
export interface BindingParts {
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly dev: NetDevice;
  readonly attachment: DmaBufAttachment;
  readonly direction: number;
  /** log2 of the net_iov size. */
  readonly niovShift: number;
}

/**
 * A dma-buf bound to a network device: its net_iovs, and the receive queues that draw from them.
 *
 * References: one of the user (the netlink socket), one per page pool that uses it, and on transmit one per net_iov in flight. Receive
 * net_iovs hold none: they keep their page pool, and the pool keeps the binding. The last put frees it from a worker, because a put may come
 * from a softirq and freeing sleeps.
 *
 * @kernel net_devmem_dmabuf_binding — net/core/devmem.h, 7.3
 */
export class DmabufBinding implements NetIovOwner {
  readonly type: number = NET_IOV_DMABUF;
  readonly direction: number;
  readonly niovShift: number;
  readonly attachment: DmaBufAttachment;
  /** One area per scatter entry, ascending by offset. */
  readonly areas: NetIovArea[] = [];
  /** Receive queues that use this binding, ascending; emptied by unbind and by the end of the device. */
  readonly boundRxqs: { readonly index: number }[] = [];
  /** The device; null once it was unregistered. */
  dev: NetDevice | null;
  /** The socket that keeps the binding; null once unbound. */
  socket: NetlinkSocketLike | null = null;
  readonly #machine: Machine;
  readonly #netmem: NetmemTable;
  #chunks: ChunkPool = new ChunkPool([]);
  #id = 0;
  #refs = 1;
  #freed = false;
  #onFreed: ((binding: DmabufBinding) => void) | null = null;

  constructor(parts: BindingParts) {
    this.#machine = parts.machine;
    this.#netmem = parts.netmem;
    this.dev = parts.dev;
    this.attachment = parts.attachment;
    this.direction = parts.direction;
    this.niovShift = parts.niovShift;
  }

  /** The binding's number, from 1, unique among the live bindings of the machine. It outlives unbind: cmsgs of queued data still carry it. */
  get id(): number {
    return this.#id;
  }

  get refs(): number {
    return this.#refs;
  }

  /** Whether the worker has freed it. */
  get freed(): boolean {
    return this.#freed;
  }

  /** net_iovs of the dma-buf. */
  get niovs(): number {
    return this.#chunks.size;
  }

  /** net_iovs that page pools hold now: posted, cached, in packets, or read and not returned. */
  get niovsOut(): number {
    return this.#chunks.size - this.#chunks.avail;
  }

  /** Bytes per net_iov. */
  get niovBytes(): number {
    return 2 ** this.niovShift;
  }

  /** page pool order that fits one net_iov. */
  get poolOrder(): number {
    return this.niovShift - PAGE_SHIFT;
  }

  /** For bind: gives the binding its number, and says whom to tell when it is gone. */
  name(id: number, onFreed: (binding: DmabufBinding) => void): void {
    this.#id = id;
    this.#onFreed = onFreed;
  }

  /** For bind: all areas are made. */
  seal(): void {
    this.#chunks = new ChunkPool(this.areas);
  }

  /** @kernel net_devmem_dmabuf_binding_get — net/core/devmem.h, 7.3 */
  get(): void {
    if (this.#refs === 0) throw new KernelBug('binding-ref', `get of dmabuf binding ${this.#id}, which is gone`);
    this.#refs++;
  }

  /** @kernel net_devmem_dmabuf_binding_put — net/core/devmem.h, 7.3 */
  put(): void {
    if (this.#refs === 0) throw new KernelBug('binding-ref', `put of dmabuf binding ${this.#id}, which is gone`);
    this.#refs--;
    if (this.#refs === 0) this.#machine.work.schedule(new Work(() => this.free()));
  }

  /**
   * Takes a net_iov, reset; 0 when the dma-buf is exhausted.
   *
   * @kernel net_devmem_alloc_dmabuf — net/core/devmem.c, 7.3
   */
  allocNetIov(): NetIovRef {
    return this.#chunks.alloc();
  }

  /** @kernel net_devmem_free_dmabuf — net/core/devmem.c, 7.3 */
  freeNetIov(niov: NetIovRef): void {
    if (!this.#chunks.free(niov))
      throw new KernelBug('binding-free', `net_iov slot ${niov} is not out of binding ${this.#id}`);
  }

  /**
   * Frees areas, mapping and dma-buf reference: the worker's part of the last put, and the roll-back of a bind that never got a user.
   *
   * @kernel __net_devmem_dmabuf_binding_free — net/core/devmem.c, 7.3
   */
  free(): void {
    if (this.niovsOut !== 0) {
      // A net_iov was leaked by a release with a wrong reference count. Its area stays, or its slot would become somebody else's.
      this.#machine.log.warn(
        `dmabuf binding ${this.#id}: size ${this.#chunks.size}, available ${this.#chunks.avail}`,
        'devmem',
      );
    } else {
      for (const area of this.areas) this.#netmem.destroyArea(area);
    }
    this.attachment.unmap();
    const { buf } = this.attachment;
    buf.detach(this.attachment);
    buf.put();
    this.#freed = true;
    this.#onFreed?.(this);
  }
}
