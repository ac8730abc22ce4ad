import { PAGE_SIZE } from '@netmem/machine';
import { type ErrPtr, isErr } from '@netmem/uapi';
import { beginCreateRxQueue, beginCreateTxQueue, beginDestroyRxQueue, beginDestroyTxQueue } from './admin-commands.ts';
import type { GveDevice, QueueSettings } from './gve-device.ts';
import { armBlock, dropNapis, rxBlock, rxNapi, txBlock, txNapi } from './notify-block.ts';
import { refillRx } from './rx-refill.ts';
import { allocRxRing, freeRxRing, type RxRing } from './rx-ring.ts';
import { allocTxRing, freeTxRing, type TxRing } from './tx-ring.ts';

/** The rings of an interface, built and not necessarily running. */
export interface QueueSet {
  readonly settings: QueueSettings;
  readonly rx: RxRing[];
  readonly tx: TxRing[];
}

/** Builds one receive ring by `settings`; the live queue is not touched (I-5). */
export function buildRxRing(gve: GveDevice, settings: QueueSettings, index: number): ErrPtr<RxRing> {
  return allocRxRing({
    network: gve.network,
    netdev: gve.netdev,
    dma: gve.dma,
    registers: gve.registers,
    napi: rxNapi(gve, index),
    stats: gve.rxStats[index],
    index,
    entries: settings.rxEntries,
    // I-12: one element of the pool, or less where the card cannot fill a page.
    bufferBytes: Math.min(PAGE_SIZE, gve.geometry.packetBufferBytes),
    headerBytes: settings.headerSplit ? gve.geometry.headerBufferBytes : 0,
    hwGro: settings.hwGro,
    copybreak: gve.copybreak,
    clock: gve.clock,
    ptypes: gve.ptypes,
  });
}

/** Builds all rings by `settings`. Returns the set, or a negative errno with nothing left over. */
export function buildQueues(gve: GveDevice, settings: QueueSettings): ErrPtr<QueueSet> {
  const set: QueueSet = { settings, rx: [], tx: [] };
  for (let index = 0; index < settings.txQueues; index++) {
    const ring = allocTxRing({
      network: gve.network,
      netdev: gve.netdev,
      dma: gve.dma,
      registers: gve.registers,
      napi: txNapi(gve, index),
      stats: gve.txStats[index],
      index,
      entries: settings.txEntries,
    });
    if (isErr(ring)) return failed(gve, set, ring);
    set.tx.push(ring);
  }
  for (let index = 0; index < settings.rxQueues; index++) {
    const ring = buildRxRing(gve, settings, index);
    if (isErr(ring)) return failed(gve, set, ring);
    set.rx.push(ring);
  }
  return set;
}

function failed(gve: GveDevice, set: QueueSet, errno: number): number {
  freeQueues(gve, set);
  dropNapis(gve, gve.tx.length, gve.rx.length);
  return errno;
}

/** Frees rings that do not run. */
export function freeQueues(gve: GveDevice, set: QueueSet): void {
  for (const ring of set.rx) freeRxRing(ring, gve.dma);
  for (const ring of set.tx) freeTxRing(ring);
}

/**
 * Puts a set to work: creates its queues in the card, posts buffers, turns NAPI on and arms the interrupts.
 *
 * @returns 0, or the card's errno with no queue left in it.
 */
export function startQueues(gve: GveDevice, set: QueueSet): number {
  const { netdev } = gve;
  const { settings } = set;
  const created = createInCard(gve, set);
  if (created < 0) {
    destroyInCard(gve, set);
    return created;
  }
  gve.rx = set.rx;
  gve.tx = set.tx;
  gve.settings = settings;
  netdev.setRealNumQueues(settings.rxQueues, settings.txQueues);
  dropNapis(gve, settings.txQueues, settings.rxQueues);
  for (const ring of set.tx) {
    ring.readDoorbell();
    netdev.queueSetNapi(ring.index, 'tx', ring.napi);
    ring.napi.enable();
    armBlock(gve, txBlock(gve, ring.index), gve.txCoalesceUsecs);
    // The ring before this one may have been full.
    netdev.wakeQueue(ring.index);
  }
  for (const ring of set.rx) startRxRing(gve, ring);
  return 0;
}

/** The part of {@link startQueues} that a single receive queue needs too. Its queue exists in the card. */
export function startRxRing(gve: GveDevice, ring: RxRing): void {
  ring.readDoorbell();
  gve.netdev.queueSetNapi(ring.index, 'rx', ring.napi);
  // From here on this NAPI, and only it, may recycle straight into the pool's cache (I-3).
  ring.pool.enableDirectRecycling(ring.napi);
  ring.napi.enable();
  refillRx(ring);
  armBlock(gve, rxBlock(gve, ring.index), gve.rxCoalesceUsecs);
}

/**
 * Stops polling the live rings and hands them back. The card still writes to their buffers: destroy the queues ({@link destroyInCard}) or reset
 * it before anything is put back (I-9).
 */
export function quiesceQueues(gve: GveDevice): QueueSet {
  const set: QueueSet = { settings: gve.settings, rx: gve.rx, tx: gve.tx };
  for (const ring of set.tx) ring.napi.disable();
  for (const ring of set.rx) {
    ring.napi.disable();
    ring.pool.disableDirectRecycling();
    ring.starvation.del();
  }
  gve.rx = [];
  gve.tx = [];
  return set;
}

function createInCard(gve: GveDevice, set: QueueSet): number {
  const { adminq } = gve;
  const { view } = gve.machine.memory;
  for (const ring of set.tx) {
    const begun = beginCreateTxQueue(adminq, view, ring, txBlock(gve, ring.index).index);
    if (begun < 0) return begun;
  }
  const tx = adminq.flush();
  if (tx < 0) return tx;
  for (const ring of set.rx) {
    const begun = beginCreateRxQueue(adminq, view, ring, rxBlock(gve, ring.index).index);
    if (begun < 0) return begun;
  }
  return adminq.flush();
}

/**
 * Takes the queues of a set out of the card: when this returns 0 the card touches none of their memory any more.
 * Destroying a queue that does not exist is refused, and harmless.
 */
export function destroyInCard(gve: GveDevice, set: QueueSet): number {
  const { adminq } = gve;
  const { view } = gve.machine.memory;
  for (const ring of set.tx) beginDestroyTxQueue(adminq, view, ring.index);
  const tx = adminq.flush();
  for (const ring of set.rx) beginDestroyRxQueue(adminq, view, ring.index);
  const rx = adminq.flush();
  return tx < 0 ? tx : rx;
}
