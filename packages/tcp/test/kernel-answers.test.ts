/** Answers of Linux that programs depend on without noticing; found by asking a kernel the same questions (tooling/scenarios). */

import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  IP,
  IPPROTO,
  IPV6,
  MSG_OOB,
  SO,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP,
  writeCmsgHeader,
} from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Msghdr } from '../src/socket/msghdr.ts';
import type { Sockets } from '../src/socket/sockets.ts';
import { InetAddress } from '../src/stack/inet-address.ts';
import { bytesIn, bytesOut, LoopbackHost, must } from './loopback-host.ts';

const LO = '127.0.0.1';
const MSG_CMSG_CLOEXEC = 0x40000000;
let host: LoopbackHost;
let sockets: Sockets;

beforeEach(() => {
  host = new LoopbackHost();
  sockets = host.sockets;
});

const tcp = (family: number = AF_INET): number => sockets.socket(family, SOCK_STREAM);
const udp = (family: number = AF_INET): number => sockets.socket(family, SOCK_DGRAM);
const raw = (): number => sockets.socket(AF_INET, SOCK_RAW, IPPROTO.UDP);
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const set = (fd: number, level: number, name: number, value: number): number =>
  sockets.setsockopt(fd, level, name, int(value));

function get(fd: number, level: number, name: number): number {
  const value = new Uint8Array(4);
  const length = sockets.getsockopt(fd, level, name, value);
  return length < 0 ? length : new DataView(value.buffer).getInt32(0, true);
}

describe('socket', () => {
  it('refuses a protocol that is no number of one before it looks for it', () => {
    expect(sockets.socket(AF_INET, SOCK_STREAM, -1)).toBe(-EINVAL);
    expect(sockets.socket(AF_INET6, SOCK_DGRAM, 263)).toBe(-EINVAL);
    expect(sockets.socket(AF_INET, 4, 263)).toBe(-EINVAL);
    expect(sockets.socket(AF_INET, SOCK_STREAM, 200)).toBe(-EPROTONOSUPPORT);
  });
});

describe('bind', () => {
  it('to one IPv6 address sets IPV6_V6ONLY; to a mapped one or to any it does not', () => {
    for (const [make, port] of [
      [tcp, 1000],
      [udp, 2000],
    ] as const) {
      const answers = ['::1', '::ffff:127.0.0.1', '::'].map((address, i) => {
        const fd = make(AF_INET6);
        must(sockets.bind(fd, address, port + i));
        return get(fd, IPPROTO.IPV6, IPV6.V6ONLY);
      });
      expect(answers).toEqual([1, 0, 0]);
    }
  });

  it('leaves IPV6_V6ONLY alone when it fails', () => {
    const fd = tcp(AF_INET6);
    expect(sockets.bind(fd, '2001:db8::1', 1000)).toBeLessThan(0);
    expect(get(fd, IPPROTO.IPV6, IPV6.V6ONLY)).toBe(0);
  });

  it('of TCP to an IPv6 group is EINVAL', () => {
    expect(sockets.bind(tcp(AF_INET6), 'ff02::1', 1000)).toBe(-EINVAL);
  });
});

describe('a UDP socket has a port', () => {
  const portOf = (fd: number): number => sockets.getsockname(fd)?.port ?? -1;

  it('after a send that came to nothing', () => {
    const fd = udp();
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EDESTADDRREQ);
    expect(portOf(fd)).toBeGreaterThan(0);
    expect(sockets.bind(fd, LO, 1000)).toBe(-EINVAL);
    const long = udp();
    expect(sockets.sendmsg(long, bytesOut(70_000))).toBe(-EMSGSIZE);
    expect(portOf(long)).toBeGreaterThan(0);
  });

  it('after a connect to nowhere, and not after a receive or a disconnect', () => {
    const fd = udp();
    expect(sockets.connect(fd, '203.0.113.1', 1)).toBeLessThan(0);
    expect(portOf(fd)).toBeGreaterThan(0);
    const other = udp();
    sockets.recvmsg(other, bytesIn(1));
    expect(sockets.connect(other, null, 0)).toBe(0);
    expect(portOf(other)).toBe(0);
  });

  it('that it gives up again when it is disconnected', () => {
    const fd = udp();
    must(sockets.connect(fd, LO, 1));
    must(sockets.connect(fd, null, 0));
    expect(portOf(fd)).toBe(0);
  });
});

