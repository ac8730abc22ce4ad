import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import {
  ADMINQ_DESCRIBE_DEVICE,
  DEVICE_STATUS_LINK,
  REG_ADMINQ_BASE_ADDRESS_LO,
  REG_ADMINQ_DOORBELL,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_LENGTH,
  REG_ADMINQ_PFN,
  REG_DEVICE_STATUS,
  REG_DRIVER_STATUS,
  REG_MAX_RX_QUEUES,
  REG_MAX_TX_QUEUES,
  REGISTER_BAR,
} from './abi/index.ts';

describe('registers', () => {
  it('are big-endian: a bus reads them byte-swapped', () => {
    const { nic } = makeCard({ maxQueues: 4 });
    expect(nic.barRead(REGISTER_BAR, REG_MAX_RX_QUEUES, 4)).toBe(0x04000000);
    expect(nic.barRead(REGISTER_BAR, REG_MAX_RX_QUEUES + 3, 1)).toBe(4);
    expect(nic.barRead(REGISTER_BAR, REG_MAX_RX_QUEUES + 2, 2)).toBe(0x0400);
  });

  it('show queues and link', () => {
    const { driver } = makeCard({ maxQueues: 3 });
    expect(driver.readRegister(REG_MAX_TX_QUEUES)).toBe(3);
    expect(driver.readRegister(REG_DEVICE_STATUS)).toBe(DEVICE_STATUS_LINK);
  });

  it('read 0 outside, and in the other BARs', () => {
    const { nic } = makeCard();
    for (const [bar, offset, size] of [
      [0, 0x40, 4],
      [0, 0x3e, 4],
      [0, 4096, 4],
      [0, -4, 4],
      [0, 0.5, 4],
      [0, 0, 8],
      [0, 0, 3],
      [1, 0, 4],
      [2, 0, 4],
      [9, 0, 4],
    ] as const) {
      expect(nic.barRead(bar, offset, size)).toBe(0);
    }
  });

  it('take the version one byte at a time, up to the line feed; the next string replaces it', () => {
    const { driver, nic } = makeCard();
    driver.start('GVE-1.0.0');
    expect(nic.inspect().driverVersion).toBe('GVE-1.0.0');
    driver.start('DPDK-26');
    expect(nic.inspect().driverVersion).toBe('DPDK-26');
    driver.start('x'.repeat(10_000));
    expect(nic.inspect().driverVersion.length).toBe(128);
  });

  it('record a page number at once and act on it in run(): the doorbell is not served by the write', () => {
    const { driver, nic, host } = makeCard();
    driver.writeRegister(REG_ADMINQ_PFN, host.allocate(4096).iova / 4096);
    driver.writeRegister(REG_ADMINQ_DOORBELL, 1);
    expect(driver.readRegister(REG_ADMINQ_PFN)).toBeGreaterThan(0);
    expect(nic.inspect().adminqLive).toBe(false);
    expect(driver.readRegister(REG_ADMINQ_EVENT_COUNTER)).toBe(0);
    nic.run(64);
    expect(nic.inspect().adminqLive).toBe(true);
    expect(driver.readRegister(REG_ADMINQ_EVENT_COUNTER)).toBe(1);
  });

  it('keep the old page number until a reset is complete, and read 0 then', () => {
    const { driver, nic } = makeCard();
    driver.start();
    const live = driver.readRegister(REG_ADMINQ_PFN);
    driver.writeRegister(REG_ADMINQ_PFN, 0);
    expect(driver.readRegister(REG_ADMINQ_PFN)).toBe(live);
    nic.run(1);
    expect(driver.readRegister(REG_ADMINQ_PFN)).toBe(0);
  });

  it('show a fresh event counter as soon as a new page is named, as drivers check before the first command', () => {
    const { driver } = makeCard();
    driver.start();
    driver.describe();
    expect(driver.executed).toBe(1);
    driver.writeRegister(REG_ADMINQ_PFN, driver.adminPage.iova / 4096);
    expect(driver.executed).toBe(0);
    driver.start();
    driver.describe();
    expect(driver.executed).toBe(1);
  });

  it('accept and ignore what later revisions write', () => {
    const { driver, nic } = makeCard();
    driver.start();
    nic.barWrite(REGISTER_BAR, REG_ADMINQ_LENGTH, 2, 0x0010);
    driver.writeRegister(REG_ADMINQ_BASE_ADDRESS_LO, 0x1000);
    driver.writeRegister(REG_DRIVER_STATUS, 2);
    driver.settle();
    expect(driver.execute(ADMINQ_DESCRIBE_DEVICE)).not.toBe(0);
    expect(nic.inspect().adminqLive).toBe(true);
  });
});

describe('doorbells', () => {
  it('count writes that hit none and do nothing else', () => {
    const { nic } = makeCard({ maxQueues: 4 });
    for (const [offset, size] of [
      [0, 4],
      [2, 4],
      [4, 2],
      [4 * 17, 4],
      [65536, 4],
      [-4, 4],
    ] as const) {
      nic.barWrite(2, offset, size, 5);
    }
    // 1 to 16 are 8 blocks and 2 × 4 queues.
    expect(nic.inspect().strayDoorbells).toBe(6);
    nic.barWrite(2, 4 * 16, 4, 5);
    expect(nic.inspect().strayDoorbells).toBe(6);
  });
});
