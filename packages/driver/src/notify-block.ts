import { Napi } from '@netmem/netdev';
import { EINVAL } from '@netmem/uapi';
import { IRQ_DOORBELL_REARM, irqDoorbellWithInterval, MSIX_VECTORS_MIN } from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';
import { pollRx } from './rx-receive.ts';
import { pollTx } from './tx-complete.ts';

/**
 * One interrupt with its NAPI: vector, doorbell, and the queue that it serves. The first half of the blocks serve transmit queues, the second
 * half receive queues; the vector behind them is the management one.
 */
export class NotifyBlock {
  readonly index: number;
  /** Doorbell that arms it, from CONFIGURE_DEVICE_RESOURCES. */
  doorbell = 0;
  /** Null while no queue uses the block. */
  napi: Napi | null = null;

  constructor(index: number) {
    this.index = index;
  }
}

/** Vectors of the card that become blocks: an even number, with one left over for management. `-EINVAL` below the card's minimum. */
export function countBlocks(vectors: number): number {
  return vectors < MSIX_VECTORS_MIN ? -EINVAL : (vectors - 1) & ~1;
}

export function txBlock(gve: GveDevice, queue: number): NotifyBlock {
  return gve.blocks[queue];
}

export function rxBlock(gve: GveDevice, queue: number): NotifyBlock {
  return gve.blocks[gve.blocks.length / 2 + queue];
}

/** Enables the vectors and installs their handlers. Handlers only schedule; nothing is done in hard interrupt context. */
export function requestInterrupts(gve: GveDevice, onManagement: () => void): number {
  const { fn, blocks } = gve;
  const enabled = fn.enableMsix(blocks.length + 1);
  if (enabled < 0) return enabled;
  let requested = 0;
  for (const block of blocks) {
    const result = fn.requestIrq(block.index, `gve-ntfy-blk${block.index}@pci:${fn.name}`, () => {
      block.napi?.schedule();
    });
    if (result < 0) return undo(gve, requested, result);
    requested++;
  }
  const result = fn.requestIrq(blocks.length, `gve-mgmnt@pci:${fn.name}`, onManagement);
  return result < 0 ? undo(gve, requested, result) : 0;
}

export function freeInterrupts(gve: GveDevice): void {
  gve.fn.freeIrq(gve.blocks.length);
  undo(gve, gve.blocks.length, 0);
}

function undo(gve: GveDevice, requested: number, result: number): number {
  for (let vector = 0; vector < requested; vector++) gve.fn.freeIrq(vector);
  gve.fn.disableMsix();
  return result;
}

/** The NAPI of transmit queue `queue`, disabled; made when first asked for. */
export function txNapi(gve: GveDevice, queue: number): Napi {
  const block = txBlock(gve, queue);
  block.napi ??= new Napi(gve.netdev, (budget) => {
    const ring = gve.tx[queue];
    const finished = pollTx(ring);
    if (finished && ring.napi.completeDone(0)) gve.registers.ring(block.doorbell, IRQ_DOORBELL_REARM);
    return finished ? 0 : budget;
  });
  return block.napi;
}

/** The NAPI of receive queue `queue`, disabled; made when first asked for. */
export function rxNapi(gve: GveDevice, queue: number): Napi {
  const block = rxBlock(gve, queue);
  block.napi ??= new Napi(gve.netdev, (budget) => {
    const ring = gve.rx[queue];
    const work = pollRx(ring, budget);
    // Armed again only when the ring was seen empty; what comes meanwhile is pending in the block and interrupts at once.
    if (work < budget && ring.napi.completeDone(work)) gve.registers.ring(block.doorbell, IRQ_DOORBELL_REARM);
    return work;
  });
  return block.napi;
}

/** Arms a block with its moderation interval, in microseconds, and looks once: what came before the first arming may not interrupt. */
export function armBlock(gve: GveDevice, block: NotifyBlock, usecs: number): void {
  gve.registers.ring(block.doorbell, irqDoorbellWithInterval(usecs));
  block.napi?.schedule();
}

/** Removes the NAPIs of blocks from `queues` on, in both halves: their queues are gone. */
export function dropNapis(gve: GveDevice, txQueues: number, rxQueues: number): void {
  const half = gve.blocks.length / 2;
  for (const block of gve.blocks) {
    const unused = block.index < half ? block.index >= txQueues : block.index - half >= rxQueues;
    if (!unused) continue;
    block.napi?.del();
    block.napi = null;
  }
}
