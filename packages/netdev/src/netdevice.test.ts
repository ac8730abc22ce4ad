import { EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EIO, ENODEV, EOPNOTSUPP, Extack, IFF } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { locked, makePlainDevice } from '../test/plain-device.ts';
import { allocSkb, makeWorld } from '../test/world.ts';
import { featureNames, NETIF_F, NetDevice, type NetDeviceOptions } from './index.ts';

const OPTIONS: NetDeviceOptions = {
  address: new Uint8Array(6),
  numRxQueues: 1,
  numTxQueues: 1,
  ops: { open: () => 0, stop: () => 0, startXmit: () => 0 },
};

describe('registration', () => {
  it('gives the loopback device index 1 and the others the next, names by pattern', () => {
    const { network } = makeWorld();
    const first = makePlainDevice(network).dev;
    const second = makePlainDevice(network).dev;
    const other = makePlainDevice(network, { name: 'net%d' }).dev;
    expect([network.loopback?.ifindex, network.loopback?.name]).toEqual([1, 'lo']);
    expect([first, second, other].map((dev) => [dev.ifindex, dev.name])).toEqual([
      [2, 'eth0'],
      [3, 'eth1'],
      [4, 'net0'],
    ]);
    network.unregisterDevice(first);
    expect(makePlainDevice(network).dev.name).toBe('eth0');
    expect([network.device('eth1'), network.device(3), network.device('nope')]).toEqual([second, second, null]);
  });

  it.each([
    ['', -EINVAL],
    ['a name', -EINVAL],
    ['a/b', -EINVAL],
    ['a:b', -EINVAL],
    ['.', -EINVAL],
    ['fifteen-letters', 0],
    ['sixteen-letters!', -EINVAL],
    ['eth%d%d', -EINVAL],
    ['eth%x', -EINVAL],
    ['lo', -EEXIST],
  ])('name %j: %i', (name, expected) => {
    const { network } = makeWorld();
    const dev = new NetDevice({ ...OPTIONS, name });
    expect(network.registerDevice(dev)).toBe(expected);
    expect(dev.registered).toBe(expected === 0);
    if (expected === 0) expect(network.registerDevice(dev)).toBe(-EEXIST);
  });

  it('is announced, and so is everything that follows', () => {
    const { network } = makeWorld();
    const events: string[] = [];
    const stop = network.subscribe((event, dev) => events.push(`${dev.name} ${event}`));
    const { dev } = makePlainDevice(network);
    dev.open();
    dev.carrierOff();
    dev.carrierOff();
    dev.carrierOn();
    dev.setMtu(1400);
    dev.setAddress(Uint8Array.of(2, 0, 0, 0, 0, 9));
    network.unregisterDevice(dev);
    stop();
    makePlainDevice(network);
    expect(events).toEqual([
      'eth0 register',
      'eth0 up',
      'eth0 carrier',
      'eth0 carrier',
      'eth0 change-mtu',
      'eth0 change-address',
      'eth0 going-down',
      'eth0 down',
      'eth0 unregister',
    ]);
  });

  it('is what a device needs before it has a lock', () => {
    const dev = new NetDevice(OPTIONS);
    expect(() => dev.lock).toThrow(/not registered/);
    expect(dev.open()).toBe(-ENODEV);
    expect(() => new NetDevice({ ...OPTIONS, numRxQueues: 0 })).toThrow(/at least one queue/);
    expect(() => new NetDevice({ ...OPTIONS, address: new Uint8Array(5) })).toThrow(/6 bytes/);
  });
});

