import type { Ethtool } from '@netmem/ethtool';
import type { PciFunction } from '@netmem/machine';
import type { Network } from '@netmem/netdev';
import { EINVAL, ENODEV, EOPNOTSUPP, type ErrPtr, isErr } from '@netmem/uapi';
import { PCI_DEVICE_GVNIC, PCI_VENDOR_GOOGLE, REG_MAX_RX_QUEUES, REG_MAX_TX_QUEUES } from '@netmem/vnic/abi';
import { AdminQueue } from './admin-queue.ts';
import { describeDevice } from './describe.ts';
import { freeResources, introduce, setupResources, teardownResources } from './device-resources.ts';
import { createEthtoolOps } from './ethtool-ops.ts';
import { GveDevice, type GveOptions } from './gve-device.ts';
import { countBlocks, freeInterrupts, requestInterrupts } from './notify-block.ts';
import { Registers } from './registers.ts';
import { initRss } from './rss.ts';
import { DMA_MASK_64, DRIVER_VERSION, DRIVER_VERSION_PREFIX } from './settings.ts';

/**
 * Takes a card into service: finds out what it is, configures it and registers its network device, which is then down.
 *
 * @returns the device; `-ENODEV`: another kind of card; `-EINVAL`: too few interrupt vectors, or a description that no DQO-RDA card gives;
 * `-ENOMEM`; `-ENOTRECOVERABLE`: the admin queue does not answer; or the errno of the command that failed. Nothing is left over then.
 * @kernel gve_probe — drivers/net/ethernet/google/gve/gve_main.c, 7.3
 */
export function probeGve(
  network: Network,
  ethtool: Ethtool,
  fn: PciFunction,
  options: GveOptions = {},
): ErrPtr<GveDevice> {
  if (fn.identity.vendor !== PCI_VENDOR_GOOGLE || fn.identity.device !== PCI_DEVICE_GVNIC) return -ENODEV;
  const blocks = countBlocks(fn.identity.msixVectors);
  if (blocks < 0) return blocks;
  fn.dma.dmaMask = DMA_MASK_64;
  const registers = new Registers(fn);
  registers.writeVersion(`${DRIVER_VERSION_PREFIX}${DRIVER_VERSION}`);
  const adminq = new AdminQueue(network.machine, fn.dma, registers);
  const started = adminq.start();
  if (started < 0) return started;
  const gve = identify(network, fn, registers, adminq, blocks, options);
  if (isErr(gve)) {
    adminq.release();
    return gve;
  }
  const configured = configure(gve);
  if (configured < 0) return configured;
  const registered = network.registerDevice(gve.netdev);
  if (registered < 0) {
    withdraw(gve);
    return registered;
  }
  ethtool.attach(gve.netdev, createEthtoolOps(gve));
  network.machine.work.schedule(gve.service);
  return gve;
}

function identify(
  network: Network,
  fn: PciFunction,
  registers: Registers,
  adminq: AdminQueue,
  blocks: number,
  options: GveOptions,
): ErrPtr<GveDevice> {
  const verified = introduce({ machine: network.machine, dma: fn.dma, adminq });
  if (verified < 0 && verified !== -EOPNOTSUPP) return verified;
  const geometry = describeDevice(network.machine, fn.dma, adminq);
  if (isErr(geometry)) return geometry;
  const maxQueues = Math.min(registers.read(REG_MAX_TX_QUEUES), registers.read(REG_MAX_RX_QUEUES), blocks / 2);
  if (maxQueues < 1) return -EINVAL;
  return new GveDevice({ network, fn, registers, adminq, geometry, blocks, maxQueues, options });
}

/** Interrupts, resources, RSS; all or nothing. */
function configure(gve: GveDevice): number {
  const requested = requestInterrupts(gve, () => gve.machine.work.schedule(gve.service));
  if (requested < 0) {
    gve.adminq.release();
    return requested;
  }
  let result = setupResources(gve);
  // Always, although a card that offers RSS_CONFIG has a table of its own: what ethtool shows must be what the card does.
  if (result === 0) result = initRss(gve);
  if (result < 0) withdraw(gve);
  return result;
}

function withdraw(gve: GveDevice): void {
  teardownResources(gve);
  gve.adminq.release();
  freeResources(gve);
  freeInterrupts(gve);
}
