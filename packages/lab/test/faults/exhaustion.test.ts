// Readers that keep their tokens until no net_iov is left: the card drops, the sender repeats, and all of it comes once memory comes back.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pair } from '../../src/index.ts';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { type Flow, Traffic } from './traffic.ts';

const NIOV_BYTES = 4096;
/** What a full ring holds. The first one to be filled takes all that there is, up to that. */
const RING_NIOVS = 511;

/** How many net_iovs are out of the binding's hands. */
function niovsOut(pair: Pair): number {
  return pair.host.devmem.bindings()[0]?.niovsOut ?? 0;
}

/** Refills that found the pool empty, over all bound queues. */
function refillsThatFailed(pair: Pair): number {
  return pair.host.driver.rxStats.reduce((sum, { bufAllocFail }) => sum + bufAllocFail, 0);
}

describe('a reader that keeps everything', () => {
  it.each([
    ['an MTU of 1500', { mtu: 1500 }],
    ['an MTU of 9000, so that a packet takes three net_iovs', { mtu: 9000 }],
    ['super-frames, which take up to seventeen', { superFrames: true }],
  ])('over %s, five times, whole minutes long', (_, cable) => {
    const niovs = 96;
    const pair = faultPair({ seed: 1, niovs, cable: { ...cable, latencyNs: 1e5 } });
    const traffic = new Traffic(pair, { bytes: 3_000_000, receiveBuffer: (niovs * NIOV_BYTES) / 4 });
    const [flow] = traffic.flows as [Flow];
    for (let round = 1; round <= 5; round++) {
      traffic.returning = false;
      const before = traffic.received;
      traffic.runFor(60e9);
      // All are with the reader, or in the queue behind a hole that only a repeated segment could close.
      expect(niovsOut(pair)).toBe(niovs);
      expect(traffic.received).toBeGreaterThan(before);
      expect(traffic.received).toBeLessThan(traffic.total);
      expect(flow.stream.held.length).toBeGreaterThan(niovs / 4);
      traffic.returning = true;
      flow.stream.returnTokens();
    }
    expect(refillsThatFailed(pair)).toBeGreaterThan(5);
    traffic.runToEnd();
    traffic.expectIntact();
    traffic.close();
  });

  it('starves another queue of the same binding, until it closes its socket', () => {
    const niovs = 128 + 2 * RING_NIOVS;
    const pair = faultPair({ seed: 2, bound: 2, niovs, cable: { latencyNs: 1e5 } });
    const traffic = new Traffic(pair, { connections: 2, bytes: 4_000_000, receiveBuffer: 16 * NIOV_BYTES });
    const [hoarder, other] = traffic.flows as [Flow, Flow];
    traffic.returning = false;
    traffic.runFor(60e9);
    expect(niovsOut(pair)).toBe(niovs);
    other.stream.returnTokens();
    hoarder.stream.closeHostSockets();
    hoarder.ended = true;
    traffic.returning = true;
    traffic.runToEnd();
    expect([other.landed.position, other.landed.mismatchAt, other.error]).toEqual([other.bytes.length, -1, 0]);
    expect(other.stream.tokensReturned).toBe(other.stream.tokensIssued);
    hoarder.stream.closePeerSocket();
    other.stream.closePeerSocket();
    pair.run();
    other.stream.closeHostSockets();
    pair.run({ until: () => false, timeoutNs: 120e9 });
    expect(pair.close()).toEqual([]);
  });

  it.each(['the interface', 'the binding'])('is no obstacle to taking down %s', (what) => {
    const pair = faultPair({ seed: 3, niovs: 64, cable: { latencyNs: 1e5 } });
    const traffic = new Traffic(pair, { bytes: 1_000_000, receiveBuffer: 64 * 1024 });
    const [flow] = traffic.flows as [Flow];
    traffic.returning = false;
    traffic.runFor(60e9);
    expect(niovsOut(pair)).toBe(64);
    if (what === 'the binding') pair.host.unbind();
    else pair.host.device.close();
    traffic.runFor(1e9);
    expect(flow.stream.returnTokens()).toBe(flow.stream.tokensIssued);
    if (what === 'the interface') expect(pair.host.device.open()).toBe(0);
    traffic.returning = true;
    traffic.runToEnd();
    expect([flow.landed.position, flow.landed.mismatchAt, flow.error]).toEqual([flow.bytes.length, -1, 0]);
    if (what === 'the interface') expect(flow.stream.linearBytes).toBe(0);
    traffic.close();
  });
});

describe('a reader with moods', () => {
  const plans = fc.record({
    seed: fc.nat(),
    niovs: fc.integer({ min: 64, max: 200 }),
    mtu: fc.constantFrom(1500, 9000),
    hwGro: fc.boolean(),
    bound: fc.integer({ min: 1, max: 2 }),
    connections: fc.integer({ min: 1, max: 2 }),
    loss: fc.constantFrom(0, 0.02),
    /** How long it keeps what it gets, and of what it has then, the share that goes back. */
    moods: fc.array(
      fc.record({ keepNs: fc.integer({ min: 1e5, max: 5e9 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      { minLength: 1, maxLength: 6 },
    ),
  });

  it('gets every byte as long as it gives back in the end', PATIENT, () => {
    expectForAny(plans, 10, (plan) => {
      const { bound, connections, loss, mtu } = plan;
      const niovs = plan.niovs + (bound - 1) * RING_NIOVS;
      const pair = faultPair({ ...plan, niovs, cable: { mtu, latencyNs: 1e5, loss } });
      const receiveBuffer = Math.floor((plan.niovs * NIOV_BYTES) / (8 * connections));
      const traffic = new Traffic(pair, { connections, bytes: 200_000, receiveBuffer });
      for (const { keepNs, share } of plan.moods) {
        traffic.returning = false;
        traffic.runFor(keepNs);
        for (const { stream } of traffic.flows) stream.returnTokens(Math.floor(share * stream.held.length));
      }
      for (const { stream } of traffic.flows) stream.returnTokens();
      traffic.returning = true;
      traffic.runToEnd();
      traffic.expectIntact();
      traffic.close();
    });
  });
});
