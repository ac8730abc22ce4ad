// Connections that end before their stream does: what had come can be read, what was held is given back, and the others go on.

import { ECONNRESET, EPIPE, ETIMEDOUT, IPPROTO, SHUT_WR, SO, SOL_SOCKET, TCP } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import type { Pair } from '../../src/index.ts';
import { settle } from '../devmem-stream.ts';
import { faultPair } from './fault-pair.ts';
import { type Flow, Traffic } from './traffic.ts';

const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

/** Closes the sender's socket with a reset instead of a FIN. */
function reset({ pair }: Traffic, flow: Flow): void {
  const { sockets } = pair.peer.stack;
  sockets.setsockopt(flow.stream.peerFd, SOL_SOCKET, SO.LINGER, ints(1, 0));
  sockets.close(flow.stream.peerFd);
  flow.sent = flow.bytes.length;
  flow.finished = true;
}

/** Probes after ten seconds of silence, every five, three times. */
function keepAlive({ host }: Pair, fd: number): void {
  const { sockets } = host.stack;
  sockets.setsockopt(fd, SOL_SOCKET, SO.KEEPALIVE, ints(1));
  sockets.setsockopt(fd, IPPROTO.TCP, TCP.KEEPIDLE, ints(10));
  sockets.setsockopt(fd, IPPROTO.TCP, TCP.KEEPINTVL, ints(5));
  sockets.setsockopt(fd, IPPROTO.TCP, TCP.KEEPCNT, ints(3));
}

function start(connections: number, seed: number, loss: number = 0): { pair: Pair; traffic: Traffic } {
  const pair = faultPair({ seed, cable: { latencyNs: 1e5, bandwidthBitsPerSecond: 1e9, loss } });
  return { pair, traffic: new Traffic(pair, { connections, bytes: 300_000 }) };
}

describe('a sender that resets', () => {
  it('is noticed after what had come was read; the other connections do not notice', () => {
    const { traffic } = start(3, 1);
    const [victim, ...others] = traffic.flows as [Flow, ...Flow[]];
    traffic.runToShare(0.3);
    // Something waits unread when the reset comes.
    traffic.reading = false;
    traffic.runFor(2e6);
    const before = victim.landed.position;
    reset(traffic, victim);
    traffic.reading = true;
    traffic.runToEnd();
    expect(victim.error).toBe(-ECONNRESET);
    expect(victim.landed.position).toBeGreaterThan(before);
    expect(victim.landed.position).toBeLessThan(victim.bytes.length);
    expect(victim.landed.mismatchAt).toBe(-1);
    for (const { landed, bytes, error } of others) {
      expect([landed.position, landed.mismatchAt, error]).toEqual([bytes.length, -1, 0]);
    }
    traffic.close();
  });

  it("while tokens are held: the memory stays the reader's until it gives it back", () => {
    const { pair, traffic } = start(1, 2);
    const [flow] = traffic.flows as [Flow];
    const { stream, landed } = flow;
    traffic.returning = false;
    traffic.runToShare(0.5);
    reset(traffic, flow);
    traffic.runToEnd();
    expect(stream.held.length).toBeGreaterThan(10);
    expect(landed.mismatchAt).toBe(-1);
    expect(pair.host.devmem.bindings()[0]?.niovsOut).toBeGreaterThanOrEqual(stream.held.length);
    expect(stream.returnTokens()).toBe(stream.tokensIssued);
    traffic.close();
  });
});

