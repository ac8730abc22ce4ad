import { PAGE_SIZE } from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Host, ToyProvider } from '../test/host.ts';
import { PoolModel } from '../test/model.ts';

const index = fc.nat({ max: 200 });
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('alloc' as const), times: fc.integer({ min: 1, max: 80 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      times: fc.integer({ min: 1, max: 80 }),
      at: index,
      how: fc.constantFrom('direct' as const, 'napi' as const, 'process' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('bulk' as const),
      at: index,
      count: fc.nat({ max: 16 }),
      inNapi: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('addUser' as const), at: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('holdPage' as const), at: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('markPfmemalloc' as const), at: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('updateNid' as const) }) },
);

type Kind = 'pages' | 'high order' | 'provider';

function build(kind: Kind, poolSize: number, mapped: boolean): PoolModel {
  const host = new Host({ ramBytes: 1024 * PAGE_SIZE });
  const adopted: NetmemRef[] = [];
  const provider = kind === 'provider' ? new ToyProvider(host.netmem, 300) : null;
  if (provider !== null) provider.batch = 5;
  const params = {
    ...(mapped ? host.mapping : {}),
    order: kind === 'high order' ? 1 : 0,
    poolSize,
    napi: host.napi,
    initCallback: (ref: NetmemRef) => adopted.push(ref),
  };
  const pool =
    provider === null
      ? host.pool(params)
      : host.provided(provider, { poolSize, napi: host.napi, initCallback: params.initCallback });
  return new PoolModel(host, pool, adopted, provider);
}

describe('the statistics', () => {
  it.each<Kind>(['pages', 'high order', 'provider'])(
    'of a pool of %s are those of the model, whatever happens',
    (kind) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 31 }),
          fc.boolean(),
          fc.array(operation, { minLength: 1, maxLength: 30 }),
          (poolSize, mapped, operations) => {
            const model = build(kind, poolSize, mapped);
            for (const step of operations) {
              if (step.kind === 'alloc') for (let i = 0; i < step.times; i++) model.alloc();
              else if (step.kind === 'put') for (let i = 0; i < step.times; i++) model.put(step.at, step.how);
              else if (step.kind === 'bulk') model.bulk(step.at, step.count, step.inNapi);
              else if (step.kind === 'updateNid') model.updateNid();
              else model[step.kind](step.at);
              model.compare();
            }
            model.finish();
            model.host.assertClean();
            expect(model.host.machine.ram.freePages).toBe(1024);
          },
        ),
        { numRuns: 60 },
      );
    },
  );
});
