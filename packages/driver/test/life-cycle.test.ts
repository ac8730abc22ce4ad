import { Ethtool } from '@netmem/ethtool';
import { createScriptedPort, FrameSlots } from '@netmem/link';
import { Machine, type PciEndpoint, type PciFunction } from '@netmem/machine';
import { Network } from '@netmem/netdev';
import { EINVAL, ENODEV, ENOTRECOVERABLE, ENXIO, ETH_RSS_HASH, FLOW_TYPE } from '@netmem/uapi';
import { createNic, type Nic, type NicOptions } from '@netmem/vnic';
import { describe, expect, it } from 'vitest';
import { probeGve } from '../src/index.ts';
import { Bench, pattern, segment } from './bench.ts';
import { PeerProvider } from './peer-provider.ts';

function plugged(
  nicOptions: Partial<NicOptions>,
  wrap: (nic: Nic) => PciEndpoint = (nic) => nic,
): {
  machine: Machine;
  network: Network;
  fn: PciFunction;
} {
  const machine = new Machine();
  const network = new Network({ machine });
  const port = createScriptedPort(new FrameSlots(machine.memory), { mtu: 1500 });
  const fn = machine.pci.plug((host) => wrap(createNic(host, { port, memory: machine.memory, ...nicOptions })));
  return { machine, network, fn };
}

describe('probe', () => {
  it('introduces itself, configures the card and leaves the interface down', () => {
    const bench = new Bench();
    const card = bench.nic.inspect();
    expect(card.driverVersion).toBe('GVE-1.0.0');
    expect(card.driver).not.toBe(null);
    expect(card.configured).toBe(true);
    expect(card.rxQueues).toHaveLength(0);
    expect(bench.dev.running).toBe(false);
    expect(bench.dev.operUp).toBe(false);
    expect(bench.dev.realNumRxQueues).toBe(2);
    expect(bench.dev.mtu).toBe(bench.dev.maxMtu);
    expect([...bench.dev.address]).toEqual([0x42, 0x01, 0x0a, 0, 0, 1]);
    bench.run();
    expect(bench.dev.operUp).toBe(false);
    expect(bench.finish()).toEqual([]);
    expect(bench.nic.inspect().adminqLive).toBe(false);
  });

  it('takes the queues it is offered, from one pair on', () => {
    for (const maxQueues of [1, 2, 16]) {
      const { network, fn } = plugged({ maxQueues });
      const gve = probeGve(network, new Ethtool(network), fn);
      if (typeof gve === 'number') throw new Error(`${gve}`);
      expect(gve.netdev.rxQueues).toHaveLength(maxQueues);
      gve.remove();
    }
  });

  it('leaves another kind of card alone', () => {
    const { network, fn } = plugged({}, (nic) => ({
      pci: { ...nic.pci, device: 0x1234 },
      barRead: (bar, offset, size) => nic.barRead(bar, offset, size),
      barWrite: () => expect.unreachable('a register was written'),
      run: (budget) => nic.run(budget),
      reset: () => nic.reset(),
    }));
    expect(probeGve(network, new Ethtool(network), fn)).toBe(-ENODEV);
  });

  it('refuses a card with too few vectors', () => {
    const { network, fn } = plugged({}, (nic) => ({
      pci: { ...nic.pci, msixVectors: 2 },
      barRead: (bar, offset, size) => nic.barRead(bar, offset, size),
      barWrite: (bar, offset, size, value) => nic.barWrite(bar, offset, size, value),
      run: (budget) => nic.run(budget),
      reset: () => nic.reset(),
    }));
    expect(probeGve(network, new Ethtool(network), fn)).toBe(-EINVAL);
  });

  it('gives up on a card that does not answer, with nothing left over', () => {
    let alive = true;
    const { machine, network, fn } = plugged({}, (nic) => ({
      pci: nic.pci,
      // Register 0x10 answers, so that the reset at the end succeeds; the admin queue does not.
      barRead: (bar, offset, size) => (offset === 0x18 ? 0 : nic.barRead(bar, offset, size)),
      barWrite: (bar, offset, size, value) => {
        if (offset !== 0x14) nic.barWrite(bar, offset, size, value);
      },
      run: (budget) => (alive ? nic.run(budget) : 0),
      reset: () => nic.reset(),
    }));
    machine.log.expect('AQ commands timed out');
    const before = machine.clock.nowNs;
    expect(probeGve(network, new Ethtool(network), fn)).toBe(-ENOTRECOVERABLE);
    expect(machine.clock.nowNs - before).toBe(2e9);
    expect(machine.audit()).toEqual([]);
    alive = false;
  });

  it('fails with -ENOMEM at every allocation, one after the other, with nothing left over', () => {
    let succeeded = 0;
    for (let allowed = 0; succeeded === 0; allowed++) {
      const { machine, network, fn } = plugged({ maxQueues: 2 });
      const alloc = fn.dma.allocCoherent.bind(fn.dma);
      let left = allowed;
      fn.dma.allocCoherent = (length) => (left-- > 0 ? alloc(length) : null);
      const gve = probeGve(network, new Ethtool(network), fn);
      if (typeof gve === 'number') {
        expect(gve, `${allowed} allocations`).toBe(-12);
        expect(network.devices.filter((dev) => dev !== network.loopback)).toHaveLength(0);
      } else {
        succeeded = allowed;
        gve.remove();
      }
      expect(machine.audit(), `${allowed} allocations`).toEqual([]);
    }
    expect(succeeded).toBeGreaterThan(4);
  });
});

