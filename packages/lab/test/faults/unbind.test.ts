// Device memory that comes and goes while traffic is on: what is under way stays where it is, what follows goes where the queue's memory is then.

import type { DmaMode } from '@netmem/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BoundMemory, ExporterName, Pair } from '../../src/index.ts';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { Traffic } from './traffic.ts';

const CABLE = { latencyNs: 1e5, bandwidthBitsPerSecond: 1e9 };

/** Binds memory as large as what there was, to the same queues. */
function rebind(pair: Pair, traffic: Traffic, was: BoundMemory, exporter: ExporterName): BoundMemory {
  const memory = pair.host.bind({ bytes: was.dmabuf.sizeBytes, exporter, queues: was.queues });
  traffic.knows(memory);
  return memory;
}

function bound(pair: Pair): BoundMemory {
  const { memory } = pair.host;
  if (memory === null) throw new Error('no device memory');
  return memory;
}

describe('unbind under traffic', () => {
  it.each<[DmaMode, ExporterName]>([
    ['coherent', 'device'],
    ['non-coherent', 'udmabuf'],
    ['swiotlb', 'udmabuf'],
    ['swiotlb', 'device'],
  ])('the rest of the stream comes in ordinary memory (%s, %s)', (dmaMode, exporter) => {
    const pair = faultPair({ seed: 1, dmaMode, exporter, cable: CABLE });
    const traffic = new Traffic(pair, { connections: 2, bytes: 400_000 });
    traffic.runToShare(0.3);
    const devmem = traffic.received;
    pair.host.unbind();
    traffic.runToEnd();
    const linear = traffic.flows.reduce((sum, { stream }) => sum + stream.linearBytes, 0);
    // What waited in sockets and on the way up still was in device memory.
    expect(linear).toBeGreaterThan(0.4 * traffic.total);
    expect(traffic.total - linear).toBeGreaterThanOrEqual(devmem);
    traffic.expectIntact(linear);
    traffic.close();
  });

  it('with tokens held: their bytes are still there at the end', () => {
    const pair = faultPair({ seed: 2, cable: CABLE });
    const traffic = new Traffic(pair, { bytes: 400_000 });
    traffic.returning = false;
    traffic.runToShare(0.5);
    const memory = bound(pair);
    pair.host.unbind();
    traffic.runToEnd();
    const [{ stream, landed }] = traffic.flows as [Traffic['flows'][0]];
    expect([landed.position, landed.mismatchAt]).toEqual([400_000, -1]);
    // Looked at once more, now that other packets came through the queue.
    traffic.expectStill(memory);
    expect(stream.returnTokens()).toBe(stream.tokensIssued);
    traffic.close();
  });

  it('and bind again: device memory follows, and each fragment says which', () => {
    const pair = faultPair({ seed: 3, cable: CABLE });
    const traffic = new Traffic(pair, { connections: 2, bytes: 600_000 });
    const first = bound(pair);
    traffic.runToShare(0.3);
    pair.host.unbind();
    traffic.runToShare(0.5);
    const second = rebind(pair, traffic, first, 'device');
    expect(second.id).not.toBe(first.id);
    traffic.runToEnd();
    const linear = traffic.flows.reduce((sum, { stream }) => sum + stream.linearBytes, 0);
    expect(linear).toBeGreaterThan(0.1 * traffic.total);
    expect(linear).toBeLessThan(0.4 * traffic.total);
    traffic.expectIntact(linear);
    traffic.close();
  });
});

describe('bind under traffic', () => {
  const plans = fc.record({
    seed: fc.nat(),
    dmaMode: fc.constantFrom<DmaMode>('coherent', 'non-coherent', 'swiotlb'),
    exporter: fc.constantFrom<ExporterName>('device', 'udmabuf'),
    bound: fc.integer({ min: 1, max: 2 }),
    connections: fc.integer({ min: 1, max: 3 }),
    mtu: fc.constantFrom(1500, 9000),
    busDelayNs: fc.constantFrom(0, 20_000, 500_000),
    hwGro: fc.boolean(),
    loss: fc.constantFrom(0, 0.02),
    reorder: fc.constantFrom(0, 0.02),
    /** Virtual time between unbind and bind, and whether tokens are kept over them. */
    changes: fc.array(
      fc.record({
        onNs: fc.integer({ min: 0, max: 2e6 }),
        offNs: fc.integer({ min: 0, max: 2e6 }),
        keep: fc.boolean(),
        exporter: fc.constantFrom<ExporterName>('device', 'udmabuf'),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  });

  it('any number of times: every byte comes once, in one memory or another', PATIENT, () => {
    expectForAny(plans, 10, (plan) => {
      const { mtu, loss, reorder, changes, connections } = plan;
      const pair = faultPair({ ...plan, spareBytes: 24 * 2 ** 20, cable: { ...CABLE, mtu, loss, reorder } });
      const traffic = new Traffic(pair, { connections, bytes: 200_000 });
      for (const { onNs, offNs, keep, exporter } of changes) {
        traffic.returning = !keep;
        traffic.runFor(onNs);
        const was = bound(pair);
        pair.host.unbind();
        traffic.runFor(offNs);
        rebind(pair, traffic, was, exporter);
        for (const { stream } of traffic.flows) stream.returnTokens();
      }
      traffic.returning = true;
      traffic.runToEnd();
      traffic.expectIntact(traffic.flows.reduce((sum, { stream }) => sum + stream.linearBytes, 0));
      traffic.close();
    });
  });
});
