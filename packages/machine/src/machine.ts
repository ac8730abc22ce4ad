import { LinearMemory } from '@netmem/region';
import { Clock } from './clock/clock.ts';
import { ExecutionContext } from './context/execution-context.ts';
import type { DmaMode } from './dma/dma-constants.ts';
import { DEFAULT_IOVA_PAGES, Iommu } from './dma/iommu.ts';
import { SWIOTLB_DEFAULT_BYTES } from './dma/swiotlb.ts';
import { KernelBug } from './log/kernel-bug.ts';
import { MachineLog } from './log/machine-log.ts';
import { Ram } from './memory/ram.ts';
import { PciBus } from './pci/pci-bus.ts';
import { Random } from './random/random.ts';
import { assertSingleCopy } from './single-copy.ts';
import { Softirqs, TIMER_SOFTIRQ } from './softirq/softirqs.ts';
import { Tracepoints } from './trace/tracepoints.ts';
import { MACHINE_VERSION } from './version.ts';
import { Workqueue } from './work/workqueue.ts';

// Here and not in the index: bundlers drop what a side-effect-free index does besides exporting.
assertSingleCopy('@netmem/machine', MACHINE_VERSION, (import.meta as { url?: string }).url);

const MIB = 1 << 20;
const DEFAULT_RAM_BYTES: number = 64 * MIB;
/** Room beside RAM in a memory that the machine makes for itself: frame slots, device memory. */
const DEFAULT_EXTRA_BYTES: number = 64 * MIB;
const DEFAULT_TIMEOUT_NS = 60e9;
/** How long {@link Machine.sleepUntil} sleeps between looks when nothing of the device's is due: the admin queue's poll interval. */
const DEFAULT_SLEEP_STEP_NS = 20e6;
/**
 * Rounds in which something is done while virtual time stands still before {@link Machine.run} calls it an endless loop.
 * A round moves some 64 packets, so that this is far beyond any transfer a test makes without a latency.
 */
const MAX_ROUNDS_AT_ONE_INSTANT = 10_000_000;

/** What a {@link Machine} is made from. Everything has a default. */
export interface MachineOptions {
  /** Where RAM and bounce slots are carved from. Default: an own one, twice the RAM plus 64 MiB, plus the bounce slots. */
  memory?: LinearMemory;
  /** Default 64 MiB. */
  ramBytes?: number;
  /**
   * Default: a new virtual clock. A second machine that is given the same clock shares its time and keeps timers of its own, so
   * that `machine.clock` is then another object.
   */
  clock?: Clock;
  /** Decides every random choice. Default 1. */
  seed?: number;
  /** Default `coherent`. */
  dmaMode?: DmaMode;
  /** Bytes of all bounce slots in the DMA mode `swiotlb`, rounded up to 256 KiB. Default 16 MiB. */
  swiotlbBytes?: number;
  /** NUMA nodes. Default 1. */
  nodes?: number;
  /** IO virtual pages. Default 262,144 (1 GiB). */
  maxIovaPages?: number;
  /** For messages. Default `machine`. */
  name?: string;
}

/** Something that {@link Machine.run} pumps besides the machine itself. */
export interface Pumpable {
  /** Does what there is to do now; true if anything was done. */
  step(): boolean;
}

/** How far {@link Machine.run} goes. */
export interface RunOptions {
  /** Checked before the first and after every round. */
  until?: () => boolean;
  /** In the clock's time. Default 60 s. */
  timeoutNs?: number;
}

/**
 * A computer: RAM, IOMMU, bus, interrupts, clock, chance and log, and the pump that makes it run.
 *
 * Nothing happens between two calls of {@link Machine.step}: there is one thread, and it is the caller's.
 */
