// The calls of a program, on a host that talks to itself: states, errnos, readiness. Receiving has its own tests.

import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EDESTADDRREQ,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IP,
  IPPROTO,
  IPV6,
  MSG_CTRUNC,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  POLL,
  readCmsgs,
  SCM_DEVMEM_DMABUF,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP,
  TCP_CM_INQ,
  writeCmsgHeader,
} from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import { Msghdr } from '../src/socket/msghdr.ts';
import type { Sockets } from '../src/socket/sockets.ts';
import { InetAddress } from '../src/stack/inet-address.ts';
import { bytesIn, bytesOut, LoopbackHost, must } from './loopback-host.ts';
import { pattern } from './skb-builder.ts';

let host: LoopbackHost;
let sockets: Sockets;

beforeEach(() => {
  host = new LoopbackHost();
  sockets = host.sockets;
});

const LO = '127.0.0.1';
const tcp = (): number => sockets.socket(AF_INET, SOCK_STREAM);
const udp = (): number => sockets.socket(AF_INET, SOCK_DGRAM);
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

function option(fd: number, level: number, name: number): number {
  const value = new Uint8Array(4);
  const length = sockets.getsockopt(fd, level, name, value);
  return length < 0 ? length : new DataView(value.buffer).getInt32(0, true);
}

describe('descriptors', () => {
  it('are the lowest free numbers', () => {
    const fds = [tcp(), udp(), sockets.socket(AF_UNIX, SOCK_STREAM), tcp()];
    expect(fds).toEqual([3, 4, 5, 6]);
    sockets.close(5);
    sockets.close(3);
    expect([tcp(), tcp(), tcp()]).toEqual([3, 5, 7]);
    expect(sockets.openCount).toBe(5);
  });

  it('that are not open answer EBADF to everything', () => {
    const msg = bytesIn(10);
    for (const fd of [-1, 0, 3, 99]) {
      expect([
        sockets.bind(fd, LO, 1),
        sockets.listen(fd, 1),
        sockets.accept(fd),
        sockets.connect(fd, LO, 1),
        sockets.sendmsg(fd, msg),
        sockets.recvmsg(fd, msg),
        sockets.setsockopt(fd, SOL_SOCKET, SO.REUSEADDR, int(1)),
        sockets.getsockopt(fd, SOL_SOCKET, SO.TYPE, int(0)),
        sockets.shutdown(fd, SHUT_WR),
        sockets.close(fd),
        sockets.poll(fd),
      ]).toEqual(new Array(11).fill(-EBADF));
      expect([sockets.getsockname(fd), sockets.getpeername(fd), sockets.tcpSock(fd)]).toEqual([null, null, null]);
    }
  });

  it('are refused for what there is not', () => {
    expect(sockets.socket(99, SOCK_STREAM)).toBe(-EAFNOSUPPORT);
    expect(sockets.socket(AF_INET, 0xe)).toBe(-EINVAL);
    expect(sockets.socket(AF_INET, SOCK_STREAM | 0x10)).toBe(-EINVAL);
    expect(sockets.socket(AF_INET, 5)).toBe(-ESOCKTNOSUPPORT);
    expect(sockets.socket(AF_INET, SOCK_STREAM, IPPROTO.UDP)).toBe(-EPROTONOSUPPORT);
    expect(sockets.socket(AF_INET, SOCK_DGRAM, IPPROTO.TCP)).toBe(-EPROTONOSUPPORT);
    expect(sockets.socket(AF_INET, SOCK_RAW)).toBe(-EPROTONOSUPPORT);
    expect(sockets.socket(AF_UNIX, SOCK_DGRAM)).toBe(-ESOCKTNOSUPPORT);
    expect(sockets.socketpair(AF_INET)).toBe(-EOPNOTSUPP);
    expect(sockets.openCount).toBe(0);
    expect(must(sockets.socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO.TCP))).toBe(3);
  });
});

