import type { Machine } from '@netmem/machine';
import { EBUSY } from '@netmem/uapi';
import type { DmabufBinding } from './binding.ts';

const U32_MAX = 0xffffffff;

/**
 * Numbers of the live bindings of one machine, whatever device or network they belong to. Handed out in a circle, so that an id that a
 * packet still carries is not soon somebody else's. A bind that fails later has used one up.
 *
 * @kernel net_devmem_dmabuf_bindings — net/core/devmem.c, 7.3
 */
export class BindingIds {
  readonly #live = new Map<number, DmabufBinding>();
  readonly #last: number;
  #next = 1;

  /** @param last - The highest id; a test may have fewer than 32 bits' worth. */
  constructor(last: number = U32_MAX) {
    this.#last = last;
  }

  /** @returns an id from 1; `-EBUSY`: every number is in use. */
  allocate(binding: DmabufBinding): number {
    if (this.#live.size >= this.#last) return -EBUSY;
    while (this.#live.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#advance();
    this.#live.set(id, binding);
    return id;
  }

  get(id: number): DmabufBinding | undefined {
    return this.#live.get(id);
  }

  release(id: number): void {
    this.#live.delete(id);
  }

  #advance(): void {
    this.#next = this.#next === this.#last ? 1 : this.#next + 1;
  }
}

const idsOfMachine = new WeakMap<Machine, BindingIds>();

/** The one table of a machine. */
export function bindingIds(machine: Machine): BindingIds {
  let ids = idsOfMachine.get(machine);
  if (ids === undefined) {
    ids = new BindingIds();
    idsOfMachine.set(machine, ids);
  }
  return ids;
}
