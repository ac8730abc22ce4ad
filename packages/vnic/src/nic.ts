import { DOORBELL_BAR, REGISTER_BAR } from './abi/index.ts';
import { AdminQueue } from './admin-queue.ts';
import { Card } from './card.ts';
import { TX_BURST } from './choices.ts';
import type { DriverInfo } from './driver-info.ts';
import type { MsixLocation, NicFunction, NicHost, PciIdentity } from './host.ts';
import type { NicOptions } from './options.ts';
import { PendingSet } from './pending-set.ts';
import { RxPlacement } from './rx-placement.ts';
import type { NicStats } from './stats.ts';

/** What a state dump or a test may look at; a copy, nothing in it is live. */
export interface NicInspection {
  /** DEVICE_STATUS_* bits. */
  readonly deviceStatus: number;
  readonly adminqLive: boolean;
  readonly configured: boolean;
  /** The string that the driver wrote to its version register. */
  readonly driverVersion: string;
  /** Null before VERIFY_DRIVER_COMPATIBILITY. */
  readonly driver: DriverInfo | null;
  readonly mtu: number;
  readonly linkUp: boolean;
  readonly strayDoorbells: number;
  /** Existing queues only. */
  readonly rxQueues: readonly {
    readonly id: number;
    readonly stopped: boolean;
    readonly buffersPosted: number;
    readonly completionIndex: number;
    readonly headerBufferBytes: number;
    readonly enableRsc: boolean;
  }[];
  readonly txQueues: readonly {
    readonly id: number;
    readonly stopped: boolean;
    readonly descriptorsPosted: number;
    readonly completionIndex: number;
  }[];
  readonly blocks: readonly {
    readonly armed: boolean;
    readonly pending: boolean;
    readonly quiet: boolean;
    readonly intervalNs: number;
  }[];
  readonly flowRules: number;
  readonly rss: { readonly hashTypes: number; readonly key: Uint8Array; readonly table: Uint16Array };
}

/** The card, as whoever built it sees it. A driver sees only registers, memory and interrupts. */
export interface Nic extends NicFunction {
  readonly pci: PciIdentity & { readonly msix: MsixLocation };
  /** Live counters. They survive resets. */
  readonly stats: NicStats;
  /** Asks the driver for a reset: device_status bit 1 and the management vector. The driver decides when. */
  requestReset(reason: string): void;
  /**
   * The queues of one direction hang: they post no completion any more, and nobody is told. It lasts until the driver makes them anew, which a
   * watchdog of its own must tell it to do.
   */
  hangQueues(direction: 'rx' | 'tx'): void;
  /** Sets or clears device_status bit 3, with which the card asks the driver for stats reports. */
  requestStats(wanted: boolean): void;
  /** Pulls the plug on the card's side, or puts it back; the port's own link counts as well. */
  setLinkUp(up: boolean): void;
  /** The card's state at this moment. */
  inspect(): NicInspection;
}

class GvNic implements Nic {
  readonly stats: NicStats;
  readonly #card: Card;
  readonly #admin: AdminQueue;
  readonly #placement: RxPlacement;
  /** Transmit queues that may have something to send. */
  readonly #sending: PendingSet;

  constructor(host: NicHost, options: NicOptions) {
    const card = new Card(host, options);
    this.#card = card;
    this.#admin = new AdminQueue(card);
    this.#placement = new RxPlacement(card);
    this.#sending = new PendingSet(card.tx.length);
    this.stats = {
      rx: card.rx.map((queue) => queue.stats),
      tx: card.tx.map((queue) => queue.stats),
      device: card.device,
    };
  }

  get pci(): PciIdentity & { readonly msix: MsixLocation } {
    return this.#card.pci;
  }

  barRead(bar: number, offset: number, size: number): number {
    return bar === REGISTER_BAR ? this.#card.registers.read(offset, size) : 0;
  }

  barWrite(bar: number, offset: number, size: number, value: number): void {
    if (bar === REGISTER_BAR) this.#card.registers.write(offset, size, value);
    else if (bar === DOORBELL_BAR) this.#card.doorbells.write(offset, size, value);
  }

