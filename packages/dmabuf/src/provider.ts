import type { Machine } from '@netmem/machine';
import type { NetmemRef, NetmemTable } from '@netmem/netmem';
import type { MemoryProviderOps, PagePool, ProviderDescription } from '@netmem/page-pool';
import { E2BIG, EINVAL } from '@netmem/uapi';
import type { DmabufBinding } from './binding.ts';

/**
 * The dmabuf memory provider: lets a page pool hand out the net_iovs of a binding. A pool's `mpPriv` is the binding.
 *
 * One table per net core, because the ops need its netmem table; frozen, because the pool refuses ops that could change under it.
 *
 * @kernel dmabuf_devmem_ops — net/core/devmem.c, 7.3
 */
export function createDmabufProvider(machine: Machine, netmem: NetmemTable): MemoryProviderOps {
  return Object.freeze<MemoryProviderOps>({
    /** @kernel mp_dmabuf_devmem_init — net/core/devmem.c, 7.3 */
    init(pool: PagePool): number {
      const binding = pool.mpPriv as DmabufBinding | null;
      if (binding === null) return -EINVAL;
      // The memory is the device's: there is no CPU view to sync, and the DMA layer must not be asked about foreign addresses (RX-6).
      pool.dmaSync = false;
      pool.dmaSyncForCpu = false;
      if ((pool.params.order ?? 0) !== binding.poolOrder) return -E2BIG;
      binding.get();
      return 0;
    },

    /** @kernel mp_dmabuf_devmem_destroy — net/core/devmem.c, 7.3 */
    destroy(pool: PagePool): void {
      (pool.mpPriv as DmabufBinding).put();
    },

    /** One net_iov per call; 0 when the dma-buf is exhausted, which is a normal event. */
    allocNetmems(pool: PagePool): NetmemRef {
      const niov = (pool.mpPriv as DmabufBinding).allocNetIov();
      if (niov === 0) return 0 as NetmemRef;
      const ref = netmem.netIovToNetmem(niov);
      pool.niovSetPagePool(ref);
      return ref;
    },

    /** @kernel mp_dmabuf_devmem_release_page — net/core/devmem.c, 7.3 */
    releaseNetmem(pool: PagePool, ref: NetmemRef): boolean {
      // A wrong count means that somebody still looks at the bytes: leak the net_iov rather than hand it out again.
      if (!netmem.isNetIov(ref) || netmem.ppRefCount[ref >>> 1] !== 1) {
        machine.log.warn(
          `dmabuf provider: ref ${ref} released with ${netmem.ppRefCount[ref >>> 1]} references`,
          'devmem',
        );
        return false;
      }
      pool.niovClearPagePool(ref);
      (pool.mpPriv as DmabufBinding).freeNetIov(netmem.toNetIov(ref));
      // false: there is no page for the pool to put.
      return false;
    },

    describe(priv: unknown): ProviderDescription {
      return { kind: 'dmabuf', id: (priv as DmabufBinding).id };
    },

    /** @kernel mp_dmabuf_devmem_uninstall — net/core/devmem.c, 7.3 */
    uninstall(priv: unknown, rxq: unknown): void {
      const binding = priv as DmabufBinding;
      const at = binding.boundRxqs.indexOf(rxq as { index: number });
      if (at < 0) return;
      binding.boundRxqs.splice(at, 1);
      if (binding.boundRxqs.length === 0) binding.dev = null;
    },
  });
}
