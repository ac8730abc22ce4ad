import { KernelBug } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import { addPageFrag, allocSkb, counting, makeWorld, putBytes, type World } from '../test/world.ts';
import {
  BUSY_POLL_BUDGET,
  BUSY_POLL_RELAX_NS,
  type GroOffload,
  Napi,
  NETIF_F,
  NetDevice,
  type SkBuff,
} from './index.ts';

const PROTO = 0x88b5;

/** A card with a number in place of a ring: packets that are there. */
class Card {
  readonly world: World = makeWorld();
  readonly dev: NetDevice;
  readonly napi: Napi;
  readonly seen: SkBuff[] = [];
  packets = 0;
  /** Budget and result of each poll; what completeDone said. */
  readonly polls: [budget: number, work: number][] = [];
  readonly completed: boolean[] = [];
  irqEnabled = true;

  constructor() {
    this.dev = new NetDevice({
      address: new Uint8Array(6),
      numRxQueues: 1,
      numTxQueues: 1,
      features: NETIF_F.RXCSUM,
      ops: { open: () => 0, stop: () => 0, startXmit: () => 0 },
    });
    const { network } = this.world;
    network.registerDevice(this.dev);
    network.addPacketType(PROTO, { receive: (skb) => this.seen.push(skb) });
    this.napi = new Napi(this.dev, (budget) => this.#poll(budget));
    this.napi.enable();
  }

  /** `count` packets come; the card interrupts if it may. */
  arrive(count: number): void {
    this.packets += count;
    if (!this.irqEnabled) return;
    this.irqEnabled = false;
    this.napi.schedule();
  }

  /** They come without an interrupt, which is on its way. */
  arriveQuietly(count: number): void {
    this.packets += count;
  }

  #poll(budget: number): number {
    const work = Math.min(budget, this.packets);
    this.packets -= work;
    for (let i = 0; i < work; i++) this.napi.groReceive(this.#packet(i));
    this.polls.push([budget, work]);
    if (work === budget) return work;
    const done = this.napi.completeDone(work);
    this.completed.push(done);
    if (done) this.irqEnabled = true;
    return work;
  }

  #packet(i: number): SkBuff {
    const skb = allocSkb(this.world.network);
    skb.dev = this.dev;
    skb.protocol = PROTO;
    putBytes(skb, counting(4, i));
    addPageFrag(this.world.network, skb, counting(10, i));
    return skb;
  }

  poll(loopEnd?: () => boolean, budget?: number): number {
    return this.world.network.busyPoll(this.napi.id, budget, loopEnd === undefined ? {} : { loopEnd });
  }
}

