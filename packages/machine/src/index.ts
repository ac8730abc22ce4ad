/**
 * The simulated machine: RAM, IOMMU, bus, PCI functions, interrupts, clock, seed, contexts and log.
 *
 * Everything that a kernel finds on a computer and that decides whether a driver is right: device accesses go through live DMA
 * mappings only; memory is coherent, or the CPU's cache hides what a device wrote, or every mapping is bounced (`swiotlb`);
 * interrupts can be masked, time is virtual, and every random choice comes from one seed. `machine.run()` is the only pump.
 *
 * Use it to put a device model on a bus and run a driver against it.
 *
 * It is not a kernel: it has no sockets, no network devices and no page pools, and it executes no instructions.
 *
 * @example
 * ```ts
 * import { DMA_FROM_DEVICE, Machine, PAGE_SIZE } from '@netmem/machine';
 * import { regionOf } from '@netmem/region';
 *
 * const machine = new Machine({ dmaMode: 'non-coherent' });
 * const device = machine.iommu.addDevice('nic');
 * const page = machine.ram.address(machine.ram.allocFrames(0, -1));
 * const iova = device.mapPage(page, PAGE_SIZE, DMA_FROM_DEVICE);
 *
 * device.window.write(iova, regionOf(new Uint8Array([42])), 0, 1); // what the device does
 * console.log(machine.ram.bytes[page]); // 0: the CPU's cache does not know yet
 * device.syncForCpu(iova, 1, DMA_FROM_DEVICE);
 * console.log(machine.ram.bytes[page]); // 42
 * // The mapping and the page, still there:
 * console.log(machine.audit());
 * ```
 *
 * @packageDocumentation
 */
export { Clock, type ClockOptions } from './clock/clock.ts';
export { Timer, type TimerKind } from './clock/timer.ts';
export {
  CONTEXT_HARDIRQ,
  CONTEXT_NAMES,
  CONTEXT_PROCESS,
  CONTEXT_SOFTIRQ,
  ExecutionContext,
} from './context/execution-context.ts';
export { InstanceLock } from './context/instance-lock.ts';
export { CPU_CACHE_LINE_BYTES } from './dma/cpu-cache.ts';
export type { DeviceDma } from './dma/device-dma.ts';
export {
  DMA_ATTR_NO_WARN,
  DMA_ATTR_SKIP_CPU_SYNC,
  DMA_ATTR_WEAK_ORDERING,
  DMA_BIDIRECTIONAL,
  DMA_DIRECTION_NAMES,
  DMA_FROM_DEVICE,
  DMA_MAPPING_ERROR,
  DMA_NONE,
  DMA_TO_DEVICE,
  type DmaMode,
} from './dma/dma-constants.ts';
export { type CoherentBuffer, DmaDevice } from './dma/dma-device.ts';
export { DEFAULT_IOVA_PAGES, Iommu, MAX_LOGGED_FAULTS } from './dma/iommu.ts';
export type { PeerWindow } from './dma/peer-window.ts';
export { SWIOTLB_DEFAULT_BYTES, SWIOTLB_SEGMENT_SLOTS, SWIOTLB_SLOT_BYTES, Swiotlb } from './dma/swiotlb.ts';
export { KernelBug } from './log/kernel-bug.ts';
export {
  LOG_RING_LINES,
  LOG_SEVERE_LINES,
  type LogEntry,
  type LogLevel,
  MachineLog,
  RATELIMIT_BURST,
  RATELIMIT_INTERVAL_NS,
} from './log/machine-log.ts';
export { Machine, type MachineOptions, type Pumpable, type RunOptions } from './machine.ts';
export { MAX_PAGE_ORDER, PAGE_OFFSET_MASK, PAGE_SHIFT, PAGE_SIZE } from './memory/page.ts';
export { Ram } from './memory/ram.ts';
export { DEVICE_BUDGET, PciBus } from './pci/pci-bus.ts';
export type { DeviceClock, DeviceEvent, PciEndpoint, PciHost, PciIdentity } from './pci/pci-endpoint.ts';
export { PciFunction, swap16, swap32 } from './pci/pci-function.ts';
export { Random } from './random/random.ts';
export { assertSingleCopy } from './single-copy.ts';
export {
  BLOCK_SOFTIRQ,
  HI_SOFTIRQ,
  HRTIMER_SOFTIRQ,
  IRQ_POLL_SOFTIRQ,
  NET_RX_SOFTIRQ,
  NET_TX_SOFTIRQ,
  RCU_SOFTIRQ,
  SCHED_SOFTIRQ,
  Softirqs,
  TASKLET_SOFTIRQ,
  TIMER_SOFTIRQ,
} from './softirq/softirqs.ts';
export { FTRACE_HEADER, formatFtrace } from './trace/ftrace-text.ts';
export { type TraceEvent, type TraceListener, Tracepoint, Tracepoints } from './trace/tracepoints.ts';
export { Work, Workqueue } from './work/workqueue.ts';