describe('a link-local address (lacksScope)', () => {
  it('needs an interface', () => {
    for (const make of [tcp, udp]) {
      expect(sockets.bind(make(AF_INET6), 'fe80::1', 1000)).toBe(-EINVAL);
      expect(sockets.connect(make(AF_INET6), 'fe80::1', 1000)).toBe(-EINVAL);
      // With one it is looked for.
      expect(sockets.bind(make(AF_INET6), 'fe80::1%1', 1000)).toBe(-EADDRNOTAVAIL);
      expect(sockets.connect(make(AF_INET6), 'fe80::1%1', 1000)).not.toBe(-EINVAL);
    }
    expect(sockets.bind(udp(AF_INET6), 'ff02::1', 1000)).toBe(-EINVAL);
    expect(sockets.connect(udp(AF_INET6), 'ff02::1', 1000)).toBe(-EINVAL);
    expect(sockets.connect(tcp(AF_INET6), 'ff02::1', 1000)).toBe(-ENETUNREACH);
  });

  it('is looked at after the state: a socket that is connected says so', () => {
    const { client } = host.pair();
    // The first connect after it came about tells of that, whatever the address.
    expect([sockets.connect(client, LO, 1), sockets.connect(client, '::1', 1)]).toEqual([0, -EISCONN]);
    const six = tcp(AF_INET6);
    must(sockets.bind(six, '::1', 1000));
    must(sockets.listen(six, 1));
    expect(sockets.connect(six, 'fe80::1', 1)).toBe(-EISCONN);
  });
});

describe('the unspecified address (unspecifiedIsSelf)', () => {
  it.each([
    [AF_INET, '0.0.0.0', null, '127.0.0.1'],
    [AF_INET, '0.0.0.0', '127.0.0.7', '127.0.0.7'],
    [AF_INET6, '::', null, '::1'],
    [AF_INET6, '::', '::ffff:127.0.0.7', '127.0.0.1'],
    [AF_INET6, '::ffff:0.0.0.0', null, '127.0.0.1'],
  ])('is this host: family %i, %s from %s is %s', (family, to, from, peer) => {
    for (const make of [tcp, udp]) {
      const fd = make(family);
      if (from !== null) must(sockets.bind(fd, from, 3000));
      expect([0, -EINPROGRESS]).toContain(sockets.connect(fd, to, 1));
      const sock = sockets.tcpSock(fd);
      expect((sock?.remoteAddress ?? sockets.getpeername(fd)?.address)?.toString()).toBe(peer);
    }
  });

  it('is reached by a datagram that is sent to it', () => {
    const [from, to] = [udp(), udp()];
    must(sockets.bind(to, LO, 1000));
    const msg = bytesOut(5);
    msg.name = InetAddress.any(AF_INET);
    msg.port = 1000;
    expect(sockets.sendmsg(from, msg)).toBe(5);
    host.run();
    expect(sockets.recvmsg(to, bytesIn(10))).toBe(5);
    expect(msg.name.isAny).toBe(true);
  });
});

describe('getpeername', () => {
  it('knows nobody while the connection is under way', () => {
    const { fd: listener, port } = host.listen();
    const fd = tcp();
    expect(sockets.connect(fd, LO, port)).toBe(-EINPROGRESS);
    expect(sockets.getpeername(fd)).toBeNull();
    host.run();
    expect(sockets.getpeername(fd)?.port).toBe(port);
    sockets.close(listener);
  });
});

