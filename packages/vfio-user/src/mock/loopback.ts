import type { NicFunction } from '@netmem/vnic';
import * as protocol from '../protocol.ts';
import type { PciFunction, VfioUserDevice } from '../vfio-user-device.ts';
import { assertDone, connectCommands, enableCommands, prepareMsix } from './bring-up.ts';
import type { MockMapping } from './messages.ts';
import { MockVfioUserClient } from './mock-client.ts';

/**
 * Connects a client to a device without a socket: every byte of the protocol is there, and an answer is there when the call
 * that sent the command returns.
 *
 * @throws Error when another guest is connected.
 */
export function connectLoopback(device: VfioUserDevice<PciFunction>): MockVfioUserClient {
  let open = true;
  const session = device.connect({
    send: (bytes) => client.receive(bytes),
    close: () => {
      open = false;
      client.ended();
    },
    congested: false,
  });
  const client: MockVfioUserClient = new MockVfioUserClient((bytes) => {
    if (open) session?.receive(bytes);
  });
  if (session === null) throw new Error('another guest is connected');
  client.onDisconnect = () => session.close(null);
  return client;
}

/** Time in which the driver of a {@link guestFunction} lives. */
export interface MockGuestClock {
  readonly nowNs: number;
  schedule(atNs: number, callback: () => void): void;
}

/**
 * The device as a guest's driver sees it, all of it through the protocol: give it to a driver in place of the device. `run`
 * steps the device; what the device waits for becomes a timer of the guest's clock.
 *
 * @throws Error when the server refuses what QEMU and a guest's firmware send first.
 */
export function guestFunction(
  client: MockVfioUserClient,
  device: VfioUserDevice<PciFunction>,
  mappings: readonly MockMapping[],
  clock: MockGuestClock,
): NicFunction {
  const { pci } = device.function;
  prepareMsix(client, pci);
  for (const { command, body } of [...connectCommands(mappings), ...enableCommands(pci)]) {
    assertDone(client.callNow(command, body));
  }
  let wakeNs = Number.NEGATIVE_INFINITY;
  return {
    pci,
    barRead: (bar, offset, size) => client.readRegionNow(bar, offset, size),
    barWrite: (bar, offset, size, value) => client.writeRegion(bar, offset, size, value),
    run: () => {
      const busy = device.step();
      const { nextDeadlineNs } = device;
      if (nextDeadlineNs !== Number.POSITIVE_INFINITY && nextDeadlineNs !== wakeNs) {
        wakeNs = nextDeadlineNs;
        clock.schedule(nextDeadlineNs, () => {});
      }
      return busy ? 1 : 0;
    },
    reset: () => assertDone(client.callNow(protocol.DEVICE_RESET)),
  };
}
