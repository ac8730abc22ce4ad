import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import {
  ADMINQ_CONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DECONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DESCRIBE_DEVICE,
  ADMINQ_STATUS_ALREADY_EXISTS,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_RESOURCE_EXHAUSTED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_CONFIGURE_DEVICE_RESOURCES,
  AQ_DESCRIBE_DEVICE,
  OPTION_ID_BUFFER_SIZES,
  OPTION_ID_DQO_RDA,
  OPTION_ID_FLOW_STEERING,
  OPTION_ID_JUMBO_FRAMES,
  OPTION_ID_MODIFY_RING,
  OPTION_ID_NIC_TIMESTAMP,
  OPTION_ID_RSS_CONFIG,
  QUEUE_FORMAT_DQO_QPL,
  QUEUE_FORMAT_DQO_RDA,
  QUEUE_FORMAT_GQI_RDA,
  writeU64be,
} from './abi/index.ts';
import type { MockDriver } from './mock/index.ts';

function describeInto(driver: MockDriver, address: number, version: number, available: number): number {
  return driver.execute(ADMINQ_DESCRIBE_DEVICE, (slot, at) => {
    writeU64be(slot, at + AQ_DESCRIBE_DEVICE.descriptorAddr, address);
    slot.setUint32(at + AQ_DESCRIBE_DEVICE.version, version);
    slot.setUint32(at + AQ_DESCRIBE_DEVICE.availableLength, available);
  });
}

interface Resources {
  blocks?: number;
  stride?: number;
  base?: number;
  format?: number;
  address?: number;
}

function configure(driver: MockDriver, wanted: Resources): number {
  const aq = AQ_CONFIGURE_DEVICE_RESOURCES;
  return driver.execute(ADMINQ_CONFIGURE_DEVICE_RESOURCES, (slot, at) => {
    writeU64be(slot, at + aq.irqDbAddr, wanted.address ?? driver.scratch.iova);
    slot.setUint32(at + aq.numCounters, 8);
    slot.setUint32(at + aq.numIrqDbs, wanted.blocks ?? 8);
    slot.setUint32(at + aq.irqDbStride, wanted.stride ?? 64);
    slot.setUint32(at + aq.ntfyBlkMsixBaseIdx, wanted.base ?? 0);
    slot.setUint8(at + aq.queueFormat, wanted.format ?? QUEUE_FORMAT_DQO_RDA);
  });
}