describe('connect', () => {
  it('is in progress, then done once, then done already', () => {
    const { port, fd } = host.listen();
    const client = tcp();
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
    expect(sockets.connect(client, LO, port)).toBe(-EALREADY);
    expect(sockets.poll(client)).toBe(0);
    host.run();
    expect(sockets.poll(client) & POLL.OUT).toBe(POLL.OUT);
    expect(sockets.connect(client, LO, port)).toBe(0);
    expect(sockets.connect(client, LO, port)).toBe(-EISCONN);
    expect(sockets.connect(client, 'nonsense', port)).toBe(-EISCONN);
    expect(sockets.connect(must(sockets.accept(fd)), LO, port)).toBe(-EISCONN);
    expect(sockets.connect(fd, LO, port)).toBe(-EISCONN);
  });

  it('that fails says why, once, and can be tried again', () => {
    const client = tcp();
    expect(sockets.connect(client, LO, 1)).toBe(-EINPROGRESS);
    host.run();
    expect(sockets.poll(client)).toBe(POLL.HUP | POLL.IN | POLL.OUT | POLL.RDHUP | POLL.ERR);
    expect(sockets.connect(client, LO, 1)).toBe(-ECONNREFUSED);
    const { port } = host.listen();
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
    host.run();
    expect(sockets.connect(client, LO, port)).toBe(0);
  });

  it('whose error was taken by SO_ERROR is told as aborted', () => {
    const client = tcp();
    sockets.connect(client, LO, 1);
    host.run();
    expect(option(client, SOL_SOCKET, SO.ERROR)).toBe(ECONNREFUSED);
    expect(option(client, SOL_SOCKET, SO.ERROR)).toBe(0);
    expect(sockets.connect(client, LO, 1)).toBe(-ECONNABORTED);
  });

  it('does not forget a connection that was reset, until it is disconnected', () => {
    const { client, server } = host.pair();
    must(host.send(client, 10));
    sockets.close(server);
    host.run();
    expect(sockets.recvmsg(client, bytesIn(10))).toBe(-ECONNRESET);
    const { port } = host.listen();
    const other = host.pair();
    must(host.send(other.server, 10));
    sockets.close(other.client);
    host.run();
    expect(sockets.recvmsg(other.server, bytesIn(10))).toBe(-ECONNRESET);
    expect(sockets.connect(other.server, LO, port)).toBe(-EISCONN);
    // In progress once more: the first connect was never asked about its end.
    expect(sockets.connect(client, LO, port)).toBe(-ECONNABORTED);
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
    host.run();
    expect(sockets.connect(client, LO, port)).toBe(0);
    expect(sockets.connect(client, null, 0)).toBe(0);
    host.run();
    expect(sockets.getpeername(client)).toBeNull();
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
  });

  it('refuses addresses it cannot use', () => {
    const client = tcp();
    expect(sockets.connect(client, 'nonsense', 1)).toBe(-EINVAL);
    expect(sockets.connect(client, '::1', 1)).toBe(-EAFNOSUPPORT);
    expect(sockets.connect(sockets.socket(AF_UNIX, SOCK_STREAM), LO, 1)).toBe(-EOPNOTSUPP);
    expect(sockets.bind(client, '::1', 1)).toBe(-EAFNOSUPPORT);
    expect(sockets.bind(client, 'nonsense', 1)).toBe(-EINVAL);
  });
});

describe('listen and accept', () => {
  it('answer by kind and state', () => {
    const { client } = host.pair();
    expect(sockets.listen(client, 1)).toBe(-EINVAL);
    expect(sockets.listen(udp(), 1)).toBe(-EOPNOTSUPP);
    expect(sockets.accept(client)).toBe(-EINVAL);
    expect(sockets.accept(udp())).toBe(-EOPNOTSUPP);
    const { fd } = host.listen();
    expect(sockets.accept(fd)).toBe(-EAGAIN);
    expect(sockets.accept(fd, SOCK_NONBLOCK | SOCK_CLOEXEC)).toBe(-EAGAIN);
    expect(sockets.accept(fd, 1)).toBe(-EINVAL);
    expect(sockets.listen(fd, 5)).toBe(0);
  });

  it('hand over what was set on the listener', () => {
    const { fd, port } = host.listen();
    sockets.setsockopt(fd, SOL_SOCKET, SO.ZEROCOPY, int(1));
    sockets.setsockopt(fd, SOL_SOCKET, SO.LINGER, new Uint8Array(Int32Array.of(1, 5).buffer));
    sockets.setsockopt(fd, IPPROTO.TCP, TCP.INQ, int(1));
    sockets.connect(tcp(), LO, port);
    host.run();
    const server = must(sockets.accept(fd));
    const linger = new Uint8Array(8);
    sockets.getsockopt(server, SOL_SOCKET, SO.LINGER, linger);
    expect([...new Int32Array(linger.buffer)]).toEqual([1, 5]);
    expect([option(server, SOL_SOCKET, SO.ZEROCOPY), option(server, IPPROTO.TCP, TCP.INQ)]).toEqual([1, 1]);
  });
});

