import type { MsixLocation, PciIdentity } from '@netmem/vnic';
import * as protocol from '../protocol.ts';
import type { MockMapping } from './messages.ts';
import * as messages from './messages.ts';
import type { MockReply, MockVfioUserClient } from './mock-client.ts';

/** Where the mock's firmware puts BAR 0; the others follow, each in a window of its own. */
const BAR_BASE = 0xe000_0000;
const BAR_WINDOW = 0x0100_0000;
const CONFIG_COMMAND = 4;
const CONFIG_BAR0 = 0x10;
const COMMAND_MEMORY_MASTER = 6;
const CONFIG_MSIX_CONTROL = 0x42;
const MSIX_ENABLE = 0x8000;

/** A command of a list. */
export interface MockCommand {
  readonly command: number;
  readonly body: Uint8Array;
}

function writeConfig(offset: number, size: number, value: number): MockCommand {
  const data = messages.littleEndian(value, size);
  return { command: protocol.REGION_WRITE, body: messages.regionPayload(protocol.REGION_CONFIG, offset, size, data) };
}

/** What QEMU sends before the guest runs, in its order. */
export function connectCommands(mappings: readonly MockMapping[]): MockCommand[] {
  return [
    { command: protocol.VERSION, body: messages.versionPayload() },
    ...mappings.map((mapping) => ({ command: protocol.DMA_MAP, body: messages.mapPayload(mapping) })),
    { command: protocol.DEVICE_GET_INFO, body: messages.deviceInfoPayload() },
    ...[0, 1, 2, 3, 4, 5, 7].map((region) => ({
      command: protocol.DEVICE_GET_REGION_INFO,
      body: messages.regionInfoPayload(region),
    })),
    { command: protocol.DEVICE_GET_IRQ_INFO, body: messages.irqInfoPayload(3) },
    { command: protocol.DEVICE_GET_IRQ_INFO, body: messages.irqInfoPayload(protocol.IRQ_MSIX) },
    { command: protocol.DEVICE_RESET, body: new Uint8Array(0) },
  ];
}

/** What firmware and a driver do to the function before its registers are used: BARs sized and placed, bus master, MSI-X on. */
export function enableCommands({ bars, msixVectors }: PciIdentity): MockCommand[] {
  return [
    ...bars.flatMap((_, bar) => [
      writeConfig(CONFIG_BAR0 + 4 * bar, 4, 0xffff_ffff),
      writeConfig(CONFIG_BAR0 + 4 * bar, 4, BAR_BASE + bar * BAR_WINDOW),
    ]),
    writeConfig(CONFIG_COMMAND, 2, COMMAND_MEMORY_MASTER),
    writeConfig(CONFIG_MSIX_CONTROL, 2, MSIX_ENABLE | (msixVectors - 1)),
    ...Array.from({ length: msixVectors }, (_, vector) => announceVector(vector)),
  ];
}

/** What QEMU sends when the guest sets up or unmasks a vector. */
export function announceVector(vector: number): MockCommand {
  const flags = protocol.IRQ_SET_DATA_EVENTFD | protocol.IRQ_SET_ACTION_TRIGGER;
  return { command: protocol.DEVICE_SET_IRQS, body: messages.setIrqsPayload(flags, protocol.IRQ_MSIX, vector, 1) };
}

/** What QEMU sends when the guest turns MSI-X off. */
export function disableVectors(): MockCommand {
  const flags = protocol.IRQ_SET_DATA_NONE | protocol.IRQ_SET_ACTION_TRIGGER;
  return { command: protocol.DEVICE_SET_IRQS, body: messages.setIrqsPayload(flags, protocol.IRQ_MSIX, 0, 0) };
}

/** The client's part of {@link enableCommands}: a table at its BAR with every vector set up. */
export function prepareMsix(client: MockVfioUserClient, pci: PciIdentity & { readonly msix: MsixLocation }): void {
  client.msix.tableAddress = BAR_BASE + pci.msix.bar * BAR_WINDOW + pci.msix.tableOffset;
  for (let vector = 0; vector < pci.msixVectors; vector++) client.msix.setUp(vector);
}

/** @throws Error when a command of the list is refused. */
export function assertDone(reply: MockReply): void {
  if (reply.errno !== 0) throw new Error(`${protocol.commandName(reply.command)}: errno ${reply.errno}`);
}