describe('DESCRIBE_DEVICE', () => {
  it('describes the card, DQO-RDA as its only queue format', () => {
    const { driver } = makeCard({ maxQueues: 4, defaultQueues: 2, maxFlowRules: 32, maxMtu: 1500 });
    driver.start();
    const device = driver.describe();
    expect(device).toMatchObject({
      txQueueEntries: 1024,
      rxQueueEntries: 1024,
      defaultNumQueues: 2,
      mtu: 1500,
      counters: 8,
    });
    expect([...device.mac]).toEqual([0x42, 0x01, 0x0a, 0, 0, 1]);
    expect([...device.options.keys()]).toEqual([
      OPTION_ID_DQO_RDA,
      OPTION_ID_MODIFY_RING,
      OPTION_ID_JUMBO_FRAMES,
      OPTION_ID_BUFFER_SIZES,
      OPTION_ID_FLOW_STEERING,
      OPTION_ID_RSS_CONFIG,
    ]);
    const option = (id: number) => device.options.get(id) as DataView;
    expect(option(OPTION_ID_DQO_RDA).getUint32(0)).toBe(0x0b5);
    expect(option(OPTION_ID_MODIFY_RING).getUint16(4)).toBe(4096);
    expect(option(OPTION_ID_MODIFY_RING).getUint16(10)).toBe(16);
    expect(option(OPTION_ID_JUMBO_FRAMES).getUint16(4)).toBe(1500);
    expect(option(OPTION_ID_BUFFER_SIZES).getUint16(4)).toBe(4096);
    expect(option(OPTION_ID_BUFFER_SIZES).getUint16(6)).toBe(256);
    expect(option(OPTION_ID_FLOW_STEERING).getUint32(8)).toBe(32);
    expect(option(OPTION_ID_RSS_CONFIG).getUint16(4)).toBe(40);
    expect(option(OPTION_ID_RSS_CONFIG).getUint16(6)).toBe(128);
    expect(device.totalLength).toBe(40 + 16 + 20 + 16 + 16 + 20 + 16);
  });

  it('offers the clock only when it is built with one', () => {
    const { driver } = makeCard({ nicTimestamp: true });
    driver.start();
    const device = driver.describe();
    expect(device.options.has(OPTION_ID_NIC_TIMESTAMP)).toBe(true);
    expect((device.options.get(OPTION_ID_DQO_RDA) as DataView).getUint32(0)).toBe(0x1b5);
  });

  it('does not offer flow steering or header split that it cannot do', () => {
    const { driver } = makeCard({ maxFlowRules: 0, headerBufferBytes: 0 });
    driver.start();
    const device = driver.describe();
    expect(device.options.has(OPTION_ID_FLOW_STEERING)).toBe(false);
    expect((device.options.get(OPTION_ID_BUFFER_SIZES) as DataView).getUint16(6)).toBe(0);
  });

  it('fits into the 256 bytes of the smallest driver', () => {
    const { driver } = makeCard({ nicTimestamp: true });
    driver.start();
    expect(describeInto(driver, driver.scratch.iova, 1, 256)).toBe(ADMINQ_STATUS_PASSED);
  });

  it('refuses other versions, short areas and memory it cannot reach', () => {
    const { driver } = makeCard();
    driver.start();
    expect(describeInto(driver, driver.scratch.iova, 2, 4096)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(describeInto(driver, driver.scratch.iova, 1, 100)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(describeInto(driver, 0x5000, 1, 4096)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(driver.scratch.region.bytes.slice(driver.scratch.region.base, driver.scratch.region.base + 200)).toEqual(
      new Uint8Array(200),
    );
  });
});

describe('CONFIGURE_DEVICE_RESOURCES', () => {
  it('hands out one doorbell per block, at the stride asked for', () => {
    const { driver, nic } = makeCard({ maxQueues: 4 });
    driver.start();
    expect(configure(driver, { blocks: 8, stride: 64 })).toBe(ADMINQ_STATUS_PASSED);
    const { view, base } = driver.scratch.region;
    const indexes = Array.from({ length: 8 }, (_, k) => view.getUint32(base + 64 * k));
    expect(new Set(indexes).size).toBe(8);
    expect(Math.min(...indexes)).toBeGreaterThan(0);
    expect(nic.inspect().blocks.length).toBe(8);
  });

  it('refuses other queue formats, bases and strides, and more blocks than vectors', () => {
    const { driver, nic } = makeCard({ maxQueues: 4 });
    driver.start();
    for (const format of [0, QUEUE_FORMAT_GQI_RDA, QUEUE_FORMAT_DQO_QPL, 255]) {
      expect(configure(driver, { format })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    }
    expect(configure(driver, { base: 2 })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(configure(driver, { stride: 3 })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(configure(driver, { blocks: 9 })).toBe(ADMINQ_STATUS_RESOURCE_EXHAUSTED);
    expect(configure(driver, { blocks: 0xffffffff })).toBe(ADMINQ_STATUS_RESOURCE_EXHAUSTED);
    expect(configure(driver, { address: 0x1000 })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(nic.inspect().configured).toBe(false);
    expect(configure(driver, { blocks: 0 })).toBe(ADMINQ_STATUS_PASSED);
  });

  it('is refused a second time, until DECONFIGURE', () => {
    const { driver } = makeCard();
    driver.start();
    expect(configure(driver, {})).toBe(ADMINQ_STATUS_PASSED);
    expect(configure(driver, {})).toBe(ADMINQ_STATUS_ALREADY_EXISTS);
    expect(driver.execute(ADMINQ_DECONFIGURE_DEVICE_RESOURCES)).toBe(ADMINQ_STATUS_PASSED);
    expect(configure(driver, {})).toBe(ADMINQ_STATUS_PASSED);
  });

  it.each([
    [0, 8],
    [1, 0],
  ])('puts management behind the blocks or before them: base %i, vector %i', (base, vector) => {
    const { driver, host, nic } = makeCard({ maxQueues: 4 });
    driver.start();
    configure(driver, { blocks: 8, base });
    nic.requestReset('test');
    expect(host.takeInterrupts(vector)).toBe(1);
  });

  it('DECONFIGURE passes without resources and takes queues along', () => {
    const { driver, nic } = makeCard();
    driver.start();
    expect(driver.execute(ADMINQ_DECONFIGURE_DEVICE_RESOURCES)).toBe(ADMINQ_STATUS_PASSED);
    driver.configureResources();
    driver.createTxQueue(0, 64);
    expect(driver.execute(ADMINQ_DECONFIGURE_DEVICE_RESOURCES)).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().txQueues).toEqual([]);
  });
});
