import type { Timer } from '@netmem/machine';
import type { Napi } from './napi.ts';
import type { NetDevice } from './netdevice.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS, NETDEV_TX_BUSY, SKB_DROP_REASON } from './skb-constants.ts';
import type { SkBuff } from './skbuff.ts';
import { SkBuffQueue } from './skbuff-queue.ts';

/** When a driver says busy without stopping its queue, it is asked again after this time. A model choice: the kernel asks in the next softirq. */
export const TX_RETRY_NS = 1_000_000;

/**
 * One transmit queue of a device: stopped and woken by the driver, with a bounded first-in-first-out line in front of it.
 *
 * @kernel struct netdev_queue — include/linux/netdevice.h, 7.3 (partial: no byte queue limits, no watchdog)
 */
export class NetdevTxQueue {
  readonly dev: NetDevice;
  readonly index: number;
  napi: Napi | null = null;
  /** Times the driver stopped and woke it. */
  stops = 0;
  wakes = 0;
  /** Times the driver was busy. */
  requeues = 0;
  /** Next in the output list. @internal */
  outputNext: NetdevTxQueue | null = null;
  /** In the output list. @internal */
  outputListed = false;

  readonly #line: SkBuffQueue = new SkBuffQueue();
  #stopped = false;
  #running = false;
  #retry: Timer | null = null;

  constructor(dev: NetDevice, index: number) {
    this.dev = dev;
    this.index = index;
  }

  /** The driver takes nothing at present. @kernel netif_tx_queue_stopped — include/linux/netdevice.h, 7.3 */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Packets in line. */
  get qlen(): number {
    return this.#line.length;
  }

  /** @kernel netif_tx_stop_queue — include/linux/netdevice.h, 7.3 */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.stops++;
  }

  /** The driver has room again; what waits in line is sent from softirq. @kernel netif_tx_wake_queue — net/core/dev.c, 7.3 */
  wake(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.wakes++;
    if (this.#line.length > 0) this.dev.network?.softnet.scheduleOutput(this);
  }

  /** Forgets that it was stopped, without sending anything: before a device comes up. @internal */
  start(): void {
    this.#stopped = false;
  }

  /** Sends a packet, or puts it in line. Owns `skb`. @returns NET_XMIT_SUCCESS or NET_XMIT_DROP. @internal */
  xmit(skb: SkBuff): number {
    if (this.#line.length >= this.dev.txQueueLen) {
      this.dev.noteTxDropped();
      skb.free(SKB_DROP_REASON.QDISC_DROP);
      return NET_XMIT_DROP;
    }
    // Order within a queue is kept: who comes second waits behind who came first.
    if (this.#stopped || this.#running || this.#line.length > 0) {
      this.#line.push(skb);
    } else {
      this.#start(skb);
      // Sent from inside the driver's own transmit: that is over, but nobody else would run the line.
      if (this.#hasRunnable()) this.dev.network?.softnet.scheduleOutput(this);
    }
    return NET_XMIT_SUCCESS;
  }

  /** Sends up to `quota` packets from the line. @internal @returns whether more could be sent. @kernel __qdisc_run — net/sched/sch_generic.c, 7.3 */
  run(quota: number): boolean {
    for (let left = quota; left > 0 && !this.#stopped; left--) {
      const skb = this.#line.pop();
      if (skb === null) return false;
      if (!this.#start(skb)) return false;
    }
    return this.#hasRunnable();
  }

  /** Drops the line. @internal @kernel dev_deactivate_queue — net/sched/sch_generic.c, 7.3 */
  reset(): void {
    this.#retry?.del();
    this.#line.purge(SKB_DROP_REASON.DEV_READY);
  }

  #hasRunnable(): boolean {
    return !this.#stopped && this.#line.length > 0 && !(this.#retry?.pending ?? false);
  }

  #start(skb: SkBuff): boolean {
    this.#running = true;
    const answer = this.dev.ops.startXmit(skb, this.index);
    this.#running = false;
    if (answer !== NETDEV_TX_BUSY) return true;
    this.requeues++;
    this.#line.unshift(skb);
    if (!this.#stopped) this.#tryAgainLater();
    return false;
  }

  #tryAgainLater(): void {
    const network = this.dev.network;
    if (network === null) return;
    this.#retry ??= network.machine.clock.createTimer(() => network.softnet.scheduleOutput(this), 'softirq');
    this.#retry.mod(network.machine.clock.nowNs + TX_RETRY_NS);
  }
}
