import { readFileSync } from 'node:fs';
import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { SparseHost } from '../test/sparse-host.ts';
import { DEVICE_STATUS_LINK } from './abi/index.ts';
import { createNic } from './index.ts';

const RUN_BUDGET = 64;

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Who drove it, and what of that shows in the card's counters. Of 11 TCP frames, 7.3 had 5 merged; iPXE had none. */
const RECORDINGS = [
  { name: 'linux-7.3.4', commands: 59, split: 7, merged: 1 },
  { name: 'linux-6.18.15', commands: 59, split: 11, merged: 0 },
  { name: 'linux-6.12.117', commands: 58, split: 11, merged: 0 },
  { name: 'dpdk-25.11.4', commands: 12, split: 0, merged: 0 },
  { name: 'ipxe-2.0.0', commands: 13, split: 0, merged: 0 },
];

describe('what drivers that nobody here wrote did with the card', () => {
  it.each(RECORDINGS)('$name finds registers, interrupts and frames as recorded, from probe to remove', (recording) => {
    const path = new URL(`../test/recordings/${recording.name}.txt`, import.meta.url);
    const lines = readFileSync(path, 'utf8').split('\n');
    const memory = new LinearMemory(8 << 20);
    const port = createScriptedPort(new FrameSlots(memory, { count: 64, slotBytes: 2048 }), { mtu: 1500 });
    const host = new SparseHost();
    const nic = createNic(host, { port, memory, maxQueues: 2 });
    let received = 0;
    for (const [index, line] of lines.entries()) {
      const where = `line ${index + 1}: ${line.slice(0, 60)}`;
      const [kind, first, second, third] = line.split(' ');
      const [offset, size] = (second ?? '').split('/').map((text) => Number.parseInt(text, 16));
      switch (kind) {
        case 'w':
          nic.barWrite(Number(first), offset, size, Number.parseInt(third, 16));
          break;
        case 'r':
          expect(nic.barRead(Number(first), offset, size).toString(16), where).toBe(third);
          break;
        case 'm':
          host.store(Number.parseInt(first, 16), fromHex(second));
          break;
        case '<':
          received++;
          expect(port.push(fromHex(first)), where).toBe(true);
          break;
        case 'run':
          // What the round before left is not in the recording.
          expect([host.raised, port.transmitted], `before ${where}`).toEqual([[], 0]);
          nic.run(RUN_BUDGET);
          break;
        case 'i':
          expect(String(host.raised.shift()), where).toBe(first);
          break;
        case '>':
          expect(toHex(port.take() ?? new Uint8Array(0)), where).toBe(first);
          break;
        case 'reset':
          nic.reset();
      }
    }
    const { stats } = nic;
    const { commands, split, merged } = recording;
    expect(stats.device).toMatchObject({ commands, commandsRefused: 0, faults: 0, rxNoQueue: 0, rxRunts: 0 });
    const total = (of: (queue: (typeof stats.rx)[0]) => number): number => of(stats.rx[0]) + of(stats.rx[1]);
    expect(total((queue) => queue.rscPackets)).toBe(merged);
    expect(total((queue) => queue.split)).toBe(split);
    expect(total((queue) => queue.packets + queue.rscSegments - queue.rscPackets)).toBe(received);
    expect(stats.rx.map(({ dropped }) => dropped)).toEqual([0, 0]);
    expect(nic.inspect()).toMatchObject({
      deviceStatus: DEVICE_STATUS_LINK,
      adminqLive: false,
      configured: false,
      strayDoorbells: 0,
      rxQueues: [],
      txQueues: [],
      flowRules: 0,
    });
    expect(port.slots.inUse).toBe(0);
  });
});
