/** A card on a flat host with a scripted port, brought up as a test wants it. */
import { createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic, type Nic, type NicFunction, type NicHost, type NicOptions } from '../src/index.ts';
import { createMockDriver, FlatHost, type MockDriver, type MockRxQueue, type MockTxQueue } from '../src/mock/index.ts';

export interface CardOptions extends Partial<NicOptions> {
  mtu?: number;
  slotBytes?: number;
  slotCount?: number;
  /** The port takes super-frames. */
  portSuperFrames?: boolean;
  ramBytes?: number;
  /** Puts something between card and host, such as a delay. */
  between?: (host: NicHost) => { host: NicHost; attach: (nic: Nic) => NicFunction };
  memory?: LinearMemory;
}

export interface CardFixture {
  memory: LinearMemory;
  host: FlatHost;
  port: ScriptedPort;
  nic: Nic;
  driver: MockDriver;
}

/** A card with 4 queue pairs and rings from 16 entries, its driver not started. */
export function makeCard(options: CardOptions = {}): CardFixture {
  const { mtu = 1500, slotBytes = 2048, slotCount = 256, ramBytes = 8 << 20, between, ...rest } = options;
  const { portSuperFrames = false, ...nicOptions } = rest;
  const memory = options.memory ?? new LinearMemory(ramBytes + slotBytes * slotCount + (1 << 20));
  const slots = new FrameSlots(memory, { count: slotCount, slotBytes });
  const port = createScriptedPort(slots, { mtu, superFrames: portSuperFrames });
  const host = new FlatHost({ memory, ramBytes });
  const middle = between?.(host);
  const nic = createNic(middle?.host ?? host, { maxQueues: 4, minRingEntries: 16, ...nicOptions, port, memory });
  const driver = createMockDriver(middle?.attach(nic) ?? nic, host);
  return { memory, host, port, nic, driver };
}

export interface UpOptions {
  queues?: number;
  entries?: number;
  packetBufferBytes?: number;
  headerBufferBytes?: number;
  enableRsc?: boolean;
  /** Buffers posted on every receive queue; default all. */
  post?: number;
}

export interface UpFixture extends CardFixture {
  rx: MockRxQueue[];
  tx: MockTxQueue[];
}

/** The same, with resources configured and queues made, receive buffers posted, every block armed. */
export function cardUp(card: CardOptions = {}, up: UpOptions = {}): UpFixture {
  const { queues = 1, entries = 64, packetBufferBytes = 2048, headerBufferBytes = 0, enableRsc = false } = up;
  // The table of a fresh card spreads over its default queues: those that the test makes.
  const fixture = makeCard({ defaultQueues: queues, ...card });
  const { driver } = fixture;
  driver.start();
  driver.configureResources();
  const tx: MockTxQueue[] = [];
  const rx: MockRxQueue[] = [];
  for (let id = 0; id < queues; id++) tx.push(driver.createTxQueue(id, entries));
  for (let id = 0; id < queues; id++)
    rx.push(driver.createRxQueue(id, { entries, packetBufferBytes, headerBufferBytes, enableRsc }));
  for (const queue of rx) queue.post(up.post ?? entries);
  for (let block = 0; block < driver.blocks; block++) driver.writeBlock(block);
  driver.settle();
  return { ...fixture, rx, tx };
}
