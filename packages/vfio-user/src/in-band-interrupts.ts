import type { InterruptChannel, InterruptSink } from './interrupt-sink.ts';
import type { VfioUserStats } from './stats.ts';

const ENTRY_BYTES = 16;
const ENTRY_WORDS = 4;
const ADDRESS_LOW = 0;
const ADDRESS_HIGH = 1;
const DATA = 2;
const CONTROL = 3;
const MASKED = 1;
/**
 * How long a signal waits that cannot be delivered, before the table is read again. A guest announces every unmasking, so that
 * this is for one that does not; long enough to cost nothing.
 */
const RETRY_NS = 10_000_000;
/** The wait doubles with every refusal up to this: a vIOMMU writes each into the guest's log. */
const RETRY_MAX_NS = 1_280_000_000;

const UNREADABLE =
  'the guest does not let the device read its MSI-X table, so that no interrupt reaches it; one with a vIOMMU has to run with iommu=pt';

/**
 * Interrupts as a PCI device makes them: a memory write of the vector's data to the vector's address, sent to the guest as
 * DMA_WRITE. Address and data stand in the MSI-X table, which the guest's hypervisor keeps; it is read through the guest
 * at the table's bus address and remembered until the guest announces a change.
 */
export class InBandInterrupts implements InterruptSink {
  readonly #channel: InterruptChannel;
  readonly #stats: VfioUserStats;
  readonly #pending: Uint8Array;
  readonly #table: Int32Array;
  #anyPending = false;
  #enabled = false;
  #tableValid = false;
  #reading = false;
  /** The guest refused to read the table: not again before something changes or a while has passed. */
  #unreadable = false;
  /** Refusals since the last answer. */
  #refusals = 0;
  /** Counts changes: what was read before one is out of date. */
  #generation = 0;
  #retrying = false;

  constructor(channel: InterruptChannel, stats: VfioUserStats) {
    this.#channel = channel;
    this.#stats = stats;
    this.#pending = new Uint8Array(channel.vectors);
    this.#table = new Int32Array(channel.vectors * ENTRY_WORDS);
  }

  signal(vector: number): void {
    if (!(vector >= 0 && vector < this.#pending.length)) return;
    this.#pending[vector] = 1;
    this.#anyPending = true;
  }

  changed(enabled: boolean): void {
    this.#enabled = enabled;
    this.#tableValid = false;
    this.#unreadable = false;
    this.#generation++;
  }

  isPending(vector: number): boolean {
    return this.#pending[vector] === 1;
  }

  reset(): void {
    this.#pending.fill(0);
    this.#anyPending = false;
    this.#refusals = 0;
    this.changed(this.#enabled);
  }

  deliver(): void {
    if (!this.#anyPending || !this.#enabled) return;
    const channel = this.#channel;
    // Whoever sees the congestion end calls again.
    if (channel.congested) return;
    if (channel.tableAddress() < 0) {
      this.#wait();
      return;
    }
    if (!this.#tableValid) {
      this.#readTable();
      return;
    }
    this.#anyPending = false;
    for (let vector = 0; vector < this.#pending.length; vector++) {
      if (this.#pending[vector] === 0) continue;
      const at = vector * ENTRY_WORDS;
      const table = this.#table;
      const address = (table[at + ADDRESS_HIGH] >>> 0) * 0x1_0000_0000 + (table[at + ADDRESS_LOW] >>> 0);
      // An entry that was never written says address 0, which is RAM of the guest.
      if ((table[at + CONTROL] & MASKED) !== 0 || address === 0 || address > Number.MAX_SAFE_INTEGER) {
        this.#anyPending = true;
        continue;
      }
      this.#pending[vector] = 0;
      this.#stats.interrupts++;
      channel.writeBus32(address, table[at + DATA]);
    }
    if (this.#anyPending) this.#wait();
  }

  #readTable(): void {
    if (this.#reading || this.#unreadable) return;
    this.#reading = true;
    this.#stats.tableReads++;
    const generation = this.#generation;
    const bytes = this.#pending.length * ENTRY_BYTES;
    this.#channel.readBus(this.#channel.tableAddress(), bytes, (data, at) => {
      this.#reading = false;
      if (data === null) {
        this.#unreadable = generation === this.#generation;
        if (this.#refusals++ === 0) this.#channel.report(UNREADABLE);
        this.#wait();
        return;
      }
      this.#refusals = 0;
      if (generation === this.#generation) {
        for (let word = 0; word < this.#table.length; word++) this.#table[word] = data.getInt32(at + 4 * word, true);
        this.#tableValid = true;
      }
      this.deliver();
    });
  }

  #wait(): void {
    if (this.#retrying) return;
    this.#stats.interruptsHeld++;
    this.#retrying = true;
    this.#channel.after(Math.min(RETRY_NS * 2 ** this.#refusals, RETRY_MAX_NS), () => {
      this.#retrying = false;
      this.#tableValid = false;
      this.#unreadable = false;
      this.deliver();
    });
  }
}
