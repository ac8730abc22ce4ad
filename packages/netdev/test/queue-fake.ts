// Queue management that does what a test tells it to, and writes down what it was asked.

import { DMA_FROM_DEVICE, PAGE_SIZE } from '@netmem/machine';
import {
  type PagePool,
  PP_FLAG_ALLOW_UNREADABLE_NETMEM,
  PP_FLAG_DMA_MAP,
  PP_FLAG_DMA_SYNC_DEV,
} from '@netmem/page-pool';
import { isErr } from '@netmem/uapi';
import type { NetDevice, NetDeviceOptions, NetdevQueueMgmtOps, Network, QueueConfig } from '../src/index.ts';
import { makePlainDevice, type PlainDevice } from './plain-device.ts';

/** State of one queue: a pool, and a number to tell it from others. */
export interface FakeQueue {
  readonly serial: number;
  readonly pool: PagePool;
  freed: boolean;
}

export interface QueueFake extends PlainDevice {
  /** Calls with the serial of the queue state and the page size configured: `start 2 0`. */
  log: string[];
  /** Errnos of the next calls of an operation, first in, first out; 0 succeeds. */
  faults: Record<'memAlloc' | 'start' | 'stop' | 'validate', number[]>;
  live: (FakeQueue | null)[];
  /** Every state ever made. */
  all: FakeQueue[];
  /** Flags of the pools that memAlloc makes. */
  poolFlags: number;
  /** Queue that the pools claim to be for; null for the right one. */
  poolQueue: number | null;
}

export const ALL_FLAGS: number = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | PP_FLAG_ALLOW_UNREADABLE_NETMEM;

export function makeQueueFake(
  network: Network,
  options: Partial<NetDeviceOptions> = {},
  ops: Partial<NetdevQueueMgmtOps<FakeQueue>> = {},
): QueueFake {
  const device = network.machine.iommu.addDevice('nic');
  const fake: Omit<QueueFake, keyof PlainDevice> = {
    log: [],
    faults: { memAlloc: [], start: [], stop: [], validate: [] },
    live: [null, null, null, null],
    all: [],
    poolFlags: ALL_FLAGS,
    poolQueue: null,
  };
  let dev: NetDevice | null = null;
  const build = (idx: number): FakeQueue | number => {
    const pool = network.pools.create({
      flags: fake.poolFlags,
      dev: device,
      dmaDir: DMA_FROM_DEVICE,
      maxLen: PAGE_SIZE,
      netdev: dev,
      queueIdx: fake.poolQueue ?? idx,
    });
    if (isErr(pool)) return pool;
    const queue: FakeQueue = { serial: fake.all.length + 1, pool, freed: false };
    fake.all.push(queue);
    return queue;
  };
  const queueMgmtOps: NetdevQueueMgmtOps<FakeQueue> = {
    memAlloc(idx: number, qcfg: QueueConfig) {
      const fault = fake.faults.memAlloc.shift() ?? 0;
      fake.log.push(`memAlloc ${idx} ${qcfg.rxPageSize}`);
      return fault < 0 ? fault : build(idx);
    },
    memFree(queue: FakeQueue) {
      fake.log.push(`memFree ${queue.serial}`);
      if (queue.freed) throw new Error('freed twice');
      queue.freed = true;
      queue.pool.destroy();
    },
    start(idx: number, qcfg: QueueConfig, queue: FakeQueue) {
      const fault = fake.faults.start.shift() ?? 0;
      fake.log.push(`start ${queue.serial} ${qcfg.rxPageSize}`);
      if (fault === 0) fake.live[idx] = queue;
      return fault;
    },
    stop(idx: number) {
      const fault = fake.faults.stop.shift() ?? 0;
      fake.log.push(`stop ${idx}`);
      const queue = fake.live[idx];
      if (fault < 0 || queue === null) return fault < 0 ? fault : -19;
      fake.live[idx] = null;
      return queue;
    },
    validateQcfg(idx: number, qcfg: QueueConfig, extack) {
      const fault = fake.faults.validate.shift() ?? 0;
      fake.log.push(`validate ${idx} ${qcfg.rxPageSize}`);
      if (fault < 0) extack?.set('the driver says no');
      return fault;
    },
    ...ops,
  };
  const plain = makePlainDevice(
    network,
    { queueMgmtOps, parent: device, ...options },
    {
      open() {
        for (let idx = 0; idx < 4; idx++) {
          const queue = build(idx);
          if (typeof queue === 'number') return queue;
          fake.live[idx] = queue;
        }
        return 0;
      },
      stop() {
        fake.live.forEach((queue, idx) => {
          if (queue === null) return;
          queue.freed = true;
          queue.pool.destroy();
          fake.live[idx] = null;
        });
        return 0;
      },
    },
  );
  dev = plain.dev;
  return Object.assign(fake, plain);
}
