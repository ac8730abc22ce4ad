// Packets larger than a wire's: jumbo frames, segments that the card merges, super-frames that nobody cuts.

import { programs } from '@netmem/dmabuf';
import { Work } from '@netmem/machine';
import { NETIF_F, queueStats } from '@netmem/netdev';
import { connect, createListener } from '@netmem/tcp';
import { describe, expect, it } from 'vitest';
import { createPair, type Pair, type PairOptions } from '../src/index.ts';

const PORT = 5201;

function stream(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 3) & 0xff);
}

interface Transfer {
  devmem: number;
  linear: number;
  mismatchAt: number;
  frags: number;
}

/** The peer writes, the host receives into device memory. */
async function receive(pair: Pair, bytes: Uint8Array<ArrayBuffer>, address: string): Promise<Transfer> {
  const device = pair.host.memory?.device;
  if (device == null) throw new Error('no device memory');
  const program = programs.compare(bytes);
  const seen = { devmem: 0, linear: 0, frags: 0 };
  const serve = async (): Promise<void> => {
    await using listener = createListener(pair.host.stack, { port: PORT, address });
    for await (const connection of listener) {
      for await (using batch of connection.frags()) {
        for (let i = 0; i < batch.count; i++) {
          device.feed(program, batch.offset[i] as number, batch.size[i] as number);
          seen.devmem += batch.size[i] as number;
          seen.frags++;
        }
        seen.linear += batch.linear.length;
      }
      await connection.close();
      break;
    }
  };
  const send = async (): Promise<void> => {
    const connection = await connect(pair.peer.stack, { address, port: PORT });
    await connection.write(bytes);
    await connection.close();
  };
  await pair.drive(Promise.all([serve(), send()]));
  return { ...seen, mismatchAt: program.result().mismatchAt };
}

const merged = (pair: Pair): { packets: number; wire: number } => {
  const all = queueStats(pair.host.device);
  if (typeof all === 'number') throw new Error(`${all}`);
  const sum = (name: string): number => all.reduce((total, { stats }) => total + (stats[name] ?? 0), 0);
  return { packets: sum('rx-hw-gro-packets'), wire: sum('rx-hw-gro-wire-packets') };
};

async function walk(options: PairOptions, length: number): Promise<{ pair: Pair; transfer: Transfer }> {
  const pair = createPair({ ...options, host: { dmabuf: { bytes: 4 * 2 ** 20 }, ...options.host } });
  pair.host.steer('10.0.0.1', PORT, 1);
  const transfer = await receive(pair, stream(length), '10.0.0.1');
  expect(transfer).toMatchObject({ devmem: length, linear: 0, mismatchAt: -1 });
  return { pair, transfer };
}

function finish(pair: Pair): void {
  pair.run({ until: () => false, timeoutNs: 70e9 });
  expect(pair.close()).toEqual([]);
}

const LENGTH = 3_000_000;

describe('large packets', () => {
  it('the card merges by default, and fragments are filled', async () => {
    const { pair, transfer } = await walk({}, LENGTH);
    const { packets, wire } = merged(pair);
    expect(wire).toBeGreaterThan((LENGTH / 1460) * 0.9);
    expect(wire / packets).toBeGreaterThan(4);
    // Nearly as many as pages are needed, where a fragment for each segment would be a lot more.
    expect(transfer.frags).toBeLessThan((LENGTH / 4096) * 1.6);
    finish(pair);
  });

  it('without hwGro every segment is a fragment', async () => {
    const { pair, transfer } = await walk({ host: { hwGro: false } }, LENGTH);
    expect(pair.host.device.features & NETIF_F.GRO_HW).toBe(0);
    expect(merged(pair)).toEqual({ packets: 0, wire: 0 });
    expect(transfer.frags).toBeGreaterThanOrEqual(Math.floor(LENGTH / 1460));
    finish(pair);
  });

  it.each([true, false])('an MTU of 9000, merged or not: %s', async (hwGro) => {
    const { pair } = await walk({ cable: { mtu: 9000 }, host: { hwGro } }, LENGTH);
    expect([pair.host.device.mtu, pair.peer.device.mtu]).toEqual([9000, 9000]);
    const { packets, wire } = merged(pair);
    if (hwGro) expect(wire / packets).toBeGreaterThan(2);
    // Segments are as long as the MTU allows.
    const frames = pair.cable.a.stats.rxFrames;
    expect(frames).toBeLessThan((LENGTH / 8900) * 1.3);
    finish(pair);
  });

  it('takes the smaller MTU of two hosts', async () => {
    const { pair } = await walk({ cable: { mtu: 9000 }, host: { mtu: 1500 } }, 300_000);
    expect(pair.host.device.mtu).toBe(1500);
    finish(pair);
  });

  it.each([true, false])('super-frames on a cable that carries them, merged or cut: %s', async (hwGro) => {
    const { pair } = await walk({ cable: { superFrames: true }, host: { hwGro } }, LENGTH);
    const { nic } = pair.host;
    const sent = pair.peer.nic.stats.tx.reduce((sum, queue) => sum + queue.superFrames, 0);
    expect(sent).toBeGreaterThan(0);
    const { packets, wire } = merged(pair);
    if (hwGro) expect(wire / packets).toBeGreaterThan(4);
    else expect([packets, nic.stats.device.rxCut]).toEqual([0, sent]);
    finish(pair);
  });

  it.each(['non-coherent', 'swiotlb'] as const)('all of it with %s DMA', async (dmaMode) => {
    const { pair } = await walk(
      { cable: { superFrames: true, mtu: 9000 }, host: { dmaMode }, peer: { dmaMode } },
      500_000,
    );
    finish(pair);
  });

  it('merging survives a wire that loses, reorders and doubles', async () => {
    const { pair } = await walk(
      { cable: { latencyNs: 1e5, loss: 0.02, reorder: 0.02, duplicate: 0.02, mtu: 4000 } },
      500_000,
    );
    expect(merged(pair).packets).toBeGreaterThan(0);
    finish(pair);
  });

  it('interrupts are moderated where the card keeps to it, and nothing is lost', async () => {
    const { pair } = await walk({ host: { interruptModeration: true }, peer: { interruptModeration: true } }, LENGTH);
    const { nic, ethtool, device } = pair.host;
    const coalesce = ethtool.getCoalesce(device);
    if (typeof coalesce === 'number') throw new Error(`${coalesce}`);
    const intervals = new Set(nic.inspect().blocks.map(({ intervalNs }) => intervalNs / 1000));
    expect(intervals).toContain(coalesce.rxCoalesceUsecs);
    finish(pair);
  });

  it('rx-gro-hw may change in mid-stream', async () => {
    const cable = { latencyNs: 1e5, bandwidthBitsPerSecond: 1e9 };
    const pair = createPair({ host: { dmabuf: { bytes: 4 * 2 ** 20 } }, cable });
    pair.host.steer('10.0.0.1', PORT, 1);
    const { ethtool, device, machine } = pair.host;
    let changes = 0;
    const work = new Work(() => {
      expect(ethtool.setFeatures(device, { 'rx-gro-hw': changes % 2 === 1 })).toBe(0);
      if (++changes < 6) machine.work.scheduleDelayed(work, 2e6);
    });
    machine.work.scheduleDelayed(work, 2e6);
    const transfer = await receive(pair, stream(LENGTH), '10.0.0.1');
    expect(transfer).toMatchObject({ devmem: LENGTH, linear: 0, mismatchAt: -1 });
    expect(changes).toBe(6);
    finish(pair);
  });
});
