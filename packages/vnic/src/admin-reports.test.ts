import { describe, expect, it } from 'vitest';
import { cardUp, makeCard } from '../test/card-fixture.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import {
  ADMINQ_GET_PTYPE_MAP,
  ADMINQ_REPORT_LINK_SPEED,
  ADMINQ_REPORT_NIC_TIMESTAMP,
  ADMINQ_REPORT_STATS,
  ADMINQ_SET_DRIVER_PARAMETER,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  ADMINQ_VERIFY_DRIVER_COMPATIBILITY,
  AQ_GET_PTYPE_MAP,
  AQ_REPORT_LINK_SPEED,
  AQ_REPORT_NIC_TIMESTAMP,
  AQ_REPORT_STATS,
  AQ_SET_DRIVER_PARAMETER,
  AQ_VERIFY_DRIVER_COMPATIBILITY,
  DRIVER_INFO,
  DRIVER_OS_LINUX,
  packetType,
  writeU64be,
} from './abi/index.ts';
import type { MockDriver } from './mock/index.ts';

function sized(
  driver: MockDriver,
  opcode: number,
  lengthAt: number,
  addressAt: number,
  length: number,
  address: number,
) {
  return driver.execute(opcode, (slot, at) => {
    writeU64be(slot, at + lengthAt, length);
    writeU64be(slot, at + addressAt, address);
  });
}

describe('GET_PTYPE_MAP', () => {
  const { ptypeMapLen, ptypeMapAddr } = AQ_GET_PTYPE_MAP;

  it('fills 1024 pairs that agree with what completions will say', () => {
    const { driver } = makeCard();
    driver.start();
    expect(sized(driver, ADMINQ_GET_PTYPE_MAP, ptypeMapLen, ptypeMapAddr, 2048, driver.scratch.iova)).toBe(
      ADMINQ_STATUS_PASSED,
    );
    const { bytes, base } = driver.scratch.region;
    for (let l3 = 0; l3 < 4; l3++) {
      for (let l4 = 0; l4 < 6; l4++) {
        const at = base + 2 * packetType(l3, l4);
        expect([bytes[at], bytes[at + 1]]).toEqual([l3, l4]);
      }
    }
    expect(bytes.slice(base + 2 * 32, base + 2048).every((byte) => byte === 0)).toBe(true);
  });

  it('refuses short areas', () => {
    const { driver } = makeCard();
    driver.start();
    expect(sized(driver, ADMINQ_GET_PTYPE_MAP, ptypeMapLen, ptypeMapAddr, 2047, driver.scratch.iova)).toBe(
      ADMINQ_STATUS_INVALID_ARGUMENT,
    );
    expect(sized(driver, ADMINQ_GET_PTYPE_MAP, ptypeMapLen, ptypeMapAddr, 2048, 0)).toBe(
      ADMINQ_STATUS_INVALID_ARGUMENT,
    );
  });
});

