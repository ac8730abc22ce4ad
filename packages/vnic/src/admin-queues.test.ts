import { describe, expect, it } from 'vitest';
import { cardUp, makeCard } from '../test/card-fixture.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import {
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_CREATE_TX_QUEUE,
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_STATUS_ALREADY_EXISTS,
  ADMINQ_STATUS_FAILED_PRECONDITION,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_NOT_FOUND,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  AQ_CREATE_RX_QUEUE,
  AQ_CREATE_TX_QUEUE,
  RX_COMPLETION_DESC,
} from './abi/index.ts';
import type { FillCommand, MockDriver } from './mock/index.ts';
import { MockRxQueue, MockTxQueue } from './mock/index.ts';

const RX = { entries: 64, packetBufferBytes: 2048, headerBufferBytes: 256 };

function started(): MockDriver {
  const { driver } = makeCard({ maxQueues: 4, maxRingEntries: 1024 });
  driver.start();
  driver.configureResources();
  return driver;
}

function both(first: FillCommand, then: FillCommand): FillCommand {
  return (slot, at) => {
    first(slot, at);
    then(slot, at);
  };
}

describe('CREATE_TX_QUEUE and CREATE_RX_QUEUE', () => {
  it('need resources', () => {
    const { driver } = makeCard();
    driver.start();
    const tx = new MockTxQueue(driver.host, 0, 64, () => {});
    expect(driver.execute(ADMINQ_CREATE_TX_QUEUE, driver.fillCreateTx(tx))).toBe(ADMINQ_STATUS_FAILED_PRECONDITION);
  });

  it('hand out doorbells that differ from all others', () => {
    const driver = started();
    const indexes = [
      ...[0, 1, 2, 3].map((id) => driver.createTxQueue(id, 64).doorbell),
      ...[0, 1, 2, 3].map((id) => driver.createRxQueue(id, RX).doorbell),
    ];
    expect(new Set(indexes).size).toBe(8);
  });

  const tx: [string, number, FillCommand][] = [
    ['a queue that cannot be', ADMINQ_STATUS_OUT_OF_RANGE, (s, at) => s.setUint32(at + AQ_CREATE_TX_QUEUE.queueId, 4)],
    ['a block that is not', ADMINQ_STATUS_INVALID_ARGUMENT, (s, at) => s.setUint32(at + AQ_CREATE_TX_QUEUE.ntfyId, 8)],
    ['a ring of 65', ADMINQ_STATUS_INVALID_ARGUMENT, (s, at) => s.setUint16(at + AQ_CREATE_TX_QUEUE.txRingSize, 65)],
    ['a ring of 0', ADMINQ_STATUS_INVALID_ARGUMENT, (s, at) => s.setUint16(at + AQ_CREATE_TX_QUEUE.txRingSize, 0)],
    ['a ring too small', ADMINQ_STATUS_INVALID_ARGUMENT, (s, at) => s.setUint16(at + AQ_CREATE_TX_QUEUE.txRingSize, 8)],
    [
      'a ring too large',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_TX_QUEUE.txCompRingSize, 8192),
    ],
    [
      'resources out of reach',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint32(at + AQ_CREATE_TX_QUEUE.queueResourcesAddr, 0),
    ],
  ];
  it.each(tx)('refuses %s (tx)', (_, status, change) => {
    const driver = started();
    const queue = new MockTxQueue(driver.host, 0, 64, () => {});
    expect(driver.execute(ADMINQ_CREATE_TX_QUEUE, both(driver.fillCreateTx(queue), change))).toBe(status);
    expect(driver.execute(ADMINQ_CREATE_TX_QUEUE, driver.fillCreateTx(queue))).toBe(ADMINQ_STATUS_PASSED);
    expect(driver.execute(ADMINQ_CREATE_TX_QUEUE, driver.fillCreateTx(queue))).toBe(ADMINQ_STATUS_ALREADY_EXISTS);
  });

  it('take what DPDK says: page list 0, and a completion ring of four times the descriptors', () => {
    const driver = started();
    const queue = new MockTxQueue(driver.host, 0, 256, () => {});
    const change: FillCommand = (s, at) => {
      s.setUint32(at + AQ_CREATE_TX_QUEUE.queuePageListId, 0);
      s.setUint16(at + AQ_CREATE_TX_QUEUE.txCompRingSize, 1024);
    };
    expect(driver.execute(ADMINQ_CREATE_TX_QUEUE, both(driver.fillCreateTx(queue), change))).toBe(ADMINQ_STATUS_PASSED);
    const rx = new MockRxQueue(driver.host, 0, RX, () => {});
    const list: FillCommand = (s, at) => s.setUint32(at + AQ_CREATE_RX_QUEUE.queuePageListId, 0);
    expect(driver.execute(ADMINQ_CREATE_RX_QUEUE, both(driver.fillCreateRx(rx), list))).toBe(ADMINQ_STATUS_PASSED);
  });

  const rx: [string, number, FillCommand][] = [
    [
      'a queue that cannot be',
      ADMINQ_STATUS_OUT_OF_RANGE,
      (s, at) => s.setUint32(at + AQ_CREATE_RX_QUEUE.queueId, 0xffffffff),
    ],
    ['a block that is not', ADMINQ_STATUS_INVALID_ARGUMENT, (s, at) => s.setUint32(at + AQ_CREATE_RX_QUEUE.ntfyId, 99)],
    [
      'a buffer ring of 100',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_RX_QUEUE.rxBuffRingSize, 100),
    ],
    [
      'a completion ring of 0',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_RX_QUEUE.rxRingSize, 0),
    ],
    [
      'buffers of 0',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_RX_QUEUE.packetBufferSize, 0),
    ],
    [
      'buffers of 16384',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_RX_QUEUE.packetBufferSize, 16384),
    ],
    [
      'header buffers not advertised',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint16(at + AQ_CREATE_RX_QUEUE.headerBufferSize, 128),
    ],
    [
      'resources out of reach',
      ADMINQ_STATUS_INVALID_ARGUMENT,
      (s, at) => s.setUint32(at + AQ_CREATE_RX_QUEUE.queueResourcesAddr, 7),
    ],
  ];
  it.each(rx)('refuses %s (rx)', (_, status, change) => {
    const driver = started();
    const queue = new MockRxQueue(driver.host, 0, RX, () => {});
    expect(driver.execute(ADMINQ_CREATE_RX_QUEUE, both(driver.fillCreateRx(queue), change))).toBe(status);
    expect(driver.execute(ADMINQ_CREATE_RX_QUEUE, driver.fillCreateRx(queue))).toBe(ADMINQ_STATUS_PASSED);
    expect(driver.execute(ADMINQ_CREATE_RX_QUEUE, driver.fillCreateRx(queue))).toBe(ADMINQ_STATUS_ALREADY_EXISTS);
  });

  it('accepts enable_rsc and merges nothing', () => {
    const { driver, nic } = makeCard();
    driver.start();
    driver.configureResources();
    const queue = new MockRxQueue(driver.host, 0, RX, () => {});
    const status = driver.execute(
      ADMINQ_CREATE_RX_QUEUE,
      both(driver.fillCreateRx(queue), (s, at) => s.setUint8(at + AQ_CREATE_RX_QUEUE.enableRsc, 1)),
    );
    expect(status).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().rxQueues[0].enableRsc).toBe(true);
  });

  it('without blocks make queue 0 of each direction, polled, and no other', () => {
    const { driver, port, nic } = makeCard({ defaultQueues: 1 });
    driver.start();
    driver.configureResources(0);
    const rx0 = driver.createRxQueue(0, RX);
    expect(
      driver.execute(ADMINQ_CREATE_RX_QUEUE, driver.fillCreateRx(new MockRxQueue(driver.host, 1, RX, () => {}))),
    ).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    rx0.post(8);
    port.push(tcpFrame({ payload: pattern(5) }));
    driver.settle();
    expect(rx0.poll()?.payload).toEqual(pattern(5));
    expect(nic.inspect().blocks).toEqual([]);
  });
});

