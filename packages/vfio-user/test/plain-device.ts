/** A function of no particular kind behind the protocol: it notes what is done to it. */
import { regionOf } from '@netmem/region';
import type { NicEvent, NicHost } from '@netmem/vnic';
import {
  createVfioUserDevice,
  type GuestMemory,
  type PciFunction,
  regionMemory,
  type VfioUserDevice,
  type VfioUserError,
} from '../src/index.ts';
import { connectLoopback, type MockVfioUserClient, payloads } from '../src/mock/index.ts';
import { VERSION } from '../src/protocol.ts';

export interface PlainDevice {
  readonly device: VfioUserDevice;
  /** Connected only when that was asked for. */
  readonly client: MockVfioUserClient;
  readonly host: NicHost;
  /** `r OFFSET/SIZE` and `w OFFSET/SIZE VALUE`, BAR 0 only. */
  readonly accesses: string[];
  readonly resets: { count: number };
  readonly events: NicEvent[];
  readonly errors: VfioUserError[];
  /** What the function does next: set to throw, or to have work. */
  readonly behaviour: { run: () => number; reset: () => void; read: () => void };
  /** Real time of the device. */
  readonly time: { nowNs: number };
}

export interface PlainOptions {
  readonly connected?: boolean;
  readonly ramBase?: number;
  readonly openMemory?: () => GuestMemory;
}

export const PLAIN_RAM_BYTES = 1 << 20;

export function makePlainDevice(options: PlainOptions = {}): PlainDevice {
  const accesses: string[] = [];
  const resets = { count: 0 };
  const events: NicEvent[] = [];
  const errors: VfioUserError[] = [];
  const behaviour = { run: () => 0, reset: () => {}, read: () => {} };
  const time = { nowNs: 0 };
  const ram = regionOf(new Uint8Array(PLAIN_RAM_BYTES));
  let host: NicHost | null = null;
  const pciFunction: PciFunction = {
    pci: {
      vendor: 0x1234,
      device: 0x5678,
      subsystemVendor: 0,
      subsystemDevice: 0,
      revision: 1,
      classCode: 0xff0000,
      bars: [{ size: 4096 }, { size: 4096 }],
      msixVectors: 3,
      msix: { bar: 1, tableOffset: 0, pendingOffset: 2048 },
    },
    barRead: (bar, offset, size) => {
      behaviour.read();
      if (bar === 0) accesses.push(`r ${offset}/${size}`);
      return offset << 24;
    },
    barWrite: (bar, offset, size, value) => {
      if (bar === 0) accesses.push(`w ${offset}/${size} ${value.toString(16)}`);
    },
    run: () => behaviour.run(),
    reset: () => {
      resets.count++;
      behaviour.reset();
    },
  };
  const device = createVfioUserDevice({
    makeFunction: (made) => {
      host = made;
      return pciFunction;
    },
    openMemory: options.openMemory ?? (() => regionMemory(ram)),
    ...(options.ramBase === undefined ? {} : { ramBase: options.ramBase }),
    nowNs: () => time.nowNs,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
  });
  let client: MockVfioUserClient | null = null;
  if (options.connected === true) {
    client = connectLoopback(device);
    client.callNow(VERSION, payloads.versionPayload());
  }
  return {
    device,
    client: client as unknown as MockVfioUserClient,
    host: host as unknown as NicHost,
    accesses,
    resets,
    events,
    errors,
    behaviour,
    time,
  };
}