describe('messages', () => {
  it('bring MSG_CMSG_CLOEXEC back', () => {
    const { client, server } = host.pair();
    must(host.send(client, 10));
    const msg = bytesIn(4);
    expect(sockets.recvmsg(server, msg, MSG_CMSG_CLOEXEC)).toBe(4);
    expect(msg.flags).toBe(MSG_CMSG_CLOEXEC);
    expect(sockets.recvmsg(server, msg)).toBe(4);
    expect(msg.flags).toBe(0);
  });

  it('cannot be urgent on UDP; length is looked at before', () => {
    const fd = udp();
    must(sockets.connect(fd, LO, 1));
    expect(sockets.sendmsg(fd, bytesOut(1), MSG_OOB)).toBe(-EOPNOTSUPP);
    expect(sockets.sendmsg(fd, bytesOut(65_536), MSG_OOB)).toBe(-EMSGSIZE);
  });

  it('with a control message that is malformed: a stream tells first that it is not connected', () => {
    const bad = (): Msghdr => {
      const msg = bytesOut(3);
      const bytes = new Uint8Array(24);
      writeCmsgHeader(new DataView(bytes.buffer), 0, SOL_SOCKET, 100, 4);
      msg.control = regionOf(bytes);
      msg.controlLength = bytes.length;
      return msg;
    };
    expect(sockets.sendmsg(tcp(), bad())).toBe(-EPIPE);
    const refused = tcp();
    sockets.connect(refused, LO, 1);
    host.run();
    expect([sockets.sendmsg(refused, bad()), sockets.sendmsg(refused, bad())]).toEqual([-ECONNREFUSED, -EPIPE]);
    const { client, server } = host.pair();
    expect(sockets.sendmsg(client, bad())).toBe(-EINVAL);
    sockets.shutdown(server, 1);
    host.run();
    expect(sockets.sendmsg(client, bad())).toBe(-EINVAL);
    expect(sockets.sendmsg(server, bad())).toBe(-EPIPE);
    expect(sockets.sendmsg(udp(), bad())).toBe(-EINVAL);
  });
});

