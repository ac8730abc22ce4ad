import type { ExecutionContext } from '../context/execution-context.ts';
import { KernelBug } from '../log/kernel-bug.ts';

export const HI_SOFTIRQ = 0;
export const TIMER_SOFTIRQ = 1;
export const NET_TX_SOFTIRQ = 2;
export const NET_RX_SOFTIRQ = 3;
export const BLOCK_SOFTIRQ = 4;
export const IRQ_POLL_SOFTIRQ = 5;
export const TASKLET_SOFTIRQ = 6;
export const SCHED_SOFTIRQ = 7;
export const HRTIMER_SOFTIRQ = 8;
export const RCU_SOFTIRQ = 9;
const NR_SOFTIRQS = 10;

/**
 * Softirqs: raised by bits, run by number, lowest first, in softirq context.
 *
 * @kernel handle_softirqs — kernel/softirq.c, 7.3
 */
export class Softirqs {
  readonly #context: ExecutionContext;
  readonly #handlers: ((() => boolean) | null)[] = new Array(NR_SOFTIRQS).fill(null);
  #raised = 0;

  constructor(context: ExecutionContext) {
    this.#context = context;
  }

  /** Bit n is set when softirq n waits to run. */
  get raised(): number {
    return this.#raised;
  }

  /**
   * Installs the handler of a softirq. It returns whether it left work undone, and then runs again in the next round.
   *
   * @throws KernelBug for a number that does not exist or has a handler.
   * @kernel open_softirq — kernel/softirq.c, 7.3
   */
  register(nr: number, handler: () => boolean): void {
    if (this.#handlers[nr] !== null) throw new KernelBug('softirq', `number ${nr} does not exist or has a handler`);
    this.#handlers[nr] = handler;
  }

  /** @kernel raise_softirq — kernel/softirq.c, 7.3 */
  raise(nr: number): void {
    this.#raised |= 1 << nr;
  }

  /**
   * One pass over what was raised when it began; true when anything was. What is raised meanwhile waits for the next round,
   * after devices had their turn, as ksoftirqd lets others run.
   */
  run(): boolean {
    let due = this.#raised;
    if (due === 0) return false;
    this.#raised = 0;
    this.#context.enterSoftirq(0);
    try {
      while (due !== 0) {
        const nr = 31 - Math.clz32(due & -due);
        due &= due - 1;
        const handler = this.#handlers[nr];
        if (handler?.()) this.#raised |= 1 << nr;
      }
    } finally {
      // A handler that throws must not lose the others' turn.
      this.#raised |= due;
      this.#context.leaveSoftirq();
    }
    return true;
  }
}
