import { EBUSY, EINVAL, EIO, ENODEV, ENOENT, EOPNOTSUPP, ERANGE, Extack, FLOW_TYPE } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ANY_KEY, makeContextDevice } from '../test/context-device.ts';
import { makeFakeDevice } from '../test/fake-device.ts';
import { type FlowRequest, type RssCreateRequest, type RssRequest, rxfhContextLost } from './index.ts';

const TCP4: FlowRequest = { flowType: FLOW_TYPE.TCP_V4, ring: 0 };

describe('createRss', () => {
  it('takes the lowest free number, or the one that is asked for', () => {
    const fake = makeContextDevice();
    const extack = new Extack();
    expect(fake.ethtool.createRss(fake.dev, { context: 2 })).toBe(2);
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(1);
    expect(fake.ethtool.createRss(fake.dev, { context: 2 }, extack)).toBe(-EBUSY);
    expect([extack.message, extack.badAttr]).toEqual(['error allocating context ID', 'context']);
    expect(fake.ethtool.createRss(fake.dev, { context: 0 })).toBe(3);
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(-EBUSY);
    expect(fake.ethtool.listRssContexts(fake.dev)).toEqual([0, 1, 2, 3]);
    expect(fake.events).toEqual(['eth0 rss-create 2', 'eth0 rss-create 1', 'eth0 rss-create 3']);
  });

  it('keeps what was asked for, and from the driver what was not', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, { indir: [3, 1], hfunc: 2 });
    expect(fake.requests).toEqual(['create 1 indir hfunc']);
    expect(fake.ethtool.getRss(fake.dev, 1)).toEqual({
      hfunc: 2,
      indir: Uint32Array.of(3, 1, 3, 1, 3, 1, 3, 1),
      key: new Uint8Array(40).fill(7),
      inputXfrm: 0,
      flowHash: {},
    });
    fake.ethtool.createRss(fake.dev, { key: ANY_KEY });
    expect(fake.ethtool.getRss(fake.dev, 2)).toMatchObject({
      indir: Uint32Array.of(0, 1, 2, 3, 0, 1, 2, 3),
      key: ANY_KEY,
    });
    expect(fake.ethtool.getRss(fake.dev)).toMatchObject({ indir: fake.indir, key: fake.key });
    expect(fake.dev.rxfhConfigured).toBe(false);
  });

  it.each<[string, RssCreateRequest, Parameters<typeof makeContextDevice>[0], number, string | null, string | null]>([
    ['no contexts', {}, { createRxfhContext: undefined as never }, -EOPNOTSUPP, null, null],
    ['a number beyond the last', { context: 4 }, {}, -ERANGE, null, 'context'],
    ['an empty table', { indir: [] }, {}, -ERANGE, 'binary attribute size out of range', 'indir'],
    ['one function for all', { hfunc: 1, key: ANY_KEY }, { rxfhPerCtxKey: false }, -EOPNOTSUPP, null, 'hfunc'],
    ['one key for all', { key: ANY_KEY, inputXfrm: 1 }, { rxfhPerCtxKey: false }, -EOPNOTSUPP, null, 'hkey'],
    ['one transformation for all', { inputXfrm: 0 }, { rxfhPerCtxKey: false }, -EOPNOTSUPP, null, 'input-xfrm'],
    ['a transformation it lacks', { inputXfrm: 1 }, { supportedInputXfrm: 2 }, -EOPNOTSUPP, null, 'input-xfrm'],
    ['a queue out of range', { indir: [4] }, {}, -EINVAL, 'entry 0: queue out of range (4)', 'indir'],
    ['a key of another length', { key: new Uint8Array(2) }, {}, -EINVAL, null, 'hkey'],
  ])('refuses %s', (_what, request, overrides, errno, text, attr) => {
    const fake = makeContextDevice(overrides);
    const extack = new Extack();
    expect(fake.ethtool.createRss(fake.dev, request, extack)).toBe(errno);
    expect([extack.message, extack.badAttr]).toEqual([text, attr]);
    expect([fake.requests, fake.events, fake.ethtool.listRssContexts(fake.dev)]).toEqual([[], [], [0]]);
  });

  it('forgets the number when the driver refuses', () => {
    const fake = makeContextDevice();
    fake.contextAnswer = -EIO;
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(-EIO);
    fake.contextAnswer = 0;
    expect(fake.ethtool.getRss(fake.dev, 1)).toBe(-ENOENT);
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(1);
  });

  it('complains of a driver that leaves the key empty', () => {
    const fake = makeContextDevice({ createRxfhContext: () => 0 });
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(1);
    const log = fake.network.machine.log.entries.map((entry) => entry.text);
    expect(log).toContainEqual(expect.stringContaining('eth0: RSS context 1 without a key'));
  });
});

