import { KernelBug, type Timer } from '@netmem/machine';
import type { PoolNapi } from '@netmem/page-pool';
import { GroNode } from './gro.ts';
import type { NetDevice } from './netdevice.ts';
import type { Network } from './network.ts';
import type { SkBuff } from './skbuff.ts';

/** Packets a NAPI instance may take in one poll. @kernel NAPI_POLL_WEIGHT — include/linux/netdevice.h, 7.3 */
export const NAPI_POLL_WEIGHT = 64;

/** Options of a {@link Napi}. */
export interface NapiOptions {
  /** Packets per poll, 64 by default. */
  weight?: number;
  /**
   * The instance serves this place of its device's configuration: it gets an id when it is first enabled, and whoever takes its place after it gets
   * the same. Without, it gets an id of its own as soon as its device is registered.
   */
  configIndex?: number;
}

/**
 * Polled instead of interrupting: `schedule` it from an interrupt handler, and its poll function runs in NET_RX softirq until it says it is done.
 *
 * The poll function gets a budget, handles at most so many packets and returns how many; when they are fewer than the budget it has called
 * {@link Napi.completeDone} first and, if that returned true, switched its interrupt on again.
 *
 * @kernel struct napi_struct — include/linux/netdevice.h, 7.3 (partial: no threads)
 */
export class Napi implements PoolNapi {
  readonly dev: NetDevice;
  readonly weight: number;
  readonly configIndex: number | null;
  /** Interrupts to leave off after work was done, while the flush timer polls instead. @kernel napi_set_defer_hard_irqs — net/core/dev.h, 7.3 */
  deferHardIrqs = 0;
  /** How long held packets may wait for company after a poll; 0: not at all. */
  groFlushTimeoutNs = 0;
  /** Next on a poll list. @internal */
  pollNext: Napi | null = null;
  /** On a poll list. @internal */
  listed = false;

  readonly #poll: (budget: number) => number;
  #network: Network | null = null;
  #gro: GroNode | null = null;
  #watchdog: Timer | null = null;
  #id = 0;
  #ownerCpu = -1;
  #enabled = false;
  #scheduled = false;
  #missed = false;
  #polling = false;
  #deferCount = 0;
  #busyPolling = false;

  /** Adds an instance to `dev`, disabled. @kernel netif_napi_add_config — include/linux/netdevice.h, 7.3 */
  constructor(dev: NetDevice, poll: (budget: number) => number, options: NapiOptions = {}) {
    this.dev = dev;
    this.#poll = poll;
    this.weight = options.weight ?? NAPI_POLL_WEIGHT;
    this.configIndex = options.configIndex ?? null;
    dev.addNapi(this);
  }

  /** Unique in its network; 0 until it has one. */
  get id(): number {
    return this.#id;
  }