describe('open and stop', () => {
  it('creates queues, posts in steps of 32, arms interrupts, follows the link', () => {
    const bench = new Bench().up();
    const card = bench.nic.inspect();
    expect(card.rxQueues.map((queue) => queue.buffersPosted)).toEqual([992, 992]);
    expect(card.txQueues).toHaveLength(2);
    expect(card.blocks.filter((block) => block.armed)).toHaveLength(4);
    bench.port.linkUp = false;
    bench.run();
    expect(bench.dev.operUp).toBe(false);
    bench.port.linkUp = true;
    bench.run();
    expect(bench.dev.operUp).toBe(true);
    expect(bench.dev.close()).toBe(0);
    expect(bench.dev.operUp).toBe(false);
    expect(bench.nic.inspect().rxQueues).toHaveLength(0);
    expect(bench.dev.napis).toHaveLength(0);
    expect(bench.finish()).toEqual([]);
  });

  it('fails with -ENOMEM at every allocation, and opens afterwards', () => {
    const bench = new Bench();
    const alloc = bench.gve.dma.allocCoherent.bind(bench.gve.dma);
    let allowed = 0;
    for (let result = -1; result < 0; allowed++) {
      let left = allowed;
      bench.gve.dma.allocCoherent = (length) => (left-- > 0 ? alloc(length) : null);
      result = bench.dev.open();
      if (result < 0) expect(result).toBe(-12);
    }
    expect(allowed).toBeGreaterThan(12);
    expect(bench.run().deliver(segment(bench, pattern(700)).frame)).toHaveLength(1);
    expect(bench.finish()).toEqual([]);
  });

  it('up and down a hundred times', () => {
    const bench = new Bench({ nic: { ringEntries: 64, minRingEntries: 64 } });
    for (let i = 0; i < 100; i++) {
      bench.up();
      expect(bench.deliver(segment(bench, pattern(600, i)).frame)).toHaveLength(1);
      bench.dev.close();
    }
    expect(bench.finish()).toEqual([]);
  });
});