describe('shutdown', () => {
  it('ends one direction or both', () => {
    const { client, server } = host.pair();
    expect(sockets.shutdown(client, 3)).toBe(-EINVAL);
    expect(sockets.shutdown(client, -1)).toBe(-EINVAL);
    expect(sockets.shutdown(client, SHUT_WR)).toBe(0);
    expect(sockets.sendmsg(client, bytesOut(1))).toBe(-EPIPE);
    host.run();
    expect(sockets.poll(server)).toBe(POLL.IN | POLL.RDHUP | POLL.OUT);
    expect(sockets.recvmsg(server, bytesIn(10))).toBe(0);
    expect(host.send(server, 100)).toBe(100);
    expect(sockets.recvmsg(client, bytesIn(1000))).toBe(100);
    expect(sockets.shutdown(server, SHUT_RDWR)).toBe(0);
    host.run();
    expect(sockets.poll(client) & POLL.HUP).toBe(POLL.HUP);
    expect(sockets.shutdown(server, SHUT_WR)).toBe(-ENOTCONN);
  });

  it('of reading makes reads end', () => {
    const { client } = host.pair();
    expect(sockets.recvmsg(client, bytesIn(1))).toBe(-EAGAIN);
    expect(sockets.shutdown(client, SHUT_RD)).toBe(0);
    expect(sockets.recvmsg(client, bytesIn(1))).toBe(0);
    expect(sockets.poll(client)).toBe(POLL.IN | POLL.RDHUP | POLL.OUT);
  });

  it('needs a connection', () => {
    expect(sockets.shutdown(tcp(), SHUT_WR)).toBe(-ENOTCONN);
    expect(sockets.shutdown(udp(), SHUT_WR)).toBe(-ENOTCONN);
    expect(sockets.shutdown(sockets.socket(AF_UNIX, SOCK_STREAM), SHUT_WR)).toBe(-EOPNOTSUPP);
  });

  it('gives a connect up, and a listener', () => {
    const { fd, port } = host.listen();
    const client = tcp();
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
    expect(sockets.shutdown(client, SHUT_WR)).toBe(0);
    expect(sockets.poll(client) & POLL.HUP).toBe(POLL.HUP);
    expect(sockets.connect(client, LO, port)).toBe(-EINPROGRESS);
    expect(sockets.shutdown(fd, SHUT_WR)).toBe(0);
    expect(sockets.accept(fd)).toBe(-EAGAIN);
    expect(sockets.shutdown(fd, SHUT_RD)).toBe(0);
    expect(sockets.accept(fd)).toBe(-EINVAL);
  });
});