  /** CPU whose poll list it is on or that polls it; -1 none. */
  get ownerCpu(): number {
    return this.#ownerCpu;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Waiting to be polled, or being polled. */
  get scheduled(): boolean {
    return this.#scheduled;
  }

  /** Packets that GRO holds. */
  get groPending(): number {
    return this.#gro?.pending ?? 0;
  }

  /**
   * Asks to be polled. While it is scheduled already the request is remembered, and `completeDone` then polls again.
   *
   * @returns whether this call scheduled it.
   * @kernel napi_schedule — include/linux/netdevice.h, 7.3
   */
  schedule(): boolean {
    if (!this.#enabled || this.#network === null) return false;
    if (this.#scheduled) {
      this.#missed = true;
      return false;
    }
    this.#scheduled = true;
    this.#enlist(this.#network);
    return true;
  }

  /**
   * The poll function has nothing more to do.
   *
   * @returns false when it will be polled again, or when the flush timer stands in for the interrupt: leave the interrupt off.
   * @kernel napi_complete_done — net/core/dev.c, 7.3
   */
  completeDone(work: number): boolean {
    const network = this.#network;
    const gro = this.#gro;
    // A busy poller comes again before it lets go.
    if (network === null || gro === null || this.#busyPolling) return false;
    let timeout = 0;
    let rearm = true;
    if (work > 0) {
      if (gro.holding) timeout = this.groFlushTimeoutNs;
      this.#deferCount = this.deferHardIrqs;
    }
    if (this.#deferCount > 0) {
      this.#deferCount--;
      timeout = this.groFlushTimeoutNs;
      if (timeout > 0) rearm = false;
    }
    gro.flush(timeout > 0);
    gro.flushNormal();
    this.#ownerCpu = -1;
    if (this.#missed) {
      this.#missed = false;
      this.#enlist(network);
      return false;
    }
    this.#scheduled = false;
    if (timeout > 0) this.#watchdog?.mod(network.machine.clock.nowNs + timeout);
    return rearm;
  }

  /** @kernel napi_enable — net/core/dev.c, 7.3 */
  enable(): void {
    if (this.#enabled) throw new KernelBug('napi-enable', `${this.dev.name}: NAPI ${this.#id} is enabled already`);
    this.#enabled = true;
    if (this.configIndex !== null && this.#network !== null) {
      this.#id = this.dev.napiConfigId(this.configIndex, this.#network);
      this.#network.rememberNapi(this);
    }
  }

  /**
   * Stops it: it will not be polled until enabled again, and what it held is handed up. The kernel waits for a running poll; here none can run.
   *
   * @kernel napi_disable — net/core/dev.c, 7.3
   */
  disable(): void {
    if (!this.#enabled) throw new KernelBug('napi-disable', `${this.dev.name}: NAPI ${this.#id} is disabled already`);
    if (this.#polling) throw new KernelBug('napi-disable', `${this.dev.name}: a poll waits for its own NAPI to finish`);
    this.#enabled = false;
    this.#scheduled = false;
    this.#missed = false;
    this.#busyPolling = false;
    this.#ownerCpu = -1;
    this.#deferCount = 0;
    this.#watchdog?.del();
    this.#gro?.flush(false);
    this.#gro?.flushNormal();
    if (this.configIndex !== null) this.#network?.forgetNapi(this);
  }

  /** Takes a received packet, whose `data` is behind the Ethernet header, and merges it with others or hands it up. @kernel napi_gro_receive — net/core/gro.c, 7.3 */
  groReceive(skb: SkBuff): void {
    if (this.#gro === null)
      throw new KernelBug('napi-gro', `${this.dev.name}: a packet before the device is registered`);
    skb.napiId = this.#id;
    this.#gro.receive(skb);
  }

  /** Removes it from its device; what it held is dropped. @kernel netif_napi_del — net/core/dev.c, 7.3 */
  del(): void {
    if (this.#enabled) throw new KernelBug('napi-del', `${this.dev.name}: NAPI ${this.#id} is still enabled`);
    this.#gro?.purge();
    this.dev.removeNapi(this);
    this.detach();
  }

  /** One turn on the poll list. @returns the work done. @internal */
  poll(): number {
    const network = this.#network;
    if (network === null || !this.#scheduled) return 0;
    const work = this.#run(network, this.weight);
    if (work < this.weight) return work;
    // It used all of its budget: it stays scheduled and goes to the end of the line.
    this.#gro?.flush(true);
    this.#gro?.flushNormal();
    if (this.#scheduled && this.listed) {
      network.machine.log.warnOnce('napi_poll', `${this.dev.name}: budget exhausted after napi rescheduled`);
    } else if (this.#scheduled) {
      this.#enlist(network);
    }
    return work;
  }

  /**
   * Takes the instance for a poller that does not wait for softirq: while it has it, interrupts stay off.
   *
   * @returns false when it is disabled, or has its turn anyway.
   * @internal
   */
  busyPollStart(): boolean {
    const network = this.#network;
    if (network === null || !this.#enabled || this.#scheduled) return false;
    this.#scheduled = true;
    this.#busyPolling = true;
    this.#ownerCpu = network.machine.context.cpu;
    return true;
  }

  /** One poll by who took it, and what it finished goes up. @returns the work done. @internal */
  busyPollOnce(budget: number): number {
    if (this.#network === null || !this.#busyPolling) return 0;
    const work = this.#run(this.#network, budget);
    this.#gro?.flushNormal();
    return work;
  }

  /**
   * Lets go. One more poll is how the driver is made to switch its interrupt on; if that finds as much as it may, softirq goes on.
   *
   * @param prefer - The poller means to come back: the flush timer stands in for the interrupt, where the instance defers interrupts.
   * @returns the work done.
   * @kernel busy_poll_stop — net/core/dev.c, 7.3
   * @internal
   */
  busyPollStop(budget: number, prefer: boolean): number {
    const network = this.#network;
    if (network === null || !this.#busyPolling) return 0;
    this.#missed = false;
    this.#busyPolling = false;
    let deferred = false;
    if (prefer) {
      this.#deferCount = this.deferHardIrqs;
      deferred = this.#deferCount > 0 && this.groFlushTimeoutNs > 0;
      if (deferred) this.#watchdog?.mod(network.machine.clock.nowNs + this.groFlushTimeoutNs);
    }
    const work = this.#run(network, budget);
    if (work < budget) return work;
    this.#gro?.flush(deferred);
    this.#gro?.flushNormal();
    if (deferred) {
      this.#scheduled = false;
      this.#ownerCpu = -1;
    } else if (this.#scheduled && !this.listed) {
      this.#enlist(network);
    }
    return work;
  }

  #run(network: Network, budget: number): number {
    const { context, log } = network.machine;
    let work = 0;
    context.enterSoftirq(this.#id);
    this.#polling = true;
    try {
      work = this.#poll(budget);
    } finally {
      this.#polling = false;
      context.leaveSoftirq();
    }
    if (work > budget) {
      log.emit('err', 'napi', `${this.dev.name}: poll function returned ${work}, exceeding its budget of ${budget}`);
    }
    return work;
  }

  /** @internal */
  attach(network: Network): void {
    this.#network = network;
    if (this.configIndex === null) {
      this.#id = network.newNapiId();
      network.rememberNapi(this);
    }
    this.#gro = new GroNode(network.machine, network);
    this.#watchdog = network.machine.clock.createTimer(() => this.#expired(), 'softirq');
  }

  /** @internal */
  detach(): void {
    this.#watchdog?.del();
    this.#network?.forgetNapi(this);
    this.#network = null;
    this.#gro = null;
    this.#scheduled = false;
    this.#ownerCpu = -1;
  }

  #enlist(network: Network): void {
    this.#ownerCpu = network.machine.context.cpu;
    network.softnet.add(this);
  }

  // The flush timer ran out with nobody scheduled. @kernel napi_watchdog — net/core/dev.c, 7.3
  #expired(): void {
    if (this.#enabled && !this.#scheduled) this.schedule();
  }
}