export class Machine implements Pumpable {
  readonly name: string;
  readonly memory: LinearMemory;
  readonly dmaMode: DmaMode;
  readonly clock: Clock;
  readonly context: ExecutionContext = new ExecutionContext();
  readonly log: MachineLog;
  readonly trace: Tracepoints;
  readonly random: Random;
  readonly ram: Ram;
  readonly iommu: Iommu;
  readonly pci: PciBus;
  readonly softirq: Softirqs;
  readonly work: Workqueue;
  readonly #participants: Pumpable[] = [];
  #stepping = false;
  #running = false;

  /** @throws RangeError when `memory` has no room for RAM, or for bounce slots in the DMA mode `swiotlb`. */
  constructor(options: MachineOptions = {}) {
    const ramBytes = options.ramBytes ?? DEFAULT_RAM_BYTES;
    this.name = options.name ?? 'machine';
    this.dmaMode = options.dmaMode ?? 'coherent';
    const given = options.clock ?? new Clock();
    this.clock = given.context === null ? given : new Clock({ sharing: given });
    this.clock.context = this.context;
    const nowNs = () => this.clock.nowNs;
    this.log = new MachineLog(nowNs);
    this.trace = new Tracepoints({ nowNs, context: this.context });
    this.random = new Random(options.seed ?? 1);
    const swiotlbBytes = this.dmaMode === 'swiotlb' ? (options.swiotlbBytes ?? SWIOTLB_DEFAULT_BYTES) : 0;
    this.memory = options.memory ?? new LinearMemory(2 * ramBytes + DEFAULT_EXTRA_BYTES + swiotlbBytes);
    this.ram = new Ram(this.memory, ramBytes, options.nodes ?? 1);
    this.iommu = new Iommu({
      memory: this.memory,
      ram: this.ram,
      mode: this.dmaMode,
      log: this.log,
      trace: this.trace,
      maxIovaPages: options.maxIovaPages ?? DEFAULT_IOVA_PAGES,
      swiotlbBytes,
    });
    this.pci = new PciBus({ iommu: this.iommu, clock: this.clock, context: this.context, log: this.log });
    this.softirq = new Softirqs(this.context);
    this.softirq.register(TIMER_SOFTIRQ, () => {
      this.clock.runDue('softirq');
      return false;
    });
    this.work = new Workqueue(this.clock);
  }

