import { describe, expect, it } from 'vitest';
import { cardUp, makeCard } from '../test/card-fixture.ts';
import { addRule } from '../test/flow-rules.ts';
import { pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_CONFIGURE_RSS,
  ADMINQ_SET_DRIVER_PARAMETER,
  AQ_CONFIGURE_RSS,
  AQ_SET_DRIVER_PARAMETER,
  DEVICE_STATUS_LINK,
  DEVICE_STATUS_REPORT_STATS,
  DEVICE_STATUS_RESET,
  REG_ADMINQ_PFN,
  REG_DEVICE_STATUS,
  writeU64be,
} from './abi/index.ts';

const RX = { entries: 64, packetBufferBytes: 2048, headerBufferBytes: 256 };

describe('reset by the driver', () => {
  it('drops everything: queues, resources, RSS, rules, parameters, interrupt state, the request for a reset', () => {
    const card = cardUp({}, { queues: 2 });
    const { driver, nic, host, port } = card;
    addRule(driver, 1, { queue: 1 });
    driver.require(ADMINQ_SET_DRIVER_PARAMETER, (slot, at) => {
      slot.setUint32(at + AQ_SET_DRIVER_PARAMETER.parameterType, 1);
      writeU64be(slot, at + AQ_SET_DRIVER_PARAMETER.parameterValue, 1000);
    });
    nic.requestReset('test');
    expect(driver.release()).toBe(true);
    expect(driver.executed).toBe(0);
    expect(nic.inspect()).toMatchObject({
      deviceStatus: DEVICE_STATUS_LINK,
      adminqLive: false,
      configured: false,
      driver: null,
      mtu: 1500,
      rxQueues: [],
      txQueues: [],
      blocks: [],
      flowRules: 0,
    });
    for (const buffer of [driver.adminPage, driver.scratch, card.rx[0].bufferRing, card.tx[0].ring]) host.unmap(buffer);
    port.push(tcpFrame());
    card.tx[0].kick(3);
    driver.settle();
    expect(host.dma.faults).toBe(0);
  });

  it('leaves a card that comes up again like a new one', () => {
    const card = cardUp({}, { entries: 16 });
    const { driver, port } = card;
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5; n++) port.push(tcpFrame({ payload: pattern(n + 1) }));
      driver.settle();
      expect(driver.release()).toBe(true);
      driver.start();
      driver.configureResources();
      const tx = driver.createTxQueue(0, 64);
      const rx = driver.createRxQueue(0, RX);
      rx.post(10);
      const block = (driver.blocks >>> 1) + 0;
      card.host.takeInterrupts(block);
      driver.writeBlock(block);
      port.push(tcpFrame({ payload: pattern(33) }));
      tx.send({ pieces: [udpFrame(pattern(44))], tag: 1 });
      driver.settle();
      expect(rx.poll()?.payload).toEqual(pattern(33));
      expect(tx.pollAll().length).toBe(1);
      expect(card.host.takeInterrupts(block)).toBe(1);
    }
    expect(port.takeAll().length).toBe(3);
    expect(port.slots.inUse).toBe(0);
  });

  it('happens implicitly when a page is named while another is live, as after kexec', () => {
    const { driver, nic } = cardUp();
    expect(driver.executed).toBeGreaterThan(0);
    driver.start();
    expect(driver.executed).toBe(0);
    expect(nic.inspect().rxQueues).toEqual([]);
    driver.configureResources();
    expect(driver.executed).toBe(1);
  });

  it('takes RSS back to the card it was', () => {
    const { driver, nic, host } = makeCard({ defaultQueues: 2 });
    const fresh = nic.inspect().rss;
    driver.start();
    const key = host.allocate(40);
    const lut = host.allocate(512);
    driver.require(ADMINQ_CONFIGURE_RSS, (slot, at) => {
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashTypes, 1);
      slot.setUint8(at + AQ_CONFIGURE_RSS.hashAlg, 1);
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashKeySize, 40);
      slot.setUint16(at + AQ_CONFIGURE_RSS.hashLutSize, 128);
      writeU64be(slot, at + AQ_CONFIGURE_RSS.hashKeyAddr, key.iova);
      writeU64be(slot, at + AQ_CONFIGURE_RSS.hashLutAddr, lut.iova);
    });
    expect(nic.inspect().rss).not.toEqual(fresh);
    driver.release();
    expect(nic.inspect().rss).toEqual(fresh);
  });

  it('voids doorbells rung before it, even when resources are configured in the same breath', () => {
    const { driver, nic } = cardUp();
    driver.writeBlock(3);
    driver.writeRegister(REG_ADMINQ_PFN, driver.adminPage.iova / 4096);
    driver.submitted = 0;
    driver.configureResources();
    expect(nic.inspect().blocks.some((block) => block.armed)).toBe(false);
  });

  it('gives half-sent frames back', () => {
    const { driver, port, tx, nic } = cardUp();
    port.refuse(1000);
    tx[0].send({ pieces: [udpFrame(pattern(40))] });
    nic.run(1);
    expect(port.slots.inUse).toBe(1);
    driver.release();
    expect(port.slots.inUse).toBe(0);
  });
});

describe('reset by the transport', () => {
  it('is complete when it returns, recorded writes included', () => {
    const { driver, nic, tx } = cardUp();
    tx[0].send({ pieces: [udpFrame(pattern(40))] });
    driver.queueCommand(0x0e);
    driver.submitCommands();
    nic.reset();
    expect(nic.run(64)).toBe(0);
    expect(nic.inspect()).toMatchObject({ adminqLive: false, configured: false, rxQueues: [], txQueues: [] });
    expect(driver.readRegister(0x10)).toBe(0);
    expect(driver.executed).toBe(0);
    nic.reset();
    driver.start();
    driver.configureResources();
    expect(driver.executed).toBe(1);
  });
});

describe('reset asked for by the card', () => {
  it('is a status bit and the management vector, and the card works on until the driver acts', () => {
    const { driver, nic, host, port, rx } = cardUp();
    host.takeInterrupts(driver.blocks);
    nic.requestReset('firmware update');
    nic.requestReset('and again');
    expect(driver.readRegister(REG_DEVICE_STATUS)).toBe(DEVICE_STATUS_RESET | DEVICE_STATUS_LINK);
    expect(host.takeInterrupts(driver.blocks)).toBe(1);
    port.push(tcpFrame({ payload: pattern(3) }));
    driver.settle();
    expect(rx[0].poll()?.frame).toEqual(tcpFrame({ payload: pattern(3) }));
    driver.release();
    expect(driver.readRegister(REG_DEVICE_STATUS)).toBe(DEVICE_STATUS_LINK);
  });

  it('signals nobody before the driver said where management is', () => {
    const { nic, host } = makeCard();
    nic.requestReset('early');
    for (let vector = 0; vector < 16; vector++) expect(host.takeInterrupts(vector)).toBe(0);
  });

  it('asks for stats reports the same way', () => {
    const { driver, nic, host } = cardUp();
    host.takeInterrupts(driver.blocks);
    nic.requestStats(true);
    expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_REPORT_STATS).not.toBe(0);
    nic.requestStats(false);
    expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_REPORT_STATS).toBe(0);
    expect(host.takeInterrupts(driver.blocks)).toBe(2);
  });
});
