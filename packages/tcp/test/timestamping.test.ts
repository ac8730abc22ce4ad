import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_UNIX,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  MSG_CTRUNC,
  MSG_PEEK,
  readCmsgs,
  readTimespec,
  SCM_TIMESTAMPING,
  SO,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOF_TIMESTAMPING,
  SOL_SOCKET,
} from '@netmem/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlWriter } from '../src/devmem/control-writer.ts';
import { DmabufReceiver } from '../src/devmem/recvmsg-dmabuf.ts';
import { TokenTable } from '../src/devmem/token-table.ts';
import { InetAddress, Msghdr } from '../src/index.ts';
import { IovCursor } from '../src/socket/msghdr.ts';
import { TcpReceiver } from '../src/socket/tcp-recvmsg.ts';
import { inheritStamps, selectStamps } from '../src/stack/timestamping.ts';
import { HandSock } from './hand-sock.ts';
import { bytesIn, LoopbackHost, must } from './loopback-host.ts';

const { RX_SOFTWARE, SOFTWARE, RX_HARDWARE, RAW_HARDWARE, OPT_RX_FILTER, OPT_ID, OPT_ID_TCP, OPT_STATS, BIND_PHC } =
  SOF_TIMESTAMPING;
const BOTH = RX_SOFTWARE | SOFTWARE | RX_HARDWARE | RAW_HARDWARE;

let host: LoopbackHost;
const open: number[] = [];
beforeEach(() => {
  host = new LoopbackHost();
});
afterEach(() => {
  expect(host.close(...open.splice(0))).toEqual([]);
});

const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const set = (fd: number, flags: number, name: number = SO.TIMESTAMPING): number =>
  host.sockets.setsockopt(fd, SOL_SOCKET, name, ints(flags));
function get(fd: number, name: number = SO.TIMESTAMPING): number[] {
  const value = new Int32Array(2);
  expect(host.sockets.getsockopt(fd, SOL_SOCKET, name, new Uint8Array(value.buffer))).toBe(8);
  return [...value];
}

/** Type, software and hardware stamp of each message. */
function stampsIn(msg: Msghdr): number[][] {
  const control = msg.control;
  if (control === null) return [];
  return [...readCmsgs(control.view, control.base, msg.controlLength)].map(({ type, dataAt }) => [
    type,
    readTimespec(control.view, dataAt + SCM_TIMESTAMPING.software),
    readTimespec(control.view, dataAt + SCM_TIMESTAMPING.hardware),
  ]);
}

function socket(type: number = SOCK_STREAM, family: number = AF_INET): number {
  const fd = must(host.sockets.socket(family, type));
  open.push(fd);
  return fd;
}

describe('SO_TIMESTAMPING (setTimestamping)', () => {
  it.each<[string, number, number]>([
    ['bits that are none', 0x80000, -EINVAL],
    ['a key for TCP without a key', OPT_ID_TCP, -EINVAL],
    ['a key before there is a connection', OPT_ID, -EINVAL],
    ['statistics with the packet', OPT_STATS, -EINVAL],
    ['a clock of no device', BIND_PHC, -EOPNOTSUPP],
    ['what there is', BOTH, 0],
  ])('%s', (_what, flags, expected) => {
    const fd = socket();
    expect(set(fd, flags)).toBe(expected);
    expect(get(fd)).toEqual([expected === 0 ? flags : 0, 0]);
  });

  it('tells its flags, and those of the newer name under that one only', () => {
    const fd = socket();
    expect(set(fd, SOFTWARE, SO.TIMESTAMPING_NEW)).toBe(0);
    expect([get(fd), get(fd, SO.TIMESTAMPING_NEW)]).toEqual([
      [SOFTWARE, 0],
      [SOFTWARE, 0],
    ]);
    expect(set(fd, RX_SOFTWARE)).toBe(0);
    expect([get(fd), get(fd, SO.TIMESTAMPING_NEW)]).toEqual([
      [RX_SOFTWARE, 0],
      [0, 0],
    ]);
  });

  it('takes a structure with a clock, whole', () => {
    const fd = socket(SOCK_DGRAM);
    const { sockets } = host;
    expect(sockets.setsockopt(fd, SOL_SOCKET, SO.TIMESTAMPING, ints(OPT_ID | SOFTWARE, 3))).toBe(0);
    expect(sockets.setsockopt(fd, SOL_SOCKET, SO.TIMESTAMPING, ints(SOFTWARE), 8)).toBe(-EFAULT);
    expect(get(fd)).toEqual([OPT_ID | SOFTWARE, 0]);
  });

  it('is kept by sockets that stamp nothing', () => {
    const fd = socket(SOCK_STREAM, AF_UNIX);
    expect(set(fd, 0x80000)).toBe(-EINVAL);
    expect(set(fd, SOFTWARE)).toBe(0);
    expect([get(fd), get(fd, SO.TIMESTAMPING_NEW)]).toEqual([
      [SOFTWARE, 0],
      [0, 0],
    ]);
    expect(set(fd, RX_SOFTWARE, SO.TIMESTAMPING_NEW)).toBe(0);
    expect([get(fd), get(fd, SO.TIMESTAMPING_NEW)]).toEqual([
      [RX_SOFTWARE, 0],
      [RX_SOFTWARE, 0],
    ]);
  });
});