  /**
   * One round: devices and their timers, interrupts, softirqs (protocol timers among them), works. The clock is read once, at
   * the start. Participants are not stepped.
   *
   * @returns Whether anything was done.
   * @throws KernelBug when called from within a round.
   */
  step(): boolean {
    if (this.#stepping) throw new KernelBug('nested pump', `${this.name} is in the middle of a round`);
    this.#stepping = true;
    try {
      const { clock, pci, softirq, work } = this;
      clock.refresh();
      let done = pci.runDevices();
      if (clock.runDue('device') > 0) done = true;
      if (pci.deliverInterrupts()) done = true;
      if (clock.hasDue('softirq')) softirq.raise(TIMER_SOFTIRQ);
      if (softirq.run()) done = true;
      if (work.run()) done = true;
      return done;
    } finally {
      this.#stepping = false;
    }
  }

  /**
   * Adds what {@link Machine.run} must pump as well: a cable, a TAP, another machine. What a participant has joined itself is not
   * pumped: join it too.
   *
   * @throws KernelBug for a machine that lives in another time: neither would ever see the other's timers.
   */
  join(participant: Pumpable): void {
    if (participant === this || this.#participants.includes(participant)) return;
    if (participant instanceof Machine && !participant.clock.sharesTimeWith(this.clock)) {
      throw new KernelBug(
        'clocks',
        `${participant.name} and ${this.name} have different clocks; make one with the other's`,
      );
    }
    this.#participants.push(participant);
  }

  leave(participant: Pumpable): void {
    const at = this.#participants.indexOf(participant);
    if (at >= 0) this.#participants.splice(at, 1);
  }

  /**
   * The only pump: rounds of this machine and its participants.
   *
   * With `until`, on a virtual clock: whenever all are idle, time jumps to the next timer, until the condition holds, time is up,
   * or nothing is left that could ever happen. On a real clock it never waits: it returns when nothing is to be done, and
   * `clock.nextExpiryNs` says how long an app may wait. Without `until`: until all are idle; time does not move.
   *
   * @returns Whether `until` held; without it, whether all are idle.
   * @throws KernelBug when called from within itself, and when rounds go on and on at one instant of virtual time.
   */
  run(options: RunOptions = {}): boolean {
    if (this.#running || this.#stepping) throw new KernelBug('nested pump', `${this.name} is running already`);
    this.#running = true;
    try {
      return this.#pump(options.until, options.timeoutNs ?? DEFAULT_TIMEOUT_NS);
    } finally {
      this.#running = false;
    }
  }

  /**
   * Sleeps in a driver's control call until the device has answered. Only this machine's devices and their timers run: no
   * interrupt, no NAPI, no socket, no user code. Virtual time passes; on a real clock it spins.
   *
   * @param timeoutNs - In the clock's time.
   * @param stepNs - Longest sleep between two looks. Default 20 ms.
   * @returns Whether `done` held in time.
   * @throws KernelBug outside process context.
   */
  sleepUntil(done: () => boolean, timeoutNs: number, stepNs: number = DEFAULT_SLEEP_STEP_NS): boolean {
    this.context.assertMaySleep('sleepUntil');
    const { clock, pci } = this;
    const deadline = clock.nowNs + timeoutNs;
    let rounds = 0;
    while (!done()) {
      const worked = pci.runDevices();
      const fired = clock.runDue('device') > 0;
      if (worked || fired) {
        this.#assertProgress(++rounds);
        if (clock.virtual) continue;
      }
      clock.refresh();
      if (clock.nowNs >= deadline) return done();
      if (clock.virtual) {
        rounds = 0;
        clock.jumpTo(Math.min(clock.nextOwnExpiryNs('device'), clock.nowNs + stepNs, deadline));
      }
    }
    return true;
  }

  /** What a machine that is done with should not have any more, one sentence each. Empty: clean. */
  audit(): string[] {
    const found = this.iommu.audit();
    const used = this.ram.pages - this.ram.freePages - this.ram.reservedPages;
    if (used > 0) found.push(`${used} pages of RAM are in use.`);
    if (this.context.depth > 0) found.push('A context was entered and not left.');
    for (const entry of this.log.unexpected()) found.push(`Unexpected log entry: ${entry.subsystem}: ${entry.text}`);
    return found;
  }

  #pump(until: (() => boolean) | undefined, timeoutNs: number): boolean {
    const { clock } = this;
    clock.refresh();
    const deadline = clock.nowNs + timeoutNs;
    let rounds = 0;
    for (;;) {
      if (until?.()) return true;
      const busy = this.#round();
      if (busy) {
        if (clock.nowNs > deadline) return until?.() ?? false;
        if (clock.virtual) this.#assertProgress(++rounds);
        continue;
      }
      // Idle since the condition was looked at: what it did itself has been worked off by the round.
      if (until === undefined) return true;
      if (!clock.virtual) return false;
      const next = clock.nextExpiryNs;
      if (next <= clock.nowNs) {
        throw new KernelBug(
          'nested pump',
          `a timer is due that ${this.name} does not run: join the machine it belongs to`,
        );
      }
      if (next > deadline) {
        clock.jumpTo(deadline);
        return false;
      }
      clock.jumpTo(next);
      rounds = 0;
    }
  }

  #round(): boolean {
    let busy = this.step();
    const participants = this.#participants;
    for (let i = 0; i < participants.length; i++) {
      if ((participants[i] as Pumpable).step()) busy = true;
    }
    return busy;
  }

  #assertProgress(rounds: number): void {
    if (rounds > MAX_ROUNDS_AT_ONE_INSTANT) {
      throw new KernelBug('endless loop', `${rounds} rounds of ${this.name} did something at ${this.clock.nowNs} ns`);
    }
  }
}