describe('options', () => {
  it('of a level that is not there: reading is EOPNOTSUPP on IPv4 and UNIX sockets, ENOPROTOOPT on IPv6 ones; writing ENOPROTOOPT (hasLevel)', () => {
    for (const fd of [tcp(), udp()]) {
      expect(get(fd, IPPROTO.IPV6, IPV6.V6ONLY)).toBe(-EOPNOTSUPP);
      expect(get(fd, 12_345, 1)).toBe(-EOPNOTSUPP);
      expect(set(fd, 12_345, 1, 1)).toBe(-ENOPROTOOPT);
      expect(get(fd, IPPROTO.IP, 9999)).toBe(-ENOPROTOOPT);
    }
    expect(get(tcp(), IPPROTO.UDP, 1)).toBe(-EOPNOTSUPP);
    expect(get(udp(), IPPROTO.UDP, 9999)).toBe(-ENOPROTOOPT);
    expect(get(udp(), IPPROTO.TCP, TCP.NODELAY)).toBe(-EOPNOTSUPP);
    expect(get(tcp(AF_INET6), 12_345, 1)).toBe(-ENOPROTOOPT);
    expect(get(sockets.socket(AF_UNIX, SOCK_STREAM), IPPROTO.TCP, 1)).toBe(-EOPNOTSUPP);
  });

  it('of IPv4 are one byte to whom has no room for four', () => {
    const fd = tcp();
    must(set(fd, IPPROTO.IP, IP.TTL, 77));
    const value = Uint8Array.of(0xee, 0xee, 0xee, 0xee, 0xee);
    expect(sockets.getsockopt(fd, IPPROTO.IP, IP.TTL, value.subarray(0, 3))).toBe(1);
    expect([...value]).toEqual([77, 0xee, 0xee, 0xee, 0xee]);
    expect(sockets.getsockopt(fd, IPPROTO.IP, IP.TTL, value.subarray(0, 0))).toBe(0);
    expect(sockets.getsockopt(fd, IPPROTO.IP, IP.TTL, value)).toBe(4);
  });

  it('IP_TOS leaves the ECN bits of a stream alone', () => {
    const [stream, datagram] = [tcp(), udp()];
    for (const fd of [stream, datagram]) must(set(fd, IPPROTO.IP, IP.TOS, 0xff));
    expect([get(stream, IPPROTO.IP, IP.TOS), get(datagram, IPPROTO.IP, IP.TOS)]).toEqual([0xfc, 0xff]);
  });

  it('of IPv6 take no memory for a 0, if the length is right', () => {
    const fd = tcp(AF_INET6);
    must(set(fd, IPPROTO.IPV6, IPV6.V6ONLY, 1));
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, null, 3)).toBe(-EINVAL);
    expect(get(fd, IPPROTO.IPV6, IPV6.V6ONLY)).toBe(1);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, null, 4)).toBe(0);
    expect(get(fd, IPPROTO.IPV6, IPV6.V6ONLY)).toBe(0);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, Uint8Array.of(1), 4)).toBe(-EFAULT);
  });

  it('TCP_WINDOW_CLAMP is read back', () => {
    const fd = tcp();
    expect(get(fd, IPPROTO.TCP, TCP.WINDOW_CLAMP)).toBe(0);
    must(set(fd, IPPROTO.TCP, TCP.WINDOW_CLAMP, 100_000));
    expect(get(fd, IPPROTO.TCP, TCP.WINDOW_CLAMP)).toBe(100_000);
  });

  it('that mean nothing to a kind of socket are kept all the same: keepOption, keptOption, storedValue', () => {
    for (const fd of [udp(), raw()]) {
      expect([SO.KEEPALIVE, SO.OOBINLINE, SO.RCVLOWAT].map((name) => get(fd, SOL_SOCKET, name))).toEqual([0, 0, 1]);
      for (const name of [SO.KEEPALIVE, SO.OOBINLINE, SO.RCVLOWAT]) must(set(fd, SOL_SOCKET, name, 5));
      expect([SO.KEEPALIVE, SO.OOBINLINE, SO.RCVLOWAT].map((name) => get(fd, SOL_SOCKET, name))).toEqual([1, 1, 5]);
      must(set(fd, SOL_SOCKET, SO.RCVLOWAT, -1));
      expect(get(fd, SOL_SOCKET, SO.RCVLOWAT)).toBe(0x7fffffff);
      must(set(fd, SOL_SOCKET, SO.RCVLOWAT, 0));
      expect(get(fd, SOL_SOCKET, SO.RCVLOWAT)).toBe(1);
    }
  });

  it('of buffers are kept for raw sockets as for others: storedBuffer', () => {
    const [fd, like] = [raw(), udp()];
    for (const name of [SO.RCVBUF, SO.SNDBUF]) {
      expect(get(fd, SOL_SOCKET, name)).toBe(get(like, SOL_SOCKET, name));
      for (const bytes of [0, 50_000, -1]) {
        for (const x of [fd, like]) must(set(x, SOL_SOCKET, name, bytes));
        expect(get(fd, SOL_SOCKET, name)).toBe(get(like, SOL_SOCKET, name));
      }
    }
    for (const bytes of [50_000_000, -1]) {
      for (const x of [fd, like]) must(set(x, SOL_SOCKET, SO.RCVBUFFORCE, bytes));
      for (const x of [fd, like]) must(set(x, SOL_SOCKET, SO.SNDBUFFORCE, bytes));
      expect(get(fd, SOL_SOCKET, SO.RCVBUF)).toBe(get(like, SOL_SOCKET, SO.RCVBUF));
      expect(get(fd, SOL_SOCKET, SO.SNDBUF)).toBe(get(like, SOL_SOCKET, SO.SNDBUF));
    }
    expect(get(fd, SOL_SOCKET, SO.REUSEPORT)).toBe(0);
  });
});
