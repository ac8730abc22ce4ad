import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EINPROGRESS,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EPIPE,
  IP,
  IPPROTO,
  IPV6,
  POLL,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sockets } from '../src/socket/sockets.ts';
import { InetAddress } from '../src/stack/inet-address.ts';
import { bytesIn, bytesOut, LoopbackHost, must } from './loopback-host.ts';

let host: LoopbackHost;
let sockets: Sockets;

beforeEach(() => {
  host = new LoopbackHost();
  sockets = host.sockets;
});

const tcp = (family: number = AF_INET): number => sockets.socket(family, SOCK_STREAM);
const udp = (): number => sockets.socket(AF_INET, SOCK_DGRAM);
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

function nameOf(fd: number): string {
  const name = sockets.getsockname(fd);
  return name === null ? 'none' : `${name.address} ${name.port}`;
}

function option(fd: number, level: number, name: number): number {
  const value = new Uint8Array(4);
  must(sockets.getsockopt(fd, level, name, value));
  return new DataView(value.buffer).getInt32(0, true);
}

describe('bind', () => {
  it('lets a stream have an IPv4 group or broadcast address, which a connect forgets', () => {
    const { fd, port } = host.listen();
    for (const [address, own] of [
      ['224.0.0.1', 7000],
      ['255.255.255.255', 7001],
    ] as const) {
      const sock = tcp();
      expect(sockets.bind(sock, address, own)).toBe(0);
      expect(nameOf(sock)).toBe(`${address} ${own}`);
      expect(sockets.connect(sock, '127.0.0.1', port)).toBe(-EINPROGRESS);
      expect(nameOf(sock)).toBe(`127.0.0.1 ${own}`);
    }
    sockets.close(fd);
  });

  it('IPV6_V6ONLY leaves the port free for IPv4, for streams and datagrams', () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const six = sockets.socket(AF_INET6, type);
      must(sockets.setsockopt(six, IPPROTO.IPV6, IPV6.V6ONLY, int(1)));
      must(sockets.bind(six, '::', 7000));
      expect(sockets.bind(sockets.socket(AF_INET, type), '0.0.0.0', 7000)).toBe(0);
      const both = sockets.socket(AF_INET6, type);
      must(sockets.bind(both, '::', 7001));
      expect(sockets.bind(sockets.socket(AF_INET, type), '127.0.0.1', 7001)).toBe(-EADDRINUSE);
    }
  });
});

describe('connect', () => {
  it('to any address of 127.0.0.0/8 comes from 127.0.0.1', () => {
    const { port } = host.listen('0.0.0.0');
    const fd = tcp();
    sockets.connect(fd, '127.9.8.7', port);
    expect(nameOf(fd).startsWith('127.0.0.1 ')).toBe(true);
    host.run();
    expect(sockets.poll(fd) & POLL.OUT).toBe(POLL.OUT);
  });

  it('to port 0 asks like any other port, and is refused', () => {
    const fd = tcp();
    expect(sockets.connect(fd, '127.0.0.1', 0)).toBe(-EINPROGRESS);
    host.run();
    expect(sockets.connect(fd, '127.0.0.1', 0)).toBe(-ECONNREFUSED);
  });

  it('does not open what was shut down before', () => {
    const { port } = host.listen();
    const fd = tcp();
    sockets.shutdown(fd, SHUT_RDWR);
    expect(sockets.connect(fd, '127.0.0.1', port)).toBe(-EINPROGRESS);
    host.run();
    expect(sockets.poll(fd)).toBe(POLL.IN | POLL.OUT | POLL.HUP | POLL.RDHUP);
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EPIPE);
    expect(sockets.recvmsg(fd, bytesIn(1))).toBe(0);
  });

  it('says what is wrong between the families', () => {
    const four = tcp(AF_INET6);
    must(sockets.bind(four, '::ffff:127.0.0.1', 7000));
    expect(sockets.connect(four, '::1', 80)).toBe(-EAFNOSUPPORT);
    const six = tcp(AF_INET6);
    must(sockets.bind(six, '::1', 7001));
    expect(sockets.connect(six, '::ffff:127.0.0.1', 80)).toBe(-ENETUNREACH);
  });
});

describe('hop limits', () => {
  it('of IPv4 and IPv6 are two values of a socket for both', () => {
    const fd = tcp(AF_INET6);
    must(sockets.setsockopt(fd, IPPROTO.IP, IP.TTL, int(7)));
    expect([option(fd, IPPROTO.IP, IP.TTL), option(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS)]).toEqual([7, 64]);
    must(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS, int(9)));
    expect([option(fd, IPPROTO.IP, IP.TTL), option(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS)]).toEqual([7, 9]);
  });
});

describe('a UDP send', () => {
  /** Connected, and told that nobody is there. */
  function refused(): number {
    const fd = udp();
    must(sockets.connect(fd, '127.0.0.1', 9));
    must(sockets.sendmsg(fd, bytesOut(1)));
    host.run();
    return fd;
  }

  it('looks at length and address before it tells a pending error, and at being shut after', () => {
    const fd = refused();
    expect(sockets.sendmsg(fd, bytesOut(70_000))).toBe(-EMSGSIZE);
    const nowhere = bytesOut(1);
    nowhere.name = InetAddress.parse('127.0.0.1');
    nowhere.port = 0;
    expect(sockets.sendmsg(fd, nowhere)).toBe(-EINVAL);
    sockets.shutdown(fd, SHUT_WR);
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-ECONNREFUSED);
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EPIPE);
  });

  it('keeps the error when there is nobody to send to', () => {
    const fd = refused();
    must(sockets.connect(fd, null, 0));
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EDESTADDRREQ);
    expect(sockets.recvmsg(fd, bytesIn(1))).toBe(-ECONNREFUSED);
    expect(sockets.recvmsg(fd, bytesIn(1))).toBe(-EAGAIN);
  });
});
