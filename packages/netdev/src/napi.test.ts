import { type InstanceLock, KernelBug } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import { makeWorld, type World } from '../test/world.ts';
import { NAPI_POLL_WEIGHT, Napi, type NapiOptions, NETDEV_BUDGET, NetDevice } from './index.ts';

function makeDevice(world: World): NetDevice {
  const dev = new NetDevice({
    address: new Uint8Array(6),
    numRxQueues: 4,
    numTxQueues: 1,
    ops: { open: () => 0, stop: () => 0, startXmit: () => 0 },
  });
  world.network.registerDevice(dev);
  return dev;
}

/** An instance that has `work` packets to handle. */
class Source {
  work: number;
  polls: number[] = [];
  contexts: number[] = [];
  readonly napi: Napi;
  during: (() => void) | null = null;

  constructor(world: World, dev: NetDevice, work: number, options: NapiOptions = {}) {
    this.work = work;
    this.napi = new Napi(dev, (budget) => this.#poll(world, budget), options);
    this.napi.enable();
  }

  #poll(world: World, budget: number): number {
    this.contexts.push(world.machine.context.napiId);
    const done = Math.min(budget, this.work);
    this.work -= done;
    this.polls.push(done);
    this.during?.();
    if (done < budget) this.napi.completeDone(done);
    return done;
  }
}