describe('open and close', () => {
  it('runs the driver under the lock, once', () => {
    const { network } = makeWorld();
    const held: boolean[] = [];
    const running: boolean[] = [];
    const { dev, calls } = makePlainDevice(
      network,
      {},
      {
        open() {
          held.push(dev.lock.held);
          running.push(dev.running);
          return 0;
        },
      },
    );
    expect(dev.open()).toBe(0);
    expect(dev.open()).toBe(0);
    expect([held, running]).toEqual([[true], [true]]);
    expect(dev.flags & (IFF.UP | IFF.RUNNING | IFF.LOWER_UP)).toBe(IFF.UP | IFF.RUNNING | IFF.LOWER_UP);
    dev.carrierOff();
    expect([dev.flags & IFF.RUNNING, dev.operUp]).toEqual([0, false]);
    expect(dev.close()).toBe(0);
    expect(dev.close()).toBe(0);
    expect(calls).toEqual(['stop']);
    expect([dev.running, dev.flags & IFF.UP, dev.lock.held]).toEqual([false, 0, false]);
  });

  it('openLocked and closeLocked are for who holds the lock already', () => {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network);
    expect(() => dev.openLocked()).toThrow(/lock/);
    expect(() => dev.closeLocked()).toThrow(/lock/);
    locked(dev, () => {
      expect([dev.openLocked(), dev.running]).toEqual([0, true]);
      dev.closeLocked();
      expect([dev.running, dev.rxfhConfigured]).toEqual([false, false]);
    });
  });

  it('is down again after a failed open', () => {
    const { network } = makeWorld();
    const plain = makePlainDevice(network);
    plain.answers.open = -EIO;
    expect(plain.dev.open()).toBe(-EIO);
    expect([plain.dev.running, plain.dev.flags & IFF.UP, plain.dev.lock.held]).toEqual([false, 0, false]);
    plain.dev.present = false;
    expect(plain.dev.open()).toBe(-ENODEV);
    expect(plain.calls).toEqual(['open']);
  });

  it('drops what waits for a stopped queue, by its reset', () => {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network);
    dev.open();
    dev.stopQueue(0);
    const skb = allocSkb(network);
    skb.dev = dev;
    skb.queueMapping = 0;
    network.transmit(skb);
    expect(network.audit()).toContain('eth0: 1 packet(s) wait for transmit queue 0');
    dev.close();
    expect(network.skbs.inUse).toBe(0);
    dev.open();
    expect(dev.txQueues[0].stopped).toBe(false);
  });
});

describe('configuration', () => {
  it.each([
    [1500, 0, null],
    [67, -EINVAL, 'mtu less than device minimum'],
    [-1, -EINVAL, 'mtu less than device minimum'],
    [9001, -EINVAL, 'mtu greater than device maximum'],
    [9000, 0, null],
  ])('mtu %i: %i', (mtu, expected, text) => {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network, { maxMtu: 9000 });
    const extack = new Extack();
    expect(dev.setMtu(mtu, extack)).toBe(expected);
    expect(extack.message).toBe(text);
    expect(dev.mtu).toBe(expected === 0 ? mtu : 1500);
  });

  it('asks the driver for another mtu, and keeps the old one when it refuses', () => {
    const { network } = makeWorld();
    const plain = makePlainDevice(network);
    plain.answers.changeMtu = -EBUSY;
    expect(plain.dev.setMtu(1500)).toBe(0);
    expect(plain.calls).toEqual([]);
    expect(plain.dev.setMtu(2000)).toBe(-EBUSY);
    expect(plain.dev.mtu).toBe(1500);
    plain.dev.present = false;
    expect(plain.dev.setMtu(2000)).toBe(-ENODEV);
  });

  it.each([
    [Uint8Array.of(2, 0, 0, 0, 0, 2), 0],
    [Uint8Array.of(2, 0), -EINVAL],
    [Uint8Array.of(1, 0, 0, 0, 0, 2), -EADDRNOTAVAIL],
    [new Uint8Array(6), -EADDRNOTAVAIL],
  ])('address %o: %i', (address, expected) => {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network);
    expect(dev.setAddress(address)).toBe(expected);
    expect([...dev.address]).toEqual(expected === 0 ? [...address] : [2, 0, 0, 0, 0, 1]);
  });

  it('has a fixed address when the driver cannot set it', () => {
    const { network } = makeWorld();
    const dev = new NetDevice(OPTIONS);
    network.registerDevice(dev);
    expect(dev.setAddress(new Uint8Array(6))).toBe(-EOPNOTSUPP);
  });

  it.each([
    [1, 4, 0],
    [4, 1, 0],
    [0, 1, -EINVAL],
    [1, 0, -EINVAL],
    [5, 1, -EINVAL],
    [1, 5, -EINVAL],
  ])('%i rx and %i tx queues: %i', (rx, tx, expected) => {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network);
    expect(dev.setRealNumQueues(rx, tx)).toBe(expected);
    expect([dev.realNumRxQueues, dev.realNumTxQueues]).toEqual(expected === 0 ? [rx, tx] : [4, 4]);
  });

  it('tells the driver about promiscuity while it runs', () => {
    const { network } = makeWorld();
    let modes = 0;
    const { dev } = makePlainDevice(network, {}, { setRxMode: () => modes++ });
    dev.setPromiscuous(true);
    expect([modes, dev.flags & IFF.PROMISC]).toEqual([0, IFF.PROMISC]);
    dev.open();
    dev.setPromiscuous(false);
    expect([modes, dev.flags & IFF.PROMISC]).toEqual([2, 0]);
  });
});