describe('setRss and getRss of a context', () => {
  it('change what is given, and notify', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, { indir: [1] });
    expect(fake.ethtool.setRss(fake.dev, { context: 1, indir: [2, 3], key: ANY_KEY })).toBe(0);
    expect(fake.ethtool.getRss(fake.dev, 1)).toMatchObject({
      indir: Uint32Array.of(2, 3, 2, 3, 2, 3, 2, 3),
      key: ANY_KEY,
      hfunc: 0,
    });
    expect(fake.ethtool.setRss(fake.dev, { context: 1, key: ANY_KEY })).toBe(0);
    expect(fake.requests).toEqual(['create 1 indir', 'modify state of 1 1 indir key']);
    expect(fake.events).toEqual(['eth0 rss-create 1', 'eth0 rss 1']);
    expect([fake.calls, fake.dev.rxfhConfigured]).toEqual([[], false]);
  });

  it('change nothing of what is remembered when the driver refuses', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, { indir: [1] });
    fake.contextAnswer = -EIO;
    expect(fake.ethtool.setRss(fake.dev, { context: 1, indir: [2] })).toBe(-EIO);
    expect(fake.ethtool.getRss(fake.dev, 1)).toMatchObject({ indir: new Uint32Array(8).fill(1) });
  });

  it.each<[string, RssRequest, Parameters<typeof makeContextDevice>[0], number, string | null, string | null]>([
    ['a context that is none', { context: 2, indir: [1] }, {}, -ENOENT, null, null],
    [
      'a device without',
      { context: 2, key: ANY_KEY },
      { createRxfhContext: undefined as never },
      -EOPNOTSUPP,
      null,
      'context',
    ],
    ['an empty table', { context: 1, indir: [] }, {}, -EINVAL, "can't reset table for a context", 'indir'],
    ['one key for all', { context: 1, key: ANY_KEY }, { rxfhPerCtxKey: false }, -EOPNOTSUPP, null, 'hkey'],
    [
      'one set of fields for all',
      { context: 1, flowHash: { tcp4: 1 } },
      { rxfhPerCtxFields: false },
      -EOPNOTSUPP,
      null,
      'flow-hash',
    ],
  ])('refuse %s', (_what, request, overrides, errno, text, attr) => {
    const fake = makeContextDevice(overrides);
    const extack = new Extack();
    fake.ethtool.createRss(fake.dev, {});
    expect(fake.ethtool.setRss(fake.dev, request, extack)).toBe(errno);
    expect([extack.message, extack.badAttr]).toEqual([text, attr]);
    expect(fake.requests.filter((what) => !what.startsWith('create'))).toEqual([]);
  });

  it('show no key where there is one for all', () => {
    const fake = makeContextDevice({ rxfhPerCtxKey: false });
    fake.ethtool.createRss(fake.dev, {});
    expect(fake.ethtool.getRss(fake.dev, 1)).toMatchObject({ hfunc: 0, key: new Uint8Array(0), inputXfrm: 0 });
    expect(fake.ethtool.getRss(fake.dev, 9)).toBe(-ENOENT);
    const plain = makeFakeDevice();
    expect(plain.ethtool.getRss(plain.dev, 1)).toBe(-EOPNOTSUPP);
    expect(plain.ethtool.listRssContexts(plain.network.loopback!)).toEqual([]);
  });
});

