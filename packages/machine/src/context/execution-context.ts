import { KernelBug } from '../log/kernel-bug.ts';

/** Ordinary code: a system call, a work, a control request. May sleep and take mutexes. */
export const CONTEXT_PROCESS = 0;
/** Softirq: NAPI polls and protocol timers. */
export const CONTEXT_SOFTIRQ = 1;
/** Hard interrupt: only acknowledges and schedules. */
export const CONTEXT_HARDIRQ = 2;

/** Names of the kinds, by number. */
export const CONTEXT_NAMES: readonly string[] = ['process', 'softirq', 'hardirq'];

/** Deeper than any legal nesting (process, softirq, NAPI, hardirq); more means a missing leave. */
const MAX_DEPTH = 16;

const KIND_BITS = 2;
const KIND_MASK = 3;

/**
 * Which kind of code is running on the machine's one CPU, because the contracts of NAPI, page_pool and the instance lock talk
 * about it. Everything that the machine calls is bracketed by enter and leave; nothing is checked by it on its own.
 */
export class ExecutionContext {
  /** The machine has one CPU. Data structures that Linux keeps per CPU exist once. */
  readonly cpu: number = 0;
  readonly #frames: Int32Array = new Int32Array(MAX_DEPTH);
  #depth = 0;
  /** One of the CONTEXT_ constants. */
  kind: number = CONTEXT_PROCESS;
  /** The NAPI whose poll is running, 0 for none. */
  napiId: number = 0;

  /**
   * Whether softirq code is running, and not a hard interrupt on top of it.
   *
   * @kernel in_serving_softirq — include/linux/preempt.h, 7.3
   */
  get inSoftirq(): boolean {
    return this.kind === CONTEXT_SOFTIRQ;
  }

  /** How many contexts are nested on top of the process that was running. */
  get depth(): number {
    return this.#depth;
  }

  /** Enters softirq context; nested calls are how a NAPI poll names itself within the softirq that runs it. */
  enterSoftirq(napiId: number): void {
    if (this.kind === CONTEXT_HARDIRQ)
      throw new KernelBug('softirq within hardirq', 'softirqs run after the interrupt');
    this.#push(CONTEXT_SOFTIRQ, napiId);
  }

  /** @throws KernelBug when the innermost context is not a softirq. */
  leaveSoftirq(): void {
    this.#pop(CONTEXT_SOFTIRQ);
  }

  enterHardirq(): void {
    this.#push(CONTEXT_HARDIRQ, 0);
  }

  /** @throws KernelBug when the innermost context is not a hard interrupt. */
  leaveHardirq(): void {
    this.#pop(CONTEXT_HARDIRQ);
  }

  /**
   * @param what - What is about to sleep, for the message.
   * @throws KernelBug outside process context.
   * @kernel might_sleep — include/linux/kernel.h, 7.3
   */
  assertMaySleep(what: string): void {
    if (this.kind !== CONTEXT_PROCESS) {
      throw new KernelBug('sleeping in atomic context', `${what} in ${CONTEXT_NAMES[this.kind]} context`);
    }
  }

  #push(kind: number, napiId: number): void {
    if (this.#depth === MAX_DEPTH) throw new KernelBug('context nesting', 'a leave is missing');
    this.#frames[this.#depth++] = (this.napiId << KIND_BITS) | this.kind;
    this.kind = kind;
    this.napiId = napiId;
  }

  #pop(kind: number): void {
    if (this.kind !== kind || this.#depth === 0) {
      throw new KernelBug('context nesting', `leaving ${CONTEXT_NAMES[kind]} while in ${CONTEXT_NAMES[this.kind]}`);
    }
    const frame = this.#frames[--this.#depth] as number;
    this.kind = frame & KIND_MASK;
    this.napiId = frame >>> KIND_BITS;
  }
}
