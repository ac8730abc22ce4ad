import { PP_FLAG_DMA_MAP, PP_FLAG_DMA_SYNC_DEV } from '@netmem/page-pool';
import { EBUSY, EINVAL, EIO, ENODATA, ENOMEM, EOPNOTSUPP, Extack } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { locked } from '../test/plain-device.ts';
import { makeQueueFake, type QueueFake } from '../test/queue-fake.ts';
import { makeWorld, TestProvider, type World } from '../test/world.ts';
import {
  type NetdevQueueMgmtOps,
  netdevQueueConfig,
  netdevQueueConfigValidate,
  netdevRxQueueRestart,
  pagePoolCheckMemoryProvider,
} from './index.ts';

function up(ops: Partial<NetdevQueueMgmtOps> = {}, open: boolean = true): World & { fake: QueueFake } {
  const world = makeWorld();
  const fake = makeQueueFake(world.network, {}, ops as object);
  if (open) expect(fake.dev.open()).toBe(0);
  return { ...world, fake };
}

function restart(fake: QueueFake, idx: number = 1): number {
  fake.log.length = 0;
  return locked(fake.dev, () => netdevRxQueueRestart(fake.dev, idx));
}

/** Pools that are not destroyed, by the serial of their queue state. */
function alive(fake: QueueFake): number[] {
  return fake.all.filter((queue) => !queue.freed).map((queue) => queue.serial);
}

describe('netdevRxQueueRestart and netdevRxQueueReconfig', () => {
  it('builds beside, stops, starts, frees', () => {
    const { fake } = up();
    expect(restart(fake)).toBe(0);
    expect(fake.log).toEqual(['memAlloc 1 0', 'stop 1', 'start 5 0', 'memFree 2']);
    expect(fake.live.map((queue) => queue?.serial)).toEqual([1, 5, 3, 4]);
    expect(alive(fake)).toEqual([1, 3, 4, 5]);
  });

  it('builds and frees while the interface is down', () => {
    const { fake } = up({}, false);
    expect(restart(fake)).toBe(0);
    expect(fake.log).toEqual(['memAlloc 1 0', 'memFree 1']);
  });

  it.each(['memAlloc', 'memFree', 'start', 'stop'] as const)('needs the driver to have %s', (name) => {
    const { fake } = up({ [name]: undefined }, false);
    expect(restart(fake)).toBe(-EOPNOTSUPP);
    expect(fake.log).toEqual([]);
  });

  it('needs the instance lock', () => {
    const { fake } = up();
    expect(() => netdevRxQueueRestart(fake.dev, 0)).toThrow(/lock/);
  });

  it('does not touch the live queue when the new one cannot be built', () => {
    const { fake } = up();
    fake.faults.memAlloc.push(-ENOMEM);
    expect(restart(fake)).toBe(-ENOMEM);
    expect(fake.log).toEqual(['memAlloc 1 0']);
    expect(fake.live[1]?.serial).toBe(2);
  });

  it('does not touch it when the driver ignored the provider', () => {
    const world = up();
    const { fake, network } = world;
    const provider = new TestProvider(network, fake.dev.parent!, 2);
    fake.dev.rxQueues[1].mpParams = provider.params;
    fake.poolFlags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
    expect(restart(fake)).toBe(-ENODATA);
    expect(fake.log).toEqual(['memAlloc 1 0', 'memFree 5']);
    expect(alive(fake)).toEqual([1, 2, 3, 4]);
  });

  it('does not touch it when it cannot be stopped', () => {
    const { fake } = up();
    fake.faults.stop.push(-EBUSY);
    expect(restart(fake)).toBe(-EBUSY);
    expect(fake.log).toEqual(['memAlloc 1 0', 'stop 1', 'memFree 5']);
    expect(fake.live[1]?.serial).toBe(2);
  });

  it('goes back to the old queue when the new one does not start, and says why', () => {
    const { fake, machine } = up();
    fake.faults.start.push(-EIO);
    expect(restart(fake)).toBe(-EIO);
    expect(fake.log).toEqual(['memAlloc 1 0', 'stop 1', 'start 5 0', 'start 2 0', 'memFree 5']);
    expect(fake.live[1]?.serial).toBe(2);
    expect(alive(fake)).toEqual([1, 2, 3, 4]);
    expect(machine.log.unexpected()).toEqual([]);
  });

  it('warns when going back fails as well, frees both, and gives the first errno', () => {
    const { fake, machine } = up();
    fake.faults.start.push(-EIO, -EBUSY);
    expect(restart(fake)).toBe(-EIO);
    expect(fake.log).toEqual(['memAlloc 1 0', 'stop 1', 'start 5 0', 'start 2 0', 'memFree 2', 'memFree 5']);
    expect(alive(fake)).toEqual([1, 3, 4]);
    expect(machine.log.unexpected().map((entry) => entry.text)).toEqual([
      'Failed to restart old queue in error path. RX queue 1 may be unhealthy.',
    ]);
  });
});

describe('netdevQueueConfig and netdevQueueConfigValidate', () => {
  it("puts what the provider asks for over the driver's defaults", () => {
    const { fake, network } = up({ defaultQcfg: (qcfg) => Object.assign(qcfg, { rxPageSize: 4096 }) }, false);
    const config = { rxPageSize: 1 };
    netdevQueueConfig(fake.dev, 0, config);
    expect(config.rxPageSize).toBe(4096);
    fake.dev.rxQueues[0].mpParams = new TestProvider(network, fake.dev.parent!, 1, 16384).params;
    netdevQueueConfig(fake.dev, 0, config);
    expect(config.rxPageSize).toBe(16384);
    restart(fake, 0);
    expect(fake.log[0]).toBe('memAlloc 0 16384');
    fake.log.length = 0;
    const extack = new Extack();
    expect(netdevQueueConfigValidate(fake.dev, 0, config, extack)).toBe(0);
    expect(fake.log).toEqual(['validate 0 4096', 'validate 0 16384']);
    fake.faults.validate.push(-EINVAL);
    expect(netdevQueueConfigValidate(fake.dev, 0, config, extack)).toBe(-EINVAL);
    expect([fake.log.length, extack.message, config.rxPageSize]).toEqual([3, 'the driver says no', 4096]);
  });
});

describe('pagePoolCheckMemoryProvider', () => {
  it('wants a pool of this device, this provider and this queue', () => {
    const { fake, network } = up({}, false);
    const provider = new TestProvider(network, fake.dev.parent!, 2);
    const [rxq, other] = fake.dev.rxQueues;
    expect(pagePoolCheckMemoryProvider(fake.dev, rxq)).toBe(0);
    rxq.mpParams = provider.params;
    other.mpParams = provider.params;
    expect(pagePoolCheckMemoryProvider(fake.dev, rxq)).toBe(-ENODATA);
    fake.dev.open();
    expect(pagePoolCheckMemoryProvider(fake.dev, rxq)).toBe(0);
    rxq.mpParams = { ...provider.params, mpPriv: new TestProvider(network, fake.dev.parent!, 2) };
    expect(pagePoolCheckMemoryProvider(fake.dev, rxq)).toBe(-ENODATA);
    fake.dev.close();
    fake.poolQueue = 1;
    fake.dev.open();
    rxq.mpParams = provider.params;
    expect(pagePoolCheckMemoryProvider(fake.dev, rxq)).toBe(-ENODATA);
  });
});
