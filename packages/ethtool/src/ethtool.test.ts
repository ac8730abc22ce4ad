import { NETIF_F } from '@netmem/netdev';
import {
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  EOPNOTSUPP,
  Extack,
  FLOW_TYPE,
  HWTSTAMP_FILTER,
  RX_CLS_FLOW_DISC,
  RX_CLS_LOC_ANY,
  SOF_TIMESTAMPING,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { makeFakeDevice } from '../test/fake-device.ts';
import type { FlowRequest } from './index.ts';

const TCP4: FlowRequest = { flowType: FLOW_TYPE.TCP_V4, ring: 2 };

describe('rules', () => {
  it('take the highest free location unless they name one', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(3);
    expect(fake.ethtool.insertRule(fake.dev, { ...TCP4, location: 1 })).toBe(1);
    expect(fake.ethtool.insertRule(fake.dev, { ...TCP4, location: RX_CLS_LOC_ANY })).toBe(2);
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(0);
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(-ENOSPC);
    const rules = fake.ethtool.getRules(fake.dev);
    expect(typeof rules === 'number' ? rules : rules.map((rule) => rule.location)).toEqual([0, 1, 2, 3]);
    expect(fake.ethtool.deleteRule(fake.dev, 2)).toBe(0);
    expect(fake.ethtool.deleteRule(fake.dev, 2)).toBe(-ENOENT);
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(2);
  });

  it('match exactly what is given and anything else', () => {
    const fake = makeFakeDevice();
    fake.ethtool.insertRule(fake.dev, {
      ...TCP4,
      dstIp: Uint8Array.of(192, 0, 2, 1),
      dstPort: 5201,
      srcIp: Uint8Array.of(10, 0, 0, 0),
      srcIpMask: Uint8Array.of(255, 0, 0, 0),
    });
    expect(fake.rules[0]).toEqual({
      flowType: FLOW_TYPE.TCP_V4,
      ring: 2,
      location: 3,
      srcIp: Uint8Array.of(10, 0, 0, 0),
      srcIpMask: Uint8Array.of(255, 0, 0, 0),
      dstIp: Uint8Array.of(192, 0, 2, 1),
      dstIpMask: new Uint8Array(4).fill(255),
      srcPort: 0,
      srcPortMask: 0,
      dstPort: 5201,
      dstPortMask: 0xffff,
      tos: 0,
      tosMask: 0,
    });
  });

  it.each<[string, Partial<FlowRequest>, number]>([
    ['a queue that does not exist', { ring: 4 }, -EINVAL],
    ['a negative queue', { ring: -2 }, -EINVAL],
    ['dropping', { ring: RX_CLS_FLOW_DISC }, 3],
    ['a location behind the table', { location: 4 }, -EINVAL],
    ['a flow type that is none', { flowType: 99 }, -EINVAL],
    ['an address of the other family', { dstIp: new Uint8Array(16) }, -EINVAL],
    ['a mask of another length', { dstIp: new Uint8Array(4), dstIpMask: new Uint8Array(3) }, -EINVAL],
    ['a port that is none', { dstPort: 65536 }, -EINVAL],
    ['a port mask that is none', { dstPort: 1, dstPortMask: -1 }, -EINVAL],
    ['IPv6', { flowType: FLOW_TYPE.TCP_V6, dstIp: new Uint8Array(16) }, 3],
    ['Ethernet', { flowType: FLOW_TYPE.ETHER }, 3],
  ])('%s', (_what, request, expected) => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.insertRule(fake.dev, { ...TCP4, ...request })).toBe(expected);
  });

  it('belong to the driver, and to the ntuple feature', () => {
    const fake = makeFakeDevice();
    fake.answer = -EEXIST;
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(-EEXIST);
    expect(fake.ethtool.setFeatures(fake.dev, { 'rx-ntuple-filter': false })).toBe(0);
    expect(fake.ethtool.insertRule(fake.dev, TCP4)).toBe(-EOPNOTSUPP);
    expect(fake.ethtool.deleteRule(fake.dev, 0)).toBe(-EOPNOTSUPP);
    expect(fake.ethtool.getRules(fake.network.loopback!)).toBe(-EOPNOTSUPP);
    expect(fake.ethtool.insertRule(fake.network.loopback!, TCP4)).toBe(-EOPNOTSUPP);
    expect(fake.ethtool.deleteRule(fake.network.loopback!, 0)).toBe(-EOPNOTSUPP);
  });
});

