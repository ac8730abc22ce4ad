import { EBUSY, EINVAL, EOPNOTSUPP, Extack, FLOW_TYPE, RX_CLS_FLOW_DISC } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { type FakeDevice, makeFakeDevice } from '../test/fake-device.ts';
import type { ChannelsRequest } from './index.ts';

function bind(fake: FakeDevice, queue: number): void {
  fake.dev.rxQueues[queue].mpParams = { mpPriv: {}, mpOps: {} as never, rxPageSize: 0 };
}

function userTable(fake: FakeDevice, highest: number): void {
  expect(fake.ethtool.setRss(fake.dev, { indir: [0, highest] })).toBe(0);
}

function rule(fake: FakeDevice, ring: number): void {
  expect(fake.ethtool.insertRule(fake.dev, { flowType: FLOW_TYPE.TCP_V4, ring })).toBeGreaterThanOrEqual(0);
}

describe('getChannels', () => {
  it('answers what the driver says', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getChannels(fake.dev)).toEqual(fake.channels);
    expect(fake.ethtool.getChannels(fake.network.loopback!)).toBe(-EOPNOTSUPP);
  });
});

/** What makes each check fail when three channels are asked for, in the order of the checks. */
const CHECKS: readonly [string, ChannelsRequest, (fake: FakeDevice) => void, string, string | null][] = [
  ['above the maximum', { rxCount: 1 }, () => undefined, 'requested channel count exceeds maximum', 'rx-count'],
  [
    'none left',
    { combinedCount: 0 },
    () => undefined,
    'requested channel counts would result in no RX or TX channel being configured',
    'combined-count',
  ],
  [
    "an RSS table of the user's",
    { combinedCount: 3 },
    (fake) => userTable(fake, 3),
    'requested channel counts are too low for existing indirection table (3)',
    null,
  ],
  [
    'a rule',
    { combinedCount: 3 },
    (fake) => rule(fake, 3),
    'requested channel counts are too low for existing ntuple filter settings',
    null,
  ],
  [
    'a memory provider',
    { combinedCount: 3 },
    (fake) => bind(fake, 2),
    'requested channel counts are too low for existing memory provider setting (3)',
    null,
  ],
  [
    'AF_XDP',
    { combinedCount: 3 },
    (fake) => {
      fake.dev.rxQueues[3].xskPool = {};
    },
    'requested channel counts are too low due to busy queues (AF_XDP or queue leasing)',
    null,
  ],
];

describe('setChannels and checkMaxChannel', () => {
  it.each(CHECKS)('%s', (_what, request, spoil, text, attr) => {
    const fake = makeFakeDevice();
    spoil(fake);
    fake.calls.length = 0;
    fake.events.length = 0;
    const extack = new Extack();
    expect(fake.ethtool.setChannels(fake.dev, request, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr]).toEqual([text, attr]);
    expect([fake.calls, fake.events]).toEqual([[], []]);
  });

  it.each(CHECKS.slice(0, -1).map((check, i) => [check[0], CHECKS[i + 1][0], i] as const))(
    '%s before %s',
    (_a, _b, i) => {
      const fake = makeFakeDevice();
      CHECKS[i][2](fake);
      CHECKS[i + 1][2](fake);
      const extack = new Extack();
      expect(fake.ethtool.setChannels(fake.dev, { ...CHECKS[i + 1][1], ...CHECKS[i][1] }, extack)).toBe(-EINVAL);
      expect(extack.message).toBe(CHECKS[i][3]);
    },
  );

  it('changes, asks the driver and notifies; nothing to change is nothing to ask', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 4 })).toBe(0);
    expect(fake.calls).toEqual([]);
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 2 })).toBe(0);
    expect([fake.calls, fake.events]).toEqual([['channels 2'], ['eth0 channels']]);
    fake.answer = -EBUSY;
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 3 })).toBe(-EBUSY);
    expect(fake.events).toHaveLength(1);
    expect(makeFakeDevice({ setChannels: undefined as never }).ethtool.setChannels(fake.dev, {})).toBe(0);
  });

  it('keeps one channel more than the highest provider-bound queue needs', () => {
    const fake = makeFakeDevice();
    bind(fake, 1);
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 2 })).toBe(-EINVAL);
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 3 })).toBe(0);
    // Staying where one is was no question.
    bind(fake, 3);
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 3 })).toBe(0);
  });

  it('lets go of a table the driver made, of rules that drop, and of queues below', () => {
    const fake = makeFakeDevice();
    rule(fake, RX_CLS_FLOW_DISC);
    rule(fake, 1);
    expect(fake.ethtool.setChannels(fake.dev, { combinedCount: 2 })).toBe(0);
    const again = makeFakeDevice();
    userTable(again, 3);
    expect(again.ethtool.setRss(again.dev, { indir: [] })).toBe(0);
    expect(again.ethtool.setChannels(again.dev, { combinedCount: 2 })).toBe(0);
  });

  it('sees queues of both kinds', () => {
    const fake = makeFakeDevice();
    Object.assign(fake.channels, { maxRx: 4, maxTx: 4, maxCombined: 0, rxCount: 4, txCount: 4, combinedCount: 0 });
    const extack = new Extack();
    expect(fake.ethtool.setChannels(fake.dev, { rxCount: 0 }, extack)).toBe(-EINVAL);
    expect(extack.badAttr).toBe('rx-count');
    expect(fake.ethtool.setChannels(fake.dev, { txCount: 0 }, extack)).toBe(-EINVAL);
    expect(extack.badAttr).toBe('tx-count');
    fake.dev.rxQueues[3].xskPool = {};
    expect(fake.ethtool.setChannels(fake.dev, { txCount: 2 }, extack)).toBe(-EINVAL);
    expect(extack.message).toContain('AF_XDP');
  });
});
