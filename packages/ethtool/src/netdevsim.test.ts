// The rings and channels cases that a 7.3.4 kernel answered on netdevsim, on the packet driver.

import { netifMpCloseRxq, netifMpOpenRxq } from '@netmem/netdev';
import { createPacketDriver, createTestNetwork, type PacketDriver } from '@netmem/netdev/testing';
import { EINVAL, EOPNOTSUPP, ERANGE, Extack } from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import { Ethtool, type RingsRequest } from './index.ts';

type MemoryProviderParams = Parameters<typeof netifMpOpenRxq>[2];

const EMPTY_PROVIDER: MemoryProviderParams['mpOps'] = Object.freeze({
  init: () => 0,
  destroy: () => undefined,
  allocNetmems: () => 0 as never,
  releaseNetmem: () => false,
  describe: () => ({ kind: 'dmabuf' as const, id: 1 }),
});

describe('linux-7.3.4-netdevsim-devmem', () => {
  let driver: PacketDriver;
  let ethtool: Ethtool;
  const extack = new Extack();
  const set = (request: RingsRequest): [number, string | null] => {
    extack.clear();
    return [ethtool.setRings(driver.netdev, request, extack), extack.message];
  };
  const bind = (idx: number): MemoryProviderParams => {
    const params = { mpPriv: { idx }, mpOps: EMPTY_PROVIDER, rxPageSize: 0 };
    driver.netdev.lock.lock();
    expect(netifMpOpenRxq(driver.netdev, idx, params, extack)).toBe(0);
    driver.netdev.lock.unlock();
    return params;
  };

  beforeEach(() => {
    const { network } = createTestNetwork();
    ethtool = new Ethtool(network);
    driver = createPacketDriver(network, { queues: 4 });
    ethtool.attach(driver.netdev, driver.ethtoolOps);
    driver.netdev.open();
  });

  it('rings-get', () => {
    expect(ethtool.getRings(driver.netdev)).toEqual({
      rxMax: 4096,
      rx: 512,
      rxMiniMax: 4096,
      rxMini: 0,
      rxJumboMax: 4096,
      rxJumbo: 0,
      txMax: 4096,
      tx: 512,
      tcpDataSplit: 2,
      txPush: false,
      rxPush: false,
      hdsThresh: 0,
      hdsThreshMax: 1024,
    });
    expect(ethtool.getRings(driver.network.loopback!)).toBe(-EOPNOTSUPP);
  });

  it('rings-set, one after the other', () => {
    expect(set({ tcpDataSplit: 2, hdsThresh: 4096 })).toEqual([-EINVAL, 'requested ring size exceeds maximum']);
    expect(ethtool.getRings(driver.netdev)).toMatchObject({ tcpDataSplit: 2, hdsThresh: 0 });
    expect(driver.netdev.cfg.hdsConfig).toBe(0);
    expect(set({ hdsThresh: 1024 })).toEqual([0, null]);
    expect(ethtool.getRings(driver.netdev)).toMatchObject({ tcpDataSplit: 2, hdsThresh: 1024 });
    expect(set({ hdsThresh: 1025 })).toEqual([-EINVAL, 'requested ring size exceeds maximum']);
    expect(set({ tcpDataSplit: 1 })).toEqual([0, null]);
    expect(ethtool.getRings(driver.netdev)).toMatchObject({ tcpDataSplit: 1, hdsThresh: 1024 });
    expect(set({ tcpDataSplit: 3 })).toEqual([-ERANGE, 'integer out of range']);
    expect(set({ rx: 100000 })).toEqual([-EINVAL, 'requested ring size exceeds maximum']);
    expect(set({ rx: 0 })).toEqual([0, null]);
    expect(ethtool.getRings(driver.netdev)).toMatchObject({ rx: 0 });
  });

  it('while bound', () => {
    expect(set({ tcpDataSplit: 2, hdsThresh: 0 })).toEqual([0, null]);
    const first = bind(0);
    const others = [bind(1), bind(2)];
    expect(set({ tcpDataSplit: 1 })).toEqual([
      -EINVAL,
      "can't disable tcp-data-split while device has memory provider enabled",
    ]);
    expect(set({ hdsThresh: 1 })).toEqual([
      -EINVAL,
      "can't set non-zero hds_thresh while device is memory provider enabled",
    ]);
    expect(set({ rx: 256 })).toEqual([0, null]);
    driver.netdev.lock.lock();
    others.forEach((params, i) => {
      netifMpCloseRxq(driver.netdev, i + 1, params);
    });
    driver.netdev.lock.unlock();
    // Queue 0 is still bound: 2 is more than its 1, and so is 4.
    expect(ethtool.setChannels(driver.netdev, { combinedCount: 2 }, extack)).toBe(0);
    expect(ethtool.setChannels(driver.netdev, { combinedCount: 4 }, extack)).toBe(0);
    expect(ethtool.setChannels(driver.netdev, { combinedCount: 1 }, extack)).toBe(-EINVAL);
    expect(driver.netdev.rxQueues[0].mpParams).toBe(first);
  });
});