describe('a sender that dies without a word', () => {
  it('leaves a reader that waits, until it gives up: all its memory comes back', () => {
    const { pair, traffic } = start(2, 3);
    traffic.returning = false;
    traffic.runToShare(0.4);
    pair.cable.setLinkUp(false);
    traffic.runFor(60e9);
    const { received } = traffic;
    traffic.runFor(60e9);
    expect(traffic.received).toBe(received);
    for (const { ended, landed, stream } of traffic.flows) {
      expect([ended, landed.mismatchAt]).toEqual([false, -1]);
      expect(stream.held.length).toBeGreaterThan(0);
      stream.closeHostSockets();
    }
    // Nobody answers the FIN any more.
    pair.run({ until: () => pair.host.stack.audit().length === 0, timeoutNs: 1200e9 });
    expect(pair.host.stack.audit()).toEqual([]);
    for (const { stream } of traffic.flows) stream.closePeerSocket();
    pair.run({ until: () => pair.peer.stack.audit().length === 0, timeoutNs: 1200e9 });
    expect(pair.close()).toEqual([]);
  });

  it('is given up by keepalive, with ETIMEDOUT behind what had come', () => {
    const { pair, traffic } = start(2, 6);
    for (const { stream } of traffic.flows) keepAlive(pair, stream.fd);
    traffic.runToShare(0.4);
    pair.cable.setLinkUp(false);
    const begin = pair.clock.nowNs;
    traffic.runToEnd();
    // Ten seconds of silence, then three probes five seconds apart.
    expect((pair.clock.nowNs - begin) / 1e9).toBeCloseTo(25, 0);
    for (const { error, landed } of traffic.flows) {
      expect([error, landed.mismatchAt]).toEqual([-ETIMEDOUT, -1]);
      expect(landed.position).toBeGreaterThan(0);
    }
    traffic.closeSockets();
    pair.run({ until: () => pair.peer.stack.audit().length === 0, timeoutNs: 3600e9 });
    expect(pair.close()).toEqual([]);
  });

  it('and comes back without its connections: keepalive is answered by a reset', () => {
    const { pair, traffic } = start(1, 7);
    const [flow] = traffic.flows as [Flow];
    keepAlive(pair, flow.stream.fd);
    traffic.runToShare(0.4);
    pair.cable.setLinkUp(false);
    reset(traffic, flow);
    traffic.runFor(1e6);
    pair.cable.setLinkUp(true);
    traffic.runToEnd();
    expect([flow.error, flow.landed.mismatchAt]).toEqual([-ECONNRESET, -1]);
    traffic.close();
  });

  it('and comes back without its connections: the FIN of the reader is answered by a reset', () => {
    const { pair, traffic } = start(1, 4);
    const [flow] = traffic.flows as [Flow];
    traffic.runToShare(0.4);
    // Its farewell is lost with the link.
    pair.cable.setLinkUp(false);
    reset(traffic, flow);
    traffic.runFor(1e6);
    pair.cable.setLinkUp(true);
    traffic.runFor(60e9);
    expect([flow.ended, flow.landed.mismatchAt]).toEqual([false, -1]);
    pair.host.stack.sockets.shutdown(flow.stream.fd, SHUT_WR);
    traffic.runUntil(() => flow.ended, 'the reset');
    expect(flow.error).toBe(-ECONNRESET);
    traffic.close();
  });
});

describe('a receiver that closes in the middle', () => {
  it.each([0, 0.03])(
    'with tokens held and bytes unread: the sender is reset, everything goes back (loss %d)',
    (loss) => {
      const { pair, traffic } = start(3, 5, loss);
      const [victim, ...others] = traffic.flows as [Flow, ...Flow[]];
      traffic.returning = false;
      traffic.runToShare(0.2);
      expect(victim.stream.held.length).toBeGreaterThan(3);
      traffic.reading = false;
      traffic.runFor(2e6);
      victim.stream.closeHostSockets();
      victim.ended = true;
      traffic.reading = true;
      traffic.returning = true;
      for (const { stream } of others) stream.returnTokens();
      traffic.runToEnd();
      expect([-ECONNRESET, -EPIPE]).toContain(victim.stream.send(victim.bytes));
      for (const { landed, bytes, error } of others) {
        expect([landed.position, landed.mismatchAt, error]).toEqual([bytes.length, -1, 0]);
      }
      for (const { stream } of traffic.flows) stream.closePeerSocket();
      pair.run();
      for (const { stream } of others) stream.closeHostSockets();
      settle(pair);
      expect(pair.close()).toEqual([]);
    },
  );
});
