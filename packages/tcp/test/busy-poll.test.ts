// Sockets that poll the card's queue themselves when they find nothing: skBusyLoop, and the options that govern it.

import type { Napi } from '@netmem/netdev';
import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  EINPROGRESS,
  EINVAL,
  ENOPROTOOPT,
  POLL,
  SO,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '@netmem/uapi';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { skBusyLoop } from '../src/socket/busy-poll.ts';
import { Msghdr } from '../src/socket/msghdr.ts';
import type { Sockets } from '../src/socket/sockets.ts';
import { DevmemPair } from './devmem-pair.ts';
import { bytesIn, bytesOut, must } from './loopback-host.ts';

const HOST = '10.0.0.1';
const PORT = 7000;
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

let pair: DevmemPair;
let sockets: Sockets;
let napi: Napi;
const open: number[] = [];
const openAtPeer: number[] = [];

beforeEach(() => {
  pair = new DevmemPair(64);
  // Ordinary memory will do.
  pair.unbind();
  sockets = pair.host.stack.sockets;
  napi = pair.host.driver.netdev.napis[0] as Napi;
});

afterEach(() => {
  vi.restoreAllMocks();
  napi.schedule();
  for (const fd of open.splice(0)) sockets.close(fd);
  for (const fd of openAtPeer.splice(0)) pair.peer.stack.sockets.close(fd);
  expect(pair.close()).toEqual([]);
});

function option(fd: number, name: number): number {
  const value = new Uint8Array(4);
  const length = sockets.getsockopt(fd, SOL_SOCKET, name, value);
  return length < 0 ? length : new DataView(value.buffer).getInt32(0, true);
}

function set(fd: number, name: number, value: number): number {
  return sockets.setsockopt(fd, SOL_SOCKET, name, int(value));
}

/** From here on the interrupt does not come: packets wait in the ring. */
function loseInterrupts(): void {
  vi.spyOn(napi, 'schedule').mockReturnValue(false);
}

/** A connection from the peer: the host's end and its. */
function connect(prepare: (listener: number) => void = () => {}): { fd: number; peerFd: number } {
  const listener = must(sockets.socket(AF_INET, SOCK_STREAM));
  open.push(listener);
  must(sockets.bind(listener, HOST, PORT));
  must(sockets.listen(listener, 4));
  prepare(listener);
  const peerFd = must(pair.peer.stack.sockets.socket(AF_INET, SOCK_STREAM));
  openAtPeer.push(peerFd);
  expect(pair.peer.stack.sockets.connect(peerFd, HOST, PORT)).toBe(-EINPROGRESS);
  pair.pass();
  const fd = must(sockets.accept(listener));
  open.push(fd);
  return { fd, peerFd };
}

function send(peerFd: number, length: number): void {
  must(pair.peer.stack.sockets.sendmsg(peerFd, bytesOut(length)));
  pair.pass();
}

/** A UDP socket of the host, and one of the peer that sends to it. */
function datagrams(): { fd: number; peerFd: number } {
  const fd = must(sockets.socket(AF_INET, SOCK_DGRAM));
  open.push(fd);
  must(sockets.bind(fd, HOST, PORT));
  const peerFd = must(pair.peer.stack.sockets.socket(AF_INET, SOCK_DGRAM));
  openAtPeer.push(peerFd);
  must(pair.peer.stack.sockets.connect(peerFd, HOST, PORT));
  // The first one tells the socket which NAPI instance is its.
  send(peerFd, 10);
  expect(sockets.recvmsg(fd, bytesIn(100))).toBe(10);
  return { fd, peerFd };
}

describe('a stream with SO_BUSY_POLL', () => {
  it('finds bytes whose interrupt has not come; without, it does not', () => {
    const { fd, peerFd } = connect();
    send(peerFd, 10);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(10);
    expect(option(fd, SO.INCOMING_NAPI_ID)).toBe(napi.id);
    loseInterrupts();
    send(peerFd, 100);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(-EAGAIN);
    expect(set(fd, SO.BUSY_POLL, 50)).toBe(0);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(100);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(-EAGAIN);
    expect(pair.host.network.softnet.busyPollRxPackets).toBeGreaterThan(0);
  });

  it('does not poll while something is there', () => {
    const { fd, peerFd } = connect();
    send(peerFd, 100);
    loseInterrupts();
    send(peerFd, 100);
    set(fd, SO.BUSY_POLL, 50);
    expect(sockets.recvmsg(fd, bytesIn(1000))).toBe(100);
    expect(pair.host.network.softnet.busyPollRxPackets).toBe(0);
    expect(sockets.recvmsg(fd, bytesIn(1000))).toBe(100);
  });

  it('has it from its listener, or from the sysctl', () => {
    const { fd } = connect((listener) => {
      set(listener, SO.BUSY_POLL, 70);
      set(listener, SO.PREFER_BUSY_POLL, 1);
    });
    expect([option(fd, SO.BUSY_POLL), option(fd, SO.PREFER_BUSY_POLL)]).toEqual([70, 1]);
    pair.host.stack.sysctl.busyRead = 30;
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const fresh = sockets.socket(AF_INET, type);
      open.push(fresh);
      expect(option(fresh, SO.BUSY_POLL)).toBe(30);
    }
  });

  it('is polled by poll, too, where the sysctl says so', () => {
    const { fd, peerFd } = connect();
    send(peerFd, 10);
    sockets.recvmsg(fd, bytesIn(100));
    loseInterrupts();
    set(fd, SO.BUSY_POLL, 50);
    send(peerFd, 100);
    expect(sockets.poll(fd) & POLL.IN).toBe(0);
    pair.host.stack.sysctl.busyPoll = 50;
    expect(sockets.poll(fd) & POLL.IN).toBe(POLL.IN);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(100);
  });
});

