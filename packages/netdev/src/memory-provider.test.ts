import {
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENETDOWN,
  ENODATA,
  EOPNOTSUPP,
  ERANGE,
  Extack,
  QCFG_RX_PAGE_SIZE,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { locked, makePlainDevice } from '../test/plain-device.ts';
import { ALL_FLAGS, makeQueueFake, type QueueFake } from '../test/queue-fake.ts';
import { makeWorld, TestProvider, type World } from '../test/world.ts';
import {
  devGetMinMpChannelCount,
  devXdpAttach,
  devXdpPropagate,
  devXskAttach,
  type NetDevice,
  netdevQueueGetDmaDev,
  netifMpCloseRxq,
  netifMpOpenRxq,
  netifRxqHasUnreadableMp,
} from './index.ts';

interface Case {
  world: World;
  fake: QueueFake;
  provider: TestProvider;
  idx: number;
}

/** Everything in order to bind queue 2. */
function ready(supportedParams: number = 0): Case {
  const world = makeWorld();
  const fake = makeQueueFake(world.network, {}, { supportedParams });
  fake.dev.cfg.hdsConfig = TCP_DATA_SPLIT.ENABLED;
  fake.dev.open();
  return {
    world,
    fake,
    provider: new TestProvider(world.network, fake.dev.parent!, 4, 8192 * Number(supportedParams)),
    idx: 2,
  };
}

function open({ fake, provider, idx }: Case, extack: Extack = new Extack()): number {
  return locked(fake.dev, () => netifMpOpenRxq(fake.dev, idx, provider.params, extack));
}

/** What makes each check fail, in the order of the checks. */
const CHECKS: readonly [string, (test: Case) => void, number, string | null][] = [
  ['queue out of range', (test) => void Object.assign(test, { idx: 4 }), -ERANGE, 'rx queue index out of range'],
  [
    'tcp-data-split off',
    ({ fake }) => void Object.assign(fake.dev.cfg, { hdsConfig: TCP_DATA_SPLIT.DISABLED }),
    -EINVAL,
    'tcp-data-split is disabled',
  ],
  [
    'tcp-data-split auto',
    ({ fake }) => void Object.assign(fake.dev.cfg, { hdsConfig: TCP_DATA_SPLIT.UNKNOWN }),
    -EINVAL,
    'tcp-data-split is disabled',
  ],
  ['a threshold', ({ fake }) => void Object.assign(fake.dev.cfg, { hdsThresh: 1 }), -EINVAL, 'hds-thresh is not zero'],
  [
    'XDP',
    ({ fake }) => void Object.assign(fake.dev, { xdpProg: { hasFrags: true } }),
    -EEXIST,
    'unable to custom memory provider to device with XDP program attached',
  ],
  [
    'a page size the driver cannot set',
    (test) =>
      void Object.assign(test, { provider: new TestProvider(test.world.network, test.fake.dev.parent!, 4, 8192) }),
    -EOPNOTSUPP,
    'device does not support: rx_page_size',
  ],
  [
    'a provider already',
    ({ world, fake }) => {
      fake.dev.rxQueues[2].mpParams = new TestProvider(world.network, fake.dev.parent!, 1).params;
    },
    -EEXIST,
    'designated queue already memory provider bound',
  ],
  [
    'AF_XDP',
    ({ fake }) => {
      fake.dev.rxQueues[2].xskPool = {};
    },
    -EBUSY,
    'designated queue already in use by AF_XDP',
  ],
  ["the driver's veto", ({ fake }) => void fake.faults.validate.push(-EIO), -EIO, 'the driver says no'],
  ['a queue that cannot be built', ({ fake }) => void fake.faults.memAlloc.push(-ENODATA), -ENODATA, null],
];

describe('netifMpOpenRxq', () => {
  it.each(CHECKS)('%s', (_what, spoil, errno, text) => {
    const test = ready();
    const extack = new Extack();
    spoil(test);
    const before = test.fake.dev.rxQueues[2].mpParams;
    expect(open(test, extack)).toBe(errno);
    expect(extack.message).toBe(text);
    expect(test.fake.dev.rxQueues[2].mpParams).toBe(before);
    expect(test.fake.live.map((queue) => queue?.serial)).toEqual([1, 2, 3, 4]);
  });

  // Two things wrong at once: the earlier check speaks.
  it.each(CHECKS.slice(0, -1).map((check, i) => [check[0], CHECKS[i + 1][0], i] as const))(
    '%s before %s',
    (_a, _b, i) => {
      const test = ready();
      const extack = new Extack();
      // The later first: an out-of-range index has to stay that.
      CHECKS[i + 1][1](test);
      CHECKS[i][1](test);
      expect(open(test, extack)).toBe(CHECKS[i][2]);
      expect(extack.message).toBe(CHECKS[i][3]);
    },
  );

  it('does not ask devices that take no instance lock, or have no queue management', () => {
    const { network } = makeWorld();
    const provider = new TestProvider(network, network.machine.iommu.addDevice('nic'), 1);
    const plain = makePlainDevice(network).dev;
    expect(netifMpOpenRxq(plain, 9, provider.params, null)).toBe(-EOPNOTSUPP);
    const locks = makePlainDevice(network, { requestOpsLock: true }).dev;
    locks.cfg.hdsConfig = TCP_DATA_SPLIT.ENABLED;
    const extack = new Extack();
    expect(locked(locks, () => netifMpOpenRxq(locks, 9, provider.params, extack))).toBe(-ERANGE);
    expect(locked(locks, () => netifMpOpenRxq(locks, 0, provider.params, extack))).toBe(-EOPNOTSUPP);
  });

  it('needs the instance lock', () => {
    const { fake, provider } = ready();
    expect(() => netifMpOpenRxq(fake.dev, 0, provider.params, null)).toThrow(/lock/);
  });

  it('installs the provider and rebuilds this queue from it', () => {
    const test = ready();
    expect(open(test)).toBe(0);
    const { dev, live } = test.fake;
    expect(dev.rxQueues[2].mpParams).toBe(test.provider.params);
    expect(live[2]?.pool.mpPriv).toBe(test.provider);
    expect(live[1]?.pool.mpPriv).toBeNull();
    expect([
      netifRxqHasUnreadableMp(dev, 2),
      netifRxqHasUnreadableMp(dev, 1),
      netifRxqHasUnreadableMp(dev, 99),
    ]).toEqual([true, false, false]);
    expect(dev.provider(2)).toBe(test.provider.params);
  });

  it("builds the new queue with the page size asked for, and goes back to the old one's", () => {
    const test = ready(QCFG_RX_PAGE_SIZE);
    test.fake.poolFlags = ALL_FLAGS;
    test.fake.faults.start.push(-EIO);
    test.fake.log.length = 0;
    expect(open(test)).toBe(-EIO);
    expect(test.fake.log).toEqual([
      'validate 2 0',
      'validate 2 8192',
      'memAlloc 2 8192',
      'stop 2',
      'start 5 8192',
      'start 3 0',
      'memFree 5',
    ]);
    expect(test.fake.dev.rxQueues[2].mpParams).toBeNull();
    expect(test.provider.refs).toBe(1);
  });

  it('works on an interface that is down: the real queue comes when it goes up', () => {
    const test = ready();
    test.fake.dev.close();
    expect(open(test)).toBe(0);
    expect(test.provider.refs).toBe(1);
    test.fake.dev.open();
    expect(test.fake.live[2]?.pool.mpPriv).toBe(test.provider);
  });

  it('fails with what the provider says of the pool, undone', () => {
    const test = ready();
    test.provider.failInit = -EIO;
    expect(open(test)).toBe(-EIO);
    expect(test.fake.dev.rxQueues[2].mpParams).toBeNull();
    test.world.machine.log.expect('mem-provider init failed');
    test.world.machine.log.expect('gave up');
  });
});

describe('netifMpCloseRxq', () => {
  function close(test: Case, idx: number = test.idx, provider: TestProvider = test.provider): void {
    locked(test.fake.dev, () => netifMpCloseRxq(test.fake.dev, idx, provider.params));
  }

  function bound(): Case {
    const test = ready();
    expect(open(test)).toBe(0);
    return test;
  }

  it('rebuilds the queue from ordinary memory', () => {
    const test = bound();
    close(test);
    expect(test.fake.dev.rxQueues[2].mpParams).toBeNull();
    expect(test.fake.live[2]?.pool.mpPriv).toBeNull();
    expect(test.provider.refs).toBe(1);
    expect(test.world.machine.log.unexpected()).toEqual([]);
  });

  it.each<[string, (test: Case) => void]>([
    ['a queue that does not exist', (test) => close(test, 4)],
    ['another owner', (test) => close(test, 2, new TestProvider(test.world.network, test.fake.dev.parent!, 1))],
    ['a queue without provider', (test) => close(test, 1)],
  ])('changes nothing for %s, and warns once', (_what, act) => {
    const test = bound();
    test.fake.log.length = 0;
    act(test);
    act(test);
    expect(test.fake.log).toEqual([]);
    expect(test.fake.dev.rxQueues[2].mpParams).toBe(test.provider.params);
    expect(test.world.machine.log.unexpected()).toHaveLength(1);
    expect(test.world.machine.log.unexpected()[0].text).toContain('provider close of rx queue');
  });

  it('cannot fail: a restart that does is a warning, unless the interface is down', () => {
    const test = bound();
    test.fake.faults.memAlloc.push(-EIO);
    close(test);
    expect(test.fake.dev.rxQueues[2].mpParams).toBeNull();
    expect(test.world.machine.log.unexpected()[0].text).toContain(
      'restart of rx queue 2 without its provider failed: -5',
    );
    test.world.machine.log.expect('without its provider failed');
    const again = bound();
    again.fake.faults.memAlloc.push(-ENETDOWN);
    close(again);
    expect(again.world.machine.log.unexpected()).toEqual([]);
  });

  it('is silent when the provider was uninstalled with the device', () => {
    const test = bound();
    const { dev } = test.fake;
    test.world.network.unregisterDevice(dev);
    dev.rxQueues[2].mpParams = null;
    close(test);
    expect(test.world.machine.log.unexpected()).toEqual([]);
  });
});

describe('while a queue has a provider', () => {
  it('counts the channels that must stay', () => {
    const test = ready();
    expect(devGetMinMpChannelCount(test.fake.dev)).toBe(0);
    expect(open(test)).toBe(0);
    expect(devGetMinMpChannelCount(test.fake.dev)).toBe(3);
  });

  it.each<[string, (dev: NetDevice, extack: Extack) => number, string]>([
    [
      'XDP',
      (dev, extack) => devXdpAttach(dev, { hasFrags: true }, extack),
      'unable to install XDP to device using memory provider',
    ],
    [
      'XDP of an upper device',
      (dev, extack) => devXdpPropagate(dev, { hasFrags: true }, extack),
      'unable to propagate XDP to device using memory provider',
    ],
    [
      'single-buffer XDP',
      (dev, extack) => devXdpAttach(dev, { hasFrags: false }, extack),
      'unable to install XDP to device using tcp-data-split',
    ],
    [
      'the same of an upper device',
      (dev, extack) => devXdpPropagate(dev, { hasFrags: false }, extack),
      'unable to propagate XDP to device using tcp-data-split',
    ],
  ])('refuses %s', (_what, attach, text) => {
    const test = ready();
    expect(open(test)).toBe(0);
    const extack = new Extack();
    expect(locked(test.fake.dev, () => attach(test.fake.dev, extack))).toBe(-EBUSY);
    expect(extack.message).toBe(text);
    expect(test.fake.dev.xdpProg).toBeNull();
  });

  it('refuses AF_XDP on any queue', () => {
    const test = ready();
    expect(locked(test.fake.dev, () => devXskAttach(test.fake.dev, 0, {}))).toBe(0);
    expect(locked(test.fake.dev, () => devXskAttach(test.fake.dev, 0, {}))).toBe(-EBUSY);
    expect(locked(test.fake.dev, () => devXskAttach(test.fake.dev, 0, null))).toBe(0);
    expect(open(test)).toBe(0);
    expect(locked(test.fake.dev, () => devXskAttach(test.fake.dev, 0, {}))).toBe(-EBUSY);
  });
});

describe('XDP', () => {
  it('goes with split when it takes packets in several buffers', () => {
    const test = ready();
    const { dev } = test.fake;
    const prog = { hasFrags: true };
    expect(locked(dev, () => devXdpAttach(dev, prog))).toBe(0);
    expect(dev.xdpProg).toBe(prog);
    expect(locked(dev, () => devXdpAttach(dev, null))).toBe(0);
    expect(dev.xdpProg).toBeNull();
    dev.cfg.hdsConfig = TCP_DATA_SPLIT.UNKNOWN;
    expect(locked(dev, () => devXdpAttach(dev, { hasFrags: false }))).toBe(0);
  });

  it("is the driver's to refuse", () => {
    const { network } = makeWorld();
    const plain = makePlainDevice(network);
    plain.answers.setXdp = -EIO;
    expect(locked(plain.dev, () => devXdpAttach(plain.dev, { hasFrags: true }))).toBe(-EIO);
    expect(plain.dev.xdpProg).toBeNull();
    const without = makePlainDevice(network, {}, { setXdp: undefined as never }).dev;
    expect(locked(without, () => devXdpAttach(without, null))).toBe(-EOPNOTSUPP);
  });
});

describe('netdevQueueGetDmaDev', () => {
  it('asks the driver, else takes the parent, and wants a DMA mask', () => {
    const { network } = makeWorld();
    const parent = network.machine.iommu.addDevice('parent');
    const other = network.machine.iommu.addDevice('other');
    const fake = makeQueueFake(network, { parent }, { getDmaDev: (idx) => (idx === 3 ? null : other) });
    expect(netdevQueueGetDmaDev(makePlainDevice(network, { parent }).dev, 0)).toBe(parent);
    expect(netdevQueueGetDmaDev(makePlainDevice(network).dev, 0)).toBeNull();
    expect([netdevQueueGetDmaDev(fake.dev, 0), netdevQueueGetDmaDev(fake.dev, 3)]).toEqual([other, null]);
    other.dmaMask = null;
    expect(netdevQueueGetDmaDev(fake.dev, 0)).toBeNull();
  });
});