describe('poll', () => {
  it('follows a connection’s life', () => {
    const fresh = tcp();
    expect(sockets.poll(fresh)).toBe(POLL.HUP | POLL.OUT);
    const { fd, port } = host.listen();
    expect(sockets.poll(fd)).toBe(0);
    sockets.connect(fresh, LO, port);
    host.run();
    expect(sockets.poll(fd)).toBe(POLL.IN);
    const server = must(sockets.accept(fd));
    expect(sockets.poll(fd)).toBe(0);
    expect(sockets.poll(server)).toBe(POLL.OUT);
    must(host.send(fresh, 10));
    expect(sockets.poll(server)).toBe(POLL.OUT | POLL.IN);
    sockets.close(server);
    host.run();
    expect(sockets.poll(fresh)).toBe(POLL.IN | POLL.RDHUP | POLL.OUT | POLL.HUP | POLL.ERR);
  });

  it('waits for SO_RCVLOWAT bytes, unless no more fit', () => {
    const { client, server } = host.pair();
    expect(sockets.setsockopt(server, SOL_SOCKET, SO.RCVLOWAT, int(1000))).toBe(0);
    must(host.send(client, 999));
    expect(sockets.poll(server)).toBe(POLL.OUT);
    must(host.send(client, 1));
    expect(sockets.poll(server)).toBe(POLL.OUT | POLL.IN);
    expect(sockets.setsockopt(server, SOL_SOCKET, SO.RCVLOWAT, int(-1))).toBe(0);
    expect(option(server, SOL_SOCKET, SO.RCVLOWAT)).toBe(host.stack.sysctl.tcpRmemMax >> 1);
    expect(sockets.poll(server)).toBe(POLL.OUT);
    sockets.setsockopt(server, SOL_SOCKET, SO.RCVLOWAT, int(0));
    expect(option(server, SOL_SOCKET, SO.RCVLOWAT)).toBe(1);
  });

  it('is readable when the buffer is full, however high SO_RCVLOWAT is', () => {
    const { client, server } = host.pair();
    sockets.setsockopt(server, SOL_SOCKET, SO.RCVBUF, int(4096));
    sockets.setsockopt(server, SOL_SOCKET, SO.RCVLOWAT, int(100_000));
    expect(option(server, SOL_SOCKET, SO.RCVLOWAT)).toBe(4096);
    sockets.setsockopt(server, SOL_SOCKET, SO.RCVLOWAT, int(4096));
    while (must(sockets.sendmsg(client, bytesOut(100))) === 100 && (sockets.poll(server) & POLL.IN) === 0) host.run();
    expect(sockets.poll(server) & POLL.IN).toBe(POLL.IN);
  });

  it('sees urgent data, and does not count the byte that no read returns', () => {
    const { client, server } = host.pair();
    must(host.send(client, 1, MSG_OOB));
    expect(sockets.poll(server)).toBe(POLL.OUT | POLL.PRI);
    must(host.send(client, 1));
    expect(sockets.poll(server)).toBe(POLL.OUT | POLL.PRI | POLL.IN);
  });

  it('loses and regains room to write', () => {
    const { client, server } = host.pair();
    sockets.setsockopt(client, SOL_SOCKET, SO.SNDBUF, int(8192));
    let result = 0;
    while (result >= 0) result = sockets.sendmsg(client, bytesOut(8192));
    expect(result).toBe(-EAGAIN);
    expect(sockets.poll(client)).toBe(0);
    let room = false;
    void sockets.whenReady(client).then(() => {
      room = true;
    });
    for (let i = 0; i < 100 && sockets.poll(client) === 0; i++) {
      host.run();
      sockets.recvmsg(server, bytesIn(65_536));
      host.machine.run({ until: () => false, timeoutNs: 1e8 });
    }
    expect(sockets.poll(client)).toBe(POLL.OUT);
    return Promise.resolve().then(() => expect(room).toBe(true));
  });
});

