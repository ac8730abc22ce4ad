import { type HwtstampConfig, NetDevice, type NetDeviceOps } from '@netmem/netdev';
import { createTestNetwork } from '@netmem/netdev/testing';
import { EINVAL, EIO, ENODEV, EOPNOTSUPP, ERANGE, Extack, HWTSTAMP_FILTER, HWTSTAMP_TX } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { Ethtool } from './index.ts';

const OFF: HwtstampConfig = { flags: 0, txType: HWTSTAMP_TX.OFF, rxFilter: HWTSTAMP_FILTER.NONE };
const ALL: HwtstampConfig = { ...OFF, rxFilter: HWTSTAMP_FILTER.ALL };

/** A device that stamps all or nothing of what it receives. */
function stamping(overrides: Partial<NetDeviceOps> = {}): {
  dev: NetDevice;
  ethtool: Ethtool;
  asked: HwtstampConfig[];
} {
  const { network } = createTestNetwork();
  const asked: HwtstampConfig[] = [];
  let now = OFF;
  const dev: NetDevice = new NetDevice({
    address: Uint8Array.of(2, 0, 0, 0, 0, 1),
    numRxQueues: 1,
    numTxQueues: 1,
    ops: {
      open: () => 0,
      stop: () => 0,
      startXmit: () => 0,
      hwtstampGet: (out) => Object.assign(out, now) && 0,
      hwtstampSet(config, extack): number {
        expect(dev.lock.held).toBe(true);
        asked.push({ ...config });
        if (config.txType !== HWTSTAMP_TX.OFF) {
          extack?.set('nothing that is sent');
          return -ERANGE;
        }
        now = config.rxFilter === HWTSTAMP_FILTER.NONE ? OFF : ALL;
        return 0;
      },
      ...overrides,
    },
  });
  network.registerDevice(dev);
  return { dev, ethtool: new Ethtool(network), asked };
}

describe('getTsConfig and setTsConfig', () => {
  it('change what is given, and tell what came of it', () => {
    const { dev, ethtool, asked } = stamping();
    expect(ethtool.getTsConfig(dev)).toEqual(OFF);
    expect(ethtool.setTsConfig(dev, { rxFilter: HWTSTAMP_FILTER.PTP_V2_EVENT })).toEqual(ALL);
    expect(ethtool.setTsConfig(dev, { rxFilter: HWTSTAMP_FILTER.ALL })).toEqual(ALL);
    expect(ethtool.setTsConfig(dev, {})).toEqual(ALL);
    expect(asked).toEqual([{ ...OFF, rxFilter: HWTSTAMP_FILTER.PTP_V2_EVENT }]);
    expect(ethtool.setTsConfig(dev, { rxFilter: HWTSTAMP_FILTER.NONE })).toEqual(OFF);
  });

  it.each<[string, Partial<HwtstampConfig>, number]>([
    ['flags that are none', { flags: 4 }, -EINVAL],
    ['a type that is none', { txType: 9 }, -ERANGE],
    ['a filter that is none', { rxFilter: -1 }, -ERANGE],
    ['what the driver cannot', { txType: HWTSTAMP_TX.ON }, -ERANGE],
  ])('refuse %s', (_what, request, errno) => {
    const { dev, ethtool, asked } = stamping();
    const extack = new Extack();
    expect(ethtool.setTsConfig(dev, request, extack)).toBe(errno);
    expect([asked.length, extack.message]).toEqual(
      request.txType === HWTSTAMP_TX.ON ? [1, 'nothing that is sent'] : [0, null],
    );
    expect(ethtool.getTsConfig(dev)).toEqual(OFF);
  });

  it('need a device with a clock that says what it does', () => {
    const { dev, ethtool } = stamping({ hwtstampGet: () => -EIO });
    expect(ethtool.getTsConfig(dev)).toBe(-EIO);
    expect(ethtool.setTsConfig(dev, { rxFilter: HWTSTAMP_FILTER.ALL })).toBe(-EIO);
    const loopback = dev.network?.loopback as NetDevice;
    expect(ethtool.getTsConfig(loopback)).toBe(-EOPNOTSUPP);
    expect(ethtool.setTsConfig(loopback, {})).toBe(-EOPNOTSUPP);
    dev.present = false;
    expect(ethtool.getTsConfig(dev)).toBe(-ENODEV);
  });
});
