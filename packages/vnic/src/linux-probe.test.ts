import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import { flowCommand, inner } from '../test/flow-rules.ts';
import { pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_CONFIGURE_RSS,
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_CREATE_TX_QUEUE,
  ADMINQ_DECONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_GET_PTYPE_MAP,
  ADMINQ_REPORT_STATS,
  ADMINQ_STATUS_PASSED,
  ADMINQ_VERIFY_DRIVER_COMPATIBILITY,
  AQ_CONFIGURE_RSS,
  AQ_DESTROY_QUEUE,
  AQ_GET_PTYPE_MAP,
  AQ_REPORT_STATS,
  AQ_VERIFY_DRIVER_COMPATIBILITY,
  DEVICE_STATUS_LINK,
  DRIVER_INFO,
  FLOW_RULE_OP_RESET,
  QUEUE_RESOURCES,
  REG_DEVICE_STATUS,
  writeU64be,
} from './abi/index.ts';
import { MockRxQueue, MockTxQueue } from './mock/index.ts';

/** The order of accesses that Linux was recorded with: two queue pairs, rings of 1024. */
describe('what Linux does from probe to remove', () => {
  it('works, every step', () => {
    const Q = 2;
    const { driver, nic, host, port } = makeCard({ maxQueues: Q, ramBytes: 24 << 20, maxFlowRules: 16 });
    driver.start('GVE-1.0.0');
    expect([driver.readRegister(0x08), driver.readRegister(0x0c)]).toEqual([Q, Q]);

    const { view, base } = driver.scratch.region;
    view.setUint8(base + DRIVER_INFO.osType, 1);
    view.setUint32(base + DRIVER_INFO.driverCapabilityFlags + 4, 0x7b);
    driver.require(ADMINQ_VERIFY_DRIVER_COMPATIBILITY, (slot, at) => {
      writeU64be(slot, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoLen, 304);
      writeU64be(slot, at + AQ_VERIFY_DRIVER_COMPATIBILITY.driverInfoAddr, driver.scratch.iova);
    });
    const device = driver.describe();
    expect(nic.pci.msixVectors).toBe(2 * Q + 1);
    driver.configureResources((nic.pci.msixVectors - 1) & ~1);
    const ptypes = host.allocate(2048);
    driver.require(ADMINQ_GET_PTYPE_MAP, (slot, at) => {
      writeU64be(slot, at + AQ_GET_PTYPE_MAP.ptypeMapLen, 2048);
      writeU64be(slot, at + AQ_GET_PTYPE_MAP.ptypeMapAddr, ptypes.iova);
    });
    const stats = host.allocate(392);
    driver.require(ADMINQ_REPORT_STATS, (slot, at) => {
      writeU64be(slot, at + AQ_REPORT_STATS.statsReportLen, 392);
      writeU64be(slot, at + AQ_REPORT_STATS.statsReportAddr, stats.iova);
      writeU64be(slot, at + AQ_REPORT_STATS.interval, 20000);
    });
    expect(driver.readRegister(REG_DEVICE_STATUS)).toBe(DEVICE_STATUS_LINK);

    // ifup: all creates of one kind under one doorbell; every queue has its own resources area.
    const ring = (index: number, value: number) => driver.ringDoorbell(index, value);
    const resources = [0, 1, 2, 3].map(() => host.allocate(64));
    const tx = [0, 1].map((id) => new MockTxQueue(host, id, device.txQueueEntries, ring));
    const rx = [0, 1].map(
      (id) =>
        new MockRxQueue(
          host,
          id,
          { entries: device.rxQueueEntries, packetBufferBytes: 4096, headerBufferBytes: 256 },
          ring,
        ),
    );
    const slots = tx.map((queue, n) =>
      driver.queueCommand(ADMINQ_CREATE_TX_QUEUE, (slot, at) => {
        driver.fillCreateTx(queue)(slot, at);
        writeU64be(slot, at + 16, resources[n].iova);
      }),
    );
    driver.submitCommands();
    slots.push(
      ...rx.map((queue, n) =>
        driver.queueCommand(ADMINQ_CREATE_RX_QUEUE, (slot, at) => {
          driver.fillCreateRx(queue)(slot, at);
          writeU64be(slot, at + 24, resources[2 + n].iova);
        }),
      ),
    );
    driver.submitCommands();
    expect(slots.map((slot) => driver.statusOf(slot))).toEqual(Array(4).fill(ADMINQ_STATUS_PASSED));
    const doorbell = (n: number) =>
      resources[n].region.view.getUint32(resources[n].region.base + QUEUE_RESOURCES.dbIndex);
    for (const [n, queue] of tx.entries()) queue.doorbell = doorbell(n);
    for (const [n, queue] of rx.entries()) queue.doorbell = doorbell(2 + n);

    // 1023 buffers written, announced in steps of 32 up to 992.
    for (const queue of rx) {
      for (let index = 0; index < 1023; index++) {
        queue.writeDescriptor(index, index);
        if ((index + 1) % 32 === 0) queue.ring(index + 1);
      }
    }
    for (const block of [0, 1]) driver.writeBlock(block, 0x321);
    for (const block of [2, 3]) driver.writeBlock(block, 0x141);
    driver.settle();
    expect(nic.inspect().rxQueues.map((queue) => queue.buffersPosted)).toEqual([992, 992]);

    // A packet out, one in.
    tx[0].send({ pieces: [udpFrame(pattern(30))], tag: 0, generalContext: true, checksum: true });
    driver.settle();
    expect(port.takeAll().length).toBe(1);
    expect(tx[0].pollAll().length).toBe(1);
    expect(host.takeInterrupts(0)).toBe(1);
    driver.writeBlock(0, 0x19);
    port.push(tcpFrame({ payload: pattern(1448) }));
    driver.settle();
    const [completion] = [0, 1].map((id) => rx[id].pollCompletion()).filter((one) => one !== null);
    expect(completion).toMatchObject({ splitHeader: true, headerLen: 54, packetLen: 1448, endOfPacket: true });
    expect(host.takeInterrupts(2) + host.takeInterrupts(3)).toBe(1);

    // Binding a dma-buf: one receive queue goes and comes.
    expect(driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 1)).toBe(ADMINQ_STATUS_PASSED);
    driver.require(ADMINQ_CREATE_RX_QUEUE, driver.fillCreateRx(rx[1]));

    // ifdown and remove.
    const gone = [ADMINQ_DESTROY_TX_QUEUE, ADMINQ_DESTROY_RX_QUEUE].flatMap((opcode) =>
      [0, 1].map((id) => driver.queueCommand(opcode, (slot, at) => slot.setUint32(at + AQ_DESTROY_QUEUE.queueId, id))),
    );
    driver.submitCommands();
    expect(gone.map((slot) => driver.statusOf(slot))).toEqual(Array(4).fill(ADMINQ_STATUS_PASSED));
    expect(flowCommand(driver, inner(FLOW_RULE_OP_RESET, 0))).toBe(ADMINQ_STATUS_PASSED);
    driver.require(ADMINQ_REPORT_STATS);
    driver.require(ADMINQ_DECONFIGURE_DEVICE_RESOURCES);
    expect(driver.release()).toBe(true);
    expect(host.dma.faults).toBe(0);
    expect(nic.stats.device.commandsRefused).toBe(0);
    expect(port.slots.inUse).toBe(0);
  });

  it('CONFIGURE_RSS passes before any queue exists, as kernels send it when RSS is not offered', () => {
    const { driver, host } = makeCard({ maxQueues: 2 });
    driver.start();
    driver.configureResources();
    const lut = host.allocate(512);
    for (let i = 0; i < 128; i++) lut.region.view.setUint32(lut.region.base + 4 * i, i % 2);
    const key = host.allocate(40);
    driver.require(ADMINQ_CONFIGURE_RSS, (slot, at) => {
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashTypes, 0x0d2);
      slot.setUint8(at + AQ_CONFIGURE_RSS.hashAlg, 1);
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashKeySize, 40);
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashLutSize, 128);
      writeU64be(slot, at + AQ_CONFIGURE_RSS.hashKeyAddr, key.iova);
      writeU64be(slot, at + AQ_CONFIGURE_RSS.hashLutAddr, lut.iova);
    });
  });
});