describe('features', () => {
  it('are listed by what can be changed, is wanted and is on', () => {
    const fake = makeFakeDevice();
    const features = fake.ethtool.getFeatures(fake.dev);
    if (typeof features === 'number') throw new Error('no features');
    expect([...features.hw].sort()).toEqual([
      'rx-gro',
      'rx-ntuple-filter',
      'tx-generic-segmentation',
      'tx-scatter-gather',
      'tx-tcp-segmentation',
    ]);
    expect(features.active.has('rx-checksum')).toBe(true);
    expect(features.wanted.has('rx-checksum')).toBe(false);
    expect(features.nochange.size).toBe(0);
  });

  it('are switched by name, together with what depends on them', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setFeatures(fake.dev, { 'tx-tcp-segmentation': true })).toBe(0);
    expect(fake.dev.features & NETIF_F.TSO).not.toBe(0);
    expect(fake.ethtool.setFeatures(fake.dev, { 'tx-scatter-gather': false })).toBe(0);
    expect(fake.dev.features & (NETIF_F.TSO | NETIF_F.SG | NETIF_F.GSO)).toBe(0);
    // It is still wanted, and comes back.
    expect(fake.ethtool.setFeatures(fake.dev, { 'tx-scatter-gather': true })).toBe(0);
    expect(fake.dev.features & NETIF_F.TSO).not.toBe(0);
    expect(fake.events).toEqual(['eth0 features', 'eth0 features', 'eth0 features']);
  });

  it('that are fixed stay, without an error or a notification', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setFeatures(fake.dev, { 'rx-checksum': false })).toBe(0);
    expect(fake.dev.features & NETIF_F.RXCSUM).not.toBe(0);
    expect(fake.events).toEqual([]);
  });

  it.each<[Record<string, boolean>, number, string | null]>([
    [{ 'no-such-feature': true }, -EOPNOTSUPP, 'bit name not found'],
    [{}, -EINVAL, null],
  ])('%o: %i', (changes, errno, text) => {
    const fake = makeFakeDevice();
    const extack = new Extack();
    expect(fake.ethtool.setFeatures(fake.dev, changes, extack)).toBe(errno);
    expect(extack.message).toBe(text);
  });
});

describe('the rest', () => {
  it('names statistics, and has none without a driver', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getStats(fake.dev)).toEqual([
      { name: 'rx_packets', value: 7 },
      { name: 'rx_dropped', value: 1 },
    ]);
    expect(fake.ethtool.getStats(fake.network.loopback!)).toEqual([]);
  });

  it('says who drives a device', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getDriverInfo(fake.dev)).toMatchObject({ driver: 'fake', version: '1', busInfo: '' });
    expect(fake.ethtool.getDriverInfo(fake.network.loopback!)).toBe(-EOPNOTSUPP);
  });

  it('shows the link by the driver, or by the carrier', () => {
    const fake = makeFakeDevice({ getLinkKsettings: () => ({ speedMbps: 100_000, duplex: 'full' }) });
    expect([fake.ethtool.getLink(fake.dev), fake.ethtool.getLink(fake.network.loopback!)]).toEqual([true, true]);
    fake.dev.carrierOff();
    expect(fake.ethtool.getLink(fake.dev)).toBe(false);
    expect(fake.ethtool.getLinkKsettings(fake.dev)).toEqual({ speedMbps: 100_000, duplex: 'full' });
    expect(fake.ethtool.getLinkKsettings(fake.network.loopback!)).toBe(-EOPNOTSUPP);
    expect(makeFakeDevice({ getLink: () => false }).ethtool.getLink(fake.dev)).toBe(false);
  });

  it('knows software time stamps, and what a driver adds', () => {
    const fake = makeFakeDevice({
      getTsInfo(out) {
        out.phcIndex = 3;
        out.soTimestamping = SOF_TIMESTAMPING.TX_SOFTWARE;
        out.rxFilters = 1 << HWTSTAMP_FILTER.ALL;
        return 0;
      },
    });
    expect(fake.ethtool.getTsInfo(fake.dev)).toEqual({ soTimestamping: 0x1a, phcIndex: 3, txTypes: 0, rxFilters: 2 });
    expect(fake.ethtool.getTsInfo(fake.network.loopback!)).toEqual({
      soTimestamping: 0x18,
      phcIndex: -1,
      txTypes: 0,
      rxFilters: 0,
    });
  });

  it('resets a device that can be reset', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.reset(fake.dev)).toBe(0);
    expect(fake.ethtool.reset(fake.network.loopback!)).toBe(-EOPNOTSUPP);
  });

  it('holds the lock while it asks, and never after', () => {
    const held: boolean[] = [];
    const fake = makeFakeDevice({
      getStats: () => held.push(fake.dev.lock.held),
      reset: () => {
        throw new Error('a driver fails');
      },
    });
    fake.ethtool.subscribe(() => held.push(fake.dev.lock.held));
    fake.ethtool.getStats(fake.dev);
    fake.ethtool.setChannels(fake.dev, { combinedCount: 1 });
    expect(() => fake.ethtool.reset(fake.dev)).toThrow(/a driver fails/);
    expect([held, fake.dev.lock.held]).toEqual([[true, false], false]);
  });

  it('stops telling who does not want to hear any more', () => {
    const fake = makeFakeDevice();
    const heard: string[] = [];
    const stop = fake.ethtool.subscribe((event) => heard.push(event));
    fake.ethtool.setChannels(fake.dev, { combinedCount: 1 });
    stop();
    fake.ethtool.setChannels(fake.dev, { combinedCount: 2 });
    expect(heard).toEqual(['channels']);
  });
});
