/**
 * A gVNIC network card with the DQO-RDA interface, as hardware behind a host seam: it knows no kernel and no machine.
 *
 * @packageDocumentation
 */
export type {
  DeviceClock,
  DeviceDma,
  MsixLocation,
  NicEvent,
  NicFunction,
  NicHost,
  PciIdentity,
} from './host.ts';
