// What messages carry besides bytes of TCP: control messages, addresses, many regions. Receiving TCP has tests of its own.

import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  IPPROTO,
  MSG_CTRUNC,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  POLL,
  readCmsgs,
  SCM_DEVMEM_DMABUF,
  SHUT_WR,
  SOCK_DGRAM,
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
  it('sends all regions as one stream: sendStream', () => {
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

  it('looks at control messages before anything else: checkSendControl', () => {
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

describe('datagrams: sendDatagram, receiveDatagram, datagramPoll', () => {
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

describe('a pair of UNIX sockets: UnixSock', () => {
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
