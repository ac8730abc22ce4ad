// The calls of a program, on a host that talks to itself: descriptors, states, errnos, readiness.

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
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IPPROTO,
  MSG_OOB,
  POLL,
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
} from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sockets } from '../src/socket/sockets.ts';
import { bytesIn, bytesOut, LoopbackHost, must } from './loopback-host.ts';

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

describe('connect: streamConnect', () => {
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

describe('shutdown: streamShutdown', () => {
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

describe('poll: tcpPoll', () => {
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

  it('waits for SO_RCVLOWAT bytes (isReadable, setReceiveLowWater)', () => {
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

  it('is readable when the buffer is full, however high SO_RCVLOWAT is (isBufferTight)', () => {
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

describe('what is left', () => {
  it('is told by the audit until all is closed', () => {
    const { client, server } = host.pair();
    expect(host.stack.audit()[0]).toBe('2 sockets are open');
    expect(host.close(client, server)).toEqual([]);
  });
});
