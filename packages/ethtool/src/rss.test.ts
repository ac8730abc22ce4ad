import { EBUSY, EINVAL, EOPNOTSUPP, Extack } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeFakeDevice, TABLE } from '../test/fake-device.ts';
import { type RssRequest, rssDefault, rssEqual, rssWeight } from './index.ts';

describe('tables', () => {
  it('spread over all rings, or over some from a first', () => {
    expect([...rssDefault(8, 3)]).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect([...rssEqual(8, 2, 5)]).toEqual([5, 6, 5, 6, 5, 6, 5, 6]);
    expect(() => rssEqual(8, 0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('give each queue a run in proportion to its weight', () => {
    expect([...rssWeight(8, [1, 3])]).toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
    expect([...rssWeight(8, [1, 0, 0, 1])]).toEqual([0, 0, 0, 0, 3, 3, 3, 3]);
    expect([...rssWeight(8, [1, 7], 2)]).toEqual([2, 3, 3, 3, 3, 3, 3, 3]);
    expect([...rssWeight(5, [1, 1])]).toEqual([0, 0, 1, 1, 1]);
  });

  it.each([
    [[0, 0], 'At least one weight must be non-zero'],
    [[], 'At least one weight must be non-zero'],
    [[8, 1], 'Total weight exceeds the size of the indirection table'],
  ])('refuse weights %o', (weights, text) => {
    expect(() => rssWeight(8, weights)).toThrow(expect.objectContaining({ code: 'EINVAL', extack: text }));
  });

  it("keep every queue's share within an entry of its due", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10), { minLength: 1, maxLength: 8 }), (weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        const table = rssWeight(128, weights);
        weights.forEach((weight, queue) => {
          const share = table.filter((entry) => entry === queue).length;
          expect(Math.abs(share - (128 * weight) / sum)).toBeLessThan(1);
        });
      }),
      { seed: 77 },
    );
  });
});

describe('readRss and setRss', () => {
  it.each<[string, RssRequest, string | null, string | null]>([
    ['a length that does not divide', { indir: [0, 1, 2] }, 'size (3) mismatch with device indir table (8)', 'indir'],
    ['a longer table', { indir: new Uint32Array(16) }, 'size (16) mismatch with device indir table (8)', 'indir'],
    ['a queue that does not exist', { indir: [0, 1, 2, 4] }, 'entry 3: queue out of range (4)', 'indir'],
    ['a key of another length', { key: new Uint8Array(39) }, null, 'hkey'],
    ['an empty key', { key: new Uint8Array(0) }, null, 'hkey'],
    [
      'both wrong: the table speaks',
      { indir: [9], key: new Uint8Array(1) },
      'entry 0: queue out of range (9)',
      'indir',
    ],
  ])('%s', (_what, request, text, attr) => {
    const fake = makeFakeDevice();
    const extack = new Extack();
    expect(fake.ethtool.setRss(fake.dev, request, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr, fake.calls]).toEqual([text, attr, []]);
    expect(fake.dev.rxfhConfigured).toBe(false);
  });

  it("repeats a short table, remembers that it is the user's, and notifies", () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setRss(fake.dev, { indir: [3, 2] })).toBe(0);
    expect([...fake.indir]).toEqual([3, 2, 3, 2, 3, 2, 3, 2]);
    expect([fake.dev.rxfhConfigured, fake.events]).toEqual([true, ['eth0 rss']]);
  });

  it('goes back to the default', () => {
    const fake = makeFakeDevice();
    fake.ethtool.setRss(fake.dev, { indir: rssEqual(TABLE, 1, 2) });
    expect(fake.ethtool.setRss(fake.dev, { indir: [] })).toBe(0);
    expect([[...fake.indir], fake.dev.rxfhConfigured]).toEqual([[0, 1, 2, 3, 0, 1, 2, 3], false]);
  });

  it("tells the driver only what differs, and remembers all the same that the table is the user's", () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setRss(fake.dev, { indir: [0, 1, 2, 3], key: fake.key.slice(), hfunc: 1 })).toBe(0);
    expect([fake.calls, fake.events, fake.dev.rxfhConfigured]).toEqual([[], [], true]);
    expect(fake.ethtool.setRss(fake.dev, { key: new Uint8Array(40).fill(1), hfunc: 2 })).toBe(0);
    expect(fake.calls).toEqual(['rss hfunc key']);
    expect(fake.ethtool.getRss(fake.dev)).toMatchObject({ key: new Uint8Array(40).fill(1) });
  });

  it('changes nothing of what is remembered when the driver refuses', () => {
    const fake = makeFakeDevice();
    fake.answer = -EBUSY;
    expect(fake.ethtool.setRss(fake.dev, { indir: [1] })).toBe(-EBUSY);
    expect([fake.dev.rxfhConfigured, fake.events]).toEqual([false, []]);
  });

  it('lets a table point at a queue with a memory provider', () => {
    const fake = makeFakeDevice();
    fake.dev.rxQueues[3].mpParams = { mpPriv: {}, mpOps: {} as never, rxPageSize: 0 };
    expect(fake.ethtool.setRss(fake.dev, { indir: [3] })).toBe(0);
  });

  it('needs a driver with a table', () => {
    const fake = makeFakeDevice({ getRxfhIndirSize: () => 0 });
    expect(fake.ethtool.setRss(fake.dev, { indir: [0] })).toBe(-EOPNOTSUPP);
    expect(fake.ethtool.getRss(fake.network.loopback!)).toBe(-EOPNOTSUPP);
    expect(makeFakeDevice({ setRxfh: undefined as never }).ethtool.setRss(fake.dev, {})).toBe(0);
  });

  it('asks the driver how many rings there are', () => {
    const fake = makeFakeDevice({ getRxRingCount: () => 2 });
    expect(fake.ethtool.setRss(fake.dev, { indir: [2] })).toBe(-EINVAL);
    expect(fake.ethtool.setRss(fake.dev, { indir: [1] })).toBe(0);
  });
});