describe('socket options', () => {
  it('of buffers store twice what was asked, within limits', () => {
    const fd = tcp();
    const { rmemMax, wmemMax } = host.stack.sysctl;
    for (const [name, most, least] of [
      [SO.RCVBUF, rmemMax, 2304],
      [SO.SNDBUF, wmemMax, 4608],
    ] as const) {
      const set = (value: number): number => {
        expect(sockets.setsockopt(fd, SOL_SOCKET, name, int(value))).toBe(0);
        return option(fd, SOL_SOCKET, name);
      };
      expect([set(50_000), set(0), set(0x7fff_ffff), set(-1)]).toEqual([100_000, least, 2 * most, 2 * most]);
    }
    sockets.setsockopt(fd, SOL_SOCKET, SO.RCVBUFFORCE, int(rmemMax * 4));
    expect(option(fd, SOL_SOCKET, SO.RCVBUF)).toBe(rmemMax * 8);
    sockets.setsockopt(fd, SOL_SOCKET, SO.SNDBUFFORCE, int(-1));
    expect(option(fd, SOL_SOCKET, SO.SNDBUF)).toBe(4608);
    sockets.setsockopt(fd, SOL_SOCKET, SO.RCVBUFFORCE, int(0x7fff_ffff));
    expect(option(fd, SOL_SOCKET, SO.RCVBUF)).toBe(0x7fff_fffe);
  });

  it('describe the socket', () => {
    const { fd } = host.listen('::1', AF_INET6);
    const listed = [SO.TYPE, SO.DOMAIN, SO.PROTOCOL, SO.ACCEPTCONN].map((name) => option(fd, SOL_SOCKET, name));
    expect(listed).toEqual([SOCK_STREAM, AF_INET6, IPPROTO.TCP, 1]);
    expect(option(tcp(), SOL_SOCKET, SO.ACCEPTCONN)).toBe(0);
    for (const name of [SO.TYPE, SO.DOMAIN, SO.PROTOCOL, SO.ERROR, SO.ACCEPTCONN]) {
      expect(sockets.setsockopt(fd, SOL_SOCKET, name, int(1))).toBe(-ENOPROTOOPT);
    }
  });

  it.each([
    [SOL_SOCKET, SO.REUSEADDR, 1],
    [SOL_SOCKET, SO.REUSEPORT, 1],
    [SOL_SOCKET, SO.KEEPALIVE, 1],
    [SOL_SOCKET, SO.OOBINLINE, 1],
    [SOL_SOCKET, SO.ZEROCOPY, 1],
    [IPPROTO.TCP, TCP.NODELAY, 1],
    [IPPROTO.TCP, TCP.CORK, 1],
    [IPPROTO.TCP, TCP.MAXSEG, 1000],
    [IPPROTO.TCP, TCP.SYNCNT, 3],
    [IPPROTO.TCP, TCP.LINGER2, 7],
    [IPPROTO.TCP, TCP.USER_TIMEOUT, 5000],
    [IPPROTO.TCP, TCP.INQ, 1],
    [IPPROTO.IP, IP.TTL, 33],
    [IPPROTO.IP, IP.TOS, 0x10],
  ])('level %i name %i holds %i', (level, name, value) => {
    const fd = tcp();
    expect(option(fd, level, name)).not.toBe(value);
    expect(sockets.setsockopt(fd, level, name, int(value))).toBe(0);
    expect(option(fd, level, name)).toBe(value);
  });

  it.each([
    [SOL_SOCKET, SO.ZEROCOPY, 2],
    [IPPROTO.TCP, TCP.MAXSEG, 87],
    [IPPROTO.TCP, TCP.MAXSEG, 32_768],
    [IPPROTO.TCP, TCP.SYNCNT, 0],
    [IPPROTO.TCP, TCP.SYNCNT, 128],
    [IPPROTO.TCP, TCP.USER_TIMEOUT, -1],
    [IPPROTO.TCP, TCP.INQ, 2],
    [IPPROTO.IP, IP.TTL, 256],
    [IPPROTO.IP, IP.TTL, 0],
  ])('level %i name %i refuses %i', (level, name, value) => {
    expect(sockets.setsockopt(tcp(), level, name, int(value))).toBe(-EINVAL);
  });

  it('are checked for length and memory in the order of their level', () => {
    const fd = tcp();
    const set = (level: number, name: number, value: Uint8Array | null, length?: number): number =>
      sockets.setsockopt(fd, level, name, value, length);
    expect(set(SOL_SOCKET, 9999, null, 3)).toBe(-EINVAL);
    expect(set(SOL_SOCKET, 9999, null, 4)).toBe(-EFAULT);
    expect(set(SOL_SOCKET, 9999, int(0))).toBe(-ENOPROTOOPT);
    expect(set(SOL_SOCKET, SO.LINGER, int(1))).toBe(-EINVAL);
    expect(set(SOL_SOCKET, SO.LINGER, int(1), 8)).toBe(-EFAULT);
    expect(set(IPPROTO.TCP, 9999, null, 3)).toBe(-EINVAL);
    expect(set(IPPROTO.TCP, 9999, null, 4)).toBe(-EFAULT);
    expect(set(IPPROTO.TCP, 9999, int(0))).toBe(-ENOPROTOOPT);
    expect(set(IPPROTO.IP, IP.TTL, null, 0)).toBe(-EINVAL);
    expect(set(IPPROTO.IP, IP.TTL, null, 1)).toBe(-EFAULT);
    expect(set(IPPROTO.IP, IP.TTL, Uint8Array.of(77))).toBe(0);
    expect(option(fd, IPPROTO.IP, IP.TTL)).toBe(77);
    expect(set(IPPROTO.IPV6, IPV6.V6ONLY, int(1))).toBe(-ENOPROTOOPT);
    expect(set(12_345, 1, int(1))).toBe(-ENOPROTOOPT);
    expect(sockets.setsockopt(udp(), IPPROTO.TCP, TCP.NODELAY, int(1))).toBe(-ENOPROTOOPT);
    const unix = sockets.socket(AF_UNIX, SOCK_STREAM);
    expect(sockets.setsockopt(unix, IPPROTO.TCP, TCP.NODELAY, int(1))).toBe(-EOPNOTSUPP);
    expect(sockets.setsockopt(unix, SOL_SOCKET, SO.REUSEADDR, int(1))).toBe(0);
    expect(sockets.setsockopt(unix, SOL_SOCKET, SO.ZEROCOPY, int(1))).toBe(-EOPNOTSUPP);
  });

  it('of IPv6 belong to IPv6 sockets', () => {
    const fd = sockets.socket(AF_INET6, SOCK_STREAM);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, int(1))).toBe(0);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, Uint8Array.of(1))).toBe(-EINVAL);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS, int(256))).toBe(-EINVAL);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS, int(9))).toBe(0);
    expect([option(fd, IPPROTO.IPV6, IPV6.V6ONLY), option(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS)]).toEqual([1, 9]);
    must(sockets.bind(fd, '::1', 7000));
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, int(0))).toBe(-EINVAL);
  });

  it('clip what they return to the room there is', () => {
    const value = new Uint8Array(2);
    expect(sockets.getsockopt(tcp(), SOL_SOCKET, SO.RCVBUF, value)).toBe(2);
  });
});

