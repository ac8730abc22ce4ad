import {
  ADMINQ_CONFIGURE_DEVICE_RESOURCES,
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_CREATE_TX_QUEUE,
  ADMINQ_DESCRIBE_DEVICE,
  ADMINQ_PAGE_BYTES,
  ADMINQ_SLOT_BYTES,
  ADMINQ_SLOTS,
  ADMINQ_STATUS_PASSED,
  AQ_COMMAND,
  AQ_CONFIGURE_DEVICE_RESOURCES,
  AQ_CREATE_RX_QUEUE,
  AQ_CREATE_TX_QUEUE,
  AQ_DESCRIBE_DEVICE,
  AQ_DESTROY_QUEUE,
  DOORBELL_BAR,
  DOORBELL_BYTES,
  IRQ_DOORBELL_REARM,
  QUEUE_FORMAT_DQO_RDA,
  QUEUE_RESOURCES,
  RAW_ADDRESSING_QPL_ID,
  REG_ADMINQ_DOORBELL,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
  REG_DRIVER_VERSION,
  REGISTER_BAR,
  swap32,
  writeU64be,
} from '../abi/index.ts';
import type { NicFunction } from '../host.ts';
import { type MockDeviceDescription, readDescription } from './device-description.ts';
import type { FlatBuffer, FlatHost } from './flat-host.ts';
import { MockRxQueue, type MockRxQueueOptions } from './mock-rx-queue.ts';
import { MockTxQueue } from './mock-tx-queue.ts';

const IRQ_DB_STRIDE = 64;
const SETTLE_NS_DEFAULT = 5_000_000;
const SETTLE_ROUNDS_MAX = 100_000;
const RUN_BUDGET = 64;

/** Fills in a command's payload; `at` is where the slot starts. */
export type FillCommand = (slot: DataView, at: number) => void;

/**
 * A driver in miniature: enough to bring the card up by hand, submit any admin command, post buffers, send packets, and
 * look at what comes back. It checks nothing and recovers from nothing; it is for tests of the card, of transports, and of
 * whatever else must see a card work without a whole stack.
 */
export class MockDriver {
  readonly nic: NicFunction;
  readonly host: FlatHost;
  readonly adminPage: FlatBuffer;
  /** One page for whatever commands read and write. */
  readonly scratch: FlatBuffer;
  /** Commands submitted. */
  submitted = 0;
  /** Notification blocks that configureResources asked for. */
  blocks = 0;
  readonly #irqDoorbells: FlatBuffer;

  constructor(nic: NicFunction, host: FlatHost) {
    this.nic = nic;
    this.host = host;
    this.adminPage = host.allocate(ADMINQ_PAGE_BYTES);
    this.scratch = host.allocate(ADMINQ_PAGE_BYTES);
    this.#irqDoorbells = host.allocate(nic.pci.msixVectors * IRQ_DB_STRIDE);
  }

  readRegister(offset: number): number {
    return swap32(this.nic.barRead(REGISTER_BAR, offset, 4));
  }

  writeRegister(offset: number, value: number): void {
    this.nic.barWrite(REGISTER_BAR, offset, 4, swap32(value));
  }

  ringDoorbell(index: number, value: number): void {
    this.nic.barWrite(DOORBELL_BAR, index * DOORBELL_BYTES, 4, value);
  }