describe('received over TCP', () => {
  function pair(): { client: number; server: number } {
    const { client, server } = host.pair();
    open.push(client, server);
    return { client, server };
  }

  it('bytes come with the time of the last of them', () => {
    const { client, server } = pair();
    const { clock } = host.machine;
    set(server, RX_SOFTWARE | SOFTWARE);
    host.machine.run({ until: () => false, timeoutNs: 5e9 });
    host.send(client, 100);
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    host.send(client, 100);
    const at = clock.nowNs;
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    const peeked = bytesIn(200, 64);
    expect(host.sockets.recvmsg(server, peeked, MSG_PEEK)).toBe(200);
    const msg = bytesIn(200, 64);
    expect(host.sockets.recvmsg(server, msg)).toBe(200);
    for (const one of [peeked, msg]) expect(stampsIn(one)).toEqual([[SO.TIMESTAMPING, at, 0]]);
    expect(msg.controlLength).toBe(64);
  });

  it('nothing is said to who did not ask, or has no room', () => {
    const { client, server } = pair();
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    host.send(client, 10);
    const quiet = bytesIn(10, 64);
    expect(host.sockets.recvmsg(server, quiet)).toBe(10);
    expect([quiet.controlLength, quiet.flags]).toEqual([0, 0]);
    set(server, RX_SOFTWARE | SOFTWARE, SO.TIMESTAMPING_NEW);
    host.send(client, 30);
    for (const [room, length, flags] of [
      [0, 0, MSG_CTRUNC],
      [40, 40, MSG_CTRUNC],
      [64, 64, 0],
    ] as const) {
      const msg = bytesIn(10, room);
      expect(host.sockets.recvmsg(server, msg)).toBe(10);
      expect([msg.controlLength, msg.flags]).toEqual([length, flags]);
      if (room === 64) expect(stampsIn(msg)).toEqual([[SO.TIMESTAMPING_NEW, host.machine.clock.nowNs, 0]]);
    }
  });

  it('a connection asks for what its listener did, and the host stamps while anybody asks', () => {
    const { sockets, network } = host;
    const listener = host.listen();
    expect(set(listener.fd, RX_SOFTWARE | SOFTWARE)).toBe(0);
    const client = socket();
    sockets.connect(client, '127.0.0.1', listener.port);
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    const server = must(sockets.accept(listener.fd));
    expect(get(server)).toEqual([RX_SOFTWARE | SOFTWARE, 0]);
    sockets.close(listener.fd);
    host.send(client, 10);
    const msg = bytesIn(10, 64);
    expect(sockets.recvmsg(server, msg)).toBe(10);
    expect(stampsIn(msg)).toHaveLength(1);
    sockets.close(server);
    sockets.close(client);
    host.machine.run({ until: () => false, timeoutNs: 200e9 });
    const skb = network.skbs.alloc(network.loopback)!;
    let stamp = -1;
    network.addTap((seen) => {
      stamp = seen.tstampNs;
    });
    network.receive(skb);
    expect(stamp).toBe(0);
  });
});