describe('TCP_INQ', () => {
  it('reports what is left, and the end as one byte', () => {
    const { client, server } = host.pair();
    sockets.setsockopt(server, IPPROTO.TCP, TCP.INQ, int(1));
    must(host.send(client, 100));
    const msg = bytesIn(30, 100);
    expect(sockets.recvmsg(server, msg)).toBe(30);
    expect([msg.inq, msg.flags, msg.controlLength]).toEqual([70, 0, 24]);
    const control = msg.control;
    if (control === null) throw new Error('no control');
    const [cmsg] = [...readCmsgs(control.view, control.base, msg.controlLength)];
    expect(cmsg).toMatchObject({ level: IPPROTO.TCP, type: TCP_CM_INQ, dataLength: 4 });
    expect(control.view.getInt32(cmsg?.dataAt ?? 0, true)).toBe(70);
    sockets.shutdown(client, SHUT_WR);
    host.run();
    expect(sockets.recvmsg(server, bytesIn(70))).toBe(70);
    const end = bytesIn(10, 10);
    expect(sockets.recvmsg(server, end)).toBe(0);
    expect([end.inq, end.flags, end.controlLength]).toEqual([1, MSG_CTRUNC, 0]);
  });
});

describe('sendmsg', () => {
  it('sends all regions as one stream', () => {
    const { client, server } = host.pair();
    const whole = Uint8Array.from({ length: 100 }, (_, i) => pattern(i));
    const parts = [
      whole.subarray(0, 1),
      whole.subarray(1, 1),
      whole.subarray(1, 60),
      whole.subarray(60),
      new Uint8Array(0),
    ];
    const segments = host.stack.stats.TcpOutSegs;
    expect(sockets.sendmsg(client, new Msghdr(parts.map((part) => regionOf(part))))).toBe(100);
    host.run();
    const into = bytesIn(200);
    expect(sockets.recvmsg(server, into)).toBe(100);
    expect(into.iov[0]?.bytes.subarray(0, 100)).toEqual(whole);
    // One segment and at most one ACK: the pieces went together.
    expect(host.stack.stats.TcpOutSegs - segments).toBeLessThanOrEqual(2);
  });

  it('of nothing still asks the socket', () => {
    const empty = new Msghdr([]);
    const { client } = host.pair();
    expect(sockets.sendmsg(client, empty)).toBe(0);
    expect(sockets.sendmsg(tcp(), empty)).toBe(-EPIPE);
    const connecting = tcp();
    sockets.connect(connecting, LO, host.listen().port);
    expect(sockets.sendmsg(connecting, empty)).toBe(-EAGAIN);
    expect(sockets.sendmsg(connecting, bytesOut(1))).toBe(-EAGAIN);
  });

  it('takes 1024 regions and no more', () => {
    const { client, server } = host.pair();
    const many = (n: number): Msghdr => new Msghdr(Array.from({ length: n }, () => regionOf(new Uint8Array(1))));
    expect(sockets.sendmsg(client, many(1025))).toBe(-EMSGSIZE);
    expect(sockets.sendmsg(client, many(1024))).toBe(1024);
    host.run();
    expect(sockets.recvmsg(server, many(1025))).toBe(-EMSGSIZE);
    expect(sockets.recvmsg(server, many(1024))).toBe(1024);
  });

  it('looks at control messages before anything else', () => {
    const control = (length: number, write: (view: DataView) => void): Msghdr => {
      const msg = bytesOut(10);
      const bytes = new Uint8Array(64);
      write(new DataView(bytes.buffer));
      msg.control = regionOf(bytes);
      msg.controlLength = length;
      return msg;
    };
    const dmabuf = (id: number) => (view: DataView) => {
      writeCmsgHeader(view, 0, SOL_SOCKET, SCM_DEVMEM_DMABUF, 4);
      view.setUint32(16, id, true);
    };
    const closed = tcp();
    const { client } = host.pair();
    expect(sockets.sendmsg(closed, control(24, dmabuf(1)))).toBe(-EINVAL);
    expect(sockets.sendmsg(closed, control(24, dmabuf(0)))).toBe(-EPIPE);
    expect(sockets.sendmsg(client, control(24, dmabuf(0)))).toBe(10);
    expect(sockets.sendmsg(client, control(65, dmabuf(0)))).toBe(-EFAULT);
    expect(sockets.sendmsg(client, control(15, dmabuf(1)))).toBe(10);
    // A header that claims more than there is, first and second.
    expect(sockets.sendmsg(client, control(19, dmabuf(1)))).toBe(-EINVAL);
    expect(sockets.sendmsg(client, control(40, dmabuf(0)))).toBe(-EINVAL);
    expect(
      sockets.sendmsg(
        client,
        control(32, (view) => writeCmsgHeader(view, 0, 41, 79, 16)),
      ),
    ).toBe(10);
    expect(
      sockets.sendmsg(
        client,
        control(20, (view) => writeCmsgHeader(view, 0, SOL_SOCKET, 1, 4)),
      ),
    ).toBe(10);
    const datagram = udp();
    expect(sockets.sendmsg(datagram, control(24, dmabuf(1)))).toBe(-EDESTADDRREQ);
  });
});

