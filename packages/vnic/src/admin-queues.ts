import {
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_CREATE_TX_QUEUE,
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  AQ_CREATE_RX_QUEUE,
  AQ_CREATE_TX_QUEUE,
  AQ_DESTROY_QUEUE,
  QUEUE_RESOURCES,
  RX_PACKET_LEN_MAX,
  readU64be,
} from './abi/index.ts';
import { type AdminCommand, store } from './admin-command.ts';
import type { Card } from './card.ts';
import {
  QUEUES_WITHOUT_BLOCKS,
  RX_PACKET_BUFFER_MIN,
  STATUS_EXISTS,
  STATUS_MISSING,
  STATUS_UNCONFIGURED,
  STATUS_UNREACHABLE,
  TX_COMPLETION_RING_FACTOR,
} from './choices.ts';

/** A queue is only polled: the driver asked for no notification blocks. */
const NO_BLOCK = -1;

function ringFits(entries: number, least: number, most: number): boolean {
  return entries >= least && entries <= most && (entries & (entries - 1)) === 0;
}

/** What holds for both directions: PASSED, or why not. */
function checkQueue(card: Card, id: number, exists: boolean, block: number, counter: number): number {
  if (!card.configured) return STATUS_UNCONFIGURED;
  if (exists) return STATUS_EXISTS;
  const blocks = card.interrupts.count;
  if (blocks === 0 ? id >= QUEUES_WITHOUT_BLOCKS : block >= blocks) return ADMINQ_STATUS_INVALID_ARGUMENT;
  return counter < card.counters ? ADMINQ_STATUS_PASSED : ADMINQ_STATUS_INVALID_ARGUMENT;
}

function blockOf(card: Card, block: number): number {
  return card.interrupts.count === 0 ? NO_BLOCK : block;
}

function storeResources(card: Card, address: number, doorbell: number, counter: number): boolean {
  const { bytes, view, base } = card.adminData;
  const size = QUEUE_RESOURCES.$.sizeBytes;
  bytes.fill(0, base, base + size);
  view.setUint32(base + QUEUE_RESOURCES.dbIndex, doorbell);
  view.setUint32(base + QUEUE_RESOURCES.counterIndex, counter);
  return store(card, address, card.adminData, size);
}

function createTx(card: Card, command: DataView, at: number): number {
  const aq = AQ_CREATE_TX_QUEUE;
  const id = command.getUint32(at + aq.queueId);
  if (id >= card.tx.length) return ADMINQ_STATUS_OUT_OF_RANGE;
  const queue = card.tx[id];
  const block = command.getUint32(at + aq.ntfyId);
  const counter = 2 * id;
  const status = checkQueue(card, id, queue.active, block, counter);
  if (status !== ADMINQ_STATUS_PASSED) return status;
  const { minTxRing, maxRingEntries } = card.config;
  const entries = command.getUint16(at + aq.txRingSize);
  const completionEntries = command.getUint16(at + aq.txCompRingSize);
  const fits =
    ringFits(entries, minTxRing, maxRingEntries) &&
    ringFits(completionEntries, minTxRing, TX_COMPLETION_RING_FACTOR * maxRingEntries);
  if (!fits) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const resources = readU64be(command, at + aq.queueResourcesAddr);
  if (!storeResources(card, resources, card.doorbells.txIndex(id), counter)) return STATUS_UNREACHABLE;
  card.doorbells.txTail[id] = 0;
  queue.create({
    block: blockOf(card, block),
    ring: readU64be(command, at + aq.txRingAddr),
    entries,
    completionRing: readU64be(command, at + aq.txCompRingAddr),
    completionEntries,
  });
  return ADMINQ_STATUS_PASSED;
}

function createRx(card: Card, command: DataView, at: number): number {
  const aq = AQ_CREATE_RX_QUEUE;
  const id = command.getUint32(at + aq.queueId);
  if (id >= card.rx.length) return ADMINQ_STATUS_OUT_OF_RANGE;
  const queue = card.rx[id];
  const block = command.getUint32(at + aq.ntfyId);
  const counter = 2 * id + 1;
  const status = checkQueue(card, id, queue.active, block, counter);
  if (status !== ADMINQ_STATUS_PASSED) return status;
  const { minRxRing, maxRingEntries, headerBufferBytes } = card.config;
  const completionEntries = command.getUint16(at + aq.rxRingSize);
  const bufferEntries = command.getUint16(at + aq.rxBuffRingSize);
  const fits =
    ringFits(completionEntries, minRxRing, maxRingEntries) && ringFits(bufferEntries, minRxRing, maxRingEntries);
  const packetBuffer = command.getUint16(at + aq.packetBufferSize);
  const headerBuffer = command.getUint16(at + aq.headerBufferSize);
  if (!fits || packetBuffer < RX_PACKET_BUFFER_MIN || packetBuffer > RX_PACKET_LEN_MAX) {
    return ADMINQ_STATUS_INVALID_ARGUMENT;
  }
  if (headerBuffer !== 0 && headerBuffer !== headerBufferBytes) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const resources = readU64be(command, at + aq.queueResourcesAddr);
  if (!storeResources(card, resources, card.doorbells.rxIndex(id), counter)) return STATUS_UNREACHABLE;
  card.doorbells.rxTail[id] = 0;
  queue.create({
    block: blockOf(card, block),
    completionRing: readU64be(command, at + aq.rxDescRingAddr),
    completionEntries,
    bufferRing: readU64be(command, at + aq.rxDataRingAddr),
    bufferEntries,
    packetBufferBytes: packetBuffer,
    headerBufferBytes: headerBuffer,
    enableRsc: command.getUint8(at + aq.enableRsc) !== 0,
  });
  return ADMINQ_STATUS_PASSED;
}

function destroyTx(card: Card, command: DataView, at: number): number {
  const id = command.getUint32(at + AQ_DESTROY_QUEUE.queueId);
  if (id >= card.tx.length || !card.tx[id].active) return STATUS_MISSING;
  card.tx[id].destroy();
  return ADMINQ_STATUS_PASSED;
}

function destroyRx(card: Card, command: DataView, at: number): number {
  const id = command.getUint32(at + AQ_DESTROY_QUEUE.queueId);
  if (id >= card.rx.length || !card.rx[id].active) return STATUS_MISSING;
  // The driver's memory is still there: what was received is delivered, and nothing is written once the command is done.
  card.rx[id].merge.close();
  card.rx[id].flush();
  card.rx[id].destroy();
  return ADMINQ_STATUS_PASSED;
}

/** Making and unmaking queues. */
export const QUEUE_COMMANDS: readonly AdminCommand[] = [
  { opcode: ADMINQ_CREATE_TX_QUEUE, name: 'CREATE_TX_QUEUE', run: createTx },
  { opcode: ADMINQ_CREATE_RX_QUEUE, name: 'CREATE_RX_QUEUE', run: createRx },
  { opcode: ADMINQ_DESTROY_TX_QUEUE, name: 'DESTROY_TX_QUEUE', run: destroyTx },
  { opcode: ADMINQ_DESTROY_RX_QUEUE, name: 'DESTROY_RX_QUEUE', run: destroyRx },
];