  /**
   * Runs the card until it has nothing to do, moving the clock to whatever is due within `withinNs`. What lies further off
   * (a stats report in 20 s) is left alone.
   */
  settle(withinNs: number = SETTLE_NS_DEFAULT): void {
    const { clock } = this.host;
    const until = clock.nowNs + withinNs;
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      if (this.nic.run(RUN_BUDGET) > 0) continue;
      if (clock.nextNs > until) return;
      clock.advance(clock.nextNs - clock.nowNs);
    }
    throw new Error(`the card did not settle in ${SETTLE_ROUNDS_MAX} rounds`);
  }

  /** Writes the version string and hands the card its admin queue page. */
  start(version: string = 'MOCK-1.0.0'): void {
    for (const character of `${version}\n`) {
      this.nic.barWrite(REGISTER_BAR, REG_DRIVER_VERSION, 1, character.charCodeAt(0));
    }
    this.submitted = 0;
    this.writeRegister(REG_ADMINQ_PFN, this.adminPage.iova / ADMINQ_PAGE_BYTES);
    this.settle();
  }

  /** Takes the page away, which resets the card. Returns whether the card reports it done. */
  release(): boolean {
    this.writeRegister(REG_ADMINQ_PFN, 0);
    this.settle();
    return this.readRegister(REG_ADMINQ_PFN) === 0;
  }

  /** Writes a command into the next slot without ringing; returns the slot's number. */
  queueCommand(opcode: number, fill: FillCommand = () => {}): number {
    const { bytes, view, base } = this.adminPage.region;
    const slot = this.submitted % ADMINQ_SLOTS;
    const at = base + slot * ADMINQ_SLOT_BYTES;
    bytes.fill(0, at, at + ADMINQ_SLOT_BYTES);
    view.setUint32(at + AQ_COMMAND.opcode, opcode);
    fill(view, at);
    this.submitted++;
    return slot;
  }

  /** Rings for everything queued and lets the card work. */
  submitCommands(): void {
    this.writeRegister(REG_ADMINQ_DOORBELL, this.submitted);
    this.settle();
  }

  /** Status in a slot: ADMINQ_STATUS_*. */
  statusOf(slot: number): number {
    const { view, base } = this.adminPage.region;
    return view.getUint32(base + slot * ADMINQ_SLOT_BYTES + AQ_COMMAND.status);
  }

  /** One command from submission to status. */
  execute(opcode: number, fill: FillCommand = () => {}): number {
    const slot = this.queueCommand(opcode, fill);
    this.submitCommands();
    return this.statusOf(slot);
  }

  /** As execute, and throws unless it passed. */
  require(opcode: number, fill: FillCommand = () => {}): void {
    const status = this.execute(opcode, fill);
    if (status !== ADMINQ_STATUS_PASSED) {
      throw new Error(`admin command 0x${opcode.toString(16)}: status 0x${status.toString(16)}`);
    }
  }

  /** Commands that the card says it has executed. */
  get executed(): number {
    return this.readRegister(REG_ADMINQ_EVENT_COUNTER);
  }

  /** What the card says of itself. */
  describe(): MockDeviceDescription {
    this.require(ADMINQ_DESCRIBE_DEVICE, (slot, at) => {
      writeU64be(slot, at + AQ_DESCRIBE_DEVICE.descriptorAddr, this.scratch.iova);
      slot.setUint32(at + AQ_DESCRIBE_DEVICE.version, 1);
      slot.setUint32(at + AQ_DESCRIBE_DEVICE.availableLength, this.scratch.region.length);
    });
    return readDescription(this.scratch.region);
  }

  /** Resources as Linux asks for them: blocks before the management vector. */
  configureResources(blocks: number = (this.nic.pci.msixVectors - 1) & ~1, base: number = 0): void {
    const aq = AQ_CONFIGURE_DEVICE_RESOURCES;
    this.require(ADMINQ_CONFIGURE_DEVICE_RESOURCES, (slot, at) => {
      writeU64be(slot, at + aq.counterArray, this.scratch.iova);
      writeU64be(slot, at + aq.irqDbAddr, this.#irqDoorbells.iova);
      slot.setUint32(at + aq.numCounters, 1024);
      slot.setUint32(at + aq.numIrqDbs, blocks);
      slot.setUint32(at + aq.irqDbStride, IRQ_DB_STRIDE);
      slot.setUint32(at + aq.ntfyBlkMsixBaseIdx, base);
      slot.setUint8(at + aq.queueFormat, QUEUE_FORMAT_DQO_RDA);
    });
    this.blocks = blocks;
  }

  /** Writes a block's doorbell; by default what a driver writes after every poll. */
  writeBlock(block: number, bits: number = IRQ_DOORBELL_REARM): void {
    const { view, base } = this.#irqDoorbells.region;
    this.ringDoorbell(view.getUint32(base + block * IRQ_DB_STRIDE), bits);
  }

  /** Fills in CREATE_TX_QUEUE for a queue on block `id`. */
  fillCreateTx(queue: MockTxQueue): FillCommand {
    const aq = AQ_CREATE_TX_QUEUE;
    return (slot, at) => {
      slot.setUint32(at + aq.queueId, queue.id);
      writeU64be(slot, at + aq.queueResourcesAddr, this.scratch.iova);
      writeU64be(slot, at + aq.txRingAddr, queue.ring.iova);
      slot.setUint32(at + aq.queuePageListId, RAW_ADDRESSING_QPL_ID);
      slot.setUint32(at + aq.ntfyId, queue.id);
      writeU64be(slot, at + aq.txCompRingAddr, queue.completionRing.iova);
      slot.setUint16(at + aq.txRingSize, queue.entries);
      slot.setUint16(at + aq.txCompRingSize, queue.entries);
    };
  }

  /** Fills in CREATE_RX_QUEUE for a queue on block blocks/2 + `id`. */
  fillCreateRx(queue: MockRxQueue): FillCommand {
    const aq = AQ_CREATE_RX_QUEUE;
    return (slot, at) => {
      slot.setUint32(at + aq.queueId, queue.id);
      slot.setUint32(at + aq.ntfyId, (this.blocks >>> 1) + queue.id);
      writeU64be(slot, at + aq.queueResourcesAddr, this.scratch.iova);
      writeU64be(slot, at + aq.rxDescRingAddr, queue.completionRing.iova);
      writeU64be(slot, at + aq.rxDataRingAddr, queue.bufferRing.iova);
      slot.setUint32(at + aq.queuePageListId, RAW_ADDRESSING_QPL_ID);
      slot.setUint16(at + aq.rxRingSize, queue.options.entries);
      slot.setUint16(at + aq.packetBufferSize, queue.options.packetBufferBytes);
      slot.setUint16(at + aq.rxBuffRingSize, queue.options.entries);
      slot.setUint8(at + aq.enableRsc, queue.options.enableRsc === true ? 1 : 0);
      slot.setUint16(at + aq.headerBufferSize, queue.options.headerBufferBytes);
    };
  }

  createTxQueue(id: number, entries: number): MockTxQueue {
    const queue = new MockTxQueue(this.host, id, entries, (index, value) => this.ringDoorbell(index, value));
    this.require(ADMINQ_CREATE_TX_QUEUE, this.fillCreateTx(queue));
    queue.doorbell = this.#doorbellHandedOut();
    return queue;
  }

  /** An RX queue with no buffers posted yet. */
  createRxQueue(id: number, options: MockRxQueueOptions): MockRxQueue {
    const queue = new MockRxQueue(this.host, id, options, (index, value) => this.ringDoorbell(index, value));
    this.require(ADMINQ_CREATE_RX_QUEUE, this.fillCreateRx(queue));
    queue.doorbell = this.#doorbellHandedOut();
    return queue;
  }

  /** DESTROY_TX_QUEUE or DESTROY_RX_QUEUE; returns the status. */
  destroyQueue(opcode: number, id: number): number {
    return this.execute(opcode, (slot, at) => slot.setUint32(at + AQ_DESTROY_QUEUE.queueId, id));
  }

  #doorbellHandedOut(): number {
    return this.scratch.region.view.getUint32(this.scratch.region.base + QUEUE_RESOURCES.dbIndex);
  }
}

/**
 * Makes a driver for a card on a flat host.
 *
 * ```ts
 * import { createNic } from '@netmem/vnic';
 * import { createMockDriver, FlatHost } from '@netmem/vnic/mock';
 *
 * const host = new FlatHost({ memory });
 * const driver = createMockDriver(createNic(host, { port, memory }), host);
 * driver.start();
 * driver.configureResources();
 * const rx = driver.createRxQueue(0, { entries: 512, packetBufferBytes: 2048, headerBufferBytes: 256 });
 * rx.post(256);
 * driver.settle();
 * for (const packet of rx.pollAll()) console.log(packet.header.length, packet.payload.length);
 * ```
 */
export function createMockDriver(nic: NicFunction, host: FlatHost): MockDriver {
  return new MockDriver(nic, host);
}
