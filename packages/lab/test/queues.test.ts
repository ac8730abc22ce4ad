// Several receive queues, each with a NAPI instance of its own: flows with a rule stay on theirs, packets of many buffers are put together there.

import type { Napi } from '@netmem/netdev';
import { SO, SOL_SOCKET } from '@netmem/uapi';
import { describe, expect, it, vi } from 'vitest';
import { createPair, type Pair } from '../src/index.ts';
import { Traffic } from './faults/traffic.ts';

const BYTES = 200_000;
const QUEUES = 8;

function napiIdOf({ host }: Pair, fd: number): number {
  const value = new Uint8Array(4);
  host.stack.sockets.getsockopt(fd, SOL_SOCKET, SO.INCOMING_NAPI_ID, value);
  return new DataView(value.buffer).getInt32(0, true);
}

function manyQueues(cable: { mtu?: number; latencyNs: number }, hwGro: boolean): Pair {
  const bound = Array.from({ length: QUEUES - 1 }, (_, i) => i + 1);
  const host = { queues: QUEUES, ringEntries: 512, hwGro, dmabuf: { bytes: QUEUES * 512 * 4096, queues: bound } };
  return createPair({ host, cable });
}

describe('seven bound queues with a flow each', () => {
  it.each([1500, 9000])('each flow through its own queue, ring and NAPI instance, MTU %i', (mtu) => {
    const pair = manyQueues({ mtu, latencyNs: 1e4 }, true);
    const { device, driver } = pair.host;
    const traffic = new Traffic(pair, { connections: QUEUES - 1, bytes: BYTES, receiveBuffer: 65_536 });
    const before = driver.rxStats.map(({ bytes }) => bytes);
    traffic.runToEnd();
    traffic.expectIntact();
    const napis = device.rxQueues.slice(0, QUEUES).map(({ napi }) => napi?.id);
    expect(new Set(napis).size).toBe(QUEUES);
    expect(traffic.flows.map(({ stream }) => napiIdOf(pair, stream.fd))).toEqual(napis.slice(1));
    const received = driver.rxStats.map(({ bytes }, i) => bytes - (before[i] as number));
    expect(received[0]).toBe(0);
    for (const bytes of received.slice(1)) {
      // Payload, and the headers of what the card merged.
      expect(bytes).toBeGreaterThan(BYTES);
      expect(bytes).toBeLessThan(1.1 * BYTES);
    }
    traffic.close();
  });

  it('flows without a rule are spread over the others', () => {
    const pair = createPair({ host: { queues: QUEUES, dmabuf: { bytes: 2 ** 22 } }, cable: { latencyNs: 1e4 } });
    const traffic = new Traffic(pair, { connections: 20, bytes: 20_000, receiveBuffer: 30_000, steered: false });
    traffic.runToEnd();
    traffic.expectIntact(traffic.total);
    const used = pair.host.driver.rxStats.map(({ packets }) => packets > 5);
    expect(used[QUEUES - 1]).toBe(false);
    expect(used.filter((isUsed) => isUsed).length).toBeGreaterThan(3);
    traffic.close();
  });
});

describe('packets of several buffers', () => {
  it('an MTU of 9000 takes three net_iovs a packet, each filled but the last', () => {
    const pair = createPair({
      host: { hwGro: false, dmabuf: { bytes: 2 ** 22 } },
      cable: { mtu: 9000, latencyNs: 1e4 },
    });
    const traffic = new Traffic(pair, { bytes: 8948 * 50, receiveBuffer: 500_000 });
    traffic.returning = false;
    traffic.runToEnd();
    const [{ stream }] = traffic.flows as [Traffic['flows'][0]];
    const lengths = stream.held.map(({ length }) => length);
    expect(stream.devmemBytes).toBe(8948 * 50);
    expect(lengths.filter((length) => length === 4096).length).toBeGreaterThanOrEqual(2 * 49);
    // 8948 = 2 * 4096 + 756.
    expect(lengths.filter((length) => length === 756).length).toBeGreaterThanOrEqual(49);
    expect(pair.host.driver.rxStats[1]?.continuationBuffers).toBeGreaterThanOrEqual(2 * 49);
    stream.returnTokens();
    traffic.expectIntact();
    traffic.close();
  });

  it('64 KiB that the card merged fill seventeen, and go on behind them', () => {
    const pair = createPair({ host: { dmabuf: { bytes: 2 ** 23 } }, cable: { superFrames: true, latencyNs: 1e4 } });
    const traffic = new Traffic(pair, { bytes: 3_000_000, receiveBuffer: 2 ** 21 });
    traffic.runToEnd();
    traffic.expectIntact();
    const queue = pair.host.driver.rxStats[1];
    expect(queue?.continuationBuffers).toBeGreaterThan(500);
    expect(queue?.hwGroPackets).toBeGreaterThan(30);
    traffic.close();
  });
});

describe('interrupts', () => {
  /** Interrupts of the bound queue for one stream. */
  function interruptsOf(interruptModeration: boolean): number {
    const pair = createPair({
      host: { interruptModeration, hwGro: false, dmabuf: { bytes: 2 ** 22 } },
      cable: { latencyNs: 1e4, bandwidthBitsPerSecond: 1e9 },
    });
    const { ethtool, device } = pair.host;
    expect(ethtool.setCoalesce(device, { rxCoalesceUsecs: 200 })).toBe(0);
    const { napi } = device.rxQueues[1] as { napi: Napi };
    const scheduled = vi.spyOn(napi, 'schedule');
    const traffic = new Traffic(pair, { bytes: 1_000_000, receiveBuffer: 500_000 });
    traffic.runToEnd();
    traffic.expectIntact();
    traffic.close();
    return scheduled.mock.calls.length;
  }

  it('come seldom from a card that keeps to its interval', () => {
    const moderated = interruptsOf(true);
    expect(moderated).toBeGreaterThan(10);
    expect(moderated).toBeLessThan(interruptsOf(false) / 4);
  });
});
