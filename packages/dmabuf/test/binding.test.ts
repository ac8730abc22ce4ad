import type { NetmemRef } from '@netmem/netmem';
import type { PagePool } from '@netmem/page-pool';
import {
  E2BIG,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  ERANGE,
  Extack,
  NETDEV_QUEUE_TYPE,
  QCFG_RX_PAGE_SIZE,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { createUdmabuf, Devmem, type DmaBuf, DmaBufTable, type DmabufBinding } from '../src/index.ts';
import { mapBinding } from '../src/map-binding.ts';
import { createDmabufProvider } from '../src/provider.ts';
import { sharedDmaDevice } from '../src/shared-dma-device.ts';
import { leftovers, newNetwork, plugIdle, QueueDevice, type QueueDeviceOptions, settle } from './fake-devices.ts';

const RX = NETDEV_QUEUE_TYPE.RX;
const PAGE = 4096;

function setUp(options: QueueDeviceOptions = {}) {
  const { machine, network } = newNetwork();
  const devmem = new Devmem(network);
  const device = new QueueDevice(network, options);
  device.dev.open();
  const socket = devmem.openSocket();
  const bind = (dmabuf: DmaBuf, queues: readonly number[], rxPageSize?: number): number =>
    devmem.bindRx(socket, {
      ifindex: device.dev.ifindex,
      dmabuf,
      queues: queues.map((id) => ({ id, type: RX })),
      rxPageSize,
    });
  const bound = (dmabuf: DmaBuf, queues: readonly number[], rxPageSize?: number): DmabufBinding => {
    const binding = devmem.bindingById(bind(dmabuf, queues, rxPageSize));
    if (binding === undefined) throw new Error('bind failed');
    return binding;
  };
  const finish = (...buffers: DmaBuf[]): string[] => {
    socket.close();
    settle(machine);
    expect(buffers.map((buffer) => [buffer.refs, buffer.attachments])).toEqual(buffers.map(() => [1, 0]));
    for (const buffer of buffers) buffer.put();
    if (device.dev.registered) network.unregisterDevice(device.dev);
    settle(machine);
    return [...leftovers(network), ...devmem.audit()];
  };
  return { machine, network, devmem, device, socket, bind, bound, finish };
}

/** Takes net_iovs out of a pool until it has none. */
function drain(pool: PagePool): NetmemRef[] {
  const refs: NetmemRef[] = [];
  for (let ref = pool.allocNetmems(); ref !== 0; ref = pool.allocNetmems()) refs.push(ref);
  return refs;
}

describe('a binding', () => {
  it('serves several queues from one pool of net_iovs; duplicates collapse, order does not matter', () => {
    const { device, bound, finish, network } = setUp();
    const buffer = createUdmabuf(network.machine, 64 * PAGE);
    const before = device.log.length;
    const binding = bound(buffer, [3, 1, 3, 1, 1]);
    expect(device.log.slice(before)).toEqual(['alloc 1', 'start 1', 'alloc 3', 'start 3']);
    expect(binding.boundRxqs.map((rxq) => rxq.index)).toEqual([1, 3]);
    expect([binding.refs, buffer.refs, buffer.attachments]).toEqual([3, 3, 1]);
    const [one, three] = [device.pool(1), device.pool(3)];
    const refs = [...drain(one), ...drain(three)];
    expect(refs).toHaveLength(64);
    expect(binding.niovsOut).toBe(64);
    for (const ref of refs) one.netmem.pool(ref)?.putFullNetmem(ref, false);
    // 16 are in queue 1's ring now, out of the other queue's reach: there is no quota. The rest is anybody's.
    const taken = drain(three);
    expect(taken).toHaveLength(48);
    for (const ref of taken) three.putFullNetmem(ref, false);
    expect(finish(buffer)).toEqual([]);
  });

  it('leaves other queues alone', () => {
    const { device, bound, finish, network } = setUp();
    const before = device.pools.slice();
    const buffer = createUdmabuf(network.machine, 8 * PAGE);
    bound(buffer, [2]);
    expect(device.pools.map((pool, queue) => pool === before[queue])).toEqual([true, true, false, true]);
    expect(finish(buffer)).toEqual([]);
  });

  it.each([
    [-ENOMEM, 2],
    [-ERANGE, 3],
  ])('that fails with %i on queue %i puts the queues before it back', (errno, failing) => {
    const { machine, device, devmem, bind, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 8 * PAGE);
    device.refuse.set(failing, errno);
    expect(bind(buffer, [1, 2, 3])).toBe(errno);
    expect(device.dev.rxQueues.map((rxq) => rxq.mpParams)).toEqual([null, null, null, null]);
    expect(device.pools.every((pool) => pool?.mpPriv === null)).toBe(true);
    settle(machine);
    expect(devmem.bindings()).toEqual([]);
    expect([buffer.refs, buffer.attachments]).toEqual([1, 0]);
    device.refuse.clear();
    expect(bound(buffer, [1, 2, 3]).id).toBe(2);
    expect(finish(buffer)).toEqual([]);
  });

  it('lives exactly as long as its socket', () => {
    const { machine, devmem, socket, bound, finish, device } = setUp();
    const [first, second] = [createUdmabuf(machine, 4 * PAGE), createUdmabuf(machine, 4 * PAGE)];
    const other = devmem.openSocket(new DmaBufTable());
    const binding = bound(first, [1]);
    const kept = devmem.bindRx(other, { ifindex: device.dev.ifindex, dmabuf: second, queues: [{ id: 2, type: RX }] });
    socket.close();
    socket.close();
    expect(devmem.bindingById(binding.id)).toBe(undefined);
    expect(devmem.bindingById(kept)?.id).toBe(kept);
    expect(device.dev.rxQueues[1].mpParams).toBe(null);
    expect(() => devmem.bindRx(socket, {})).toThrow('closed socket');
    other.close();
    expect(finish(first, second)).toEqual([]);
  });

  it('ended by unbind, under the lock, is what a closed socket leaves behind', () => {
    const { machine, devmem, device, socket, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 8 * PAGE);
    const binding = bound(buffer, [1, 2]);
    device.locked(() => devmem.unbind(binding));
    expect([socket.bindings.size, binding.boundRxqs.length, binding.socket]).toEqual([0, 0, null]);
    expect(device.pools.every((pool) => pool?.mpPriv === null)).toBe(true);
    expect(finish(buffer)).toEqual([]);
  });

  it("counts its references, and is nobody's after the last", () => {
    const { machine, bound, finish, socket } = setUp();
    const buffer = createUdmabuf(machine, 8 * PAGE);
    const binding = bound(buffer, [1]);
    binding.get();
    socket.close();
    settle(machine);
    expect([binding.refs, binding.freed]).toEqual([1, false]);
    binding.put();
    expect(binding.freed).toBe(false);
    settle(machine);
    expect(binding.freed).toBe(true);
    expect(() => binding.put()).toThrow('which is gone');
    expect(() => binding.get()).toThrow('which is gone');
    expect(finish(buffer)).toEqual([]);
  });

  it('tells an audit what it holds', () => {
    const { machine, devmem, device, socket, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 8 * PAGE);
    bound(buffer, [1, 2]);
    const pool = device.pool(1);
    const ref = pool.allocNetmems();
    expect(devmem.audit()).toEqual([
      'dmabuf binding 1 is alive: bound to rx queues [1, 2], 1 of 8 net_iovs out, 3 references',
    ]);
    socket.close();
    settle(machine);
    expect(devmem.audit()).toEqual(['dmabuf binding 1 is alive: unbound, 1 of 8 net_iovs out, 1 references']);
    pool.putFullNetmem(ref, false);
    expect(finish(buffer)).toEqual([]);
  });
});

describe('net_iovs', () => {
  it('come one by one, ascending, from the last scatter entry first, and carry their place', () => {
    const { machine, network, device, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 10 * PAGE, { entryBytes: 4 * PAGE });
    const binding = bound(buffer, [1]);
    expect(binding.areas.map((area) => [area.numNiovs, area.baseVirtual])).toEqual([
      [4, 0],
      [4, 4 * PAGE],
      [2, 8 * PAGE],
    ]);
    const { netmem } = network;
    const pool = device.pool(1);
    const refs = drain(pool);
    const places = refs.map((ref) => netmem.netIovOffset(netmem.toNetIov(ref)) / PAGE);
    expect(places).toEqual([8, 9, 4, 5, 6, 7, 0, 1, 2, 3]);
    const entries = binding.attachment.entries ?? [];
    for (const [i, ref] of refs.entries()) {
      const entry = entries.find(
        ({ offset, length }) => places[i] * PAGE >= offset && places[i] * PAGE < offset + length,
      );
      expect(pool.getDmaAddrNetmem(ref)).toBe((entry?.iova ?? 0) + places[i] * PAGE - (entry?.offset ?? 0));
      expect(netmem.address(ref)).toBe(null);
      expect(netmem.area(netmem.toNetIov(ref)).owner).toBe(binding);
      expect(netmem.pool(ref)).toBe(pool);
    }
    expect(pool.allocNetmems()).toBe(0);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect(finish(buffer)).toEqual([]);
  });

  it('freeNetIov takes back what allocNetIov gave, once', () => {
    const { machine, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 2 * PAGE);
    const binding = bound(buffer, [1]);
    const [first, second] = [binding.allocNetIov(), binding.allocNetIov()];
    expect([binding.allocNetIov(), binding.niovsOut]).toEqual([0, 2]);
    binding.freeNetIov(first);
    expect(() => binding.freeNetIov(first)).toThrow('is not out of binding');
    binding.freeNetIov(second);
    expect(finish(buffer)).toEqual([]);
  });

  it('of 64: exhaustion is an ordinary answer, and ends when one comes back', () => {
    const { machine, device, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 64 * PAGE);
    bound(buffer, [1]);
    const pool = device.pool(1);
    const refs = drain(pool);
    expect(refs).toHaveLength(64);
    expect([pool.allocNetmems(), pool.allocNetmems()]).toEqual([0, 0]);
    pool.putFullNetmem(refs[17], false);
    expect(pool.allocNetmems()).toBe(refs[17]);
    expect(pool.stats.allocSlow).toBe(0);
    // The ring has 16 slots: what does not fit goes back to the binding.
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect(pool.stats.recycleRingFull).toBe(48);
    expect(finish(buffer)).toEqual([]);
  });

  it('of 16 KiB, where the driver can: aligned, spaced, in pools of that order', () => {
    const { machine, network, device, bound, bind, finish } = setUp({ supportedParams: QCFG_RX_PAGE_SIZE });
    const buffer = createUdmabuf(machine, 64 * PAGE, { entryBytes: 32 * PAGE });
    const binding = bound(buffer, [1], 16384);
    expect([binding.niovs, binding.niovBytes, binding.poolOrder]).toEqual([16, 16384, 2]);
    const pool = device.pool(1);
    expect(pool.params.order).toBe(2);
    const addresses = drain(pool).map((ref) => pool.getDmaAddrNetmem(ref));
    const entries = binding.attachment.entries ?? [];
    expect(addresses).toEqual(
      [...entries].reverse().flatMap(({ iova }) => Array.from({ length: 8 }, (_, i) => iova + i * 16384)),
    );
    for (let slot = binding.areas[0].firstSlot; slot < binding.areas[0].firstSlot + 8; slot++) {
      pool.putFullNetmem(((slot << 1) | 1) as NetmemRef, false);
    }
    for (let slot = binding.areas[1].firstSlot; slot < binding.areas[1].firstSlot + 8; slot++) {
      pool.putFullNetmem(((slot << 1) | 1) as NetmemRef, false);
    }
    // A driver that builds its pools in another order is found out by the provider.
    device.ignoresPageSize = true;
    network.machine.log.expect(/mem-provider init failed/);
    network.machine.log.expect(/gave up with errno/);
    expect(bind(buffer, [2], 16384)).toBe(-E2BIG);
    expect(finish(buffer)).toEqual([]);
  });
});

describe('the provider', () => {
  const init = (over: object): number => {
    const { devmem } = setUp();
    return devmem.provider.init({
      params: { order: 0 },
      mpPriv: null,
      dmaSync: true,
      dmaSyncForCpu: true,
      ...over,
    } as unknown as PagePool);
  };

  it('createDmabufProvider makes ops that cannot be changed: a pool would refuse others', () => {
    const { machine, network } = newNetwork();
    expect(Object.isFrozen(createDmabufProvider(machine, network.netmem))).toBe(true);
  });

  it('refuses a pool without binding before one of the wrong order', () => {
    expect(init({ params: { order: 3 } })).toBe(-EINVAL);
  });

  it('switches both syncs off and takes a reference, and says who it is', () => {
    const { machine, devmem, device, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 4 * PAGE);
    const binding = bound(buffer, [1]);
    expect([device.pool(1).dmaSync, device.pool(1).dmaSyncForCpu]).toEqual([false, false]);
    expect(devmem.provider.describe(binding)).toEqual({ kind: 'dmabuf', id: binding.id });
    expect(finish(buffer)).toEqual([]);
  });

  it('leaks a net_iov that is released while somebody holds it, and says so', () => {
    const { machine, network, devmem, device, bound } = setUp();
    const buffer = createUdmabuf(machine, 4 * PAGE);
    const binding = bound(buffer, [1]);
    const pool = device.pool(1);
    const ref = pool.allocNetmems();
    network.netmem.refNetmem(ref);
    machine.log.expect(/released with 2 references/);
    expect(devmem.provider.releaseNetmem(pool, ref)).toBe(false);
    expect(binding.niovsOut).toBe(1);
    expect(machine.log.unexpected()).toEqual([]);
  });
});

describe('tear-down', () => {
  type Step = 'socket' | 'memory' | 'device' | 'fd';
  const permutations = (steps: readonly Step[]): Step[][] =>
    steps.length === 0
      ? [[]]
      : steps.flatMap((step) => permutations(steps.filter((other) => other !== step)).map((rest) => [step, ...rest]));

  it.each(permutations(['socket', 'memory', 'device', 'fd']).map((order) => [order.join(', '), order] as const))(
    '%s',
    (_, order) => {
      for (const settleBetween of [false, true]) {
        const { machine, network } = newNetwork();
        const devmem = new Devmem(network);
        const device = new QueueDevice(network);
        device.dev.open();
        const socket = devmem.openSocket();
        const buffer = createUdmabuf(machine, 32 * PAGE);
        buffer.get();
        const fd = socket.files.install(buffer);
        const request = { ifindex: device.dev.ifindex, fd, queues: [1, 2].map((id) => ({ id, type: RX })) };
        const id = devmem.bindRx(socket, request);
        expect(id).toBe(1);
        const pool = device.pool(1);
        const refs = Array.from({ length: 20 }, () => pool.allocNetmems());
        const binding = devmem.bindingById(id);
        const steps: Record<Step, () => void> = {
          socket: () => socket.close(),
          memory: () => {
            for (const ref of refs) network.netmem.pool(ref)?.putFullNetmem(ref, false);
          },
          device: () => network.unregisterDevice(device.dev),
          fd: () => expect(socket.files.close(fd)).toBe(0),
        };
        const done = new Set<Step>();
        for (const step of order) {
          steps[step]();
          done.add(step);
          expect(devmem.bindingById(id)).toBe(done.has('socket') ? undefined : binding);
          if (!settleBetween) continue;
          settle(machine);
          // Closing the socket restarts the queues, so only memory that is out keeps it then; device and fd change nothing.
          expect(binding?.freed, [...done].join(', ')).toBe(done.has('socket') && done.has('memory'));
          expect(buffer.attachments).toBe(binding?.freed ? 0 : 1);
        }
        settle(machine);
        expect(binding?.freed).toBe(true);
        expect(buffer.refs).toBe(1);
        buffer.put();
        expect([...leftovers(network), ...devmem.audit(), ...socket.files.audit()]).toEqual([]);
      }
    },
  );

  it('a device that goes first: the binding forgets it, and the socket later finds nothing to close', () => {
    const { machine, network, device, bound, finish } = setUp();
    const buffer = createUdmabuf(machine, 4 * PAGE);
    const binding = bound(buffer, [1, 2]);
    network.unregisterDevice(device.dev);
    expect(binding.dev).toBe(null);
    expect(binding.boundRxqs).toEqual([]);
    expect(finish(buffer)).toEqual([]);
  });
});

describe('mapBinding', () => {
  it.each([
    [4096, 12, 0],
    [3 * 4096, 14, -EINVAL],
  ])(
    '%i bytes in net_iovs of 2^%i: %i, and a failure takes the dma-buf reference with it',
    (bytes, niovShift, result) => {
      const { machine, network } = newNetwork();
      const device = new QueueDevice(network);
      const buf = createUdmabuf(machine, bytes);
      buf.get();
      const binding = mapBinding({ network, dev: device.dev, dmaDev: device.dma, buf, direction: 2, niovShift }, null);
      if (typeof binding === 'number') {
        expect(binding).toBe(result);
      } else {
        expect([binding.niovs, binding.id, buf.refs]).toEqual([1, 0, 3]);
        binding.free();
      }
      expect([buf.refs, buf.attachments, device.dma.liveMappings]).toEqual([1, 0, 0]);
      expect(network.netmem.audit()).toEqual([]);
    },
  );
});

describe('sharedDmaDevice', () => {
  it('compares neighbours, and only once one was found: as netdev_nl_get_dma_dev does', () => {
    const { machine, network } = newNetwork();
    const device = new QueueDevice(network);
    const other = plugIdle(machine).fn.dma;
    const extack = new Extack();
    const shared = (queues: number[]): unknown => sharedDmaDevice(device.dev, queues, extack);
    expect(shared([0, 1, 3])).toBe(device.dma);
    device.dmaOf.set(0, null);
    expect(shared([0, 1])).toBe(device.dma);
    device.dmaOf.set(2, other);
    expect(shared([1, 2])).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe('DMA device mismatch between queue 2 and 1 (multi-PF device?)');
    expect(shared([2])).toBe(other);
    device.dmaOf.set(3, null);
    expect(shared([1, 3])).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe('DMA device mismatch between queue 3 and 1 (multi-PF device?)');
    expect(shared([3])).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe("Device doesn't support DMA");
    other.dmaMask = null;
    expect(shared([2])).toBe(-EOPNOTSUPP);
  });
});

describe('bind-tx', () => {
  it('checks in order, and binds for a driver that can send net_iovs', () => {
    const { machine, network, devmem, device, socket, finish } = setUp({ netmemTx: true });
    const plain = new QueueDevice(network);
    const buffer = createUdmabuf(machine, 8 * PAGE);
    const extack = new Extack();
    const { ifindex } = device.dev;
    expect(devmem.bindTx(socket, { ifindex: 0 }, extack)).toBe(-ERANGE);
    expect(devmem.bindTx(socket, { fd: 3 }, extack)).toBe(-EINVAL);
    expect(devmem.bindTx(socket, { ifindex }, extack)).toBe(-EINVAL);
    expect(devmem.bindTx(socket, { ifindex: 99, fd: 99 }, extack)).toBe(-ENODEV);
    expect(devmem.bindTx(socket, { ifindex: plain.dev.ifindex, fd: 99 }, extack)).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe('Driver does not support netmem TX');
    device.dmaOf.set(0, null);
    expect(devmem.bindTx(socket, { ifindex, fd: 99 }, extack)).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe("Device doesn't support DMA");
    device.dmaOf.clear();
    const id = devmem.bindTx(socket, { ifindex, dmabuf: buffer }, extack);
    const binding = devmem.bindingById(id);
    expect(binding?.direction).toBe(1);
    expect(binding?.boundRxqs).toEqual([]);
    expect(binding?.dev).toBe(device.dev);
    network.unregisterDevice(plain.dev);
    expect(finish(buffer)).toEqual([]);
  });
});