describe('deleteRss', () => {
  it('removes a context that no rule spreads by', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, {});
    expect(fake.ethtool.insertRule(fake.dev, { ...TCP4, rssContext: 1 })).toBe(3);
    expect(fake.ethtool.deleteRss(fake.dev, 1)).toBe(-EBUSY);
    expect(fake.ethtool.deleteRss(fake.dev, 2)).toBe(-ENOENT);
    expect(fake.ethtool.deleteRule(fake.dev, 3)).toBe(0);
    expect(fake.ethtool.deleteRss(fake.dev, 1)).toBe(0);
    expect(fake.ethtool.deleteRss(fake.dev, 1)).toBe(-ENOENT);
    expect(fake.requests).toEqual(['create 1', 'remove state of 1 1']);
    expect(fake.events).toEqual(['eth0 rss-create 1', 'eth0 rss-delete 1']);
  });

  it('keeps it when the driver refuses, and needs a driver that has some', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, {});
    fake.contextAnswer = -EIO;
    expect(fake.ethtool.deleteRss(fake.dev, 1)).toBe(-EIO);
    expect(fake.ethtool.listRssContexts(fake.dev)).toEqual([0, 1]);
    const plain = makeFakeDevice();
    expect(plain.ethtool.deleteRss(plain.dev, 1)).toBe(-EOPNOTSUPP);
  });

  it('happens without the driver when its device has lost one (rxfhContextLost)', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, {});
    rxfhContextLost(fake.dev, 1);
    expect(fake.ethtool.listRssContexts(fake.dev)).toEqual([0]);
    expect(fake.ethtool.deleteRss(fake.dev, 1)).toBe(-ENOENT);
    expect(fake.requests).toEqual(['create 1']);
    const log = fake.network.machine.log.entries.map((entry) => entry.text);
    expect(log).toContain('eth0: device error, RSS context 1 lost');
  });

  it('happens to all when the device goes', () => {
    const fake = makeContextDevice();
    fake.ethtool.createRss(fake.dev, {});
    fake.ethtool.createRss(fake.dev, {});
    fake.network.unregisterDevice(fake.dev);
    expect(fake.requests.slice(2)).toEqual(['remove state of 1 1', 'remove state of 2 2']);
    expect(fake.ethtool.createRss(fake.dev, {})).toBe(-ENODEV);
  });
});

describe('rules for a context', () => {
  it.each<[string, Partial<FlowRequest>, Parameters<typeof makeContextDevice>[0], number]>([
    ['the main table', { rssContext: 0 }, {}, 3],
    ['a context', { rssContext: 1 }, {}, 3],
    ['a context that is none', { rssContext: 2 }, {}, -EINVAL],
    ['a ring beside it', { rssContext: 1, ring: 1 }, {}, -EINVAL],
    ['a ring to add', { rssContext: 1, ring: 1 }, { capRssRxnfcAdds: true }, 3],
  ])('%s', (_what, request, overrides, expected) => {
    const fake = makeContextDevice(overrides);
    fake.ethtool.createRss(fake.dev, {});
    expect(fake.ethtool.insertRule(fake.dev, { ...TCP4, ...request })).toBe(expected);
    expect(fake.rules.map((rule) => rule.rssContext)).toEqual(expected < 0 ? [] : [request.rssContext]);
  });

  it('and contexts keep the channels they reach', () => {
    const fake = makeContextDevice({ capRssRxnfcAdds: true });
    const extack = new Extack();
    const set = (combinedCount: number): [number, string | null] => {
      extack.clear();
      return [fake.ethtool.setChannels(fake.dev, { combinedCount }, extack), extack.message];
    };
    fake.ethtool.createRss(fake.dev, { indir: [0, 1] });
    expect(set(1)).toEqual([-EINVAL, 'requested channel counts are too low for existing indirection table (1)']);
    fake.ethtool.insertRule(fake.dev, { ...TCP4, rssContext: 1, ring: 2 });
    expect(set(3)).toEqual([-EINVAL, 'requested channel counts are too low for existing ntuple filter settings']);
    fake.ethtool.deleteRule(fake.dev, 3);
    expect(set(2)).toEqual([0, null]);
  });
});