describe('a reset that the card asks for', () => {
  it('brings queues, RSS, rules and providers back', () => {
    const bench = new Bench().up().split();
    expect(bench.ethtool.setFeatures(bench.dev, { 'rx-ntuple-filter': true })).toBe(0);
    const rule = { flowType: FLOW_TYPE.TCP_V4, dstPort: 5201, dstPortMask: 0xffff, ring: 1 };
    bench.ethtool.insertRule(bench.dev, rule);
    expect(bench.ethtool.setRss(bench.dev, { indir: [0], hfunc: ETH_RSS_HASH.TOP })).toBe(0);
    const provider = new PeerProvider(bench, 256);
    expect(provider.open(1)).toBe(0);
    const before = bench.nic.inspect();
    for (let i = 1; i <= 3; i++) {
      for (let k = 0; k < 20; k++) bench.push(segment(bench, pattern(500, k)).frame);
      bench.nic.requestReset('a test wants it');
      bench.run(100e6);
      expect(bench.gve.stats.resets).toBe(i);
      expect(bench.dev.operUp).toBe(true);
      const after = bench.nic.inspect();
      expect(after.rss).toEqual(before.rss);
      expect(after.flowRules).toBe(1);
      expect(after.rxQueues.map((queue) => queue.headerBufferBytes)).toEqual([256, 256]);
      const payload = pattern(800, i);
      const [got] = bench.deliver(segment(bench, payload).frame);
      expect(provider.bytesOf(got.frags)).toEqual(payload);
    }
    provider.close(1);
    bench.run(3e9);
    provider.destroy();
    expect(bench.finish()).toEqual([]);
  });

  it('or a user asks for: the link is there again, and packets go out', () => {
    const bench = new Bench().up();
    expect(bench.ethtool.reset(bench.dev)).toBe(0);
    expect(bench.dev.operUp).toBe(false);
    bench.run(100e6);
    expect(bench.dev.operUp).toBe(true);
    const skb = bench.network.skbs.alloc(bench.dev);
    if (skb === null) throw new Error('no skb');
    const { frame } = segment(bench, pattern(60));
    bench.machine.memory.bytes.set(frame, skb.put(frame.length));
    bench.network.transmit(skb);
    bench.run();
    expect(bench.port.takeAll()).toEqual([frame]);
    expect(bench.finish()).toEqual([]);
  });

  it('while the interface is down: it stays down, and opens afterwards', () => {
    const bench = new Bench();
    bench.nic.requestReset('a test wants it');
    bench.run(100e6);
    expect(bench.gve.stats.resets).toBe(1);
    expect(bench.dev.running).toBe(false);
    bench.up();
    expect(bench.deliver(segment(bench, pattern(700)).frame)).toHaveLength(1);
    expect(bench.finish()).toEqual([]);
  });

  it('frees packets that were on their way out', () => {
    const bench = new Bench().up();
    bench.port.refuse(1e9);
    const skb = bench.network.skbs.alloc(bench.dev);
    if (skb === null) throw new Error('no skb');
    const { frame } = segment(bench, pattern(60));
    bench.machine.memory.bytes.set(frame, skb.put(frame.length));
    bench.network.transmit(skb);
    bench.run();
    bench.nic.requestReset('a test wants it');
    bench.run(100e6);
    expect(bench.network.skbs.inUse).toBe(0);
    expect(bench.finish()).toEqual([]);
  });

  it.each(['a reset', 'new ring sizes'])('%s with a full ring: the queue takes packets again', (what) => {
    const bench = new Bench({ nic: { ringEntries: 256, minRingEntries: 256 } }).up();
    const { frame } = segment(bench, pattern(60));
    const send = (): void => {
      const skb = bench.network.skbs.alloc(bench.dev);
      if (skb === null) throw new Error('no skb');
      bench.machine.memory.bytes.set(frame, skb.put(frame.length));
      skb.queueMapping = 0;
      bench.network.transmit(skb);
    };
    bench.port.refuse(1e9);
    while (!bench.dev.txQueues[0].stopped) send();
    send();
    bench.run();
    if (what === 'a reset') bench.nic.requestReset('a test wants it');
    else expect(bench.ethtool.setRings(bench.dev, { tx: 512 })).toBe(0);
    bench.run(100e6);
    expect(bench.dev.txQueues[0].stopped).toBe(false);
    expect(bench.network.skbs.inUse).toBe(0);
    bench.port.refuse(0);
    send();
    bench.run();
    expect(bench.port.takeAll()).toEqual([frame]);
    expect(bench.finish()).toEqual([]);
  });

  it('that fails leaves the interface without queues, and nothing leaks', () => {
    const bench = new Bench().up();
    bench.machine.log.expect('reset failed');
    bench.machine.log.expect('recovery failed');
    const { adminq } = bench.gve;
    adminq.start = () => -12;
    bench.nic.requestReset('a test wants it');
    bench.run(100e6);
    expect(bench.gve.dead).toBe(true);
    expect(bench.dev.operUp).toBe(false);
    expect(bench.ethtool.setRings(bench.dev, { rx: 2048 })).toBeLessThan(0);
    bench.dev.close();
    expect(bench.dev.open()).toBe(-ENODEV);
    expect(ENXIO).toBe(6);
    expect(bench.finish()).toEqual([]);
  });
});

describe('remove', () => {
  it('takes a running interface with it, packets and providers out', () => {
    const bench = new Bench().up().split();
    const provider = new PeerProvider(bench, 64);
    expect(bench.ethtool.setRss(bench.dev, { indir: [1] })).toBe(0);
    expect(provider.open(1)).toBe(0);
    bench.run();
    bench.hold = true;
    bench.deliver(segment(bench, pattern(500)).frame, segment(bench, pattern(600)).frame);
    bench.gve.remove();
    bench.gve.remove();
    expect(bench.dev.registered).toBe(false);
    expect(bench.nic.inspect().adminqLive).toBe(false);
    bench.run(3e9);
    expect(provider.out).toBe(2);
    bench.releaseHeld();
    bench.run(3e9);
    expect(provider.pools).toBe(0);
    provider.destroy();
    expect(bench.finish()).toEqual([]);
  });
});
