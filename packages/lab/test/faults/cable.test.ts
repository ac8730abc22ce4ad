// Cables that lose, reorder, double and corrupt frames: whatever they do, every byte arrives in device memory.

import type { CableOptions } from '@netmem/link';
import type { DmaMode } from '@netmem/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExporterName } from '../../src/index.ts';
import { faultPair } from './fault-pair.ts';
import { expectForAny, PATIENT } from './replayable.ts';
import { Traffic } from './traffic.ts';

const FAULTS = ['loss', 'reorder', 'duplicate', 'corrupt'] as const;
const MOST = 0.05;
const MODES: readonly DmaMode[] = ['coherent', 'non-coherent', 'swiotlb'];
const EXPORTERS: readonly ExporterName[] = ['device', 'udmabuf'];

/** Nobody could notice a flipped bit in a super-frame, whose checksum is yet to be made: such a cable refuses to corrupt. */
const SUPER_FRAMES: CableOptions = { superFrames: true };
/** The longer the frames, the more bytes it takes for faults to happen. */
const LINKS: readonly [string, CableOptions, number][] = [
  ['an MTU of 1500', { mtu: 1500 }, 60_000],
  ['an MTU of 9000', { mtu: 9000 }, 200_000],
  ['super-frames', SUPER_FRAMES, 400_000],
];

describe.each(LINKS)('%s', (_, link, bytes) => {
  const possible = link === SUPER_FRAMES ? FAULTS.slice(0, 3) : FAULTS;
  const combinations = Array.from({ length: 2 ** possible.length - 1 }, (_none, i) =>
    possible.filter((_fault, bit) => ((i + 1) & (1 << bit)) !== 0),
  );

  it.each(combinations.map((combination, i) => [combination, i] as const))('with %j', (combination, i) => {
    const faults = Object.fromEntries(combination.map((fault) => [fault, MOST]));
    const seed = bytes + i;
    const pair = faultPair({
      seed,
      cable: { latencyNs: 1e5, ...link, ...faults },
      dmaMode: MODES[seed % 3] as DmaMode,
      exporter: EXPORTERS[seed % 2] as ExporterName,
    });
    const { host, cable } = pair;
    for (const hwGro of [true, false]) {
      expect(host.ethtool.setFeatures(host.device, { 'rx-gro-hw': hwGro })).toBe(0);
      const port = hwGro ? 5201 : 5301;
      const traffic = new Traffic(pair, { connections: 2, bytes, port, mixed: true });
      traffic.runToEnd();
      traffic.expectIntact();
      if (hwGro) traffic.closeSockets();
      else traffic.close();
    }
    const { lost, reordered, duplicated, corrupted } = cable.faults;
    const counts = { loss: lost, reorder: reordered, duplicate: duplicated, corrupt: corrupted };
    const happened = FAULTS.filter((fault) => counts[fault] > 0);
    // Not each one, whatever the seed: there are few frames where they are long.
    expect(happened.length).toBeGreaterThan(0);
    expect(combination).toEqual(expect.arrayContaining(happened));
  });
});

describe('any number of connections', () => {
  const share = fc.oneof(fc.constant(0), fc.double({ min: 0, max: MOST, noNaN: true }));
  const plans = fc.record({
    seed: fc.nat(),
    link: fc.constantFrom<CableOptions>({ mtu: 1500 }, { mtu: 9000 }, SUPER_FRAMES, { mtu: 1280 }, { mtu: 4096 }),
    busDelayNs: fc.constantFrom(0, 20_000, 500_000),
    hwGro: fc.boolean(),
    interruptModeration: fc.boolean(),
    dmaMode: fc.constantFrom(...MODES),
    exporter: fc.constantFrom(...EXPORTERS),
    bound: fc.integer({ min: 1, max: 3 }),
    connections: fc.integer({ min: 1, max: 5 }),
    mixed: fc.boolean(),
    answerBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60_000 })),
    bytes: fc.integer({ min: 1, max: 120_000 }),
    iovBytes: fc.constantFrom(1 << 20, 50_000, 3_000),
    latencyNs: fc.constantFrom(0, 1_000, 1e5, 5e6, 1e8),
    bandwidthBitsPerSecond: fc.constantFrom(0, 1e8, 1e10),
    loss: share,
    reorder: share,
    duplicate: share,
    corrupt: share,
  });

  it('over any cable, into any memory, on any number of queues', PATIENT, () => {
    expectForAny(plans, 12, (plan) => {
      const { link, latencyNs, bandwidthBitsPerSecond, loss, reorder, duplicate, corrupt } = plan;
      const faults = { loss, reorder, duplicate, corrupt: link === SUPER_FRAMES ? 0 : corrupt };
      const pair = faultPair({ ...plan, cable: { ...link, latencyNs, bandwidthBitsPerSecond, ...faults } });
      const traffic = new Traffic(pair, plan);
      traffic.runToEnd();
      traffic.expectIntact();
      traffic.close();
    });
  });
});
