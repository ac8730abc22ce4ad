// Everything is taken down in the middle of traffic, in any order: what came is right, and nothing is left.

import type { DmaMode } from '@netmem/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExporterName } from '../../src/index.ts';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { Traffic } from './traffic.ts';

const STEPS = {
  'the sockets': (traffic: Traffic) => {
    for (const flow of traffic.flows) {
      flow.stream.closeHostSockets();
      flow.ended = true;
    }
  },
  'the binding': ({ pair }: Traffic) => pair.host.unbind(),
  'the interface': ({ pair }: Traffic) => {
    pair.host.device.close();
  },
  'the driver': ({ pair }: Traffic) => pair.host.driver.remove(),
  "the peer's sockets": (traffic: Traffic) => {
    for (const flow of traffic.flows) {
      flow.stream.closePeerSocket();
      flow.sent = flow.bytes.length;
      flow.finished = true;
    }
  },
  "the peer's driver": ({ pair }: Traffic) => pair.peer.driver.remove(),
};
type Step = keyof typeof STEPS;

describe('taking everything down', () => {
  const plans = fc.record({
    seed: fc.nat(),
    dmaMode: fc.constantFrom<DmaMode>('coherent', 'non-coherent', 'swiotlb'),
    exporter: fc.constantFrom<ExporterName>('device', 'udmabuf'),
    bound: fc.integer({ min: 1, max: 2 }),
    connections: fc.integer({ min: 1, max: 3 }),
    mixed: fc.boolean(),
    superFrames: fc.boolean(),
    loss: fc.constantFrom(0, 0.03),
    reorder: fc.constantFrom(0, 0.03),
    answerBytes: fc.constantFrom(0, 100_000),
    /** The reader keeps its tokens. */
    busDelayNs: fc.constantFrom(0, 20_000, 500_000),
    keep: fc.boolean(),
    order: fc.shuffledSubarray(Object.keys(STEPS) as Step[], { minLength: 6, maxLength: 6 }),
    /** Virtual time before each step. */
    pausesNs: fc.array(fc.integer({ min: 0, max: 3e6 }), { minLength: 6, maxLength: 6 }),
  });

  it('in any order, at any time', PATIENT, () => {
    expectForAny(plans, 10, (plan) => {
      const { loss, reorder, superFrames, order, pausesNs } = plan;
      const cable = { latencyNs: 1e5, bandwidthBitsPerSecond: 5e8, loss, reorder, superFrames };
      const pair = faultPair({ ...plan, cable });
      // As gve: no queue can be built while the interface is down, and unbind warns of every errno but ENETDOWN.
      pair.host.machine.log.expect(/restart of rx queue \d without its provider failed: -11/);
      const traffic = new Traffic(pair, { ...plan, bytes: 500_000 });
      traffic.returning = !plan.keep;
      for (const [i, step] of order.entries()) {
        traffic.runFor(pausesNs[i] as number);
        STEPS[step](traffic);
      }
      for (const { landed } of traffic.flows) expect(landed.mismatchAt).toBe(-1);
      // Whoever was not told that the other is gone gives up in the end.
      const quiet = (): boolean => pair.host.stack.audit().length + pair.peer.stack.audit().length === 0;
      expect(pair.run({ until: quiet, timeoutNs: 3600e9 })).toBe(true);
      expect(pair.close()).toEqual([]);
    });
  });
});
