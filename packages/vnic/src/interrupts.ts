import { IRQ_DOORBELL_INTERVAL_UNIT_US } from './abi/index.ts';
import { type Doorbells, INTERVAL_KEPT } from './doorbells.ts';
import type { NicHost } from './host.ts';
import { PendingSet } from './pending-set.ts';

/**
 * Notification blocks and the management vector.
 *
 * A block's life, which is what drivers lean on because they never look again after re-arming:
 *
 * ```
 *             event: signal            write with ENABLE
 *   armed ──────────────────▶ disarmed ──────────────────▶ armed, and signal at once if pending
 *                              │    ▲
 *                              └────┘ event: pending := 1
 * ```
 *
 * Masks and the pending-bit array of MSI-X are the transport's; this is the card's own state, and a lost pending bit here
 * hangs a queue for good.
 */
export class InterruptBlocks {
  /** Blocks that CONFIGURE_DEVICE_RESOURCES asked for. */
  count = 0;
  /** Signals sent since the card was made. */
  signals = 0;

  readonly #host: NicHost;
  readonly #moderate: boolean;
  readonly #armed: Uint8Array;
  readonly #pending: Uint8Array;
  readonly #quiet: Uint8Array;
  /** Blocks with completions that were written since the last {@link InterruptBlocks.flush}, and those whose interval has ended. */
  readonly #touched: PendingSet;
  readonly #due: PendingSet;
  /** 1 while a wake-up is scheduled for the block: one at a time, so that a busy driver cannot pile them up. */
  readonly #waking: Uint8Array;
  readonly #intervalNs: Float64Array;
  readonly #notBeforeNs: Float64Array;
  readonly #wake: (() => void)[] = [];
  #firstVector = 0;
  /** -1 before the driver said where it is. */
  #managementVector = -1;

  constructor(host: NicHost, maxBlocks: number, moderate: boolean) {
    this.#host = host;
    this.#moderate = moderate;
    this.#armed = new Uint8Array(maxBlocks);
    this.#pending = new Uint8Array(maxBlocks);
    this.#quiet = new Uint8Array(maxBlocks);
    this.#touched = new PendingSet(maxBlocks);
    this.#due = new PendingSet(maxBlocks);
    this.#waking = new Uint8Array(maxBlocks);
    this.#intervalNs = new Float64Array(maxBlocks);
    this.#notBeforeNs = new Float64Array(maxBlocks);
    for (let block = 0; block < maxBlocks; block++) {
      this.#wake.push(() => {
        this.#waking[block] = 0;
        this.#due.add(block);
      });
    }
  }

  /** Base 0 puts the management vector behind the blocks, base 1 before them. */
  configure(count: number, base: number): void {
    this.deconfigure();
    this.count = count;
    this.#firstVector = base;
    this.#managementVector = base === 0 ? count : 0;
  }

  deconfigure(): void {
    this.count = 0;
    this.#managementVector = -1;
    this.#armed.fill(0);
    this.#pending.fill(0);
    this.#quiet.fill(0);
    this.#touched.clear();
    this.#intervalNs.fill(0);
    this.#notBeforeNs.fill(0);
  }

  /** Takes up what was written to the blocks' doorbells. */
  takeUp(doorbells: Doorbells): void {
    for (let left = doorbells.blocksWritten.count; left > 0; left--) {
      const block = doorbells.blocksWritten.take();
      if (block < this.count) {
        const interval = doorbells.blockInterval[block];
        if (interval !== INTERVAL_KEPT) {
          this.#intervalNs[block] = interval * IRQ_DOORBELL_INTERVAL_UNIT_US * 1000;
        }
        if (doorbells.blockClear[block] !== 0) this.#pending[block] = 0;
        this.#quiet[block] = doorbells.blockQuiet[block];
        this.#armed[block] = doorbells.blockEnable[block];
        this.#signalIfDue(block);
      }
      doorbells.taken(block);
    }
  }

  /** A completion was written on behalf of `block` (-1: a queue that is only polled). The signal follows at {@link flush}. */
  touch(block: number): void {
    if (block >= 0) this.#touched.add(block);
  }

  /** Signals for everything touched since the last time, once per block: a batch of completions is one event. */
  flush(): void {
    for (let left = this.#touched.count; left > 0; left--) {
      const block = this.#touched.take();
      this.#pending[block] = 1;
      this.#signalIfDue(block);
    }
    for (let left = this.#due.count; left > 0; left--) this.#signalIfDue(this.#due.take());
  }

  /** Something in device_status changed. There is nothing to arm or acknowledge. */
  signalManagement(): void {
    if (this.#managementVector >= 0) this.#raise(this.#managementVector);
  }

  /** What a test or a state dump wants to know of one block. */
  inspect(block: number): { armed: boolean; pending: boolean; quiet: boolean; intervalNs: number } {
    return {
      armed: this.#armed[block] === 1,
      pending: this.#pending[block] === 1,
      quiet: this.#quiet[block] === 1,
      intervalNs: this.#intervalNs[block],
    };
  }

  #signalIfDue(block: number): void {
    if (this.#armed[block] === 0 || this.#pending[block] === 0 || this.#quiet[block] === 1) return;
    if (this.#moderate) {
      const now = this.#host.clock.nowNs;
      if (now < this.#notBeforeNs[block]) {
        if (this.#waking[block] === 0) {
          this.#waking[block] = 1;
          this.#host.clock.schedule(this.#notBeforeNs[block], this.#wake[block]);
        }
        return;
      }
      this.#notBeforeNs[block] = now + this.#intervalNs[block];
    }
    this.#pending[block] = 0;
    this.#armed[block] = 0;
    this.#raise(this.#firstVector + block);
  }

  #raise(vector: number): void {
    this.signals++;
    this.#host.raise(vector);
  }
}
