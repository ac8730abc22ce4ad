import { KernelBug } from '@netmem/machine';
import type { NetmemPool } from './netmem-ref.ts';

/** Pools by a small number, so that a column can name the pool that memory belongs to. */
export class PoolRegistry {
  readonly #pools: (NetmemPool | null)[] = [null];
  readonly #free: number[] = [];

  register(pool: NetmemPool): number {
    const index = this.#free.pop() ?? this.#pools.length;
    this.#pools[index] = pool;
    return index;
  }

  unregister(index: number): void {
    if (this.at(index) === null) throw new KernelBug('pool registry', `no pool has index ${index}`);
    this.#pools[index] = null;
    this.#free.push(index);
  }

  at(index: number): NetmemPool | null {
    return this.#pools[index] ?? null;
  }

  get count(): number {
    return this.#pools.length - 1 - this.#free.length;
  }
}