describe('NAPI', () => {
  it('polls in softirq, as the instance it is, until it is done', () => {
    const world = makeWorld();
    const source = new Source(world, makeDevice(world), 130);
    expect(source.napi.ownerCpu).toBe(-1);
    expect(source.napi.schedule()).toBe(true);
    expect(source.napi.ownerCpu).toBe(0);
    expect(source.polls).toEqual([]);
    world.machine.run();
    expect(source.polls).toEqual([NAPI_POLL_WEIGHT, NAPI_POLL_WEIGHT, 2]);
    expect(new Set(source.contexts)).toEqual(new Set([source.napi.id]));
    expect([source.napi.scheduled, source.napi.ownerCpu, world.machine.context.napiId]).toEqual([false, -1, 0]);
    expect(world.network.softnet.processed).toBe(130);
  });

  it('counts ids up from 9 and finds instances by them', () => {
    const world = makeWorld();
    const dev = makeDevice(world);
    const first = new Source(world, dev, 0).napi;
    const second = new Source(world, dev, 0).napi;
    expect([first.id, second.id]).toEqual([9, 10]);
    expect(world.network.napi(10)).toBe(second);
    first.disable();
    first.del();
    expect(world.network.napi(9)).toBeNull();
    expect(dev.napis).toEqual([second]);
  });

  it('stops a round when the budget is spent, and takes turns', () => {
    const world = makeWorld();
    const dev = makeDevice(world);
    const sources = Array.from({ length: 6 }, () => new Source(world, dev, 100));
    for (const source of sources) source.napi.schedule();
    world.machine.step();
    const polled = sources.reduce((sum, source) => sum + source.polls.length, 0);
    expect(polled).toBe(Math.ceil(NETDEV_BUDGET / NAPI_POLL_WEIGHT));
    expect(world.network.softnet.timeSqueeze).toBe(1);
    // Nobody is polled twice before everybody was polled once.
    expect(sources.map((source) => source.polls.length)).toEqual([1, 1, 1, 1, 1, 0]);
    world.machine.step();
    expect(sources.map((source) => source.polls)[5]).toEqual([64]);
    world.machine.run();
    expect(sources.every((source) => source.work === 0 && !source.napi.scheduled)).toBe(true);
  });

  it('remembers a request that comes during the poll', () => {
    const world = makeWorld();
    const source = new Source(world, makeDevice(world), 1);
    const completed: boolean[] = [];
    source.during = () => {
      if (source.polls.length === 1) expect(source.napi.schedule()).toBe(false);
    };
    source.napi.schedule();
    world.machine.run();
    expect(source.polls).toEqual([1, 0]);
    expect(completed).toEqual([]);
    expect(source.napi.scheduled).toBe(false);
  });

  it('says in completeDone whether to switch the interrupt on', () => {
    const world = makeWorld();
    const dev = makeDevice(world);
    const answers: boolean[] = [];
    const napi: Napi = new Napi(dev, () => {
      if (answers.length === 0) napi.schedule();
      answers.push(napi.completeDone(0));
      return 0;
    });
    napi.enable();
    napi.schedule();
    world.machine.run();
    expect(answers).toEqual([false, true]);
  });

  it('is not scheduled while disabled, and forgets when it is', () => {
    const world = makeWorld();
    const source = new Source(world, makeDevice(world), 5);
    source.napi.schedule();
    source.napi.disable();
    world.machine.run();
    expect(source.polls).toEqual([]);
    expect(source.napi.schedule()).toBe(false);
    source.napi.enable();
    source.napi.schedule();
    source.napi.disable();
    source.napi.enable();
    source.napi.schedule();
    world.machine.run();
    expect(source.polls).toEqual([5]);
  });

  it.each<[string, (napi: Napi) => void]>([
    ['enabling twice', (napi) => napi.enable()],
    [
      'disabling twice',
      (napi) => {
        napi.disable();
        napi.disable();
      },
    ],
    ['deleting while enabled', (napi) => napi.del()],
  ])('%s is a bug', (_what, act) => {
    const world = makeWorld();
    const { napi } = new Source(world, makeDevice(world), 0);
    expect(() => act(napi)).toThrow(KernelBug);
  });

  it('cannot wait for itself, and a failing poll leaves no context behind', () => {
    const world = makeWorld();
    const source = new Source(world, makeDevice(world), 1);
    source.during = () => source.napi.disable();
    source.napi.schedule();
    expect(() => world.machine.run()).toThrow(/waits for its own/);
    expect(world.machine.context.depth).toBe(0);
  });

  it('reports a poll that took more than its budget', () => {
    const world = makeWorld();
    const napi = new Napi(makeDevice(world), () => 65);
    napi.enable();
    napi.schedule();
    world.machine.step();
    expect(world.machine.log.unexpected()[0].text).toContain('returned 65, exceeding its budget of 64');
  });

  it("takes a place's id when it is enabled, like whoever had the place before", () => {
    const world = makeWorld();
    const dev = makeDevice(world);
    const old = new Napi(dev, () => 0, { configIndex: 2 });
    expect(old.id).toBe(0);
    old.enable();
    const id = old.id;
    expect(world.network.napi(id)).toBe(old);
    const next = new Napi(dev, () => 0, { configIndex: 2 });
    expect(next.id).toBe(0);
    old.disable();
    expect(old.id).toBe(id);
    next.enable();
    old.del();
    expect([next.id, world.network.napi(id)]).toEqual([id, next]);
  });

  it('gets its id when its device is registered', () => {
    const world = makeWorld();
    const dev = new NetDevice({
      address: new Uint8Array(6),
      numRxQueues: 1,
      numTxQueues: 1,
      ops: { open: () => 0, stop: () => 0, startXmit: () => 0 },
    });
    const napi = new Napi(dev, () => 0);
    expect(napi.id).toBe(0);
    world.network.registerDevice(dev);
    expect(napi.id).toBe(9);
    const lock: InstanceLock = dev.lock;
    expect(lock.held).toBe(false);
  });

  it('lets the flush timer poll instead of the interrupt while it defers', () => {
    const world = makeWorld();
    const source = new Source(world, makeDevice(world), 1);
    source.napi.deferHardIrqs = 2;
    source.napi.groFlushTimeoutNs = 20_000;
    source.napi.schedule();
    world.machine.run({ until: () => world.machine.clock.nowNs >= 100_000, timeoutNs: 200_000 });
    // One poll with work, one by the timer for the second deferral, one that ends it.
    expect(source.polls).toEqual([1, 0, 0]);
    expect(source.napi.scheduled).toBe(false);
  });
});
