import {
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_ATTR_WEAK_ORDERING,
  DMA_BIDIRECTIONAL,
  DMA_FROM_DEVICE,
  PAGE_SIZE,
} from '@netmem/machine';
import type { NetmemRef } from '@netmem/netmem';
import { regionOf } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { makeHost, ToyProvider, take } from '../test/host.ts';
import { MappedPages } from './dma-map.ts';
import { PP_FLAG_DMA_MAP } from './index.ts';

const ATTRS = DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_WEAK_ORDERING;

describe('page_pool_dma_map (mapNetmem, unmapNetmem)', () => {
  it('maps an element once for its whole life, and unmaps with the same arguments', () => {
    const host = makeHost();
    const pool = host.pool({ ...host.mapping, dmaDir: DMA_BIDIRECTIONAL });
    const seen = host.watch('dma_*map_phys');
    const [ref] = take(pool, 1) as [NetmemRef];
    const iova = pool.getDmaAddrNetmem(ref);
    const mapped = seen.find(([name, , , addr]) => name === 'dma_map_phys' && addr === iova);
    expect(mapped?.slice(2)).toEqual([host.netmem.address(ref), iova, PAGE_SIZE, DMA_BIDIRECTIONAL, ATTRS]);
    expect([seen.length, host.device.liveMappings, pool.mappedPages]).toEqual([64, 64, 64]);
    for (let i = 0; i < 3; i++) {
      pool.recycleDirectNetmem(ref);
      expect(pool.allocNetmems()).toBe(ref);
    }
    expect([seen.length, pool.getDmaAddrNetmem(ref)]).toEqual([64, iova]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
    const unmapped = seen.find(([name, , addr]) => name === 'dma_unmap_phys' && addr === iova);
    expect(unmapped?.slice(2)).toEqual([iova, PAGE_SIZE, DMA_BIDIRECTIONAL, ATTRS]);
    expect([seen.length, host.netmem.getDmaAddr(ref), host.netmem.getDmaIndex(ref)]).toEqual([128, 0, 0]);
  });

  it('maps nothing without the flag', () => {
    const host = makeHost();
    const pool = host.pool({ dev: host.device });
    const [ref] = take(pool, 1) as [NetmemRef];
    expect([pool.getDmaAddrNetmem(ref), host.device.liveMappings]).toEqual([0, 0]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('maps what comes after a page left', () => {
    const host = makeHost();
    const pool = host.pool({ ...host.mapping, poolSize: 1 });
    const refs = take(pool, 64);
    for (const ref of refs) pool.putFullNetmem(ref, false);
    expect(pool.mappedPages).toBe(1);
    const again = take(pool, 65);
    expect(pool.mappedPages).toBe(65);
    for (const ref of again) pool.putFullNetmem(ref, false);
    pool.destroy();
  });
});

describe('MappedPages', () => {
  it('gives numbers from 1, uses those again that were given back, and grows', () => {
    const mapped = new MappedPages();
    const ref = (slot: number): NetmemRef => (slot * 2) as NetmemRef;
    const numbers = Array.from({ length: 600 }, (_, i) => mapped.add(ref(i + 1)));
    expect(numbers).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
    for (const index of [3, 600, 1]) mapped.remove(index);
    expect([mapped.count, mapped.next(1), mapped.next(3), mapped.next(600)]).toEqual([597, 2, 4, 0]);
    expect([1000, 1001, 1002, 1003].map((slot) => mapped.add(ref(slot)))).toEqual([1, 600, 3, 601]);
    expect([mapped.at(600), mapped.at(3), mapped.count]).toEqual([ref(1001), ref(1002), 601]);
  });
});

describe('page_pool_dma_sync_for_device (syncForDevice)', () => {
  /** Address from the element's start and length of every sync that `act` causes, on a pool that syncs 1,500 bytes from 64. */
  function syncs(act: (put: (size: number, direct: boolean) => void, ref: NetmemRef) => void): number[][] {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool({ ...host.mapping, maxLen: 1500, offset: 64 });
    const [ref] = take(pool, 1) as [NetmemRef];
    const base = pool.getDmaAddrNetmem(ref);
    const seen = host.watch('dma_sync_single_for_device');
    act((size, direct) => pool.putNetmem(ref, size, direct), ref);
    const ranges = seen.map(([, , address, size, dir]) => {
      expect(dir).toBe(DMA_FROM_DEVICE);
      return [address! - base, size!];
    });
    pool.destroy();
    return ranges;
  }

  it.each([
    [-1, [[64, 1500]]],
    [1500, [[64, 1500]]],
    [1501, [[64, 1500]]],
    [100, [[64, 100]]],
    [0, []],
  ])('with %i covers %j: from the offset, at most maxLen (gotcha 8)', (size, expected) => {
    expect(syncs((put) => put(size, true))).toEqual(expected);
    expect(syncs((put) => put(size, false))).toEqual(expected);
  });

  it('covers maxLen when a page is adopted', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool({ ...host.mapping, maxLen: 1500, offset: 64 });
    const seen = host.watch('dma_sync_single_for_device');
    const [ref] = take(pool, 1) as [NetmemRef];
    const own = seen.filter(([, , address]) => address === pool.getDmaAddrNetmem(ref) + 64);
    expect([seen.length, own.map(([, , , size]) => size)]).toEqual([64, [1500]]);
    pool.putNetmem(ref, 0, true);
    pool.destroy();
  });

  it('does not happen for a put that is not the last (gotcha 9)', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool(host.mapping);
    const [ref] = take(pool, 1) as [NetmemRef];
    host.netmem.refNetmem(ref);
    const seen = host.watch('dma_sync_single_for_device');
    pool.putNetmem(ref, -1, false);
    expect(seen).toEqual([]);
    pool.putNetmem(ref, -1, false);
    expect(seen).toHaveLength(1);
    pool.destroy();
  });

  it('does not happen where the device needs none, asked each time', () => {
    const host = makeHost({ dmaMode: 'coherent' });
    const pool = host.pool(host.mapping);
    const [ref] = take(pool, 1) as [NetmemRef];
    const seen = host.watch('dma_sync_single_for_device');
    pool.recycleDirectNetmem(ref);
    expect(seen).toEqual([]);
    host.device.needSync = () => true;
    pool.recycleDirectNetmem(pool.allocNetmems());
    expect(seen).toHaveLength(1);
    pool.destroy();
  });

  it('does not happen without the flag, for a provider that switched it off, and after destroy', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const seen = host.watch('dma_sync_single_for_device');
    const plain = host.pool({ ...host.mapping, flags: PP_FLAG_DMA_MAP });
    plain.recycleDirectNetmem(plain.allocNetmems());
    plain.destroy();
    const provided = host.provided(new ToyProvider(host.netmem, 1));
    provided.recycleDirectNetmem(provided.allocNetmems());
    provided.destroy();
    expect(seen).toEqual([]);
    const pool = host.pool(host.mapping);
    const ref = pool.allocNetmems();
    pool.destroy();
    seen.length = 0;
    pool.putFullNetmem(ref, false);
    expect(seen).toEqual([]);
    host.machine.clock.advance(1e9);
    host.machine.run();
  });
});

describe('page_pool_dma_sync_netmem_for_cpu (dmaSyncNetmemForCpu, dmaSyncPageForCpu, syncForCpu)', () => {
  it('adds the pool’s offset and is not clipped (gotcha 8); needs no sync flag (gotcha 10)', () => {
    const host = makeHost();
    const pool = host.pool({ ...host.mapping, flags: PP_FLAG_DMA_MAP, maxLen: 100, offset: 64 });
    const [ref] = take(pool, 1) as [NetmemRef];
    const base = pool.getDmaAddrNetmem(ref);
    const seen = host.watch('dma_sync_single_for_cpu');
    pool.dmaSyncNetmemForCpu(ref, 10, 2000);
    pool.dmaSyncPageForCpu(host.netmem.toPage(ref), 0, 1);
    expect(seen.map(([, , ...rest]) => rest)).toEqual([
      [base + 74, 2000, DMA_FROM_DEVICE],
      [base + 64, 1, DMA_FROM_DEVICE],
    ]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('does nothing for a provider that switched it off', () => {
    const host = makeHost();
    const pool = host.provided(new ToyProvider(host.netmem, 1));
    const ref = pool.allocNetmems();
    const seen = host.watch('dma_sync*');
    pool.dmaSyncNetmemForCpu(ref, 0, 100);
    expect(seen).toEqual([]);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('is a bug in a pool without a device', () => {
    const pool = makeHost().pool();
    const ref = pool.allocNetmems();
    expect(() => pool.dmaSyncNetmemForCpu(ref, 0, 1)).toThrow(/without a device/);
    pool.putFullNetmem(ref, false);
    pool.destroy();
  });

  it('is what shows the CPU the packet, where its cache is not coherent', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool(host.mapping);
    const ref = pool.allocNetmems();
    const at = host.netmem.address(ref) as number;
    const { bytes } = host.machine.ram;
    const receive = (byte: number): void => {
      host.device.window.write(pool.getDmaAddrNetmem(ref), regionOf(new Uint8Array(128).fill(byte)), 0, 128);
    };
    receive(1);
    expect([bytes[at], bytes[at + 127]]).toEqual([0, 0]);
    pool.dmaSyncNetmemForCpu(ref, 0, 64);
    expect([bytes[at], bytes[at + 127]]).toEqual([1, 0]);
    // What the CPU wrote is handed over by the put, so that it does not come back over the next packet.
    bytes[at] = 99;
    pool.recycleDirectNetmem(ref);
    expect(pool.allocNetmems()).toBe(ref);
    receive(2);
    pool.dmaSyncNetmemForCpu(ref, 0, 128);
    expect([bytes[at], bytes[at + 127]]).toEqual([2, 2]);
    pool.recycleDirectNetmem(ref);
    pool.destroy();
  });

  it('loses a packet to a dirty line when the pool does not sync for the device (RX-4b)', () => {
    const host = makeHost({ dmaMode: 'non-coherent' });
    const pool = host.pool({ ...host.mapping, flags: PP_FLAG_DMA_MAP });
    const ref = pool.allocNetmems();
    const at = host.netmem.address(ref) as number;
    host.machine.ram.bytes[at] = 99;
    pool.recycleDirectNetmem(ref);
    expect(pool.allocNetmems()).toBe(ref);
    host.device.window.write(pool.getDmaAddrNetmem(ref), regionOf(new Uint8Array([2])), 0, 1);
    pool.dmaSyncNetmemForCpu(ref, 0, 64);
    expect(host.machine.ram.bytes[at]).toBe(99);
    pool.recycleDirectNetmem(ref);
    pool.destroy();
  });
});
