/** vnic's card behind the protocol, and vnic's mock driver as the guest, over a loopback. */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic, type Nic, type NicEvent, type NicFunction, type NicOptions } from '@netmem/vnic';
import {
  createMockDriver,
  FLAT_IOVA_BASE,
  FlatHost,
  type MockDriver,
  type TransportUnderTest,
} from '@netmem/vnic/mock';
import {
  createVfioUserDevice,
  type GuestMemory,
  openFileMemory,
  regionMemory,
  type VfioUserDevice,
  type VfioUserError,
} from '../src/index.ts';
import {
  connectLoopback,
  guestFunction,
  type MockMapping,
  type MockVfioUserClient,
  payloads,
} from '../src/mock/index.ts';
import { DMA_MAP, DMA_UNMAP } from '../src/protocol.ts';

export interface CardOverProtocol extends TransportUnderTest {
  readonly host: FlatHost;
  readonly port: ScriptedPort;
  readonly device: VfioUserDevice<Nic>;
  readonly nic: Nic;
  readonly client: MockVfioUserClient;
  readonly driver: MockDriver;
  readonly events: NicEvent[];
  readonly errors: VfioUserError[];
}

/** Where the RAM lies in the shared memory: not at 0, which would say that it is not shared. */
export const RAM_POSITION = 1 << 20;
const RAM_BYTES = 4 << 20;

interface Over {
  readonly openMemory: (host: FlatHost) => GuestMemory;
  /** Stands around what the driver sees of the card. */
  readonly around?: (guest: NicFunction, host: FlatHost) => NicFunction;
}

function make(options: Partial<NicOptions>, over: Over): CardOverProtocol {
  const memory = new LinearMemory(RAM_BYTES + (4 << 20));
  const port = createScriptedPort(new FrameSlots(memory, { count: 256, slotBytes: 2048 }), { mtu: 1500 });
  const host = new FlatHost({ memory, ramBytes: RAM_BYTES });
  const events: NicEvent[] = [];
  const errors: VfioUserError[] = [];
  const device = createVfioUserDevice({
    makeFunction: (nicHost) => createNic(nicHost, { maxQueues: 4, minRingEntries: 16, ...options, port, memory }),
    openMemory: () => over.openMemory(host),
    ramBase: FLAT_IOVA_BASE,
    nowNs: () => host.clock.nowNs,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
  });
  const client = connectLoopback(device);
  client.readMemory = (address, length) => {
    const at = address - FLAT_IOVA_BASE;
    return at >= 0 && at + length <= RAM_BYTES
      ? host.ram.bytes.slice(host.ram.base + at, host.ram.base + at + length)
      : null;
  };
  client.msix.onInterrupt = (vector) => host.raise(vector);
  const ram: MockMapping = { iova: FLAT_IOVA_BASE, size: RAM_BYTES, offset: RAM_POSITION };
  const guest = guestFunction(client, device, [ram], host.clock);
  const driver = createMockDriver(over.around?.(guest, host) ?? guest, host);
  return {
    ...{ host, port, device, nic: device.function, client, driver, events, errors },
    unmap(buffer) {
      const from = buffer.iova - FLAT_IOVA_BASE;
      const to = from + Math.ceil(buffer.region.length / 4096) * 4096;
      // A mapping is taken away whole, so the rest is mapped again.
      const commands = [
        { command: DMA_UNMAP, body: payloads.unmapPayload(FLAT_IOVA_BASE, RAM_BYTES) },
        ...[
          [0, from],
          [to, RAM_BYTES],
        ]
          .filter(([first, end]) => end > first)
          .map(([first, end]) => ({
            command: DMA_MAP,
            body: payloads.mapPayload({
              iova: FLAT_IOVA_BASE + first,
              size: end - first,
              offset: RAM_POSITION + first,
            }),
          })),
      ];
      for (const { command, body } of commands) {
        if (client.callNow(command, body).errno !== 0) throw new Error('the mapping could not be changed');
      }
    },
  };
}

/** The guest's RAM lies in this process, as a native module would map it. */
export function makeCardOverProtocol(options: Partial<NicOptions> = {}): CardOverProtocol {
  return make(options, { openMemory: (host) => regionMemory(host.ram, RAM_POSITION) });
}

/** The guest's RAM is a file. The driver's view of it is brought up to date around every round of the card. */
export function makeCardOverFile(path: string, options: Partial<NicOptions> = {}): CardOverProtocol {
  const fd = openSync(path, 'w+');
  ftruncateSync(fd, RAM_POSITION + RAM_BYTES);
  closeSync(fd);
  return make(options, {
    openMemory: () => openFileMemory(path),
    around: (guest, { ram }) => ({
      pci: guest.pci,
      barRead: (bar, offset, size) => guest.barRead(bar, offset, size),
      barWrite: (bar, offset, size, value) => guest.barWrite(bar, offset, size, value),
      reset: () => guest.reset(),
      run: (budget) => {
        const file = openSync(path, 'r+');
        writeSync(file, ram.bytes, ram.base, ram.length, RAM_POSITION);
        const done = guest.run(budget);
        readSync(file, ram.bytes, ram.base, ram.length, RAM_POSITION);
        closeSync(file);
        return done;
      },
    }),
  });
}
