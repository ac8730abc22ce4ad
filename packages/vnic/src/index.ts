/**
 * A gVNIC network card with the DQO-RDA interface, as hardware behind a host seam: it knows no kernel and no machine.
 *
 * @packageDocumentation
 */
export type { DriverInfo } from './driver-info.ts';
export type {
  DeviceClock,
  DeviceDma,
  MsixLocation,
  NicEvent,
  NicFunction,
  NicHost,
  PciIdentity,
} from './host.ts';
export type { Nic, NicInspection } from './nic.ts';
export { createNic } from './nic.ts';
export type { NicOptions } from './options.ts';
export type { DeviceStats, NicStats, RxQueueStats, TxQueueStats } from './stats.ts';
