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

/** Linux by version, and the merged packets that its driver asked for: only 7.3 makes its queues with enable_rsc. */
const RECORDINGS = [
  ['7.3.4', 1],
  ['6.18.15', 0],
  ['6.12.117', 0],
] as const;

describe('what unmodified kernels did with the card', () => {
  it.each(RECORDINGS)(
    'Linux %s finds registers, interrupts and frames as recorded, from probe to remove',
    (version, rsc) => {
      const path = new URL(`../test/recordings/linux-${version}.txt`, import.meta.url);
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
      expect(stats.device).toMatchObject({ commandsRefused: 0, faults: 0, rxNoQueue: 0, rxRunts: 0 });
      expect(stats.device.commands).toBeGreaterThan(50);
      const total = (of: (queue: (typeof stats.rx)[0]) => number): number => of(stats.rx[0]) + of(stats.rx[1]);
      expect(total(({ rscPackets }) => rscPackets)).toBe(rsc);
      const merged = total(({ rscSegments, rscPackets }) => rscSegments - rscPackets);
      expect(total(({ packets }) => packets) + merged).toBe(received);
      expect(total(({ split }) => split)).toBeGreaterThan(0);
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
    },
  );
});