describe('datagrams', () => {
  it('carry their sender, and lose what does not fit', () => {
    const [a, b] = [udp(), udp()];
    must(sockets.bind(a, LO, 6000));
    must(sockets.bind(b, LO, 6001));
    const msg = new Msghdr([regionOf(Uint8Array.of(1, 2)), regionOf(Uint8Array.of(3, 4, 5))]);
    msg.name = InetAddress.parse(LO);
    msg.port = 6001;
    expect(sockets.sendmsg(a, msg)).toBe(5);
    expect(sockets.sendmsg(a, msg)).toBe(5);
    expect(sockets.sendmsg(a, msg)).toBe(5);
    host.run();
    expect(sockets.poll(b)).toBe(POLL.IN | POLL.OUT);
    const into = bytesIn(3);
    expect(sockets.recvmsg(b, into, MSG_PEEK | MSG_TRUNC)).toBe(5);
    expect([into.flags, into.name?.toString(), into.port]).toEqual([MSG_TRUNC, LO, 6000]);
    expect([...(into.iov[0]?.bytes ?? [])]).toEqual([1, 2, 3]);
    expect(sockets.recvmsg(b, bytesIn(3))).toBe(3);
    const fits = bytesIn(5);
    expect(sockets.recvmsg(b, fits)).toBe(5);
    expect(fits.flags).toBe(0);
    expect(sockets.recvmsg(b, bytesIn(0))).toBe(0);
    expect(sockets.recvmsg(b, bytesIn(5))).toBe(-EAGAIN);
    expect(sockets.poll(b)).toBe(POLL.OUT);
  });

  it('need a peer, and hear that there is none', () => {
    const fd = udp();
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EDESTADDRREQ);
    expect(sockets.connect(fd, LO, 6666)).toBe(0);
    expect(sockets.getpeername(fd)?.port).toBe(6666);
    must(host.send(fd, 1));
    expect(sockets.poll(fd) & POLL.ERR).toBe(POLL.ERR);
    expect(sockets.recvmsg(fd, bytesIn(1))).toBe(-ECONNREFUSED);
    expect(sockets.connect(fd, null, 0)).toBe(0);
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-EDESTADDRREQ);
    expect(sockets.sendmsg(sockets.socket(AF_INET, SOCK_RAW, 6), bytesOut(1))).toBe(-EDESTADDRREQ);
  });
});

