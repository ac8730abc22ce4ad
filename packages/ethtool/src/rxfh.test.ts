import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP, ETH_RXFH_CONTEXT_ALLOC, FLOW_TYPE, RXH } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ANY_KEY, makeContextDevice } from '../test/context-device.ts';
import { makeFakeDevice } from '../test/fake-device.ts';
import type { RxfhRequest } from './index.ts';

const WHOLE: readonly number[] = [3, 2, 1, 0, 3, 2, 1, 0];
const ALLOC = ETH_RXFH_CONTEXT_ALLOC;

describe('setRxfh', () => {
  it('sets the main table, and brings the default back', () => {
    const fake = makeContextDevice();
    expect(fake.ethtool.setRxfh(fake.dev, { indir: WHOLE })).toBe(0);
    expect([[...fake.indir], fake.dev.rxfhConfigured]).toEqual([WHOLE, true]);
    expect(fake.ethtool.setRxfh(fake.dev, { indir: [] })).toBe(0);
    expect([[...fake.indir], fake.dev.rxfhConfigured]).toEqual([[0, 1, 2, 3, 0, 1, 2, 3], false]);
    expect(fake.ethtool.setRxfh(fake.dev, { key: ANY_KEY, hfunc: 1 })).toBe(0);
    expect([fake.calls, fake.events]).toEqual([
      ['rss indir', 'rss indir', 'rss key hfunc'],
      ['eth0 rss', 'eth0 rss', 'eth0 rss'],
    ]);
  });

  it('makes, changes and removes a context', () => {
    const fake = makeContextDevice();
    expect(fake.ethtool.setRxfh(fake.dev, { rssContext: ALLOC })).toBe(1);
    expect(fake.ethtool.setRxfh(fake.dev, { rssContext: ALLOC, indir: WHOLE, key: ANY_KEY })).toBe(2);
    expect(fake.ethtool.setRxfh(fake.dev, { rssContext: 1, indir: WHOLE, inputXfrm: 0xff })).toBe(1);
    expect(fake.ethtool.getRss(fake.dev, 1)).toMatchObject({ indir: Uint32Array.from(WHOLE) });
    fake.ethtool.insertRule(fake.dev, { flowType: FLOW_TYPE.TCP_V4, ring: 0, rssContext: 1 });
    expect(fake.ethtool.setRxfh(fake.dev, { rssContext: 1, indir: [] })).toBe(-EBUSY);
    expect(fake.ethtool.setRxfh(fake.dev, { rssContext: 2, indir: [] })).toBe(2);
    expect(fake.ethtool.listRssContexts(fake.dev)).toEqual([0, 1]);
    expect(fake.requests).toEqual([
      'create 1',
      'create 2 indir key',
      'modify state of 1 1 indir',
      'remove state of 2 2',
    ]);
    expect(fake.events).toEqual(['eth0 rss-create 1', 'eth0 rss-create 2', 'eth0 rss 1', 'eth0 rss-delete 2']);
  });

  it.each<[string, RxfhRequest, Parameters<typeof makeContextDevice>[0], number]>([
    ['a driver that sets nothing', { indir: WHOLE }, { setRxfh: undefined as never }, -EOPNOTSUPP],
    [
      'a context of a device without',
      { rssContext: 1, indir: WHOLE },
      { createRxfhContext: undefined as never },
      -EOPNOTSUPP,
    ],
    ['a transformation that is none', { inputXfrm: 3 }, {}, -EINVAL],
    ['a transformation it lacks', { inputXfrm: 2 }, { supportedInputXfrm: 1 }, -EOPNOTSUPP],
    ['a table of another length', { indir: [0, 1] }, {}, -EINVAL],
    ['a key of another length', { key: new Uint8Array(39) }, {}, -EINVAL],
    ['a queue out of range', { indir: [...WHOLE.slice(1), 4] }, {}, -EINVAL],
    ['nothing to do', {}, {}, -EINVAL],
    ['nothing to do, in so many words', { rssContext: 1, inputXfrm: 0xff, hfunc: 0 }, {}, -EINVAL],
    ['one key for all', { rssContext: ALLOC, key: ANY_KEY }, { rxfhPerCtxKey: false }, -EOPNOTSUPP],
    ['one transformation for all', { rssContext: ALLOC, inputXfrm: 1 }, { rxfhPerCtxKey: false }, -EOPNOTSUPP],
    ['a removal of what is to be made', { rssContext: ALLOC, indir: [] }, {}, -EINVAL],
    ['a context that is none', { rssContext: 3, indir: WHOLE }, {}, -ENOENT],
    ['a removal of none', { rssContext: 3, indir: [] }, {}, -ENOENT],
  ])('refuses %s', (_what, request, overrides, errno) => {
    const fake = makeContextDevice(overrides);
    expect(fake.ethtool.setRxfh(fake.dev, request)).toBe(errno);
    expect([fake.calls, fake.requests, fake.events]).toEqual([[], [], []]);
    expect(fake.dev.rxfhConfigured).toBe(false);
  });

  it('makes the hash symmetric only over symmetric fields', () => {
    const fake = makeContextDevice();
    fake.fields.set(FLOW_TYPE.TCP_V4, RXH.IP_SRC | RXH.IP_DST | RXH.L4_B_0_1);
    expect(fake.ethtool.setRxfh(fake.dev, { inputXfrm: 1 })).toBe(-EINVAL);
    fake.fields.set(FLOW_TYPE.TCP_V4, RXH.IP_SRC | RXH.IP_DST);
    expect(fake.ethtool.setRxfh(fake.dev, { inputXfrm: 1 })).toBe(0);
    expect(fake.calls).toEqual(['rss inputXfrm']);
  });
});

