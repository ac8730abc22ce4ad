import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InetAddress } from './inet-address.ts';
import { sharesPackets } from './same-address.ts';

const at = (text: string): InetAddress => InetAddress.parse(text) as InetAddress;

describe('sharesPackets', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['0.0.0.0', '10.0.0.2', true],
    ['0.0.0.0', '::1', false],
    ['::', '10.0.0.1', true],
    ['::', '0.0.0.0', true],
    ['::', '::1', true],
    ['fd00::1', '::1', false],
  ])('%s and %s: %s', (a, b, shared) => {
    expect(sharesPackets(at(a), false, at(b), false)).toBe(shared);
  });

  it('with IPV6_V6ONLY, :: leaves IPv4 alone, and nothing else', () => {
    expect(sharesPackets(at('::'), true, at('0.0.0.0'), false)).toBe(false);
    expect(sharesPackets(at('10.0.0.1'), false, at('::'), true)).toBe(false);
    expect(sharesPackets(at('::'), true, at('::'), true)).toBe(true);
    expect(sharesPackets(at('::'), true, at('::1'), false)).toBe(true);
  });

  it('is the same both ways', () => {
    const address = fc.constantFrom('::', '0.0.0.0', '10.0.0.1', '10.0.0.2', '::1', 'fd00::1').map(at);
    fc.assert(
      fc.property(address, fc.boolean(), address, fc.boolean(), (a, aOnly, b, bOnly) => {
        expect(sharesPackets(a, aOnly, b, bOnly)).toBe(sharesPackets(b, bOnly, a, aOnly));
      }),
    );
  });
});
