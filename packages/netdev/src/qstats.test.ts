import { EOPNOTSUPP } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { makePlainDevice } from '../test/plain-device.ts';
import { makeWorld } from '../test/world.ts';
import { deviceStats, type NetDevice, type NetdevStatOps, queueStats } from './index.ts';

function device(statOps?: NetdevStatOps): NetDevice {
  return makePlainDevice(makeWorld().network, statOps === undefined ? {} : { statOps }).dev;
}

const OPS: NetdevStatOps = {
  getQueueStatsRx(idx, out) {
    if (idx === 3) return;
    out.packets = 10 + idx;
    if (idx === 1) out.allocFail = 0;
    out.csumNone = 1;
  },
  getQueueStatsTx(idx, out) {
    if (idx === 0) out.stop = 2;
  },
  getBaseStats(rx, tx) {
    rx.packets = 100;
    rx.allocFail = 5;
    tx.bytes = 7;
  },
};

describe('queue statistics', () => {
  it('are not there when the driver has none', () => {
    expect(queueStats(device())).toBe(-EOPNOTSUPP);
    expect(deviceStats(device())).toBe(-EOPNOTSUPP);
  });

  it('show what is set, 0 included, of queues that have anything, while the device is up', () => {
    const dev = device(OPS);
    expect(queueStats(dev)).toEqual([]);
    dev.open();
    dev.setRealNumQueues(4, 2);
    expect(queueStats(dev)).toEqual([
      { type: 'rx', id: 0, stats: { 'rx-packets': 10, 'rx-csum-none': 1 } },
      { type: 'rx', id: 1, stats: { 'rx-packets': 11, 'rx-alloc-fail': 0, 'rx-csum-none': 1 } },
      { type: 'rx', id: 2, stats: { 'rx-packets': 12, 'rx-csum-none': 1 } },
      { type: 'tx', id: 0, stats: { 'tx-stop': 2 } },
    ]);
  });

  it('add up on the device, up or down, as far as the base has a counter', () => {
    const dev = device(OPS);
    expect(deviceStats(dev)).toEqual({ 'rx-packets': 133, 'rx-alloc-fail': 5, 'tx-bytes': 7 });
    dev.setRealNumQueues(1, 1);
    expect(deviceStats(dev)).toEqual({ 'rx-packets': 110, 'rx-alloc-fail': 5, 'tx-bytes': 7 });
  });

  it('are nothing on a device without a base, or with an empty one', () => {
    expect(deviceStats(device({ getQueueStatsRx: OPS.getQueueStatsRx! }))).toBeNull();
    expect(deviceStats(device({ getBaseStats: () => undefined }))).toBeNull();
  });
});
