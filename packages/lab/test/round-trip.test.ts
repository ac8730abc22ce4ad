// What a byte waits for on its way there and back: cable, bus, interrupt, or, with a reader that polls, none but the cable.

import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import { AF_INET, EAGAIN, EINPROGRESS, SO, SOCK_STREAM, SOL_SOCKET } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { createPair, type Host, type Pair } from '../src/index.ts';
import { settle } from './devmem-stream.ts';

const PORT = 5201;
const LATENCY_NS = 10_000;
const ROUNDS = 20;
/** So long that every interrupt that is waited for shows. */
const INTERVAL_USECS = 400;

const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** One byte there and back, over and over: how long one round takes, in virtual nanoseconds. */
function roundTripNs(pair: Pair, busyPoll: boolean): number {
  const { host, peer, clock } = pair;
  const listener = host.stack.sockets.socket(AF_INET, SOCK_STREAM);
  host.stack.sockets.bind(listener, '10.0.0.1', PORT);
  host.stack.sockets.listen(listener, 1);
  const client = peer.stack.sockets.socket(AF_INET, SOCK_STREAM);
  expect(peer.stack.sockets.connect(client, '10.0.0.1', PORT)).toBe(-EINPROGRESS);
  let server = -EAGAIN;
  pair.run({
    until: () => {
      server = host.stack.sockets.accept(listener);
      return server >= 0;
    },
  });
  const read = ({ stack }: Host, fd: number): boolean =>
    stack.sockets.recvmsg(fd, new Msghdr([regionOf(new Uint8Array(1))])) === 1;
  const write = ({ stack }: Host, fd: number): void => {
    expect(stack.sockets.sendmsg(fd, new Msghdr([regionOf(new Uint8Array(1))]))).toBe(1);
  };
  if (busyPoll) {
    for (const [{ stack }, fd] of [
      [host, server],
      [peer, client],
    ] as const) {
      stack.sockets.setsockopt(fd, SOL_SOCKET, SO.BUSY_POLL, int(50));
    }
  }
  const begin = clock.nowNs;
  for (let round = 0; round < ROUNDS; round++) {
    write(peer, client);
    expect(pair.run({ until: () => read(host, server) })).toBe(true);
    write(host, server);
    expect(pair.run({ until: () => read(peer, client) })).toBe(true);
  }
  const taken = (clock.nowNs - begin) / ROUNDS;
  peer.stack.sockets.close(client);
  pair.run();
  host.stack.sockets.close(server);
  host.stack.sockets.close(listener);
  settle(pair);
  return taken;
}

describe('two applications that answer each other', () => {
  it('wait for the cable, where cards interrupt at once', () => {
    const pair = createPair({ cable: { latencyNs: LATENCY_NS } });
    expect(roundTripNs(pair, false)).toBe(2 * LATENCY_NS);
    expect(pair.close()).toEqual([]);
  });

  it('wait for their buses, too, where those take their time', () => {
    const busDelayNs = 50_000;
    const pair = createPair({ host: { busDelayNs }, peer: { busDelayNs }, cable: { latencyNs: LATENCY_NS } });
    const taken = roundTripNs(pair, false);
    // A doorbell and an interrupt each way: half the longest delay on average.
    expect(taken).toBeGreaterThan(2 * LATENCY_NS + busDelayNs);
    expect(taken).toBeLessThan(2 * LATENCY_NS + 4 * busDelayNs);
    expect(pair.close()).toEqual([]);
  });
});

describe('two applications that answer each other, with cards that interrupt seldom', () => {
  function pairOfCards(): Pair {
    const card = { interruptModeration: true };
    const pair = createPair({ host: card, peer: card, cable: { latencyNs: LATENCY_NS } });
    for (const { ethtool, device } of [pair.host, pair.peer]) {
      expect(ethtool.setCoalesce(device, { rxCoalesceUsecs: INTERVAL_USECS })).toBe(0);
    }
    return pair;
  }

  it('wait for an interrupt each time', () => {
    const pair = pairOfCards();
    expect(roundTripNs(pair, false)).toBeGreaterThan(INTERVAL_USECS * 1000);
    expect(pair.host.network.softnet.busyPollRxPackets).toBe(0);
    expect(pair.close()).toEqual([]);
  });

  it('wait for the cable alone with SO_BUSY_POLL', () => {
    const pair = pairOfCards();
    expect(roundTripNs(pair, true)).toBeLessThan(2 * LATENCY_NS + 1000);
    expect(pair.host.network.softnet.busyPollRxPackets).toBeGreaterThanOrEqual(ROUNDS);
    expect(pair.close()).toEqual([]);
  });
});
