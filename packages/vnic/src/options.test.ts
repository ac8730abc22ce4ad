import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import { OPTION_ID_JUMBO_FRAMES } from './abi/index.ts';
import { createNic, type NicOptions } from './index.ts';
import { createMockDriver, FlatHost } from './mock/index.ts';

describe('options', () => {
  it.each<[string, Partial<NicOptions>]>([
    ['maxQueues', { maxQueues: 0 }],
    ['maxQueues', { maxQueues: 257 }],
    ['defaultQueues', { maxQueues: 2, defaultQueues: 3 }],
    ['ringEntries', { ringEntries: 1000 }],
    ['ringEntries', { ringEntries: 8192 }],
    ['maxRingEntries', { maxRingEntries: 65536 }],
    ['minRingEntries', { minRingEntries: 2048 }],
    ['packetBufferBytes', { packetBufferBytes: 3000 }],
    ['headerBufferBytes', { headerBufferBytes: 1024 }],
    ['maxMtu', { maxMtu: 67 }],
    ['maxFlowRules', { maxFlowRules: -1 }],
    ['linkSpeedMbps', { linkSpeedMbps: 0.5 }],
    ['mac', { mac: new Uint8Array(5) }],
    ['mac', { mac: Uint8Array.of(1, 0, 0, 0, 0, 1) }],
  ])('that cannot be are refused by name: %s', (name, options) => {
    expect(() => makeCard(options)).toThrow(new RegExp(`nic: ${name} `));
  });

  it('offer the MTU that port and slots can carry, at most 8896', () => {
    const offered = (mtu: number, slotBytes: number) => {
      const { driver } = makeCard({ mtu, slotBytes, slotCount: 16 });
      driver.start();
      return driver.describe().options.get(OPTION_ID_JUMBO_FRAMES)?.getUint16(4);
    };
    expect(offered(1500, 2048)).toBe(1500);
    expect(offered(9000, 2048)).toBe(2048 - 22);
    expect(offered(9000, 16384)).toBe(8896);
  });

  it('say what cannot be carved', () => {
    const memory = new LinearMemory(1 << 16);
    const port = createScriptedPort(new FrameSlots(memory, { count: 8, slotBytes: 2048 }));
    const host = new FlatHost({ memory: new LinearMemory(1 << 20), ramBytes: 1 << 16 });
    expect(() => createNic(host, { port, memory })).not.toThrow();
    expect(() => createNic(host, { port, memory, maxQueues: 256 })).toThrow(RangeError);
  });

  it('work with frames in another memory than the scratch: checksums and moves included', () => {
    const frames = new LinearMemory(1 << 20);
    const port = createScriptedPort(new FrameSlots(frames, { count: 8, slotBytes: 2048 }));
    const host = new FlatHost({ ramBytes: 4 << 20 });
    const nic = createNic(host, { port, memory: new LinearMemory(1 << 20), maxQueues: 1 });
    const driver = createMockDriver(nic, host);
    driver.start();
    driver.configureResources();
    const rx = driver.createRxQueue(0, { entries: 512, packetBufferBytes: 2048, headerBufferBytes: 256 });
    const tx = driver.createTxQueue(0, 256);
    rx.post(8);
    const good = tcpFrame({ payload: pattern(501) });
    port.push(good);
    const unsummed = good.slice();
    unsummed[14 + 20 + 16] ^= 0xff;
    tx.send({ pieces: [unsummed], checksum: true });
    driver.settle();
    expect(rx.poll()).toMatchObject({ frame: good, completions: [{ l3L4Processed: true, csumL4Err: false }] });
    expect(port.takeAll()).toEqual([good]);
  });

  it('identify the card as drivers look for it', () => {
    const { nic } = makeCard({ maxQueues: 16 });
    expect(nic.pci).toMatchObject({ vendor: 0x1ae0, device: 0x42, revision: 0, classCode: 0x020000, msixVectors: 33 });
    expect(nic.pci.bars.map((bar) => bar.size)).toEqual([4096, 65536, 65536]);
  });
});
