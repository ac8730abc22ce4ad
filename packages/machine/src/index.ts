/**
 * The simulated machine: RAM, IOMMU, bus, PCI functions, interrupts, clock, seed, contexts and log.
 *
 * @packageDocumentation
 */
import type { LinearMemory, Region } from '@netmem/region';

export declare const PAGE_SIZE: 4096;
export declare const PAGE_SHIFT: 12;
export declare const DMA_BIDIRECTIONAL: 0;
export declare const DMA_TO_DEVICE: 1;
export declare const DMA_FROM_DEVICE: 2;
export declare const DMA_NONE: 3;
export declare const DMA_MAPPING_ERROR: -1;
export declare const DMA_ATTR_WEAK_ORDERING: number;
export declare const DMA_ATTR_SKIP_CPU_SYNC: number;
export declare const HI_SOFTIRQ: 0;
export declare const TIMER_SOFTIRQ: 1;
export declare const NET_TX_SOFTIRQ: 2;
export declare const NET_RX_SOFTIRQ: 3;
export declare const CONTEXT_PROCESS: 0;
export declare const CONTEXT_SOFTIRQ: 1;
export declare const CONTEXT_HARDIRQ: 2;

export type DmaMode = 'coherent' | 'non-coherent' | 'swiotlb';
export interface MachineOptions {
  memory?: LinearMemory;
  ramBytes?: number;
  clock?: Clock;
  seed?: number;
  dmaMode?: DmaMode;
  nodes?: number;
  maxIovaPages?: number;
  name?: string;
}
export interface Pumpable {
  step(): boolean;
}
export interface RunOptions {
  until?: () => boolean;
  timeoutNs?: number;
}
export declare class Machine {
  constructor(options?: MachineOptions);
  readonly name: string;
  readonly memory: LinearMemory;
  readonly ram: Ram;
  readonly iommu: Iommu;
  readonly pci: PciBus;
  readonly clock: Clock;
  readonly context: ExecutionContext;
  readonly random: Random;
  readonly log: MachineLog;
  readonly trace: Tracepoints;
  readonly softirq: Softirqs;
  readonly work: Workqueue;
  readonly dmaMode: DmaMode;
  step(): boolean;
  join(participant: Pumpable): void;
  leave(participant: Pumpable): void;
  run(options?: RunOptions): boolean;
  sleepUntil(done: () => boolean, timeoutNs: number, stepNs?: number): boolean;
  audit(): string[];
}

export type TimerKind = 'softirq' | 'device';
export interface ClockOptions {
  source?: () => number;
  startNs?: number;
}
export declare class Clock {
  constructor(options?: ClockOptions);
  readonly nowNs: number;
  readonly virtual: boolean;
  readonly nextExpiryNs: number;
  refresh(): void;
  advance(ns: number): void;
  createTimer(callback: (timer: Timer) => void, kind?: TimerKind): Timer;
  schedule(atNs: number, callback: () => void): void;
  runDue(kind?: TimerKind): number;
}
export declare class Timer {
  readonly pending: boolean;
  readonly expiresNs: number;
  mod(atNs: number): void;
  del(): boolean;
}

export declare class Ram {
  readonly pages: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly region: Region;
  readonly freePages: number;
  allocFrames(order: number, nid: number): number;
  freeFrames(frame: number, order: number): void;
  address(frame: number): number;
  frameOf(address: number): number;
  nodeOf(frame: number): number;
}

export interface CoherentBuffer {
  readonly iova: number;
  readonly address: number;
  readonly length: number;
  readonly region: Region;
}
export interface PeerWindow {
  readonly region: Region;
  readonly name: string;
  readonly cpuVisible: false;
}
export declare class Iommu {
  addPeerWindow(name: string, region: Region): PeerWindow;
  removePeerWindow(window: PeerWindow): void;
}
export declare class DmaDevice {
  readonly name: string;
  dmaMask: number | null;
  readonly liveMappings: number;
  readonly faults: number;
  readonly epoch: number;
  failNextMappings: number;
  mapPage(address: number, lengthBytes: number, direction: number, attrs?: number): number;
  unmapPage(iova: number, lengthBytes: number, direction: number, attrs?: number): void;
  syncForCpu(iova: number, lengthBytes: number, direction: number): void;
  syncForDevice(iova: number, lengthBytes: number, direction: number): void;
  needSync(): boolean;
  allocCoherent(lengthBytes: number): CoherentBuffer | null;
  freeCoherent(buffer: CoherentBuffer): void;
  mapPeer(window: PeerWindow, offset: number, lengthBytes: number, direction: number): number;
  unmapPeer(iova: number, lengthBytes: number): void;
}
export interface DeviceDma {
  read(iova: number, to: Region, at: number, length: number): number;
  write(iova: number, from: Region, at: number, length: number): number;
  load32(iova: number): number;
  store32(iova: number, value: number): void;
  publish32(iova: number, value: number): void;
  readonly epoch: number;
}

