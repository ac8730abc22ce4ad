import { EINVAL, ENODEV, EOPNOTSUPP, ERANGE, HWTSTAMP_FILTER, HWTSTAMP_TX } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  devGetHwtstamp,
  devSetHwtstamp,
  type HwtstampConfig,
  hwtstampValidate,
  NetDevice,
  PhcIndexes,
} from './index.ts';
import { createTestNetwork } from './testing/index.ts';

const OFF: HwtstampConfig = { flags: 0, txType: HWTSTAMP_TX.OFF, rxFilter: HWTSTAMP_FILTER.NONE };

function stampingDevice(): {
  dev: NetDevice;
  held: boolean[];
  network: ReturnType<typeof createTestNetwork>['network'];
} {
  const held: boolean[] = [];
  let now: HwtstampConfig = OFF;
  const dev: NetDevice = new NetDevice({
    address: Uint8Array.of(2, 0, 0, 0, 0, 1),
    numRxQueues: 1,
    numTxQueues: 1,
    ops: {
      open: () => 0,
      stop: () => 0,
      startXmit: () => 0,
      hwtstampGet: (out) => Object.assign(out, now) && 0,
      hwtstampSet(config): number {
        held.push(dev.lock.held);
        if (config.rxFilter !== HWTSTAMP_FILTER.NONE) config.rxFilter = HWTSTAMP_FILTER.ALL;
        now = { ...config };
        return 0;
      },
    },
  });
  return { dev, held, network: createTestNetwork().network };
}

describe('devSetHwtstamp', () => {
  it('passes a valid request on under the lock, and what the driver made of it back', () => {
    const { dev, held, network } = stampingDevice();
    network.registerDevice(dev);
    const config = { ...OFF, rxFilter: HWTSTAMP_FILTER.PTP_V2_EVENT };
    expect(devSetHwtstamp(dev, config)).toBe(0);
    expect([config.rxFilter, held, dev.lock.held]).toEqual([HWTSTAMP_FILTER.ALL, [true], false]);
    const out = { ...OFF };
    expect(devGetHwtstamp(dev, out)).toBe(0);
    expect(out.rxFilter).toBe(HWTSTAMP_FILTER.ALL);
  });

  it.each<[string, Partial<HwtstampConfig>, number]>([
    ['flags that are none', { flags: 2, txType: 9 }, -EINVAL],
    ['a type that is none', { txType: 4 }, -ERANGE],
    ['a filter that is none', { rxFilter: 16 }, -ERANGE],
  ])('refuses %s (hwtstampValidate)', (_what, change, errno) => {
    const { dev, held, network } = stampingDevice();
    network.registerDevice(dev);
    expect(hwtstampValidate({ ...OFF, ...change })).toBe(errno);
    expect(devSetHwtstamp(dev, { ...OFF, ...change })).toBe(errno);
    expect(held).toEqual([]);
  });

  it('needs a driver with a clock, and a device that is there', () => {
    const { dev, network } = stampingDevice();
    expect(devSetHwtstamp(network.loopback!, { ...OFF })).toBe(-EOPNOTSUPP);
    expect(devGetHwtstamp(network.loopback!, { ...OFF })).toBe(-EOPNOTSUPP);
    expect(devSetHwtstamp(dev, { ...OFF })).toBe(-ENODEV);
    expect(devGetHwtstamp(dev, { ...OFF })).toBe(-ENODEV);
  });
});

describe('stamps of an skb', () => {
  it('go with a clone, not with the slot', () => {
    const { network } = createTestNetwork();
    const skb = network.skbs.alloc(null)!;
    skb.put(10);
    skb.hwtstampNs = 2 ** 52 + 1;
    skb.tstampNs = 7;
    const clone = skb.clone()!;
    expect([clone.hwtstampNs, clone.tstampNs]).toEqual([2 ** 52 + 1, 7]);
    skb.consume();
    clone.consume();
    const again = network.skbs.alloc(null)!;
    expect([again.hwtstampNs, again.tstampNs]).toEqual([0, 0]);
    again.consume();
  });

  it('come from the host while somebody wants them', () => {
    const { network } = createTestNetwork();
    const { clock } = network.machine;
    const stamps: number[] = [];
    network.addPacketType(0x88b5, {
      receive(skb) {
        stamps.push(skb.tstampNs);
        skb.consume();
      },
    });
    const receive = (): void => {
      const skb = network.skbs.alloc(network.loopback)!;
      skb.protocol = 0x88b5;
      network.receive(skb);
    };
    network.machine.run({ until: () => false, timeoutNs: 1000 });
    receive();
    network.enableTimestamps();
    receive();
    network.disableTimestamps();
    receive();
    expect(stamps).toEqual([0, clock.nowNs, 0]);
  });
});

describe('PhcIndexes', () => {
  it('gives the lowest number that is free', () => {
    const phcs = new PhcIndexes();
    expect([phcs.register(), phcs.register(), phcs.register()]).toEqual([0, 1, 2]);
    phcs.unregister(1);
    expect([phcs.register(), phcs.register()]).toEqual([1, 3]);
  });
});