describe('DESTROY_TX_QUEUE and DESTROY_RX_QUEUE', () => {
  it('refuse what does not exist', () => {
    const driver = started();
    for (const opcode of [ADMINQ_DESTROY_TX_QUEUE, ADMINQ_DESTROY_RX_QUEUE]) {
      expect(driver.destroyQueue(opcode, 0)).toBe(ADMINQ_STATUS_NOT_FOUND);
      expect(driver.destroyQueue(opcode, 0xffffffff)).toBe(ADMINQ_STATUS_NOT_FOUND);
    }
  });

  it('leave the rings alone from then on; frames for the queue are dropped and counted', () => {
    const { driver, port, rx, tx, nic, host } = cardUp();
    expect(driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0)).toBe(ADMINQ_STATUS_PASSED);
    expect(driver.destroyQueue(ADMINQ_DESTROY_TX_QUEUE, 0)).toBe(ADMINQ_STATUS_PASSED);
    for (const buffer of [rx[0].bufferRing, rx[0].completionRing, rx[0].buffers, tx[0].ring, tx[0].completionRing])
      host.unmap(buffer);
    port.push(tcpFrame());
    rx[0].ring(5);
    tx[0].kick(5);
    driver.settle();
    expect(host.dma.faults).toBe(0);
    expect(nic.stats.device.rxNoQueue).toBe(1);
  });

  it('forget descriptors fetched ahead: the next queue may use the very same rings', () => {
    const { driver, port, rx, tx, nic } = cardUp();
    port.push(tcpFrame());
    driver.settle();
    driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0);
    const { bytes, base, length } = rx[0].completionRing.region;
    bytes.fill(0, base, base + length);
    for (let index = 0; index < 4; index++) rx[0].writeDescriptor(index, 40 + index);
    driver.require(ADMINQ_CREATE_RX_QUEUE, driver.fillCreateRx(rx[0]));
    rx[0].ring(4);
    port.push(tcpFrame());
    driver.settle();
    expect(rx[0].completionRing.region.view.getUint16(base + RX_COMPLETION_DESC.bufId, true)).toBe(40);

    const [first, second] = [tcpFrame({ payload: pattern(1) }), tcpFrame({ payload: pattern(2) })];
    tx[0].send({ pieces: [first] }, { pieces: [first] }, { pieces: [first] });
    nic.run(1);
    driver.destroyQueue(ADMINQ_DESTROY_TX_QUEUE, 0);
    port.takeAll();
    tx[0].tail = 0;
    tx[0].push({ pieces: [second] });
    driver.require(ADMINQ_CREATE_TX_QUEUE, driver.fillCreateTx(tx[0]));
    tx[0].kick();
    driver.settle();
    expect(port.takeAll()).toEqual([second]);
  });

  it('make room for a fresh queue: index 0, generation 1, no tail from before', () => {
    const { driver, port, rx } = cardUp({}, { entries: 16 });
    for (let n = 0; n < 20; n++) {
      port.push(tcpFrame({ payload: pattern(9, n) }));
      driver.settle();
      rx[0].poll();
      rx[0].post(1);
    }
    driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0);
    const fresh = driver.createRxQueue(0, { entries: 16, packetBufferBytes: 2048, headerBufferBytes: 256 });
    port.push(tcpFrame({ payload: pattern(9) }));
    driver.settle();
    // The old tail was not 0; with it the card would have read the new ring before anything was posted.
    expect(fresh.poll()).toBeNull();
    const sender = driver.createTxQueue(1, 64);
    for (let n = 0; n < 3; n++) sender.send({ pieces: [tcpFrame()], tag: n });
    driver.settle();
    driver.destroyQueue(ADMINQ_DESTROY_TX_QUEUE, 1);
    const again = driver.createTxQueue(1, 64);
    driver.settle();
    expect(again.pollAll()).toEqual([]);
    again.send({ pieces: [tcpFrame()], tag: 7 });
    driver.settle();
    expect(again.pollAll().map((done) => done.value)).toEqual([7]);
    fresh.post(4);
    port.push(tcpFrame({ payload: pattern(9) }));
    driver.settle();
    expect(fresh.poll()?.payload).toEqual(pattern(9));
  });
});
