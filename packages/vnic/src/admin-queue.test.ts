import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import {
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_DESCRIBE_DEVICE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_GET_PTYPE_MAP,
  ADMINQ_REGISTER_PAGE_LIST,
  ADMINQ_REPORT_LINK_SPEED,
  ADMINQ_STATUS_INTERNAL_ERROR,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_NOT_FOUND,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  ADMINQ_STATUS_UNSET,
  AQ_DESCRIBE_DEVICE,
  AQ_DESTROY_QUEUE,
  AQ_REPORT_LINK_SPEED,
  DEVICE_STATUS_RESET,
  REG_ADMINQ_DOORBELL,
  REG_DEVICE_STATUS,
  writeU64be,
} from './abi/index.ts';

describe('admin queue', () => {
  it('executes a batch on one doorbell, in order, and then advances the counter', () => {
    const { driver } = makeCard();
    driver.start();
    const slots = [3, 1, 2].map((id) =>
      driver.queueCommand(ADMINQ_DESTROY_TX_QUEUE, (slot, at) => slot.setUint32(at + AQ_DESTROY_QUEUE.queueId, id)),
    );
    expect(slots.map((slot) => driver.statusOf(slot))).toEqual([
      ADMINQ_STATUS_UNSET,
      ADMINQ_STATUS_UNSET,
      ADMINQ_STATUS_UNSET,
    ]);
    driver.submitCommands();
    expect(slots.map((slot) => driver.statusOf(slot))).toEqual(Array(3).fill(ADMINQ_STATUS_NOT_FOUND));
    expect(driver.executed).toBe(3);
  });

  it('goes round its 64 slots', () => {
    const { driver } = makeCard();
    driver.start();
    for (let n = 0; n < 150; n++) {
      const status = driver.execute(ADMINQ_REPORT_LINK_SPEED, (slot, at) =>
        writeU64be(slot, at + AQ_REPORT_LINK_SPEED.linkSpeedAddress, driver.scratch.iova),
      );
      expect(status).toBe(ADMINQ_STATUS_PASSED);
    }
    expect(driver.executed).toBe(150);
  });

  it('does at most its budget in a run', () => {
    const { driver, nic } = makeCard();
    driver.start();
    for (let n = 0; n < 10; n++) driver.queueCommand(ADMINQ_DESTROY_TX_QUEUE);
    driver.writeRegister(REG_ADMINQ_DOORBELL, driver.submitted);
    nic.run(4);
    expect(driver.executed).toBe(4);
    nic.run(4);
    expect(driver.executed).toBe(8);
  });

  it('answers UNIMPLEMENTED to what it does not know, page lists included', () => {
    const { driver, host } = makeCard();
    driver.start();
    for (const opcode of [0, ADMINQ_REGISTER_PAGE_LIST, 0x13, 0x100, 0x101, 0xffffffff]) {
      expect(driver.execute(opcode)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    }
    expect(host.events.filter((event) => event.kind === 'command-refused').length).toBe(6);
  });

  it('answers INVALID_ARGUMENT when a command names memory it cannot reach', () => {
    const { driver } = makeCard();
    driver.start();
    const at = (iova: number) =>
      driver.execute(ADMINQ_REPORT_LINK_SPEED, (slot, base) =>
        writeU64be(slot, base + AQ_REPORT_LINK_SPEED.linkSpeedAddress, iova),
      );
    expect(at(0)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    // The host's last page: the second half of these 8 bytes is out of reach.
    expect(at(driver.host.allocate(4096).iova + 4092)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(at(2 ** 52)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(at(driver.scratch.iova)).toBe(ADMINQ_STATUS_PASSED);
  });

  it('asks for a reset and stops when the doorbell runs ahead of the page', () => {
    const { driver, nic, host } = makeCard();
    driver.start();
    driver.writeRegister(REG_ADMINQ_DOORBELL, 65);
    driver.settle();
    expect(driver.executed).toBe(0);
    expect(nic.inspect().adminqLive).toBe(false);
    expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET).not.toBe(0);
    expect(host.events.at(-1)?.kind).toBe('adminq-stopped');
    driver.start();
    expect(driver.execute(ADMINQ_CREATE_RX_QUEUE)).not.toBe(ADMINQ_STATUS_UNSET);
    expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET).toBe(0);
  });

  it('takes a doorbell behind its counter for one far ahead', () => {
    const { driver, nic } = makeCard();
    driver.start();
    // A doorbell behind the counter is 2^32 - 1 commands ahead of it.
    driver.execute(ADMINQ_GET_PTYPE_MAP);
    driver.writeRegister(REG_ADMINQ_DOORBELL, 0);
    driver.settle();
    expect(nic.inspect().adminqLive).toBe(false);
  });

  it('stops when its page goes away', () => {
    const { driver, nic, host } = makeCard();
    driver.start();
    host.unmap(driver.adminPage);
    driver.queueCommand(ADMINQ_GET_PTYPE_MAP);
    driver.submitCommands();
    expect(nic.inspect().adminqLive).toBe(false);
    expect(host.dma.faults).toBe(1);
    driver.submitCommands();
    expect(host.dma.faults).toBe(1);
  });

  it('answers INTERNAL_ERROR for a command in which something throws, and goes on', () => {
    const { driver, host } = makeCard();
    driver.start();
    const { write } = host.dma;
    host.dma.write = () => {
      throw new Error('the host is broken');
    };
    const status = driver.execute(ADMINQ_DESCRIBE_DEVICE, (slot, at) => {
      writeU64be(slot, at + AQ_DESCRIBE_DEVICE.descriptorAddr, driver.scratch.iova);
      slot.setUint32(at + AQ_DESCRIBE_DEVICE.version, 1);
      slot.setUint32(at + AQ_DESCRIBE_DEVICE.availableLength, 4096);
    });
    expect(status).toBe(ADMINQ_STATUS_INTERNAL_ERROR);
    expect(host.events.find(({ kind }) => kind === 'internal-error')?.detail).toBe(
      'DESCRIBE_DEVICE: the host is broken',
    );
    host.dma.write = write;
    expect(driver.describe().txQueueEntries).toBeGreaterThan(0);
  });
});
