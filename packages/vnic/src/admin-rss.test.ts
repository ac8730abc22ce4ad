import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import {
  ADMINQ_CONFIGURE_RSS,
  ADMINQ_QUERY_RSS,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_PASSED,
  AQ_CONFIGURE_RSS,
  AQ_QUERY_RSS,
  RSS_HASH_ALG_TOEPLITZ,
  RSS_HASH_TYPES_LINUX,
  RSS_KEY_BYTES,
  RSS_LUT_ENTRIES,
  writeU64be,
} from './abi/index.ts';
import type { FlatBuffer, MockDriver } from './mock/index.ts';

interface Request {
  types?: number;
  alg?: number;
  key?: FlatBuffer | null;
  keyBytes?: number;
  lut?: FlatBuffer | null;
  entries?: number;
}

function setup() {
  const card = makeCard({ maxQueues: 4, defaultQueues: 2 });
  card.driver.start();
  const key = card.host.allocate(RSS_KEY_BYTES);
  const lut = card.host.allocate(4 * RSS_LUT_ENTRIES);
  for (let i = 0; i < RSS_KEY_BYTES; i++) key.region.bytes[key.region.base + i] = i + 1;
  for (let i = 0; i < RSS_LUT_ENTRIES; i++) lut.region.view.setUint32(lut.region.base + 4 * i, i % 3);
  return { ...card, key, lut };
}

function configure(driver: MockDriver, request: Request): number {
  const aq = AQ_CONFIGURE_RSS;
  return driver.execute(ADMINQ_CONFIGURE_RSS, (slot, at) => {
    slot.setUint16(at + aq.hashTypes, request.types ?? RSS_HASH_TYPES_LINUX);
    slot.setUint8(at + aq.hashAlg, request.alg ?? RSS_HASH_ALG_TOEPLITZ);
    slot.setUint16(at + aq.hashKeySize, request.keyBytes ?? (request.key == null ? 0 : RSS_KEY_BYTES));
    slot.setUint16(at + aq.hashLutSize, request.entries ?? (request.lut == null ? 0 : RSS_LUT_ENTRIES));
    writeU64be(slot, at + aq.hashKeyAddr, request.key?.iova ?? 0);
    writeU64be(slot, at + aq.hashLutAddr, request.lut?.iova ?? 0);
  });
}

describe('CONFIGURE_RSS', () => {
  it('starts with the default queues and the well-known key', () => {
    const { nic } = setup();
    const { rss } = nic.inspect();
    expect(rss.hashTypes).toBe(0x0d2);
    expect([...rss.table.slice(0, 5)]).toEqual([0, 1, 0, 1, 0]);
    expect([...rss.key.slice(0, 4)]).toEqual([0x6d, 0x5a, 0x56, 0xda]);
  });

  it('sets key and table, each alone or both', () => {
    const { driver, nic, key, lut } = setup();
    expect(configure(driver, { lut })).toBe(ADMINQ_STATUS_PASSED);
    expect([...nic.inspect().rss.table.slice(0, 5)]).toEqual([0, 1, 2, 0, 1]);
    expect(nic.inspect().rss.key[0]).toBe(0x6d);
    expect(configure(driver, { key, types: 0x1ff })).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().rss.key[39]).toBe(40);
    expect(nic.inspect().rss.hashTypes).toBe(0x1ff);
    expect(configure(driver, { key, lut })).toBe(ADMINQ_STATUS_PASSED);
  });

  it('leaves alone what is 0, the algorithm and the types too, as Linux 6.12 sends them', () => {
    const { driver, nic, lut } = setup();
    expect(configure(driver, { lut, alg: 0, types: 0 })).toBe(ADMINQ_STATUS_PASSED);
    const { rss } = nic.inspect();
    expect([...rss.table.slice(0, 4)]).toEqual([0, 1, 2, 0]);
    expect(rss.hashTypes).toBe(RSS_HASH_TYPES_LINUX);
    expect(rss.key[0]).toBe(0x6d);
  });

  it('refuses what it cannot do and changes nothing then', () => {
    const { driver, nic, key, lut, host } = setup();
    const before = nic.inspect().rss;
    for (const request of [
      { alg: 2 },
      { types: 0x200 },
      { key, keyBytes: 39 },
      { lut, entries: 64 },
      { lut, entries: 129 },
      { key: { ...key, iova: 0x1000 } },
      { lut: { ...lut, iova: 0x1000 }, key },
    ]) {
      expect(configure(driver, request)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    }
    lut.region.view.setUint32(lut.region.base + 4 * 127, 4);
    expect(configure(driver, { key, lut })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    lut.region.view.setUint32(lut.region.base + 4 * 127, 3);
    host.unmap(key);
    expect(configure(driver, { key, lut })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(nic.inspect().rss).toEqual(before);
  });
});

describe('QUERY_RSS', () => {
  function query(driver: MockDriver, available: number, address: number): number {
    return driver.execute(ADMINQ_QUERY_RSS, (slot, at) => {
      writeU64be(slot, at + AQ_QUERY_RSS.availableLength, available);
      writeU64be(slot, at + AQ_QUERY_RSS.rssDescriptorAddr, address);
    });
  }

  it('answers head, key and table: 560 bytes', () => {
    const { driver, key, lut } = setup();
    configure(driver, { key, lut });
    expect(query(driver, 4096, driver.scratch.iova)).toBe(ADMINQ_STATUS_PASSED);
    const { view, bytes, base } = driver.scratch.region;
    expect(view.getUint32(base)).toBe(560);
    expect(view.getUint16(base + 4)).toBe(0x0d2);
    expect(view.getUint8(base + 6)).toBe(RSS_HASH_ALG_TOEPLITZ);
    expect([...bytes.slice(base + 8, base + 48)]).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(Array.from({ length: 5 }, (_, i) => view.getUint32(base + 48 + 4 * i))).toEqual([0, 1, 2, 0, 1]);
    expect(view.getUint32(base + 48 + 4 * 127)).toBe(127 % 3);
  });

  it('refuses areas that are too small or out of reach', () => {
    const { driver } = setup();
    expect(query(driver, 559, driver.scratch.iova)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(query(driver, 560, 0)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(query(driver, 560, driver.scratch.iova)).toBe(ADMINQ_STATUS_PASSED);
  });
});