  run(budget: number): number {
    const card = this.#card;
    const signalsBefore = card.interrupts.signals;
    let done = 0;
    if (card.registers.resetPending) {
      this.#restart();
      done++;
    }
    card.checkLink();
    done += this.#admin.run(budget);
    card.interrupts.takeUp(card.doorbells);
    this.#takeUpTails();
    done += this.#transmit(budget);
    done += this.#placement.run(budget);
    card.report.run();
    card.interrupts.flush();
    // A signal alone is work too: whoever pumps must not take this round for an idle one.
    return done + card.interrupts.signals - signalsBefore;
  }

  reset(): void {
    this.#card.reset('reset by the transport');
    this.#card.registers.clear();
    this.#admin.start(0);
  }

  requestReset(reason: string): void {
    this.#card.requestReset(reason);
  }

  hangQueues(direction: 'rx' | 'tx'): void {
    const card = this.#card;
    card.host.note({ kind: `${direction}-hang`, detail: 'the card was told to post no more completions' });
    for (const queue of direction === 'rx' ? card.rx : card.tx) if (queue.active) queue.stopped = true;
  }

  requestStats(wanted: boolean): void {
    this.#card.requestStats(wanted);
  }

  setLinkUp(up: boolean): void {
    this.#card.setPlugged(up);
  }

  inspect(): NicInspection {
    const card = this.#card;
    return {
      deviceStatus: card.registers.deviceStatus,
      adminqLive: this.#admin.live,
      configured: card.configured,
      driverVersion: card.registers.driverVersion,
      driver: card.driver,
      mtu: card.mtu,
      linkUp: card.linkUp,
      strayDoorbells: card.doorbells.strayWrites,
      rxQueues: card.rx
        .filter((queue) => queue.active)
        .map(({ id, stopped, buffersPosted, completionIndex, headerBufferBytes, enableRsc }) => {
          return { id, stopped, buffersPosted, completionIndex, headerBufferBytes, enableRsc };
        }),
      txQueues: card.tx
        .filter((queue) => queue.active)
        .map(({ id, stopped, descriptorsPosted, completionIndex }) => {
          return { id, stopped, descriptorsPosted, completionIndex };
        }),
      blocks: Array.from({ length: card.interrupts.count }, (_, block) => card.interrupts.inspect(block)),
      flowRules: card.rules.count,
      rss: { hashTypes: card.rss.hashTypes, key: card.rss.key.slice(), table: card.rss.table.slice() },
    };
  }

  #restart(): void {
    const { registers } = this.#card;
    const pfn = registers.pendingPfn;
    this.#card.reset(pfn === 0 ? 'the driver released the admin queue' : 'the driver set up an admin queue');
    registers.resetDone();
    this.#admin.start(pfn);
  }

  #takeUpTails(): void {
    const { rx, tx, doorbells } = this.#card;
    for (let left = doorbells.rxWritten.count; left > 0; left--) {
      const id = doorbells.rxWritten.take();
      if (rx[id].active) rx[id].takeUp(doorbells.rxTail[id]);
    }
    for (let left = doorbells.txWritten.count; left > 0; left--) {
      const id = doorbells.txWritten.take();
      if (!tx[id].active) continue;
      tx[id].takeUp(doorbells.txTail[id]);
      this.#sending.add(id);
    }
  }

  /** Queues by turns, until the budget is spent or none of a whole round could send. */
  #transmit(budget: number): number {
    const { tx } = this.#card;
    const sending = this.#sending;
    let done = 0;
    for (let idle = 0; done < budget && idle < sending.count; ) {
      const id = sending.take();
      const queue = tx[id];
      if (!queue.active) continue;
      const sent = queue.run(Math.min(budget - done, TX_BURST));
      done += sent;
      idle = sent === 0 ? idle + 1 : 0;
      if (queue.hasWork) sending.add(id);
      else idle = 0;
    }
    return done;
  }
}

/**
 * Makes a card. It is idle and owns its scratch memory; nothing happens until a driver writes its registers and whoever
 * made it calls `run`.
 *
 * @throws RangeError when an option cannot be, or the memory has no room for the scratch.
 */
export function createNic(host: NicHost, options: NicOptions): Nic {
  return new GvNic(host, options);
}
