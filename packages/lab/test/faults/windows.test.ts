// Receivers with little room, little time or none at all: the sender waits, and then every byte arrives.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { Traffic } from './traffic.ts';

const MINUTE_NS = 60e9;

describe('tiny receive windows', () => {
  // 0 is raised to the kernel's least buffer, which is less than what one net_iov is charged.
  it.each([
    [0, 1500],
    [2_000, 1500],
    [10_000, 1500],
    [0, 9000],
    [30_000, 9000],
  ])('SO_RCVBUF of %i bytes, MTU %i', (receiveBuffer, mtu) => {
    const pair = faultPair({ seed: 1, cable: { mtu, latencyNs: 1e5 } });
    const traffic = new Traffic(pair, { bytes: 60_000, receiveBuffer, connections: 2 });
    traffic.runToEnd();
    traffic.expectIntact();
    traffic.close();
  });
});

describe('a reader that stops', () => {
  it('closes the window; probes keep the connection for ten minutes; then every byte comes', () => {
    const pair = faultPair({ seed: 2, cable: { latencyNs: 1e5 } });
    const traffic = new Traffic(pair, { bytes: 600_000, receiveBuffer: 60_000 });
    traffic.runToShare(0.2);
    traffic.reading = false;
    traffic.runFor(10 * MINUTE_NS);
    const { TcpExtTCPToZeroWindowAdv } = pair.host.stack.stats;
    expect(TcpExtTCPToZeroWindowAdv).toBeGreaterThan(0);
    expect(pair.peer.stack.stats.TcpExtTCPWinProbe).toBeGreaterThan(3);
    expect(traffic.received).toBeLessThan(traffic.total);
    traffic.reading = true;
    traffic.runToEnd();
    traffic.expectIntact();
    traffic.close();
  });

  it('over and over, on a cable that loses probes and updates of the window', () => {
    const pair = faultPair({ seed: 3, cable: { latencyNs: 1e5, loss: 0.05 } });
    const traffic = new Traffic(pair, { bytes: 200_000, receiveBuffer: 30_000, connections: 2 });
    for (let stop = 1; stop <= 8; stop++) {
      traffic.runToShare(stop / 10);
      traffic.reading = false;
      traffic.runFor(MINUTE_NS);
      traffic.reading = true;
    }
    traffic.runToEnd();
    traffic.expectIntact();
    traffic.close();
  });
});

describe('a slow reader', () => {
  const plans = fc.record({
    seed: fc.nat(),
    mtu: fc.constantFrom(576, 1500, 9000),
    hwGro: fc.boolean(),
    bytes: fc.integer({ min: 1, max: 60_000 }),
    connections: fc.integer({ min: 1, max: 3 }),
    /** Bytes of one look. */
    iovBytes: fc.integer({ min: 100, max: 10_000 }),
    /** Between two looks. */
    pauseNs: fc.integer({ min: 1_000, max: 20e6 }),
    receiveBuffer: fc.integer({ min: 0, max: 100_000 }),
    loss: fc.constantFrom(0, 0.03),
    reorder: fc.constantFrom(0, 0.03),
  });

  it('of any number of bytes at a time, with any window', PATIENT, () => {
    expectForAny(plans, 10, (plan) => {
      const { seed, mtu, hwGro, loss, reorder, pauseNs } = plan;
      const pair = faultPair({ seed, hwGro, cable: { mtu, latencyNs: 1e5, loss, reorder } });
      const traffic = new Traffic(pair, plan);
      traffic.callsPerTurn = 1;
      traffic.runSlowlyToEnd(pauseNs);
      traffic.expectIntact();
      traffic.close();
    });
  });
});
