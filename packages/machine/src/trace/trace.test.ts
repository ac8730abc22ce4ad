import { describe, expect, it } from 'vitest';
import { DMA_FROM_DEVICE, FTRACE_HEADER, formatFtrace, KernelBug, Machine, type TraceEvent } from '../index.ts';

describe('Tracepoints', () => {
  it('reach those who subscribed by name or glob, defined before or after', () => {
    const { trace } = new Machine({ ramBytes: 1 << 16 });
    const hold = trace.define('page_pool_state_hold', ['pool', 'netmem']);
    const seen: string[] = [];
    const stop = trace.subscribe('page_pool_*', (event) => seen.push(`${event.name} ${event.values}`));
    const release = trace.define('page_pool_state_release', ['pool']);
    const other = trace.define('xpage_pool_', []);
    expect([hold.enabled, release.enabled, other.enabled]).toEqual([true, true, false]);
    hold.emit(1, 2, 3);
    release.emit(4);
    other.emit();
    expect(seen).toEqual(['page_pool_state_hold 1,2', 'page_pool_state_release 4']);
    stop();
    stop();
    expect(hold.enabled).toBe(false);
    hold.emit(1, 2);
    expect(seen).toHaveLength(2);
  });

  it('keep a listener whose other subscription ended', () => {
    const { trace } = new Machine({ ramBytes: 1 << 16 });
    const point = trace.define('napi_poll', ['work']);
    let hits = 0;
    const listener = () => hits++;
    const stop = trace.subscribe('napi_*', listener);
    trace.subscribe('napi_poll', listener);
    point.emit(1);
    expect(hits).toBe(2);
    stop();
    point.emit(1);
    expect(hits).toBe(3);
    expect(point.enabled).toBe(true);
  });

  it('are shared by name and keep their fields', () => {
    const { trace } = new Machine({ ramBytes: 1 << 16 });
    const point = trace.define('a', ['x']);
    expect(trace.define('a', ['x'])).toBe(point);
    expect(() => trace.define('a', ['y'])).toThrow(KernelBug);
    expect(() => trace.define('b', ['1', '2', '3', '4', '5', '6', '7'])).toThrow(KernelBug);
    expect(trace.all).toContain(point);
    expect(trace.all.map((it) => it.name)).toContain('dma_map_phys');
  });

  it('tell what the DMA API does', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    const events: string[] = [];
    machine.trace.subscribe('dma_*', (event) => events.push(event.name));
    const device = machine.iommu.addDevice('nic');
    const iova = device.mapPage(machine.ram.address(0), 64, DMA_FROM_DEVICE);
    device.syncForDevice(iova, 64, DMA_FROM_DEVICE);
    device.syncForCpu(iova, 64, DMA_FROM_DEVICE);
    device.unmapPage(iova, 64, DMA_FROM_DEVICE);
    expect(events).toEqual(['dma_map_phys', 'dma_sync_single_for_device', 'dma_sync_single_for_cpu', 'dma_unmap_phys']);
  });
});

describe('formatFtrace', () => {
  it('prints lines that ftrace’s readers take', () => {
    const machine = new Machine({ ramBytes: 1 << 16 });
    const lines: string[] = [];
    machine.trace.subscribe('*', (event: TraceEvent) => lines.push(formatFtrace(event)));
    const point = machine.trace.define('page_pool_state_hold', ['pool', 'netmem']);
    machine.clock.advance(12_345_678_999);
    point.emit(1, 66);
    machine.context.enterSoftirq(7);
    point.emit(2, 67);
    machine.context.enterHardirq();
    point.emit(3, 68);
    expect(lines).toEqual([
      '          <idle>-0       [000] .....     12.345678: page_pool_state_hold: pool=1 netmem=66',
      '          <idle>-0       [000] ..s..     12.345678: page_pool_state_hold: pool=2 netmem=67',
      '          <idle>-0       [000] ..h..     12.345678: page_pool_state_hold: pool=3 netmem=68',
    ]);
    expect(FTRACE_HEADER.startsWith('# tracer: nop\n')).toBe(true);
  });
});
