import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAddress4,
  formatAddress6,
  formatMac,
  netmask4,
  parseAddress4,
  parseAddress6,
  parseMac,
  parsePrefix4,
  parsePrefix6,
} from './index.ts';

describe('IPv4 addresses', () => {
  it('round-trip', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (address) => {
        expect(parseAddress4(formatAddress4(address))).toBe(address);
      }),
      { seed: 6 },
    );
    expect(formatAddress4(0xc0a80001 | 0)).toBe('192.168.0.1');
  });

  it.each([
    '',
    '10.1',
    '1.2.3.4.5',
    '256.0.0.1',
    '010.0.0.1',
    '1.2.3.',
    '1.2.3.x',
    ' 1.2.3.4',
    '0x7f.0.0.1',
    '1.2.3.-4',
  ])('are not %j', (text) => expect(parseAddress4(text)).toBeNull());

  it('come with prefix lengths', () => {
    expect(parsePrefix4('10.0.0.2/24')).toEqual({ address: 0x0a000002, prefixLength: 24 });
    expect(parsePrefix4('10.0.0.2')).toEqual({ address: 0x0a000002, prefixLength: 32 });
    for (const text of ['10.0.0.2/33', '10.0.0.2/', '10.0.0.2/-1', '10.0.0.2/024', '/24']) {
      expect(parsePrefix4(text), text).toBeNull();
    }
    expect([0, 8, 24, 32].map(netmask4)).toEqual([0, 0xff000000, 0xffffff00, 0xffffffff]);
  });
});

describe('IPv6 addresses', () => {
  // RFC 5952, 4 and 5; RFC 4291, 2.2.
  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('%s is %s', (text, canonical) => {
    expect(formatAddress6(parseAddress6(text)!)).toBe(canonical);
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3',
    '1:',
    ':1',
    '::1/64',
  ])('are not %j', (text) => expect(parseAddress6(text)).toBeNull());

  it('round-trip through the canonical form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(0xffff), (bytes, zeroed) => {
        for (let i = 0; i < 16; i++) if ((zeroed >> i) & 1) bytes[i] = 0;
        expect(parseAddress6(formatAddress6(bytes))).toEqual(bytes);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('come with prefix lengths', () => {
    expect(parsePrefix6('fd00::2/64')).toEqual({ address: parseAddress6('fd00::2'), prefixLength: 64 });
    expect(parsePrefix6('fd00::2')?.prefixLength).toBe(128);
    expect(parsePrefix6('fd00::2/129')).toBeNull();
  });
});

describe('Ethernet addresses', () => {
  it('round-trip', () => {
    expect(formatMac(parseMac('02:00:5E:10:00:ff')!)).toBe('02:00:5e:10:00:ff');
    expect(formatMac(parseMac('2-0-0-0-0-1')!)).toBe('02:00:00:00:00:01');
  });

  it.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:00:00',
    '02:00-00:00:00:00',
    '02:00:00:00:00:0g',
    '020000000001',
    '002:0:0:0:0:0',
  ])('are not %j', (text) => expect(parseMac(text)).toBeNull());
});
