import { EBUSY, EINVAL, ENOSPC, ERANGE } from '@netmem/uapi';
import type { ExecutionContext } from '../context/execution-context.ts';

const WORD_SHIFT = 5;

interface Action {
  readonly name: string;
  readonly handler: () => void;
}

/**
 * The MSI-X table of one function: masks, pending bits, and the handlers behind them.
 *
 * A vector is masked until its interrupt is requested, and again once it is freed. Raising a masked vector sets its pending bit,
 * and unmasking delivers it; raising a pending vector again changes nothing.
 */
export class MsixTable {
  readonly #context: ExecutionContext;
  readonly #size: number;
  readonly #actions: (Action | null)[];
  readonly #pending: Int32Array;
  readonly #open: Int32Array;
  #enabled = 0;
  #mayHaveDue = false;
  #dropped = 0;

  constructor(context: ExecutionContext, size: number) {
    this.#context = context;
    this.#size = size;
    this.#actions = new Array(size).fill(null);
    const words = (size >>> WORD_SHIFT) + 1;
    this.#pending = new Int32Array(words);
    this.#open = new Int32Array(words);
  }

  /** Vectors in use, 0 while MSI-X is off. */
  get enabled(): number {
    return this.#enabled;
  }

  /** Interrupts lost because MSI-X was off or the vector does not exist. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Vectors whose pending bit is set, in order. */
  get pending(): number[] {
    const found: number[] = [];
    for (let vector = 0; vector < this.#size; vector++) if (this.#bit(this.#pending, vector)) found.push(vector);
    return found;
  }

  /** Vectors that have a handler, as `vector name`. */
  get requested(): string[] {
    return this.#actions.flatMap((action, vector) => (action === null ? [] : [`${vector} ${action.name}`]));
  }

  enable(count: number): number {
    if (!Number.isInteger(count) || count < 1) return -ERANGE;
    if (this.#enabled !== 0) return -EINVAL;
    if (count > this.#size) return -ENOSPC;
    this.#enabled = count;
    return 0;
  }

  disable(): void {
    this.#enabled = 0;
    this.#actions.fill(null);
    this.#pending.fill(0);
    this.#open.fill(0);
  }

  request(vector: number, name: string, handler: () => void): number {
    if (!this.#isVector(vector)) return -EINVAL;
    if (this.#actions[vector] !== null) return -EBUSY;
    this.#actions[vector] = { name, handler };
    this.unmask(vector);
    return 0;
  }

  /** False when nothing was requested there. */
  free(vector: number): boolean {
    if (!this.#isVector(vector) || this.#actions[vector] === null) return false;
    this.#actions[vector] = null;
    this.mask(vector);
    return true;
  }

  mask(vector: number): void {
    if (this.#isVector(vector)) this.#setBit(this.#open, vector, false);
  }

  unmask(vector: number): void {
    if (!this.#isVector(vector) || this.#actions[vector] === null) return;
    this.#setBit(this.#open, vector, true);
    this.#mayHaveDue = true;
  }

  raise(vector: number): void {
    if (!this.#isVector(vector)) {
      this.#dropped++;
      return;
    }
    const word = vector >>> WORD_SHIFT;
    this.#pending[word] = (this.#pending[word] as number) | (1 << vector);
    this.#mayHaveDue = true;
  }

  /** Runs the handlers of vectors that are pending and not masked, lowest first, in hardirq context. True when any ran. */
  deliver(): boolean {
    if (!this.#mayHaveDue) return false;
    this.#mayHaveDue = false;
    let ran = false;
    for (let word = 0; word < this.#pending.length; word++) {
      let due = (this.#pending[word] as number) & (this.#open[word] as number);
      while (due !== 0) {
        const bit = due & -due;
        due ^= bit;
        // A handler before this one may have masked it.
        if (((this.#open[word] as number) & bit) === 0) continue;
        this.#pending[word] = (this.#pending[word] as number) & ~bit;
        this.#run((word << WORD_SHIFT) + (31 - Math.clz32(bit)));
        ran = true;
      }
    }
    return ran;
  }

  #run(vector: number): void {
    this.#context.enterHardirq();
    try {
      this.#actions[vector]?.handler();
    } finally {
      this.#context.leaveHardirq();
    }
  }

  #isVector(vector: number): boolean {
    return vector >= 0 && vector < this.#enabled;
  }

  #bit(words: Int32Array, vector: number): boolean {
    return ((words[vector >>> WORD_SHIFT] as number) & (1 << vector)) !== 0;
  }

  #setBit(words: Int32Array, vector: number, on: boolean): void {
    const word = vector >>> WORD_SHIFT;
    const bit = 1 << vector;
    words[word] = on ? (words[word] as number) | bit : (words[word] as number) & ~bit;
  }
}
