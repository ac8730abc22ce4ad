import type { ScriptedPort } from '@netmem/link';
import { composeFrame, decodeFrame, tcp } from '@netmem/wire';
import {
  ADMINQ_CREATE_RX_QUEUE,
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_DESTROY_TX_QUEUE,
  ADMINQ_REPORT_STATS,
  ADMINQ_STATUS_NOT_FOUND,
  ADMINQ_STATUS_PASSED,
  AQ_REPORT_STATS,
  DEVICE_STATUS_LINK,
  DEVICE_STATUS_RESET,
  IRQ_DOORBELL_ENABLE,
  IRQ_DOORBELL_INTERVAL_SHIFT,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
  REG_DEVICE_STATUS,
  REG_MAX_RX_QUEUES,
  REG_MAX_TX_QUEUES,
  TX_COMPLETION_TYPE_DESC,
  TX_COMPLETION_TYPE_PACKET,
  writeU64be,
} from '../abi/index.ts';
import type { NicOptions } from '../options.ts';
import type { FlatBuffer, FlatHost } from './flat-host.ts';
import type { MockDriver } from './mock-driver.ts';
import type { MockRxQueue, MockRxQueueOptions } from './mock-rx-queue.ts';
import type { MockTxQueue } from './mock-tx-queue.ts';

const ENTRIES = 64;
const BUFFER_BYTES = 2048;
const HEADER_BYTES = 256;
const TCP_HEADERS = 54;
const MSS = 1448;

/** How the card of a {@link TransportScenario} is made; its port takes 1500 bytes and has 256 slots. */
export const SCENARIO_NIC_OPTIONS: Partial<NicOptions> = {
  maxQueues: 2,
  defaultQueues: 1,
  minRingEntries: 16,
  interruptModeration: true,
};

/** A card, whatever lies between it and its driver, and the driver. */
export interface TransportUnderTest {
  readonly driver: MockDriver;
  /** Where the driver's memory lies; its clock is the card's too. */
  readonly host: FlatHost;
  /** What the card is plugged into. */
  readonly port: ScriptedPort;
  /** Takes memory away from the card, as a guest that unmaps it. */
  unmap(buffer: FlatBuffer): void;
}

/** What a transport between card and driver has to let through, whole and in order. */
export interface TransportScenario {
  readonly name: string;
  /** @throws Error that says what was otherwise. */
  run(under: TransportUnderTest): void;
}