describe('fixFeatures', () => {
  const ALL = NETIF_F.SG | NETIF_F.HW_CSUM | NETIF_F.TSO | NETIF_F.TSO6 | NETIF_F.TSO_ECN | NETIF_F.TSO_MANGLEID;

  function features(wanted: number, hw: number = wanted): string[] {
    const { network } = makeWorld();
    const { dev } = makePlainDevice(network, { features: 0, hwFeatures: hw });
    locked(dev, () => {
      dev.wantedFeatures = wanted;
      dev.updateFeatures();
    });
    return featureNames(dev.features);
  }

  it.each<[string, number, number]>([
    ['segmentation needs scatter-gather', ALL & ~NETIF_F.SG, NETIF_F.HW_CSUM],
    ['and a checksum', ALL & ~NETIF_F.HW_CSUM, NETIF_F.SG],
    [
      'each family its own',
      NETIF_F.SG | NETIF_F.IP_CSUM | NETIF_F.TSO | NETIF_F.TSO6,
      NETIF_F.SG | NETIF_F.IP_CSUM | NETIF_F.TSO,
    ],
    ['ECN segmentation needs another', NETIF_F.SG | NETIF_F.HW_CSUM | NETIF_F.TSO_ECN, NETIF_F.SG | NETIF_F.HW_CSUM],
    ['hardware GRO needs a receive checksum', NETIF_F.GRO_HW, 0],
    ['and excludes LRO', NETIF_F.GRO_HW | NETIF_F.LRO | NETIF_F.RXCSUM, NETIF_F.GRO_HW | NETIF_F.RXCSUM],
    [
      'a frame check sequence excludes both',
      NETIF_F.GRO_HW | NETIF_F.LRO | NETIF_F.RXCSUM | NETIF_F.RXFCS,
      NETIF_F.RXCSUM | NETIF_F.RXFCS,
    ],
    ['software segmentation needs scatter-gather', NETIF_F.GSO, 0],
    ['together they are fine', ALL | NETIF_F.GSO, ALL | NETIF_F.GSO],
  ])('%s', (_what, wanted, active) => {
    expect(features(wanted)).toEqual(featureNames(active));
  });

  it('warns of two kinds of checksum at once', () => {
    const { machine, network } = makeWorld();
    makePlainDevice(network, { features: NETIF_F.HW_CSUM | NETIF_F.IP_CSUM });
    machine.log.expect('mixed HW and IP checksum settings');
    expect(machine.log.unexpected()).toEqual([]);
  });

  it('leaves what is fixed, and everything when the driver refuses', () => {
    const { machine, network } = makeWorld();
    const plain = makePlainDevice(network, { features: NETIF_F.RXCSUM, hwFeatures: NETIF_F.NTUPLE });
    const { dev } = plain;
    const before = dev.features;
    locked(dev, () => {
      dev.wantedFeatures = NETIF_F.NTUPLE;
      plain.answers.setFeatures = -EIO;
      dev.updateFeatures();
      expect(dev.features).toBe(before);
      plain.answers.setFeatures = 0;
      dev.updateFeatures();
    });
    expect(dev.features & (NETIF_F.NTUPLE | NETIF_F.RXCSUM)).toBe(NETIF_F.NTUPLE | NETIF_F.RXCSUM);
    machine.log.expect('set_features() failed');
  });
});
