import { KernelBug } from '../log/kernel-bug.ts';
import type { ExecutionContext } from './execution-context.ts';

/**
 * A mutex that guards one device's configuration. There is one thread, so it never waits: it exists because the contract says
 * which calls are made with it held, and because taking it twice would hang a real kernel.
 *
 * @kernel netdev_lock — include/net/netdev_lock.h, 7.3
 */
export class InstanceLock {
  readonly #context: ExecutionContext;
  readonly name: string;
  #held = false;

  constructor(context: ExecutionContext, name: string) {
    this.#context = context;
    this.name = name;
  }

  get held(): boolean {
    return this.#held;
  }

  /** @throws KernelBug when it is held already (a real kernel hangs) and outside process context (a mutex sleeps). */
  lock(): void {
    this.#context.assertMaySleep(`taking the lock of ${this.name}`);
    if (this.#held) throw new KernelBug('lock recursion', `${this.name} is locked already`);
    this.#held = true;
  }

  /** @throws KernelBug when it is not held. */
  unlock(): void {
    if (!this.#held) throw new KernelBug('unbalanced unlock', `${this.name} is not locked`);
    this.#held = false;
  }

  /**
   * @param rule - What needs the lock, named in the message.
   * @throws KernelBug when it is not held.
   * @kernel netdev_assert_locked — include/net/netdev_lock.h, 7.3
   */
  assertHeld(rule: string): void {
    if (!this.#held) throw new KernelBug('instance lock not held', `${rule} needs the lock of ${this.name}`);
  }
}
