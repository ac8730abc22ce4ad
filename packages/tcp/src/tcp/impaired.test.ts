import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectForAny, PATIENCE_MS } from '../../test/replayable.ts';
import { chance, type Judge, pattern, TwoHosts, transfer } from '../../test/two-hosts.ts';

/** A wire that loses, repeats and delays, by chance. */
function badWire(seed: number, loss: number, duplicate: number, reorder: number): Judge {
  const random = chance(seed);
  return () => {
    if (random.float() < loss) return { copies: [] };
    const delay = random.float() < reorder ? random.below(2_000_000) : 0;
    return random.float() < duplicate ? { copies: [delay, delay + random.below(1_000_000)] } : { copies: [delay] };
  };
}

/** Without SACK and timestamps nothing measures a path on which all is sent twice: timeouts stay long, and a worse wire than this can end the connection. */
function bearable(c: { loss: number; sack: boolean; timestamps: boolean }): number {
  return c.sack || c.timestamps ? c.loss : Math.min(c.loss, 0.05);
}

describe('a stream over a bad wire', () => {
  it(
    'always arrives whole, and leaves nothing behind',
    () => {
      const run = fc.record({
        seed: fc.integer({ min: 1, max: 1e9 }),
        bytes: fc.integer({ min: 1, max: 400_000 }),
        loss: fc.constantFrom(0, 0.01, 0.05, 0.2),
        duplicate: fc.constantFrom(0, 0.1),
        reorder: fc.constantFrom(0, 0.05, 0.5),
        sack: fc.boolean(),
        timestamps: fc.boolean(),
        gro: fc.boolean(),
        mtu: fc.constantFrom(576, 1500, 9000),
      });
      expectForAny(run, 60, (c) => {
        const hosts = new TwoHosts({ mtu: c.mtu, gro: c.gro });
        for (const host of [hosts.a, hosts.b]) {
          host.stack.sysctl.tcpSack = c.sack;
          host.stack.sysctl.tcpTimestamps = c.timestamps;
        }
        const { client, server } = hosts.connect();
        hosts.judge = badWire(c.seed, bearable(c), c.duplicate, c.reorder);
        const bytes = pattern(c.bytes);
        const got = transfer(hosts, client, server, bytes, { timeoutNs: 20_000e9 });
        expect(got.length).toBe(bytes.length);
        expect(got).toEqual(bytes);
        hosts.judge = null;
        client.close();
        server.close();
        expect(hosts.audit()).toEqual([]);
      });
    },
    PATIENCE_MS,
  );
});