describe('received over UDP', () => {
  it('a datagram comes with its time', () => {
    const { sockets } = host;
    const to = socket(SOCK_DGRAM);
    must(sockets.bind(to, '127.0.0.1', 7000));
    const from = socket(SOCK_DGRAM);
    set(to, BOTH);
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    const out = new Msghdr([regionOf(new Uint8Array(5))]);
    out.name = InetAddress.parse('127.0.0.1');
    out.port = 7000;
    must(sockets.sendmsg(from, out));
    const at = host.machine.clock.nowNs;
    host.machine.run({ until: () => false, timeoutNs: 1e9 });
    const msg = bytesIn(10, 64);
    expect(sockets.recvmsg(to, msg)).toBe(5);
    expect(stampsIn(msg)).toEqual([[SO.TIMESTAMPING, at, 0]]);
  });
});

describe('stamps of a device', () => {
  it('go up beside those of the host, each to who asked for it (selectStamps)', () => {
    const shown = (flags: number, software: number, hardware: number): number[] | null => {
      const stamps = Float64Array.of(software, hardware);
      return selectStamps(flags, stamps) ? [...stamps] : null;
    };
    expect(shown(SOFTWARE | RAW_HARDWARE, 1, 2)).toEqual([1, 2]);
    expect(shown(RAW_HARDWARE, 1, 2)).toEqual([0, 2]);
    expect(shown(SOFTWARE, 1, 2)).toEqual([1, 0]);
    expect(shown(RX_SOFTWARE | RX_HARDWARE, 1, 2)).toBeNull();
    expect(shown(SOFTWARE | RAW_HARDWARE | RX_HARDWARE | OPT_RX_FILTER, 1, 2)).toEqual([0, 2]);
    expect(shown(SOFTWARE | RAW_HARDWARE | OPT_RX_FILTER, 1, 2)).toBeNull();
    expect(shown(RAW_HARDWARE, 1, 0)).toBeNull();
  });

  it('are those of the last packet of a call that has any', () => {
    const { skbs } = host.network;
    const sock = new HandSock();
    sock.tsFlags = RAW_HARDWARE;
    for (const ns of [1000, 2 ** 40 + 1, 0]) {
      const skb = skbs.alloc(null)!;
      skb.put(10);
      if (ns > 0) skb.hwtstampNs = ns;
      sock.arrive(skb);
    }
    const iov = new IovCursor();
    const control = new ControlWriter();
    const receiver = new TcpReceiver(host.machine, new DmabufReceiver(host.machine, host.network.netmem), iov, control);
    const receive = (length: number): number[] | null => {
      const msg = new Msghdr([regionOf(new Uint8Array(length))]);
      iov.reset(msg.iov);
      expect(receiver.receive(sock, new TokenTable(), msg, 0)).toBe(length);
      return receiver.stamped ? [...receiver.stamps] : null;
    };
    expect(receive(10)).toEqual([0, 1000]);
    expect(receive(15)).toEqual([0, 2 ** 40 + 1]);
    expect(receive(5)).toBeNull();
  });

  it('go over to a packet that takes in another (inheritStamps)', () => {
    const { skbs } = host.network;
    const [a, b, c] = [skbs.alloc(null)!, skbs.alloc(null)!, skbs.alloc(null)!];
    a.hwtstampNs = 5;
    b.tstampNs = 9;
    inheritStamps(a, c);
    expect([a.tstampNs, a.hwtstampNs]).toEqual([0, 5]);
    inheritStamps(a, b);
    expect([a.tstampNs, a.hwtstampNs]).toEqual([9, 0]);
    for (const skb of [a, b, c]) skb.consume();
  });
});
