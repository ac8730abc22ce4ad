import { EHOSTUNREACH, EINVAL, ENETUNREACH } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { check } from '../../test/two-hosts.ts';
import { InetAddress } from './inet-address.ts';
import { commonPrefix, Dst, prefixEquals } from './routes.ts';

const at = (text: string): InetAddress => InetAddress.parse(text)!;

/** `next hop via device, source, MTU` for a destination, or the errno. */
function route(peer: ScriptedPeer, destination: string): string | number {
  const dst = new Dst();
  const result = peer.stack.routes.lookup(at(destination), 0, dst);
  return result < 0 ? result : `${dst.nextHop} via ${dst.dev!.name} from ${dst.source} mtu ${dst.mtu}`;
}

describe('the routing table', () => {
  it('reaches the link, the gateway, and this host by lo', () => {
    const peer = new ScriptedPeer();
    const { netdev } = peer.driver;
    expect(route(peer, '10.0.0.7')).toBe('10.0.0.7 via eth0 from 10.0.0.1 mtu 1500');
    expect(route(peer, '192.0.2.1')).toBe(-ENETUNREACH);
    check(peer.stack.addRoute({ destination: 'default', gateway: '10.0.0.254', dev: netdev }));
    expect(route(peer, '192.0.2.1')).toBe('10.0.0.254 via eth0 from 10.0.0.1 mtu 1500');
    expect(route(peer, '2001:db8::1')).toBe(-ENETUNREACH);
    check(peer.stack.addRoute({ destination: 'default', gateway: 'fd00::ff', dev: netdev, mtu: 1400 }));
    expect(route(peer, '2001:db8::1')).toBe('fd00::ff via eth0 from fd00::1 mtu 1400');
    // lo's MTU is 65536: one more than an IPv4 header can say.
    expect(route(peer, '10.0.0.1')).toBe('10.0.0.1 via lo from 10.0.0.1 mtu 65535');
    expect(route(peer, '127.9.9.9')).toMatch(/via lo/);
    expect(route(peer, '::1')).toMatch(/via lo/);
  });

  it('prefers the longest prefix, then the lowest metric', () => {
    const peer = new ScriptedPeer();
    const { netdev } = peer.driver;
    for (const [destination, gateway, metric] of [
      ['192.0.0.0/16', '10.0.0.20', 0],
      ['192.0.2.0/24', '10.0.0.21', 9],
      ['192.0.2.0/24', '10.0.0.22', 5],
    ] as const) {
      check(peer.stack.addRoute({ destination, gateway, metric, dev: netdev }));
    }
    expect(route(peer, '192.0.2.1')).toMatch(/^10\.0\.0\.22 /);
    expect(route(peer, '192.0.3.1')).toMatch(/^10\.0\.0\.20 /);
  });

  it('takes the link-local source for link-local destinations', () => {
    const peer = new ScriptedPeer();
    expect(route(peer, `fe80::9%${peer.driver.netdev.ifindex}`)).toBe('fe80::9 via eth0 from fe80::ff:fe00:1 mtu 1500');
  });

  it('says that a device is down', () => {
    const peer = new ScriptedPeer();
    peer.driver.netdev.close();
    expect(route(peer, '10.0.0.7')).toBe(-EHOSTUNREACH);
    peer.driver.netdev.open();
    expect(route(peer, '10.0.0.7')).toMatch(/eth0/);
  });

  it('forgets a device that goes away', () => {
    const peer = new ScriptedPeer();
    peer.driver.remove();
    expect(route(peer, '10.0.0.7')).toBe(-ENETUNREACH);
    expect(route(peer, '10.0.0.1')).toBe(-ENETUNREACH);
  });

  it('learns path MTUs, a bounded number of them', () => {
    const peer = new ScriptedPeer();
    const before = peer.stack.routes.generation;
    peer.stack.routes.updatePathMtu(at('10.0.0.7'), 1200);
    expect(route(peer, '10.0.0.7')).toMatch(/mtu 1200/);
    expect(peer.stack.routes.generation).toBeGreaterThan(before);
    for (let i = 0; i < 300; i++) peer.stack.routes.updatePathMtu(at(`10.0.${i >> 8}.${i & 255}`), 1000);
    expect(route(peer, '10.0.0.200')).toMatch(/mtu 1000/);
    expect(route(peer, '10.0.0.7')).toMatch(/mtu 1500/);
  });

  it('names what it cannot read', () => {
    const peer = new ScriptedPeer();
    const { netdev } = peer.driver;
    expect(peer.stack.addAddress(netdev, '10.0.0.300/24')).toBe(-EINVAL);
    expect(peer.stack.addAddress(netdev, '10.0.0.3/33')).toBe(-EINVAL);
    expect(peer.stack.addAddress(netdev, '224.0.0.1/4')).toBe(-EINVAL);
    expect(peer.stack.addAddress(netdev, '10.0.0.1/24')).toBeLessThan(0);
    expect(peer.stack.addRoute({ destination: 'x', dev: netdev })).toBe(-EINVAL);
    expect(peer.stack.addRoute({ destination: '1.0.0.0/8', gateway: 'fd00::2', dev: netdev })).toBe(-EINVAL);
    expect(peer.stack.addRoute({ destination: '1.0.0.0/8', gateway: '11.0.0.1', dev: netdev })).toBe(-ENETUNREACH);
    expect(peer.stack.addNeighbour(netdev, '10.0.0.9', 'nonsense')).toBe(-EINVAL);
  });
});

describe('addresses', () => {
  const words = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff));
  const make = ([a, b, c, d]: readonly number[]): InetAddress => {
    const address = new InetAddress();
    address.w0 = a | 0;
    address.w1 = b | 0;
    address.w2 = c | 0;
    address.w3 = d | 0;
    return address;
  };
  const bits = (address: InetAddress): string =>
    [address.w0, address.w1, address.w2, address.w3].map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('');

  it('compare prefixes as their bits do', () => {
    fc.assert(
      fc.property(words, words, fc.nat(128), (a, b, length) => {
        const left = make(a);
        const right = make(b);
        const expected = bits(left).slice(0, length) === bits(right).slice(0, length);
        expect(prefixEquals(left, right, length)).toBe(expected);
        // The same with a shared start.
        const near = left.clone();
        near.w3 = right.w3;
        expect(prefixEquals(left, near, length)).toBe(bits(left).slice(0, length) === bits(near).slice(0, length));
        let common = 0;
        while (common < 128 && bits(left)[common] === bits(near)[common]) common++;
        expect(commonPrefix(left, near)).toBe(common);
      }),
      { seed: 6 },
    );
  });

  it('read and write', () => {
    expect(at('10.0.0.2').toString()).toBe('10.0.0.2');
    expect(at('10.0.0.2').isV4).toBe(true);
    expect(at('::ffff:10.0.0.2').equals(at('10.0.0.2'))).toBe(true);
    expect(at('fe80::1%3')).toMatchObject({ scopeId: 3, isLinkLocal: true });
    expect([InetAddress.parse('fe80::1%x'), InetAddress.parse('1.2.3'), InetAddress.parse('1.2.3.4%1')]).toEqual([
      null,
      null,
      null,
    ]);
    expect([at('::').isAny, at('0.0.0.0').isAny, at('::1').isAny]).toEqual([true, true, false]);
    expect([at('224.0.0.1').isMulticast, at('ff02::1').isMulticast, at('10.0.0.1').isMulticast]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
