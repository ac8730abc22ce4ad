import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
  EPIPE,
} from '@netmem/uapi';
import { ethernet, ipv4, ipv6, udp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { check, pattern, TwoHosts } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { UDP_CB_IFINDEX, UDP_CB_SADDR, UDP_CB_SPORT, UdpSock } from './udp-sock.ts';

const ANY = InetAddress.any(AF_INET);
const PEER = InetAddress.parse('10.0.0.2')!;

function bound(peer: ScriptedPeer, port: number, family: number = AF_INET): UdpSock {
  const sock = UdpSock.create(peer.stack, family);
  check(sock.bind(InetAddress.any(family), port));
  return sock;
}

/** The payload of the oldest datagram, taken. */
function receive(sock: UdpSock): Uint8Array | null {
  const skb = sock.dequeue();
  if (skb === null) return null;
  const bytes = new Uint8Array(skb.len);
  expect(skb.copyDatagram(0, bytes, 0, skb.len)).toBe(skb.len);
  sock.consume(skb);
  return bytes;
}

describe('datagrams between two hosts', () => {
  for (const [family, name] of [
    [AF_INET, 'IPv4'],
    [AF_INET6, 'IPv6'],
  ] as const) {
    it(`arrive as they were sent, over ${name}`, () => {
      const hosts = new TwoHosts({ mtu: 9000 });
      const from = UdpSock.create(hosts.a.stack, family);
      const to = UdpSock.create(hosts.b.stack, family);
      check(to.bind(InetAddress.any(family), 53));
      const address = family === AF_INET ? hosts.b.address : hosts.b.address6;
      for (const length of [0, 1, 100, 300, 1500, 8000]) {
        expect(from.sendFrom(regionOf(pattern(length)), 0, length, 0, address, 53)).toBe(length);
        hosts.pass(1e6);
        const { cb } = to.receiveQueue.peek()!;
        expect(cb[UDP_CB_SPORT]).toBe(from.localPort);
        expect(cb[UDP_CB_SADDR + 3]).toBe((family === AF_INET ? hosts.a.address : hosts.a.address6).w3);
        expect(cb[UDP_CB_IFINDEX]).toBe(hosts.b.driver.netdev.ifindex);
        expect(receive(to)).toEqual(pattern(length));
      }
      expect(to.rmemAlloc).toBe(0);
      from.close();
      to.close();
      expect(hosts.audit()).toEqual([]);
    });
  }

  it('an IPv6 socket takes IPv4 too, unless IPV6_V6ONLY', () => {
    const peer = new ScriptedPeer();
    const sock = bound(peer, 53, AF_INET6);
    const datagram = udp.encode({ sourcePort: 1, destinationPort: 53, payload: pattern(5) });
    peer.sendIp(17, datagram);
    expect(receive(sock)).toEqual(pattern(5));
    sock.v6only = true;
    peer.sendIp(17, datagram);
    expect(receive(sock)).toBeNull();
  });

  it('a connected socket hears its peer only, and goes before others', () => {
    const peer = new ScriptedPeer();
    const wild = bound(peer, 53);
    wild.reuseAddress = true;
    const tied = UdpSock.create(peer.stack, AF_INET);
    tied.reuseAddress = true;
    check(tied.bind(ANY, 53));
    check(tied.connect(PEER, 7));
    const send = (port: number): void =>
      peer.sendIp(17, udp.encode({ sourcePort: port, destinationPort: 53, payload: Uint8Array.of(port) }));
    send(7);
    send(8);
    expect(receive(tied)).toEqual(Uint8Array.of(7));
    expect(receive(tied)).toBeNull();
    expect(receive(wild)).toEqual(Uint8Array.of(8));
  });
});

describe('what is dropped and counted', () => {
  const good = (): Uint8Array => udp.encode({ sourcePort: 1, destinationPort: 53, payload: pattern(20) });

  it('cut short, or lying about its length', () => {
    const peer = new ScriptedPeer();
    bound(peer, 53);
    peer.sendIp(17, good().slice(0, 7));
    const long = good();
    long[5] = 200;
    peer.sendIp(17, long);
    const short = good();
    short[5] = 7;
    peer.sendIp(17, short);
    expect(peer.stack.stats).toMatchObject({ UdpInErrors: 3, UdpInDatagrams: 0 });
  });

  it('a bad checksum', () => {
    const peer = new ScriptedPeer();
    bound(peer, 53);
    const bad = good();
    bad[6] = 1;
    peer.sendIp(17, bad);
    expect(peer.stack.stats).toMatchObject({ UdpInErrors: 1, UdpInCsumErrors: 1 });
  });

  it('none at all over IPv6, where it must be there', () => {
    const peer = new ScriptedPeer();
    const sock = bound(peer, 53, AF_INET6);
    const packet = ipv6.encode({ source: 'fd00::2', destination: 'fd00::1', nextHeader: 17, payload: good() });
    peer.inject(
      ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', type: 0x86dd, payload: packet }),
    );
    expect(receive(sock)).toBeNull();
    expect(peer.stack.stats.UdpInCsumErrors).toBe(1);
  });

  it('padding is cut off', () => {
    const peer = new ScriptedPeer();
    const sock = bound(peer, 53);
    const packet = ipv4.encode({
      source: '10.0.0.2',
      destination: '10.0.0.1',
      protocol: 17,
      payload: Uint8Array.from([...good(), 1, 2, 3]),
    });
    peer.inject(ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', payload: packet }));
    expect(receive(sock)).toEqual(pattern(20));
  });

  it('more than the receive buffer holds', () => {
    const peer = new ScriptedPeer();
    const sock = bound(peer, 53);
    sock.rcvbuf = 20_000;
    for (let i = 0; i < 100; i++) peer.sendIp(17, good());
    expect(sock.rmemAlloc).toBeLessThanOrEqual(20_000);
    expect(sock.receiveQueue.length + peer.stack.stats.UdpRcvbufErrors).toBe(100);
    sock.close();
    expect(peer.network.skbs.inUse).toBe(0);
  });
});

describe('errors by name', () => {
  it('of bind', () => {
    const peer = new ScriptedPeer();
    const sock = bound(peer, 53);
    expect(sock.bind(ANY, 54)).toBe(-EINVAL);
    const other = UdpSock.create(peer.stack, AF_INET);
    expect(other.bind(ANY, 53)).toBe(-EADDRINUSE);
    expect(other.bind(InetAddress.parse('10.0.0.9')!, 53)).toBe(-EADDRNOTAVAIL);
    expect(other.bind(InetAddress.parse('fd00::1')!, 53)).toBe(-EAFNOSUPPORT);
    expect(other.bind(InetAddress.parse('10.0.0.1')!, 0)).toBe(0);
    expect(other.localPort).toBeGreaterThanOrEqual(32768);
  });

  it('of send', () => {
    const peer = new ScriptedPeer();
    const sock = UdpSock.create(peer.stack, AF_INET);
    const send = (length: number, to: InetAddress | null, port: number): number =>
      sock.sendFrom(peer.stack.ram, 4096, length, 0, to, port);
    expect(send(1, null, 0)).toBe(-EDESTADDRREQ);
    expect(send(1, PEER, 0)).toBe(-EINVAL);
    expect(send(1, InetAddress.parse('fd00::2')!, 9)).toBe(-EAFNOSUPPORT);
    expect(send(1, InetAddress.parse('192.0.2.1')!, 9)).toBe(-ENETUNREACH);
    expect(send(65508, PEER, 9)).toBe(-EMSGSIZE);
    // No fragments are sent.
    expect(send(1473, PEER, 9)).toBe(-EMSGSIZE);
    expect(send(1472, PEER, 9)).toBe(1472);
    expect(sock.shutdown(1)).toBe(-ENOTCONN);
    expect(send(1, PEER, 9)).toBe(-EPIPE);
  });

  it('of disconnect there are none: the socket is as before', () => {
    const peer = new ScriptedPeer();
    const sock = UdpSock.create(peer.stack, AF_INET);
    check(sock.connect(PEER, 9));
    expect([sock.state, sock.localAddress.toString()]).toEqual([1, '10.0.0.1']);
    check(sock.disconnect());
    expect([sock.state, sock.localPort, sock.localAddress.toString()]).toEqual([7, 0, '0.0.0.0']);
    expect(peer.stack.audit()).toEqual([]);
  });
});

it('a broadcast goes to everybody', () => {
  const peer = new ScriptedPeer();
  const sock = UdpSock.create(peer.stack, AF_INET);
  check(sock.sendFrom(peer.stack.ram, 4096, 4, 0, InetAddress.parse('10.0.0.255')!, 9));
  const frame = peer.sent.at(-1)!;
  expect(ethernet.decode(new DataView(frame.buffer), 0, frame.length)!.destination).toBe('ff:ff:ff:ff:ff:ff');
});