describe('fields of the hash', () => {
  const SYMMETRIC = RXH.IP_SRC | RXH.IP_DST | RXH.L4_B_0_1 | RXH.L4_B_2_3;

  it('are shown by flow type where the driver tells, and changed one by one', () => {
    const fake = makeContextDevice();
    fake.fields.set(FLOW_TYPE.TCP_V4, RXH.IP_SRC);
    expect(fake.ethtool.getRss(fake.dev)).toMatchObject({ flowHash: { tcp4: RXH.IP_SRC } });
    expect(fake.ethtool.setRss(fake.dev, { flowHash: { tcp4: RXH.IP_SRC, udp6: RXH.IP_DST } })).toBe(0);
    expect(fake.ethtool.getRss(fake.dev)).toMatchObject({ flowHash: { tcp4: RXH.IP_SRC, udp6: RXH.IP_DST } });
    fake.ethtool.createRss(fake.dev, {});
    expect(fake.ethtool.setRss(fake.dev, { context: 1, flowHash: { tcp4: SYMMETRIC } })).toBe(0);
    expect(fake.requests).toEqual([
      `fields 0 ${FLOW_TYPE.UDP_V6} ${RXH.IP_DST}`,
      'create 1',
      `fields 1 ${FLOW_TYPE.TCP_V4} ${SYMMETRIC}`,
    ]);
    expect(fake.events).toEqual(['eth0 rss', 'eth0 rss-create 1', 'eth0 rss 1']);
    const plain = makeFakeDevice();
    expect(plain.ethtool.setRss(plain.dev, { flowHash: { tcp4: 1 } })).toBe(-EOPNOTSUPP);
    expect(plain.ethtool.getRss(plain.dev)).not.toHaveProperty('flowHash');
  });

  it.each<[string, Record<string, number>, number | null, number]>([
    ['of which one is not', {}, RXH.IP_SRC, -EINVAL],
    ['that are asked to be not', { udp4: RXH.IP_SRC }, null, -EINVAL],
    ['beyond addresses and ports', { udp4: RXH.VLAN }, null, -EINVAL],
    ['that are', { udp4: SYMMETRIC }, SYMMETRIC, 0],
  ])('go with a symmetric hash when they are symmetric: %s', (_what, flowHash, tcp, expected) => {
    const fake = makeContextDevice();
    if (tcp !== null) fake.fields.set(FLOW_TYPE.TCP_V4, tcp);
    expect(fake.ethtool.setRss(fake.dev, { inputXfrm: 1, flowHash })).toBe(expected);
    const unknown = makeContextDevice({ getRxfhFields: undefined as never });
    expect(unknown.ethtool.setRss(unknown.dev, { inputXfrm: 1 })).toBe(-EINVAL);
  });
});