function expectSame(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is}, where ${should} was expected`);
}

function payloadOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) * 13 + seed * 31) & 255);
}

function segment(length: number, seed: number): Uint8Array {
  return composeFrame({
    ethernet: { source: '02:00:00:00:00:02', destination: '42:01:0a:00:00:01' },
    ipv4: { source: '10.0.0.2', destination: '10.0.0.1' },
    tcp: {
      sourcePort: 40000,
      destinationPort: 5201,
      sequence: seed * MSS,
      flags: tcp.ACK,
      payload: payloadOf(length, seed),
    },
  });
}

interface Up {
  readonly tx: MockTxQueue;
  readonly rx: MockRxQueue;
}

/** One queue pair, all buffers posted, every block armed. */
function bringUp({ driver }: TransportUnderTest, options: Partial<MockRxQueueOptions> = {}): Up {
  driver.start();
  driver.configureResources();
  const tx = driver.createTxQueue(0, ENTRIES);
  const rx = driver.createRxQueue(0, {
    entries: ENTRIES,
    packetBufferBytes: BUFFER_BYTES,
    headerBufferBytes: 0,
    ...options,
  });
  rx.post(ENTRIES);
  for (let block = 0; block < driver.blocks; block++) driver.writeBlock(block);
  driver.settle();
  return { tx, rx };
}

function probe({ driver }: TransportUnderTest): void {
  driver.start('GVE-1.0.0');
  expectSame(
    [REG_MAX_TX_QUEUES, REG_MAX_RX_QUEUES].map((at) => driver.readRegister(at)),
    [2, 2],
    'queues',
  );
  expectSame(driver.readRegister(REG_DEVICE_STATUS), DEVICE_STATUS_LINK, 'device_status');
  const { txQueueEntries, rxQueueEntries, mac } = driver.describe();
  expectSame([txQueueEntries, rxQueueEntries], [1024, 1024], 'rings of the device descriptor');
  expectSame([...mac], [0x42, 0x01, 0x0a, 0x00, 0x00, 0x01], 'MAC address');
  driver.configureResources();
  expectSame(driver.readRegister(REG_ADMINQ_EVENT_COUNTER), 2, 'commands executed');
  expectSame(driver.destroyQueue(ADMINQ_DESTROY_TX_QUEUE, 1), ADMINQ_STATUS_NOT_FOUND, 'a refused command');
}

function receive(under: TransportUnderTest): void {
  const { port, driver } = under;
  const { rx } = bringUp(under, { packetBufferBytes: 512 });
  for (let round = 0; round < 20; round++) {
    const frames = Array.from({ length: 10 }, (_, n) => segment((round * 97 + n * 141) % MSS, n));
    for (const frame of frames) port.push(frame);
    driver.settle();
    const packets = rx.pollAll();
    expectSame(
      packets.map(({ frame }) => [...frame]),
      frames.map((frame) => [...frame]),
      `round ${round}`,
    );
    rx.post(ENTRIES);
    driver.settle();
  }
}

function receiveSplit(under: TransportUnderTest): void {
  const { port, driver } = under;
  const { rx } = bringUp(under, { headerBufferBytes: HEADER_BYTES });
  for (const length of [0, 1, 100, MSS]) port.push(segment(length, length));
  driver.settle();
  const packets = rx.pollAll();
  expectSame(
    packets.map(({ header }) => header.length),
    Array(4).fill(TCP_HEADERS),
    'lengths of headers',
  );
  expectSame(
    packets.map(({ payload }) => payload.length),
    [0, 1, 100, MSS],
    'lengths of payload',
  );
  expectSame([...packets[3].payload], [...payloadOf(MSS, MSS)], 'payload');
}

function merge(under: TransportUnderTest): void {
  const { port, driver } = under;
  const { rx } = bringUp(under, { headerBufferBytes: HEADER_BYTES, enableRsc: true });
  for (let n = 0; n < 8; n++) port.push(segment(MSS, n));
  driver.settle();
  const packets = rx.pollAll();
  expectSame(packets.length, 1, 'merged packets');
  expectSame(packets[0].payload.length, 8 * MSS, 'merged payload');
  expectSame(packets[0].completions[0].rscSegLen, MSS, 'segment length');
}

function transmit(under: TransportUnderTest): void {
  const { port, driver } = under;
  const { tx } = bringUp(under);
  const frame = segment(300, 1);
  tx.send(
    { pieces: [frame.slice(0, 20), frame.slice(20)], tag: 3, generalContext: true, report: true },
    { pieces: [frame], tag: 4 },
  );
  driver.settle();
  expectSame(
    port.takeAll().map((bytes) => [...bytes]),
    [[...frame], [...frame]],
    'frames',
  );
  expectSame(
    tx.pollAll().map(({ type, value }) => [type, value]),
    [
      [TX_COMPLETION_TYPE_PACKET, 3],
      [TX_COMPLETION_TYPE_DESC, 3],
      [TX_COMPLETION_TYPE_PACKET, 4],
    ],
    'completions',
  );
  const long = segment(0, 0);
  const payload = payloadOf(5 * MSS - 7, 9);
  tx.send({ pieces: [long, payload], tag: 5, checksum: true, tso: { mss: MSS, headerLength: long.length } });
  driver.settle();
  const segments = port.takeAll().map((bytes) => decodeFrame(bytes)?.tcp?.payload ?? new Uint8Array(0));
  expectSame(
    segments.map(({ length }) => length),
    [MSS, MSS, MSS, MSS, MSS - 7],
    'segments',
  );
  expectSame(
    segments.flatMap((bytes) => [...bytes]),
    [...payload],
    'segmented payload',
  );
}

function interrupt(under: TransportUnderTest): void {
  const { port, driver, host } = under;
  const { rx } = bringUp(under);
  const vector = driver.blocks / 2;
  const push = (): void => {
    port.push(segment(10, 1));
    driver.settle(0);
  };
  push();
  push();
  expectSame(host.takeInterrupts(vector), 1, 'interrupts of a block that nobody armed again');
  driver.writeBlock(vector);
  driver.settle(0);
  expectSame(host.takeInterrupts(vector), 1, 'interrupts of a block that was pending when it was armed');
  driver.writeBlock(vector, IRQ_DOORBELL_ENABLE | (100 << IRQ_DOORBELL_INTERVAL_SHIFT));
  push();
  expectSame(host.takeInterrupts(vector), 1, 'interrupts of an armed block');
  driver.writeBlock(vector);
  push();
  expectSame(host.takeInterrupts(vector), 0, 'interrupts within the interval');
  driver.settle(200_000);
  expectSame(host.takeInterrupts(vector), 1, 'interrupts after the interval');
  expectSame(rx.pollAll().length, 4, 'packets');
}

function restartQueue(under: TransportUnderTest): void {
  const { port, driver } = under;
  const { rx } = bringUp(under);
  expectSame(driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0), ADMINQ_STATUS_PASSED, 'DESTROY_RX_QUEUE');
  port.push(segment(10, 1));
  driver.settle();
  expectSame(rx.pollAll().length, 0, 'packets of a queue that is gone');
  const again = driver.createRxQueue(0, { ...rx.options, headerBufferBytes: HEADER_BYTES });
  again.post(8);
  driver.settle();
  for (let n = 0; n < 12; n++) port.push(segment(n, n));
  driver.settle();
  expectSame(
    again.pollAll().map(({ payload }) => payload.length),
    [0, 1, 2, 3, 4, 5, 6, 7],
    'packets until buffers ran out',
  );
  again.post(8);
  driver.settle();
  port.push(segment(77, 7));
  driver.settle();
  expectSame(
    again.pollAll().map(({ payload }) => payload.length),
    [77],
    'packets when there were buffers again',
  );
}

function link(under: TransportUnderTest): void {
  const { port, driver, host } = under;
  const { rx } = bringUp(under);
  const management = driver.blocks;
  host.takeInterrupts(management);
  for (const up of [false, true]) {
    port.linkUp = up;
    driver.settle();
    expectSame(driver.readRegister(REG_DEVICE_STATUS), up ? DEVICE_STATUS_LINK : 0, 'device_status');
    expectSame(host.takeInterrupts(management), 1, 'management interrupts');
  }
  port.push(segment(10, 1));
  driver.settle();
  expectSame(rx.pollAll().length, 1, 'packets after the link came back');
}

function fault(under: TransportUnderTest): void {
  const { port, driver, host } = under;
  const { rx } = bringUp(under);
  host.takeInterrupts(driver.blocks);
  under.unmap(rx.buffers);
  port.push(segment(10, 1));
  driver.settle();
  expectSame(rx.pollAll().length, 0, 'packets in memory that was unmapped');
  const asked = driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET;
  expectSame(asked, DEVICE_STATUS_RESET, 'the bit that asks for a reset');
  expectSame(host.takeInterrupts(driver.blocks), 1, 'management interrupts');
  expectSame(driver.release(), true, 'the reset');
  expectSame(driver.readRegister(REG_DEVICE_STATUS), DEVICE_STATUS_LINK, 'device_status after the reset');
  const again = bringUp(under);
  port.push(segment(10, 1));
  driver.settle();
  expectSame(again.rx.pollAll().length, 1, 'packets after the reset');
}

function report(under: TransportUnderTest): void {
  const { driver, host } = under;
  bringUp(under);
  const area = host.allocate(512);
  driver.require(ADMINQ_REPORT_STATS, (slot, at) => {
    writeU64be(slot, at + AQ_REPORT_STATS.statsReportLen, 512);
    writeU64be(slot, at + AQ_REPORT_STATS.statsReportAddr, area.iova);
    writeU64be(slot, at + AQ_REPORT_STATS.interval, 1000);
  });
  driver.settle(1_100_000_000);
  const names = [64, 48, 32, 16].map((back) => area.region.view.getUint32(area.region.base + 512 - back));
  expectSame(names, [65, 66, 67, 68], "names of the card's half of the report");
  driver.require(ADMINQ_REPORT_STATS);
}

function reset({ driver }: TransportUnderTest): void {
  driver.start();
  driver.configureResources();
  driver.nic.reset();
  expectSame(driver.readRegister(REG_ADMINQ_PFN), 0, 'adminq_pfn after a function-level reset');
  driver.start();
  driver.configureResources();
  expectSame(driver.execute(ADMINQ_CREATE_RX_QUEUE) === ADMINQ_STATUS_PASSED, false, 'an empty CREATE_RX_QUEUE passed');
}

/**
 * What a driver and a card do with each other, start to end, written once for every transport that may lie between them: none,
 * one that delays, a machine's bus, a socket. Each scenario wants a card of its own, made with {@link SCENARIO_NIC_OPTIONS}.
 *
 * ```ts
 * for (const { name, run } of TRANSPORT_SCENARIOS) it(name, () => run(cardBehindMyTransport()));
 * ```
 */
export const TRANSPORT_SCENARIOS: readonly TransportScenario[] = [
  { name: 'registers and admin commands', run: probe },
  { name: 'frames in, over several buffers, over many laps of the rings', run: receive },
  { name: 'frames in, headers apart', run: receiveSplit },
  { name: 'frames in, merged', run: merge },
  { name: 'frames out, whole and segmented', run: transmit },
  { name: 'interrupts, armed, pending and moderated', run: interrupt },
  { name: 'a queue that goes and comes back, and one without buffers', run: restartQueue },
  { name: 'a link that goes and comes back', run: link },
  { name: 'memory that was unmapped, and the reset after it', run: fault },
  { name: 'a report that the card writes by itself', run: report },
  { name: 'a function-level reset', run: reset },
];
