// Rings, queues, cards and links that are changed, restarted and lost in the middle of traffic: what was on them is sent again.

import type { DmaMode } from '@netmem/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExporterName } from '../../src/index.ts';
import { type Disturbance, disturbances } from './disturbances.ts';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { Traffic } from './traffic.ts';

const CABLE = { latencyNs: 1e5, bandwidthBitsPerSecond: 2e8 };
/** Rings twice as long, and twice of them while they are exchanged. */
const SPARE_BYTES = 48 * 2 ** 20;
/** Bound rings twice as long hold twice as many. */
const NIOVS = 256 + 2 * 1024;

describe('in the middle of traffic', () => {
  it.each(Object.entries<Disturbance>(disturbances))('%s, six times', (_, disturb) => {
    const pair = faultPair({
      seed: 1,
      bound: 2,
      queues: 5,
      niovs: NIOVS,
      cable: CABLE,
      spareBytes: SPARE_BYTES,
    });
    const { pools, memory, device } = pair.host;
    const traffic = new Traffic(pair, { connections: 3, bytes: 100_000, answerBytes: 50_000, mixed: true });
    for (let times = 1; times <= 6; times++) {
      traffic.runToShare(times / 8);
      disturb(pair, times, traffic);
    }
    traffic.runToEnd();
    traffic.expectIntact();
    // The binding is on its queues as before, and nobody went round it.
    expect(pair.host.devmem.bindings().map(({ id }) => id)).toEqual([memory?.id]);
    expect(device.operUp).toBe(true);
    traffic.close();
    const { hold, release } = pools.totals();
    expect(hold).toBe(release);
  });

  const plans = fc.record({
    seed: fc.nat(),
    mtu: fc.constantFrom(1500, 9000),
    superFrames: fc.boolean(),
    busDelayNs: fc.constantFrom(0, 20_000, 500_000),
    hwGro: fc.boolean(),
    interruptModeration: fc.boolean(),
    dmaMode: fc.constantFrom<DmaMode>('coherent', 'non-coherent', 'swiotlb'),
    exporter: fc.constantFrom<ExporterName>('device', 'udmabuf'),
    bound: fc.integer({ min: 1, max: 2 }),
    connections: fc.integer({ min: 1, max: 4 }),
    mixed: fc.boolean(),
    answerBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 })),
    bytes: fc.integer({ min: 1, max: 150_000 }),
    loss: fc.constantFrom(0, 0.02),
    reorder: fc.constantFrom(0, 0.02),
    duplicate: fc.constantFrom(0, 0.02),
    events: fc.array(
      fc.record({
        what: fc.constantFrom<keyof typeof disturbances>(
          ...(Object.keys(disturbances) as (keyof typeof disturbances)[]),
        ),
        n: fc.nat({ max: 10_000 }),
        afterNs: fc.integer({ min: 0, max: 5e6 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  });

  it('any of that, in any order, on any cable', PATIENT, () => {
    expectForAny(plans, 8, (plan) => {
      const { mtu, superFrames, loss, reorder, duplicate } = plan;
      const pair = faultPair({
        ...plan,
        queues: 5,
        niovs: NIOVS,
        cable: { ...CABLE, mtu, superFrames, loss, reorder, duplicate },
        spareBytes: SPARE_BYTES,
      });
      const traffic = new Traffic(pair, plan);
      for (const { what, n, afterNs } of plan.events) {
        traffic.runFor(afterNs);
        disturbances[what](pair, n, traffic);
      }
      traffic.runToEnd();
      traffic.expectIntact();
      traffic.close();
    });
  });
});
