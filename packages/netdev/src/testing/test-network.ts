import { Machine, type MachineOptions } from '@netmem/machine';
import { NetmemTable } from '@netmem/netmem';
import { Network, type NetworkOptions } from '../network.ts';

/** RAM of a test's machine: room for its skbs and a few pools. */
const TEST_RAM_BYTES = 8 << 20;
const TEST_SKBS = 512;
/** Smaller tables than a real host's: making them is most of what a short test takes. */
const TEST_IOVA_PAGES = 16384;
const TEST_NET_IOVS = 8192;

/** Options of {@link createTestNetwork}. */
export interface TestNetworkOptions {
  /** For the machine: seed, DMA mode, clock. */
  machine?: MachineOptions;
  /** For the network: number of skbs, loopback device. */
  network?: Partial<Omit<NetworkOptions, 'machine'>>;
}

/** A small machine with a network core on it, made quickly: what most tests of drivers and protocols begin with. */
export function createTestNetwork(options: TestNetworkOptions = {}): { machine: Machine; network: Network } {
  const machine = new Machine({ ramBytes: TEST_RAM_BYTES, maxIovaPages: TEST_IOVA_PAGES, ...options.machine });
  const netmem = new NetmemTable(machine, { maxNetIovs: TEST_NET_IOVS });
  return { machine, network: new Network({ machine, netmem, maxSkbs: TEST_SKBS, ...options.network }) };
}
