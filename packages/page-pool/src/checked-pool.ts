import { CONTEXT_HARDIRQ, KernelBug } from '@netmem/machine';
import { NETMEM_PP, type NetmemRef } from '@netmem/netmem';
import { FREE, OUT } from './ledger.ts';
import { PagePool } from './page-pool.ts';

/**
 * The pool of development builds: the same, after looking at who calls. What it refuses is undetected in the kernel, and shows there
 * as corrupted data much later.
 *
 * @internal
 */
export class CheckedPagePool extends PagePool {
  /** @throws KernelBug after destroy, and in a hard interrupt. */
  override allocNetmems(): NetmemRef {
    if (this.destroyed) throw new KernelBug('allocation after destroy', `from pool ${this.id}`);
    if (this.context.kind === CONTEXT_HARDIRQ) {
      throw new KernelBug('allocation in hard interrupt', `from pool ${this.id}`);
    }
    const ref = super.allocNetmems();
    this.host.ledger?.mark(ref, OUT);
    return ref;
  }

  /** @throws KernelBug as {@link CheckedPagePool.assertPut}. */
  override putNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void {
    this.assertPut(ref, allowDirect);
    if (this.ppRefCount[ref >>> 1] === 1) this.host.ledger?.mark(ref, FREE);
    super.putNetmem(ref, dmaSyncSize, allowDirect);
  }

  /** @throws KernelBug as {@link CheckedPagePool.assertPut}. */
  override putUnrefedNetmem(ref: NetmemRef, dmaSyncSize: number, allowDirect: boolean): void {
    this.assertPut(ref, allowDirect);
    this.host.ledger?.mark(ref, FREE);
    super.putUnrefedNetmem(ref, dmaSyncSize, allowDirect);
  }

  /**
   * @throws KernelBug unless `ref` is out, belongs to this pool, and may be put from here.
   */
  override assertPut(ref: NetmemRef, allowDirect: boolean): void {
    const { netmem, ledger } = this.host;
    const slot = ref >>> 1;
    if (ref === 0 || slot >= netmem.flags.length)
      throw new KernelBug('no memory', `put of ${ref} to pool ${this.id}`, ref);
    if (this.context.kind === CONTEXT_HARDIRQ) {
      throw new KernelBug('put in hard interrupt', `netmem ${ref} to pool ${this.id}`, ref);
    }
    if (((netmem.flags[slot] as number) & NETMEM_PP) === 0) {
      throw new KernelBug('not pool memory', `netmem ${ref} put to pool ${this.id}`, ref);
    }
    if (netmem.poolOf[slot] !== this.index) {
      const owner = netmem.pool(ref)?.id;
      throw new KernelBug('I-4: put to the wrong pool', `netmem ${ref} is pool ${owner}'s, not ${this.id}'s`, ref);
    }
    if (ledger?.isFree(ref)) throw new KernelBug('double put', `netmem ${ref} is free in pool ${this.id} already`, ref);
    if (allowDirect) this.#assertDirect(ref);
  }

  /**
   * Direct puts share the cache with the allocator without a lock: they are for the NAPI that allocates, or for anybody while
   * that NAPI cannot run. In the kernel a wrong one is a data race.
   */
  #assertDirect(ref: NetmemRef): void {
    if (this.destroyed) {
      throw new KernelBug('I-3: direct put after destroy', `the cache of pool ${this.id} is never emptied again`, ref);
    }
    const { context, napi, cpuid } = this;
    if (cpuid >= 0) {
      if (context.inSoftirq && context.cpu === cpuid) return;
      throw new KernelBug('I-3: direct put from a wrong context', `pool ${this.id} is of CPU ${cpuid}'s softirq`, ref);
    }
    if (napi === null || !napi.enabled || (context.inSoftirq && context.napiId === napi.id)) return;
    const running = context.inSoftirq ? `softirq, NAPI ${context.napiId}` : 'process context';
    throw new KernelBug(
      'I-3: direct put from a wrong context',
      `pool ${this.id} is of NAPI ${napi.id}; running: ${running}`,
      ref,
    );
  }
}