describe('VERIFY_DRIVER_COMPATIBILITY', () => {
  function verify(driver: MockDriver, capabilities: number, length = 304, address = driver.scratch.iova): number {
    const { view, bytes, base } = driver.scratch.region;
    bytes.fill(0, base, base + 304);
    view.setUint8(base + DRIVER_INFO.osType, DRIVER_OS_LINUX);
    view.setUint8(base + DRIVER_INFO.driverMajor, 1);
    view.setUint32(base + DRIVER_INFO.osVersionMajor, 7);
    view.setUint32(base + DRIVER_INFO.driverCapabilityFlags + 4, capabilities);
    bytes.set(new TextEncoder().encode('Linux\nx'), base + DRIVER_INFO.osVersionStr1);
    const aq = AQ_VERIFY_DRIVER_COMPATIBILITY;
    return sized(driver, ADMINQ_VERIFY_DRIVER_COMPATIBILITY, aq.driverInfoLen, aq.driverInfoAddr, length, address);
  }

  it.each([
    ['Linux', 0x7b],
    ['DPDK', 0x0b],
    ['FreeBSD', 0x0d],
  ])('accepts the capabilities of %s', (_, capabilities) => {
    const { driver } = makeCard();
    driver.start();
    expect(verify(driver, capabilities)).toBe(ADMINQ_STATUS_PASSED);
  });

  it('refuses a driver without DQO-RDA, but remembers who it was', () => {
    const { driver, nic } = makeCard();
    driver.start();
    expect(verify(driver, 0x73)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(nic.inspect().driver).toEqual({
      osType: DRIVER_OS_LINUX,
      driverVersion: [1, 0, 0],
      osVersion: [7, 0, 0],
      capabilities: 0x73,
      osVersionStrings: ['Linux?x', ''],
    });
  });

  it('refuses short and unreachable information', () => {
    const { driver, nic } = makeCard();
    driver.start();
    expect(verify(driver, 0x7b, 303)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(verify(driver, 0x7b, 304, 0)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(nic.inspect().driver).toBeNull();
  });
});

describe('REPORT_LINK_SPEED and REPORT_NIC_TIMESTAMP', () => {
  it('write the speed in Mbit/s', () => {
    const { driver } = makeCard({ linkSpeedMbps: 200_000 });
    driver.start();
    driver.require(ADMINQ_REPORT_LINK_SPEED, (slot, at) =>
      writeU64be(slot, at + AQ_REPORT_LINK_SPEED.linkSpeedAddress, driver.scratch.iova),
    );
    expect(driver.scratch.region.view.getBigUint64(driver.scratch.region.base)).toBe(200_000n);
  });

  const { nicTsReportLen, nicTsReportAddr } = AQ_REPORT_NIC_TIMESTAMP;

  it('write the clock, if the card has one', () => {
    const { driver, host } = makeCard({ nicTimestamp: true });
    driver.start();
    host.clock.advance(5_000_000_000);
    expect(sized(driver, ADMINQ_REPORT_NIC_TIMESTAMP, nicTsReportLen, nicTsReportAddr, 40, driver.scratch.iova)).toBe(
      ADMINQ_STATUS_PASSED,
    );
    expect(driver.scratch.region.view.getBigUint64(driver.scratch.region.base)).toBe(5_000_000_000n);
    expect(sized(driver, ADMINQ_REPORT_NIC_TIMESTAMP, nicTsReportLen, nicTsReportAddr, 39, driver.scratch.iova)).toBe(
      ADMINQ_STATUS_INVALID_ARGUMENT,
    );
  });

  it('are UNIMPLEMENTED without one', () => {
    const { driver } = makeCard();
    driver.start();
    expect(sized(driver, ADMINQ_REPORT_NIC_TIMESTAMP, nicTsReportLen, nicTsReportAddr, 40, driver.scratch.iova)).toBe(
      ADMINQ_STATUS_UNIMPLEMENTED,
    );
  });
});

describe('SET_DRIVER_PARAMETER', () => {
  function set(driver: MockDriver, type: number, value: number): number {
    return driver.execute(ADMINQ_SET_DRIVER_PARAMETER, (slot, at) => {
      slot.setUint32(at + AQ_SET_DRIVER_PARAMETER.parameterType, type);
      writeU64be(slot, at + AQ_SET_DRIVER_PARAMETER.parameterValue, value);
    });
  }

  it('sets the MTU, and with it the MRU', () => {
    const { driver, nic, port, rx } = cardUp({ maxMtu: 1500 });
    expect(set(driver, 1, 1000)).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().mtu).toBe(1000);
    port.push(tcpFrame({ payload: pattern(1022 - 54) }));
    port.push(tcpFrame({ payload: pattern(1023 - 54) }));
    driver.settle();
    expect(rx[0].pollAll().length).toBe(1);
    expect(nic.stats.rx[0].overMru).toBe(1);
  });

  it('refuses MTUs out of range and other parameters', () => {
    const { driver, nic } = makeCard({ maxMtu: 1500 });
    driver.start();
    for (const mtu of [0, 67, 1501, 2 ** 40]) expect(set(driver, 1, mtu)).toBe(ADMINQ_STATUS_OUT_OF_RANGE);
    expect(set(driver, 0, 1500)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(set(driver, 2, 1500)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(nic.inspect().mtu).toBe(1500);
  });
});

describe('REPORT_STATS', () => {
  const QUEUES = 2;
  /** As Linux computes it for 2 + 2 queues. */
  const LENGTH = 392;

  function report(driver: MockDriver, length: number, address: number, intervalMs = 20000): number {
    return driver.execute(ADMINQ_REPORT_STATS, (slot, at) => {
      writeU64be(slot, at + AQ_REPORT_STATS.statsReportLen, length);
      writeU64be(slot, at + AQ_REPORT_STATS.statsReportAddr, address);
      writeU64be(slot, at + AQ_REPORT_STATS.interval, intervalMs);
    });
  }

  function entries(driver: MockDriver) {
    const { view, base } = driver.scratch.region;
    return Array.from({ length: (LENGTH - 8) / 16 }, (_, n) => {
      const at = base + 8 + 16 * n;
      return [view.getUint32(at), view.getUint32(at + 4), Number(view.getBigUint64(at + 8))];
    });
  }

  it('writes four entries for every receive queue at the end of the area, and nothing before them', () => {
    const { driver, port, nic } = cardUp({ maxMtu: 1500, slotBytes: 4096 }, { queues: QUEUES, post: 0 });
    port.push(tcpFrame({ payload: pattern(10) }));
    port.push(new Uint8Array(2000));
    driver.settle();
    expect(report(driver, LENGTH, driver.scratch.iova)).toBe(ADMINQ_STATUS_PASSED);
    const all = entries(driver);
    expect(all.slice(0, 16).every(([name]) => name === 0)).toBe(true);
    expect(all.slice(16).map(([name, queue]) => [name, queue])).toEqual([
      [65, 0],
      [66, 0],
      [67, 0],
      [68, 0],
      [65, 1],
      [66, 1],
      [67, 1],
      [68, 1],
    ]);
    const value = (name: number) => all.filter(([n]) => n === name).reduce((sum, [, , v]) => sum + v, 0);
    expect(value(65)).toBe(2);
    expect(value(66)).toBe(1);
    expect(value(67)).toBe(1);
    expect(nic.stats.rx[0].dropped + nic.stats.rx[1].dropped).toBe(2);
  });

  it('is refreshed at the interval, from run() and not from the timer', () => {
    const { driver, port, host, nic } = cardUp({}, { queues: QUEUES, post: 0 });
    report(driver, LENGTH, driver.scratch.iova, 1000);
    port.push(tcpFrame());
    driver.settle();
    const before = entries(driver);
    expect(before.slice(16).every(([, , value]) => value === 0)).toBe(true);
    host.clock.advance(1_000_000_000);
    expect(entries(driver)).toEqual(before);
    nic.run(1);
    expect(entries(driver).reduce((sum, [, , value]) => sum + value, 0)).toBe(2);
    expect(host.clock.scheduled).toBe(1);
  });

  it('keeps one timer, however often it is attached, and none after it is detached', () => {
    const { driver, host } = cardUp();
    for (let n = 0; n < 100; n++) report(driver, LENGTH, driver.scratch.iova, n);
    expect(host.clock.scheduled).toBe(1);
    expect(report(driver, 0, 0)).toBe(ADMINQ_STATUS_PASSED);
    host.clock.advance(3_600_000_000_000);
    driver.settle();
    expect(host.clock.scheduled).toBe(0);
  });

  it('leaves an area alone that has no room, and refuses one it cannot reach', () => {
    const { driver } = cardUp({}, { queues: QUEUES });
    expect(report(driver, 100, driver.scratch.iova)).toBe(ADMINQ_STATUS_PASSED);
    expect(entries(driver).every(([name]) => name === 0)).toBe(true);
    expect(report(driver, LENGTH, 0x1000)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(report(driver, LENGTH, 0)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(report(driver, 4, driver.scratch.iova)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
  });

  it('is detached when its memory goes away', () => {
    const { driver, host, nic } = cardUp({}, { queues: QUEUES });
    const area = host.allocate(LENGTH);
    expect(report(driver, LENGTH, area.iova, 100)).toBe(ADMINQ_STATUS_PASSED);
    host.unmap(area);
    for (let n = 0; n < 5; n++) {
      host.clock.advance(100_000_000);
      nic.run(1);
    }
    expect(host.dma.faults).toBe(1);
  });
});