describe('busyPoll', () => {
  it('takes what is there without an interrupt, and leaves the interrupt on', () => {
    const card = new Card();
    card.arriveQuietly(3);
    expect(card.poll()).toBe(3);
    expect(card.seen).toHaveLength(3);
    // One poll by the loop, which completes nothing, and one that ends it.
    expect(card.polls).toEqual([
      [BUSY_POLL_BUDGET, 3],
      [BUSY_POLL_BUDGET, 0],
    ]);
    expect(card.completed).toEqual([false, true]);
    expect([card.napi.scheduled, card.napi.ownerCpu, card.irqEnabled]).toEqual([false, -1, true]);
    expect(card.world.network.softnet.busyPollRxPackets).toBe(3);
    expect(card.world.network.audit().filter((line) => line.includes('NAPI'))).toEqual([]);
  });

  it('hands packets up after each poll, in the context of the instance', () => {
    const card = new Card();
    const contexts: number[] = [];
    const { network, machine } = card.world;
    network.addTap(() => contexts.push(machine.context.napiId));
    card.arriveQuietly(20);
    let asked = 0;
    const total = card.poll(() => {
      asked++;
      expect(card.seen).toHaveLength(Math.min(8 * asked, 20));
      return asked === 3;
    });
    expect(total).toBe(20);
    expect(machine.context.depth).toBe(0);
    expect(contexts).toHaveLength(20);
  });

  it('leaves to softirq what is more than its last poll may take', () => {
    const card = new Card();
    card.arriveQuietly(30);
    expect(card.poll(undefined, 8)).toBe(16);
    expect(card.napi.scheduled).toBe(true);
    card.world.machine.run();
    expect(card.seen).toHaveLength(30);
    expect([card.napi.scheduled, card.irqEnabled]).toEqual([false, true]);
  });

  it('does not touch an instance that softirq has, is disabled, or is nobody', () => {
    const card = new Card();
    card.arrive(5);
    expect(card.poll()).toBe(0);
    expect(card.polls).toEqual([]);
    card.world.machine.run();
    expect(card.seen).toHaveLength(5);
    card.napi.disable();
    card.arriveQuietly(5);
    expect(card.poll()).toBe(0);
    expect(card.world.network.busyPoll(12345)).toBe(0);
    expect(card.world.network.busyPoll(0)).toBe(0);
  });

  it('waits for packets: devices work and time passes a microsecond at a time, and what softirq has it gets done', () => {
    const card = new Card();
    const { machine } = card.world;
    const { clock } = machine;
    const start = clock.nowNs;
    card.arrive(2);
    clock.schedule(start + 10_500, () => card.arriveQuietly(4));
    expect(card.poll(() => card.seen.length >= 6)).toBe(4);
    expect(card.seen).toHaveLength(6);
    expect(clock.nowNs - start).toBeGreaterThanOrEqual(10_500);
    expect(clock.nowNs - start).toBeLessThanOrEqual(10_500 + 2 * BUSY_POLL_RELAX_NS);
    expect([card.napi.scheduled, card.irqEnabled]).toEqual([false, true]);
  });

  it('forgets an interrupt that came meanwhile: its packets were taken', () => {
    const card = new Card();
    card.arriveQuietly(1);
    const ends = [false, true];
    card.poll(() => {
      expect(card.napi.schedule()).toBe(false);
      return ends.shift() as boolean;
    });
    expect([card.napi.scheduled, card.completed.at(-1)]).toEqual([false, true]);
  });

  it('leaves interrupts off for as long as the instance defers them, for a poller that prefers it', () => {
    const card = new Card();
    card.napi.deferHardIrqs = 2;
    card.napi.groFlushTimeoutNs = 20_000;
    const { network, machine } = card.world;
    for (const packets of [3, 40]) {
      card.irqEnabled = false;
      card.arriveQuietly(packets);
      network.busyPoll(card.napi.id, 8, { prefer: true });
      expect([card.napi.scheduled, card.irqEnabled]).toEqual([false, false]);
      // The timer polls in its place, and in the end switches the interrupt on.
      machine.run({ until: () => card.irqEnabled, timeoutNs: 1e6 });
      expect(card.packets).toBe(0);
      expect(card.irqEnabled).toBe(true);
    }
  });

  it('flushes what GRO holds when it lets go, and not before', () => {
    const card = new Card();
    const holding: GroOffload = {
      groReceive: () => null,
      groComplete: () => 0,
    };
    card.world.network.addOffload(PROTO, holding);
    card.arriveQuietly(3);
    const ends = [false, true];
    card.poll(() => {
      expect(card.seen).toHaveLength(0);
      return ends.shift() as boolean;
    });
    expect(card.seen).toHaveLength(3);
    expect(card.napi.groPending).toBe(0);
  });

  it('is for process context only, and survives a disable in between', () => {
    const card = new Card();
    const { machine, network } = card.world;
    machine.context.enterSoftirq(1);
    expect(() => card.poll()).toThrow(KernelBug);
    machine.context.leaveSoftirq();
    card.arriveQuietly(3);
    expect(
      card.poll(() => {
        card.napi.disable();
        return true;
      }),
    ).toBe(3);
    expect(card.napi.scheduled).toBe(false);
    card.napi.enable();
    card.arrive(1);
    machine.run();
    expect(card.seen).toHaveLength(4);
    expect(network.softnet.busyPollRxPackets).toBe(3);
  });
});