describe('datagrams with SO_BUSY_POLL', () => {
  it('are found without an interrupt, as many at a time as SO_BUSY_POLL_BUDGET says', () => {
    const { fd, peerFd } = datagrams();
    loseInterrupts();
    for (let i = 1; i <= 6; i++) send(peerFd, i);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(-EAGAIN);
    set(fd, SO.BUSY_POLL, 1);
    set(fd, SO.BUSY_POLL_BUDGET, 1);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(1);
    // One by the poll, one by the poll that lets go; the rest is left to softirq.
    expect(pair.host.network.softnet.busyPollRxPackets).toBe(2);
    pair.pass();
    for (let i = 2; i <= 6; i++) expect(sockets.recvmsg(fd, bytesIn(100))).toBe(i);
  });

  it('say that they will come again with SO_PREFER_BUSY_POLL', () => {
    const { fd, peerFd } = datagrams();
    const busyPoll = vi.spyOn(pair.host.network, 'busyPoll');
    set(fd, SO.BUSY_POLL, 1);
    sockets.recvmsg(fd, bytesIn(100));
    set(fd, SO.PREFER_BUSY_POLL, -3);
    sockets.recvmsg(fd, bytesIn(100));
    expect(busyPoll.mock.calls).toEqual([
      [napi.id, undefined, {}],
      [napi.id, undefined, { prefer: true }],
    ]);
    send(peerFd, 5);
    expect(sockets.recvmsg(fd, bytesIn(100))).toBe(5);
  });
});

describe('skBusyLoop', () => {
  it('leaves a socket alone that never received, or does not ask for it', () => {
    const busyPoll = vi.spyOn(pair.host.network, 'busyPoll');
    const sock = { llUsec: 0, preferBusyPoll: false, busyPollBudget: 0, napiId: napi.id, stack: pair.host.stack };
    skBusyLoop(sock);
    expect(busyPoll).not.toHaveBeenCalled();
    skBusyLoop({ ...sock, llUsec: 1, napiId: 0 });
    expect(busyPoll).toHaveReturnedWith(0);
  });
});

describe('the options', () => {
  it.each(['stream', 'datagram', 'unix'])('of a %s socket', (kind) => {
    const fd =
      kind === 'unix'
        ? sockets.socket(AF_UNIX, SOCK_STREAM)
        : sockets.socket(AF_INET, kind === 'stream' ? SOCK_STREAM : SOCK_DGRAM);
    open.push(fd);
    expect([option(fd, SO.BUSY_POLL), option(fd, SO.PREFER_BUSY_POLL)]).toEqual([0, 0]);
    expect([set(fd, SO.BUSY_POLL, 70_000), option(fd, SO.BUSY_POLL)]).toEqual([0, 70_000]);
    expect([set(fd, SO.BUSY_POLL, -1), option(fd, SO.BUSY_POLL)]).toEqual([-EINVAL, 70_000]);
    expect([set(fd, SO.PREFER_BUSY_POLL, -1), option(fd, SO.PREFER_BUSY_POLL)]).toEqual([0, 1]);
    expect([set(fd, SO.PREFER_BUSY_POLL, 0), option(fd, SO.PREFER_BUSY_POLL)]).toEqual([0, 0]);
    expect([-1, 0, 65_535, 65_536].map((budget) => set(fd, SO.BUSY_POLL_BUDGET, budget))).toEqual([
      -EINVAL,
      0,
      0,
      -EINVAL,
    ]);
    expect(option(fd, SO.BUSY_POLL_BUDGET)).toBe(-ENOPROTOOPT);
    const msg = new Msghdr([regionOf(new Uint8Array(8))]);
    expect(sockets.recvmsg(fd, msg)).toBeLessThan(0);
  });
});