describe('a pair of UNIX sockets', () => {
  it('is a byte stream', () => {
    const [a, b] = sockets.socketpair(AF_UNIX) as readonly [number, number];
    expect(sockets.recvmsg(b, bytesIn(10))).toBe(-EAGAIN);
    expect(sockets.poll(b)).toBe(POLL.OUT);
    let woken = false;
    void sockets.whenReady(b).then(() => {
      woken = true;
    });
    expect(sockets.sendmsg(a, bytesOut(6))).toBe(6);
    expect(sockets.sendmsg(a, bytesOut(2))).toBe(2);
    expect(sockets.poll(b)).toBe(POLL.OUT | POLL.IN);
    expect(sockets.recvmsg(b, bytesIn(100), MSG_PEEK)).toBe(8);
    expect(sockets.recvmsg(b, bytesIn(5))).toBe(5);
    expect(sockets.recvmsg(b, bytesIn(100))).toBe(3);
    sockets.sendmsg(a, bytesOut(1));
    sockets.close(a);
    expect(sockets.recvmsg(b, bytesIn(10))).toBe(1);
    expect(sockets.recvmsg(b, bytesIn(10))).toBe(0);
    expect(sockets.poll(b)).toBe(POLL.OUT | POLL.IN | POLL.RDHUP | POLL.HUP);
    expect(sockets.sendmsg(b, bytesOut(1))).toBe(-EPIPE);
    expect(sockets.recvmsg(b, bytesIn(1), MSG_OOB)).toBe(-EINVAL);
    return Promise.resolve().then(() => expect(woken).toBe(true));
  });

  it('has to be connected', () => {
    const fd = sockets.socket(AF_UNIX, SOCK_STREAM);
    expect(sockets.recvmsg(fd, bytesIn(1))).toBe(-EINVAL);
    expect(sockets.sendmsg(fd, bytesOut(1))).toBe(-ENOTCONN);
    expect(sockets.poll(fd)).toBe(POLL.OUT | POLL.HUP);
  });
});

describe('sockets of kinds that only answer', () => {
  it('never have anything to read', () => {
    expect(sockets.recvmsg(sockets.socket(AF_INET, SOCK_RAW, IPPROTO.TCP), bytesIn(1))).toBe(-EAGAIN);
    const mptcp = sockets.socket(AF_INET, SOCK_STREAM, IPPROTO.MPTCP);
    expect(sockets.recvmsg(mptcp, bytesIn(1))).toBe(-ENOTCONN);
    expect(sockets.sendmsg(mptcp, bytesOut(1))).toBe(-EOPNOTSUPP);
    expect(sockets.bind(mptcp, LO, 1)).toBe(-EOPNOTSUPP);
  });
});

describe('what is left', () => {
  it('is told by the audit until all is closed', () => {
    const { client, server } = host.pair();
    expect(host.stack.audit()[0]).toBe('2 sockets are open');
    expect(host.close(client, server)).toEqual([]);
  });
});
