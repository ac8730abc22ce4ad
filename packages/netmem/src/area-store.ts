import { KernelBug } from '@netmem/machine';
import { EINVAL, ENOMEM, type NegativeErrno } from '@netmem/uapi';
import { FreeRuns } from './free-runs.ts';
import { NetIovArea } from './net-iov-area.ts';
import { NET_IOV, NETMEM_PP, type NetIovOwner } from './netmem-ref.ts';

/** The columns of a table that areas fill in. */
interface AreaColumns {
  readonly areaOf: Int32Array;
  readonly flags: Uint8Array;
  readonly poolOf: Int32Array;
  readonly dmaAddr: Float64Array;
  readonly ppRefCount: Int32Array;
}

/** The net_iov half of a table: contiguous runs of slots, one per area. */
export class AreaStore {
  readonly #columns: AreaColumns;
  readonly #runs: FreeRuns;
  /** By area index, which is what the `areaOf` column holds; index 0 is never used. */
  readonly byIndex: (NetIovArea | null)[] = [null];

  constructor(columns: AreaColumns, firstSlot: number, count: number) {
    this.#columns = columns;
    this.#runs = new FreeRuns(firstSlot, count);
  }

  get freeNetIovs(): number {
    return this.#runs.free;
  }

  /** Areas that were created and not destroyed. */
  get live(): NetIovArea[] {
    return this.byIndex.filter((area) => area !== null);
  }

  create(numNiovs: number, type: number, owner: NetIovOwner, baseVirtual: number): NetIovArea | NegativeErrno {
    if (!Number.isInteger(numNiovs) || numNiovs < 1) return -EINVAL;
    const firstSlot = this.#runs.take(numNiovs);
    if (firstSlot < 0) return -ENOMEM;
    let index = this.byIndex.indexOf(null, 1);
    if (index < 0) index = this.byIndex.length;
    const area = new NetIovArea(index, firstSlot, numNiovs, type, owner, baseVirtual);
    this.byIndex[index] = area;
    this.#reset(area, index);
    return area;
  }

  destroy(area: NetIovArea): void {
    if (this.byIndex[area.index] !== area) throw new KernelBug('net_iov_area', 'destroyed twice');
    const { flags } = this.#columns;
    for (let i = 0; i < area.numNiovs; i++) {
      const slot = area.firstSlot + i;
      if (((flags[slot] as number) & NETMEM_PP) !== 0) {
        throw new KernelBug('net_iov_area', `destroyed while net_iov ${i} belongs to a pool`, (slot << 1) | NET_IOV);
      }
    }
    this.#reset(area, 0);
    this.byIndex[area.index] = null;
    this.#runs.give(area.firstSlot, area.numNiovs);
  }

  /** @kernel net_iov_init — include/net/netmem.h, 7.3 */
  #reset(area: NetIovArea, index: number): void {
    const { areaOf, flags, poolOf, dmaAddr, ppRefCount } = this.#columns;
    const first = area.firstSlot;
    const end = first + area.numNiovs;
    areaOf.fill(index, first, end);
    flags.fill(0, first, end);
    poolOf.fill(0, first, end);
    dmaAddr.fill(0, first, end);
    ppRefCount.fill(0, first, end);
  }
}
