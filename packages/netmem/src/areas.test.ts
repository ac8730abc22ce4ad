import { KernelBug, Machine, PAGE_SIZE } from '@netmem/machine';
import { EINVAL, ENOMEM } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreeRuns } from './free-runs.ts';
import { NET_IOV_DMABUF, type NetIovArea, type NetIovOwner, NetmemTable } from './index.ts';

const OWNER: NetIovOwner = { type: NET_IOV_DMABUF, id: 1, get: () => {}, put: () => {} };

function table(maxNetIovs: number): NetmemTable {
  return new NetmemTable(new Machine({ ramBytes: 16 * PAGE_SIZE, maxIovaPages: 32 }), { maxNetIovs });
}

describe('net_iov_area', () => {
  it('is a contiguous run above the pages, with offsets from its base', () => {
    const netmem = table(64);
    const first = netmem.createArea(10, NET_IOV_DMABUF, OWNER, 0) as NetIovArea;
    const second = netmem.createArea(5, NET_IOV_DMABUF, OWNER, 0x40000) as NetIovArea;
    expect([first.firstSlot, second.firstSlot]).toEqual([17, 27]);
    const niov = second.netIov(3);
    expect(netmem.area(niov)).toBe(second);
    expect(netmem.netIovIndex(niov)).toBe(3);
    expect(netmem.netIovOffset(niov)).toBe(0x40000 + 3 * PAGE_SIZE);
    expect(second.netmem(3)).toBe(netmem.netIovToNetmem(niov));
    expect(netmem.isPp(second.netmem(3))).toBe(false);
    expect([second.type, second.owner.id, second.numNiovs]).toEqual([NET_IOV_DMABUF, 1, 5]);
  });

  it('may begin beyond 4 GiB of a dma-buf', () => {
    const netmem = table(4);
    const area = netmem.createArea(4, NET_IOV_DMABUF, OWNER, 2 ** 40) as NetIovArea;
    expect(netmem.netIovOffset(area.netIov(3))).toBe(2 ** 40 + 3 * PAGE_SIZE);
  });

  it('is refused with -ENOMEM when no run is long enough, and -EINVAL when it would be empty', () => {
    const netmem = table(10);
    expect(netmem.createArea(11, NET_IOV_DMABUF, OWNER, 0)).toBe(-ENOMEM);
    expect(netmem.createArea(0, NET_IOV_DMABUF, OWNER, 0)).toBe(-EINVAL);
    expect(netmem.createArea(1.5, NET_IOV_DMABUF, OWNER, 0)).toBe(-EINVAL);
    const areas = [3, 4, 3].map((count) => netmem.createArea(count, NET_IOV_DMABUF, OWNER, 0) as NetIovArea);
    netmem.destroyArea(areas[0] as NetIovArea);
    netmem.destroyArea(areas[2] as NetIovArea);
    expect(netmem.createArea(4, NET_IOV_DMABUF, OWNER, 0)).toBe(-ENOMEM);
    netmem.destroyArea(areas[1] as NetIovArea);
    expect(netmem.createArea(10, NET_IOV_DMABUF, OWNER, 0)).toMatchObject({ numNiovs: 10 });
  });

  it('is fresh although its slots were used before', () => {
    const netmem = table(2);
    const old = netmem.createArea(2, NET_IOV_DMABUF, OWNER, 0) as NetIovArea;
    const ref = old.netmem(0);
    netmem.setPpInfo(ref, 1);
    netmem.setDmaAddr(ref, 0x9000);
    netmem.refNetmem(ref);
    expect(() => netmem.destroyArea(old)).toThrow(/belongs to a pool/);
    expect(netmem.area(old.netIov(1))).toBe(old);
    netmem.clearPpInfo(ref);
    netmem.destroyArea(old);
    expect(() => netmem.destroyArea(old)).toThrow(KernelBug);
    expect(() => netmem.area(old.netIov(0))).toThrow(/net_iov without area/);
    const fresh = netmem.createArea(2, NET_IOV_DMABUF, OWNER, 0) as NetIovArea;
    expect(fresh.netmem(0)).toBe(ref);
    expect([netmem.getDmaAddr(ref), netmem.ppRefCount[ref >>> 1], netmem.pool(ref)]).toEqual([0, 0, null]);
    expect(() => netmem.destroyArea(old)).toThrow(/destroyed twice/);
  });
});

describe('FreeRuns', () => {
  it('takes the lowest run that fits, never a slot twice, and merges back to one', () => {
    const step = fc.record({ give: fc.boolean(), pick: fc.nat(), count: fc.integer({ min: 1, max: 12 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const SIZE = 60;
        const runs = new FreeRuns(5, SIZE);
        const taken = new Uint8Array(SIZE + 5).fill(0).fill(1, 0, 5);
        const live: { start: number; count: number }[] = [];
        for (const { give, pick, count } of steps) {
          if (give && live.length > 0) {
            const [run] = live.splice(pick % live.length, 1);
            runs.give(run!.start, run!.count);
            taken.fill(0, run!.start, run!.start + run!.count);
          } else {
            const fits = (at: number) =>
              at + count <= taken.length && taken.subarray(at, at + count).every((used) => used === 0);
            const lowest = [...taken.keys()].findIndex(fits);
            const start = runs.take(count);
            expect(start).toBe(lowest);
            if (start < 0) continue;
            taken.fill(1, start, start + count);
            live.push({ start, count });
          }
          expect(runs.free).toBe(taken.filter((used) => used === 0).length);
        }
        for (const { start, count } of live) runs.give(start, count);
        expect(runs.take(SIZE)).toBe(5);
      }),
    );
  });
});
