/** vnic's card behind the protocol, and vnic's mock driver as the guest: over a loopback, RAM shared without a file. */
import { createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic, type Nic, type NicEvent, type NicOptions } from '@netmem/vnic';
import { createMockDriver, FLAT_IOVA_BASE, FlatHost, type MockDriver } from '@netmem/vnic/mock';
import { createVfioUserDevice, regionMemory, type VfioUserDevice, type VfioUserError } from '../src/index.ts';
import { connectLoopback, guestFunction, type MockMapping, type MockVfioUserClient } from '../src/mock/index.ts';

export interface CardOverProtocol {
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

export function makeCardOverProtocol(options: Partial<NicOptions> = {}, ramBytes: number = 8 << 20): CardOverProtocol {
  const memory = new LinearMemory(ramBytes + (8 << 20));
  const port = createScriptedPort(new FrameSlots(memory, { count: 256, slotBytes: 2048 }), { mtu: 1500 });
  const host = new FlatHost({ memory, ramBytes });
  const events: NicEvent[] = [];
  const errors: VfioUserError[] = [];
  const device = createVfioUserDevice({
    makeFunction: (nicHost) => createNic(nicHost, { maxQueues: 4, minRingEntries: 16, ...options, port, memory }),
    openMemory: () => regionMemory(host.ram, RAM_POSITION),
    nowNs: () => host.clock.nowNs,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
  });
  const client = connectLoopback(device);
  client.msix.onInterrupt = (vector) => host.raise(vector);
  const ram: MockMapping = { iova: FLAT_IOVA_BASE, size: ramBytes, offset: RAM_POSITION };
  const driver = createMockDriver(guestFunction(client, device, [ram], host.clock), host);
  return { host, port, device, nic: device.function, client, driver, events, errors };
}
