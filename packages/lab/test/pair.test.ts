// Two hosts on a cable, through the awaiting layer.

import { programs } from '@netmem/dmabuf';
import { injectFaults, type Port, tracePort } from '@netmem/link';
import { type Connection, connect, createListener } from '@netmem/tcp';
import { POLL } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { createPair, type Pair, type PairOptions } from '../src/index.ts';

const HOST = '10.0.0.1';
const PORT = 5201;

function stream(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

/** Sends `bytes` from the peer, receives into the host's device memory, and returns what came where. */
async function transfer(
  pair: Pair,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<{ devmem: number; linear: number; mismatchAt: number }> {
  const device = pair.host.memory?.device;
  if (device == null) throw new Error('no device memory');
  const program = programs.compare(bytes);
  const seen = { devmem: 0, linear: 0 };
  const receive = async (connection: Connection): Promise<void> => {
    for await (using batch of connection.frags()) {
      for (let i = 0; i < batch.count; i++) {
        device.feed(program, batch.offset[i] as number, batch.size[i] as number);
        seen.devmem += batch.size[i] as number;
      }
      seen.linear += batch.linear.length;
    }
    await connection.close();
  };
  const serve = async (): Promise<void> => {
    await using listener = createListener(pair.host.stack, { port: PORT });
    for await (const connection of listener) {
      await receive(connection);
      break;
    }
  };
  const send = async (): Promise<void> => {
    const connection = await connect(pair.peer.stack, { address: HOST, port: PORT });
    await connection.write(bytes);
    await connection.close();
  };
  await pair.drive(Promise.all([serve(), send()]));
  return { ...seen, mismatchAt: program.result().mismatchAt };
}

async function walk(options: PairOptions, length: number): Promise<void> {
  const pair = createPair({ ...options, host: { dmabuf: { bytes: 2 ** 20 }, ...options.host } });
  pair.host.steer(HOST, PORT, (pair.host.device.realNumRxQueues ?? 2) - 1);
  expect(await transfer(pair, stream(length))).toEqual({ devmem: length, linear: 0, mismatchAt: -1 });
  // TIME_WAIT on the side that closed first.
  pair.run({ until: () => false, timeoutNs: 70e9 });
  expect(pair.close()).toEqual([]);
}

describe('a pair of hosts', () => {
  it.each([1, 999, 1448, 1449, 100_000, 1_000_000])('moves %i bytes into device memory', (length) => walk({}, length));

  it('does so with non-coherent DMA', () =>
    walk({ host: { dmaMode: 'non-coherent' }, peer: { dmaMode: 'non-coherent' } }, 200_000));

  it('does so through swiotlb', () => walk({ host: { dmaMode: 'swiotlb' }, peer: { dmaMode: 'swiotlb' } }, 200_000));

  it('does so on a cable with a latency', () =>
    walk({ cable: { latencyNs: 1e6, bandwidthBitsPerSecond: 1e9 } }, 200_000));

  it('does so on a cable that loses, reorders and doubles', () =>
    walk({ cable: { latencyNs: 1e5, loss: 0.02, reorder: 0.02, duplicate: 0.02 } }, 200_000));

  it('does so through slow buses', () => walk({ host: { busDelayNs: 50_000 }, peer: { busDelayNs: 50_000 } }, 200_000));

  it('is pumped by either host', () => {
    const pair = createPair({ cable: { latencyNs: 1e5 } });
    const { sockets } = pair.host.stack;
    const listener = sockets.socket(2, 1);
    sockets.bind(listener, HOST, PORT);
    sockets.listen(listener, 1);
    const client = pair.peer.stack.sockets.socket(2, 1);
    pair.peer.stack.sockets.connect(client, HOST, PORT);
    expect(pair.peer.machine.run({ until: () => (sockets.poll(listener) & POLL.IN) !== 0 })).toBe(true);
    for (const fd of [sockets.accept(listener), listener]) sockets.close(fd);
    pair.peer.stack.sockets.close(client);
    // The host has timers that fall due while the peer alone is taken down.
    pair.peer.close();
    const quiet = (): boolean => pair.host.stack.audit().length + pair.peer.stack.audit().length === 0;
    expect(pair.run({ until: quiet, timeoutNs: 3600e9 })).toBe(true);
    expect(pair.close()).toEqual([]);
  });

  it('plugs its cards into what stands before each end of the cable', async () => {
    const seen: string[] = [];
    const wrapPort = (port: Port, name: string): Port => {
      seen.push(name);
      return tracePort(port, () => seen.push(`${name} frame`));
    };
    await walk({ wrapPort }, 1000);
    expect(seen.slice(0, 2)).toEqual(['host', 'peer']);
    expect(seen.filter((entry) => entry === 'host frame').length).toBeGreaterThan(3);
    expect(seen.filter((entry) => entry === 'peer frame').length).toBeGreaterThan(3);
  });

  it('reaches a host only through what stands before its card', () => {
    const pair = createPair({
      wrapPort: (port, name) => (name === 'peer' ? injectFaults(port, { rules: [{ action: 'drop' }] }) : port),
    });
    const { sockets } = pair.peer.stack;
    const fd = sockets.socket(2, 1);
    sockets.connect(fd, HOST, PORT);
    pair.run({ until: () => false, timeoutNs: 5e9 });
    expect(pair.host.nic.stats.device.rxFrames).toBe(0);
    sockets.close(fd);
    expect(pair.close()).toEqual([]);
  });
});
