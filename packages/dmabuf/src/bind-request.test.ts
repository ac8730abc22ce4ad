import { EINVAL, ERANGE, Extack, NETDEV_QUEUE_TYPE } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { checkBindPolicy, readQueues } from './bind-request.ts';

const { RX, TX } = NETDEV_QUEUE_TYPE;

describe('readQueues', () => {
  it('collapses duplicates and sorts', () => {
    const queues = [5, 0, 5, 3, 0].map((id) => ({ id, type: RX }));
    expect(readQueues(queues, 6, null)).toEqual([0, 3, 5]);
  });

  it.each([
    [{ id: 1 }, null],
    [{ type: RX }, null],
    [{ id: 1, type: TX }, 'type'],
    [{ id: 4, type: RX }, 'id'],
    [{ id: -1, type: RX }, 'id'],
  ])('%o among good ones: EINVAL at %s', (bad, badAttr) => {
    const extack = new Extack();
    expect(readQueues([{ id: 0, type: RX }, bad], 4, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr]).toEqual([null, badAttr]);
  });
});

describe('checkBindPolicy', () => {
  it('looks at values only where there are any', () => {
    expect(checkBindPolicy({}, null)).toBe(0);
    expect(checkBindPolicy({ ifindex: 1, queues: [{}, { type: TX }], rxPageSize: 4096 }, null)).toBe(0);
    expect(checkBindPolicy({ rxPageSize: 2 ** 31 }, null)).toBe(0);
    expect(checkBindPolicy({ rxPageSize: 2 ** 32 }, null)).toBe(-ERANGE);
    expect(checkBindPolicy({ rxPageSize: Number.NaN }, null)).toBe(-ERANGE);
    expect(checkBindPolicy({ queues: [{ type: -1 }] }, null)).toBe(-ERANGE);
  });
});