export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystemDevice: number;
  readonly revision: number;
  readonly classCode: number;
  readonly bars: readonly { readonly size: number; readonly prefetchable?: boolean }[];
  readonly msixVectors: number;
}
export interface PciEndpoint {
  readonly pci: PciIdentity;
  barRead(bar: number, offset: number, size: number): number;
  barWrite(bar: number, offset: number, size: number, value: number): void;
  run(budget: number): number;
  reset(): void;
}
export interface DeviceClock {
  readonly nowNs: number;
  schedule(atNs: number, callback: () => void): void;
}
export interface DeviceEvent {
  readonly kind: string;
  readonly detail: string;
}
export interface PciHost {
  readonly dma: DeviceDma;
  readonly clock: DeviceClock;
  raise(vector: number): void;
  note(event: DeviceEvent): void;
}
export declare class PciBus {
  readonly functions: readonly PciFunction[];
  plug(make: (host: PciHost) => PciEndpoint): PciFunction;
  unplug(fn: PciFunction): void;
}
export declare class PciFunction {
  readonly identity: PciIdentity;
  readonly endpoint: PciEndpoint;
  readonly dma: DmaDevice;
  readonly name: string;
  readonly pendingVectors: readonly number[];
  readBar(bar: number, offset: number, size: number): number;
  writeBar(bar: number, offset: number, size: number, value: number): void;
  enableMsix(count: number): number;
  disableMsix(): void;
  requestIrq(vector: number, name: string, handler: () => void): number;
  freeIrq(vector: number): void;
  maskVector(vector: number): void;
  unmaskVector(vector: number): void;
}
export declare function swap32(value: number): number;
export declare function swap16(value: number): number;

export declare class Softirqs {
  register(nr: number, handler: () => boolean): void;
  raise(nr: number): void;
}
export declare class Work {
  constructor(fn: (work: Work) => void);
  readonly pending: boolean;
}
export declare class Workqueue {
  schedule(work: Work): boolean;
  scheduleDelayed(work: Work, delayNs: number): boolean;
  cancel(work: Work): boolean;
}

export declare class ExecutionContext {
  readonly kind: number;
  readonly napiId: number;
  readonly cpu: number;
  readonly inSoftirq: boolean;
  enterSoftirq(napiId: number): void;
  leaveSoftirq(): void;
  enterHardirq(): void;
  leaveHardirq(): void;
}
export declare class InstanceLock {
  constructor(context: ExecutionContext, name: string);
  readonly held: boolean;
  lock(): void;
  unlock(): void;
  assertHeld(rule: string): void;
}
export declare class KernelBug extends Error {
  constructor(rule: string, detail: string, ref?: number);
  readonly rule: string;
  readonly ref: number | null;
}

export type LogLevel = 'debug' | 'info' | 'notice' | 'warn' | 'err' | 'crit';
export interface LogEntry {
  readonly seq: number;
  readonly timeNs: number;
  readonly level: LogLevel;
  readonly subsystem: string;
  readonly text: string;
}
export declare class MachineLog {
  readonly entries: readonly LogEntry[];
  emit(level: LogLevel, subsystem: string, text: string): void;
  warn(text: string, subsystem?: string): void;
  warnOnce(key: string, text: string): void;
  unexpected(): LogEntry[];
  expect(pattern: string | RegExp): void;
}
export declare class Random {
  constructor(seed: number);
  uint32(): number;
  below(n: number): number;
  float(): number;
  fork(label: string): Random;
  bytes(to: Uint8Array): void;
}
export interface TraceEvent {
  readonly name: string;
  readonly fields: readonly string[];
  readonly values: readonly number[];
  readonly timeNs: number;
  readonly cpu: number;
  readonly context: number;
}
export declare class Tracepoint {
  readonly name: string;
  readonly fields: readonly string[];
  enabled: boolean;
  emit(a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): void;
}
export declare class Tracepoints {
  readonly all: readonly Tracepoint[];
  define(name: string, fields: readonly string[]): Tracepoint;
  subscribe(pattern: string, listener: (event: TraceEvent) => void): () => void;
}
export declare function formatFtrace(event: TraceEvent): string;
