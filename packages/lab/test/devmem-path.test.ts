// What a devmem receive must do whatever the sizes, the pressure and the order in which things end.

import { programs } from '@netmem/dmabuf';
import { EAGAIN } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPair, type DmabufOptions, type HostOptions, type Pair } from '../src/index.ts';
import { DevmemStream, distinctBytes, settle } from './devmem-stream.ts';

const NIOV_BYTES = 4096;

function devmemPair(dmabuf: DmabufOptions = { bytes: 2 ** 20 }, host: Partial<HostOptions> = {}): Pair {
  return createPair({ host: { ...host, dmabuf } });
}

describe('payload of every size', () => {
  it.each(['coherent', 'non-coherent', 'swiotlb'] as const)(
    '1 to 1448 bytes, not one linear (%s)',
    { timeout: 120_000 },
    (dmaMode) => {
      const pair = devmemPair({ bytes: 2 ** 20 }, { dmaMode });
      const stream = new DevmemStream(pair);
      const bytes = distinctBytes(1448);
      for (let length = 1; length <= 1448; length++) {
        expect(stream.transfer(bytes.subarray(1448 - length)), `${length} bytes`).toBe(-1);
      }
      expect(stream.linearBytes).toBe(0);
      expect(stream.devmemBytes).toBe((1448 * 1449) / 2);
      stream.close();
      expect(pair.close()).toEqual([]);
    },
  );
});

describe('exhaustion', () => {
  it('64 net_iovs, 400,000 bytes, nothing returned; then everything, and every byte is there', {
    timeout: 60_000,
  }, () => {
    const pair = devmemPair({ bytes: 64 * NIOV_BYTES });
    const stream = new DevmemStream(pair, { receiveBuffer: 2 ** 20 });
    const bytes = distinctBytes(400_000);
    const program = programs.compare(bytes);
    let sent = 0;
    const hoard = (): boolean => {
      sent += Math.max(0, stream.send(bytes.subarray(sent)));
      while (stream.receive() > 0);
      return false;
    };
    pair.run({ until: hoard, timeoutNs: 5e9 });
    // Every net_iov is out: with the application, or behind a hole that only a retransmission could close.
    expect(pair.host.devmem.bindings()[0]?.niovsOut).toBe(64);
    expect(stream.held.length).toBeGreaterThan(32);
    expect(stream.receive()).toBe(-EAGAIN);
    const before = stream.devmemBytes;
    pair.run({ until: hoard, timeoutNs: 5e9 });
    expect(stream.devmemBytes).toBe(before);

    const recovered = pair.run({
      timeoutNs: 300e9,
      until: () => {
        hoard();
        stream.feed(program);
        stream.returnTokens();
        return stream.devmemBytes === bytes.length;
      },
    });
    expect(recovered).toBe(true);
    expect(program.result()).toEqual({ mismatchAt: -1, comparedBytes: 400_000 });
    expect(stream.linearBytes).toBe(0);
    stream.close();
    expect(pair.close()).toEqual([]);
  });
});

describe('teardown', () => {
  const steps = {
    socket: (stream: DevmemStream) => stream.closeHostSockets(),
    binding: (stream: DevmemStream) => stream.pair.host.unbind(),
    device: (stream: DevmemStream) => stream.pair.host.device.close(),
    driver: (stream: DevmemStream) => stream.pair.host.driver.remove(),
  };
  type Step = keyof typeof steps;
  const orders: Step[][] = [
    ['socket', 'binding', 'device', 'driver'],
    ['binding', 'socket', 'device', 'driver'],
    ['device', 'socket', 'binding', 'driver'],
    ['device', 'binding', 'driver', 'socket'],
    ['driver', 'binding', 'socket'],
    ['driver', 'socket', 'binding'],
    ['binding', 'driver', 'socket'],
    ['socket', 'driver', 'binding'],
  ];

  it.each(orders.map((order) => [order]))(
    'in the order %j, tokens held and bytes unread, leaves nothing',
    { timeout: 60_000 },
    (order) => {
      const pair = devmemPair();
      if (order[0] === 'device') {
        // As gve: no queue can be built while the interface is down, and unbind warns of every errno but ENETDOWN.
        pair.host.machine.log.expect('eth0: restart of rx queue 1 without its provider failed: -11');
      }
      const stream = new DevmemStream(pair);
      const bytes = distinctBytes(100_000);
      let sent = 0;
      pair.run({
        until: () => {
          sent += Math.max(0, stream.send(bytes.subarray(sent)));
          return sent === bytes.length && stream.receive() > 0 && stream.held.length > 3;
        },
      });
      expect(stream.held.length).toBeGreaterThan(3);
      for (const step of order) {
        steps[step](stream);
        pair.run();
      }
      stream.closePeerSocket();
      settle(pair);
      settle(pair);
      // The peer is told that nobody answers any more; its side of the connection times out.
      pair.run({ until: () => pair.peer.stack.audit().length === 0, timeoutNs: 1200e9 });
      expect(pair.close()).toEqual([]);
    },
  );
});

describe('any stream', () => {
  it('arrives whole in device memory, over any cable', { timeout: 120_000 }, () => {
    const rate = fc.double({ min: 0, max: 0.05, noNaN: true });
    const shape = fc.record({
      length: fc.integer({ min: 1, max: 60_000 }),
      // Fewer net_iovs than a receive buffer's worth can all end up behind a hole, and none is left for its retransmission: on Linux too.
      niovs: fc.integer({ min: 48, max: 128 }),
      loss: rate,
      reorder: rate,
      duplicate: rate,
      corrupt: rate,
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ length, niovs, seed, ...faults }) => {
        const pair = createPair({
          host: { dmabuf: { bytes: niovs * NIOV_BYTES }, ramBytes: 32 * 2 ** 20 },
          peer: { ramBytes: 32 * 2 ** 20 },
          cable: { latencyNs: 50_000, ...faults },
          seed,
        });
        const stream = new DevmemStream(pair);
        expect(stream.transfer(distinctBytes(length))).toBe(-1);
        expect(stream.linearBytes).toBe(0);
        stream.close();
        settle(pair);
        expect(pair.close()).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
