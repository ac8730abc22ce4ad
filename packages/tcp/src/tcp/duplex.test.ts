import { regionOf } from '@netmem/region';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectForAny, PATIENCE_MS } from '../../test/replayable.ts';
import { chance, pattern, read, TwoHosts } from '../../test/two-hosts.ts';
import type { TcpSock } from './tcp-sock.ts';

const conditions = fc.record({
  seed: fc.integer({ min: 1, max: 1e9 }),
  mtu: fc.constantFrom(300, 576, 1500, 9000),
  latencyNs: fc.constantFrom(1000, 100_000, 20_000_000),
  gro: fc.boolean(),
  offloads: fc.boolean(),
  loss: fc.constantFrom(0, 0.01, 0.05, 0.1),
  duplicate: fc.constantFrom(0, 0.1),
  reorder: fc.constantFrom(0, 0.1, 0.6),
  corrupt: fc.constantFrom(0, 0, 0.02),
  delayMaxNs: fc.constantFrom(100_000, 5_000_000, 400_000_000),
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  windowScaling: fc.boolean(),
  /** D-SACKs, tail loss probes and F-RTO: all that tells a wrong retransmission from a right one. */
  hints: fc.boolean(),
  ecn: fc.boolean(),
  congestion: fc.constantFrom('cubic', 'reno'),
  rcvbuf: fc.constantFrom(0, 5000, 20_000, 131_072),
  sndbuf: fc.constantFrom(0, 5000, 60_000),
  bytes: fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 60_000 })),
});

/** One direction of the conversation. */
interface Flow {
  readonly from: TcpSock;
  readonly to: TcpSock;
  readonly bytes: Uint8Array;
  readonly got: Uint8Array;
  sent: number;
  received: number;
  shut: boolean;
}

describe('both directions at once', () => {
  it(
    'arrive whole and end, whatever wire, options and buffers',
    () => {
      expectForAny(conditions, 40, (c) => {
        const random = chance(c.seed);
        const hosts = new TwoHosts({ mtu: c.mtu, gro: c.gro, latencyNs: c.latencyNs });
        for (const { stack, driver } of [hosts.a, hosts.b]) {
          stack.sysctl.tcpSack = c.sack;
          stack.sysctl.tcpTimestamps = c.timestamps;
          stack.sysctl.tcpWindowScaling = c.windowScaling;
          stack.sysctl.tcpEcn = c.ecn ? 1 : 0;
          stack.sysctl.tcpCongestionControl = c.congestion;
          if (!c.hints) Object.assign(stack.sysctl, { tcpDsack: false, tcpEarlyRetrans: 0, tcpFrto: 0 });
          if (!c.offloads) withoutOffloads(driver.netdev);
        }
        const { client, server } = hosts.connect({
          tune: (...socks) => {
            for (const sock of socks) {
              if (c.rcvbuf > 0) Object.assign(sock, { rcvbuf: c.rcvbuf, rcvbufLocked: true });
              if (c.sndbuf > 0) Object.assign(sock, { sndbuf: c.sndbuf, sndbufLocked: true });
            }
          },
        });
        // Without SACK and timestamps nothing measures a path on which all is sent twice; a worse wire can end the connection.
        const loss = c.sack || c.timestamps ? c.loss : Math.min(c.loss, 0.05);
        hosts.judge = (frame) => {
          if (random.float() < loss) return { copies: [] };
          if (random.float() < c.corrupt) frame[14 + random.below(frame.length - 14)] ^= 1 << random.below(8);
          const delay = random.float() < c.reorder ? random.below(c.delayMaxNs) : 0;
          const twice = random.float() < c.duplicate;
          return { copies: twice ? [delay, delay + random.below(c.delayMaxNs)] : [delay] };
        };
        const flows = [flow(client, server, pattern(c.bytes[0])), flow(server, client, pattern(c.bytes[1], 77))];
        // Readers wake up by themselves too: with everything read there may be no event to wait for.
        let awake = true;
        const wake = (): void => {
          if (awake) hosts.clock.schedule(hosts.clock.nowNs + 50e6, wake);
        };
        wake();
        hosts.run(() => flows.map((f) => move(f, (n) => random.below(n))).every(Boolean), 20_000e9);
        awake = false;
        for (const f of flows) {
          expect(f.received).toBe(f.bytes.length);
          expect(f.got).toEqual(f.bytes);
        }
        hosts.judge = null;
        client.close();
        server.close();
        expect(hosts.audit()).toEqual([]);
      });
    },
    PATIENCE_MS,
  );

  it('recover when each end took more than the other thinks it may, and finds its ACKs too old', () => {
    converse(300, 20_000, [8580, 42_121], 1);
  });

  it('recover when both ends had to take back windows that they offered', () => {
    // Buffers far too small for segments that cost a page each: the first flight is refused in part, both ways, with the same timing.
    const hosts = new TwoHosts({ mtu: 300, latencyNs: 20e6 });
    const { client, server } = hosts.connect({
      tune: (...socks) => {
        for (const sock of socks) Object.assign(sock, { rcvbuf: 5000, rcvbufLocked: true });
      },
    });
    const flows = [flow(client, server, pattern(20_000)), flow(server, client, pattern(20_000))];
    hosts.run(() => flows.map((f) => move(f, (n) => n - 1)).every(Boolean), 600e9);
    expect(flows.map((f) => f.received)).toEqual([20_000, 20_000]);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});

/** A whole conversation over a wire that loses nothing; reads and writes depend on how many frames there were. */
function converse(mtu: number, rcvbuf: number, bytes: readonly [number, number], seed: number): void {
  const random = chance(seed);
  const hosts = new TwoHosts({ mtu, latencyNs: 1000 });
  for (const { stack, driver } of [hosts.a, hosts.b]) {
    Object.assign(stack.sysctl, { tcpSack: false, tcpTimestamps: false, tcpWindowScaling: false, tcpEarlyRetrans: 0 });
    withoutOffloads(driver.netdev);
  }
  const { client, server } = hosts.connect({
    tune: (...socks) => {
      for (const sock of socks) Object.assign(sock, { rcvbuf, rcvbufLocked: true });
    },
  });
  hosts.judge = () => {
    for (let i = 0; i < 4; i++) random.float();
    return null;
  };
  const flows = [flow(client, server, pattern(bytes[0])), flow(server, client, pattern(bytes[1]))];
  let awake = true;
  const wake = (): void => {
    if (awake) hosts.clock.schedule(hosts.clock.nowNs + 50e6, wake);
  };
  wake();
  hosts.run(() => flows.map((f) => move(f, (n) => random.below(n))).every(Boolean), 600e9);
  awake = false;
  expect(flows.map((f) => f.received)).toEqual(bytes);
  client.close();
  server.close();
  expect(hosts.audit()).toEqual([]);
}

function flow(from: TcpSock, to: TcpSock, bytes: Uint8Array): Flow {
  return { from, to, bytes, got: new Uint8Array(bytes.length), sent: 0, received: 0, shut: false };
}

/** Writes and reads as much as goes. @returns whether all is there and the end was seen. */
function move(f: Flow, below: (n: number) => number): boolean {
  while (f.sent < f.bytes.length) {
    const n = f.from.sendFrom(regionOf(f.bytes), f.sent, Math.min(1 + below(20_000), f.bytes.length - f.sent), 0);
    if (n <= 0) break;
    f.sent += n;
  }
  if (f.sent === f.bytes.length && !f.shut) {
    f.from.shutdown(1);
    f.shut = true;
  }
  if (below(3) > 0) {
    const piece = read(f.to, 1 + below(50_000));
    f.got.set(piece, f.received);
    f.received += piece.length;
  }
  return f.received === f.bytes.length && f.to.done;
}

function withoutOffloads(netdev: TwoHosts['a']['driver']['netdev']): void {
  netdev.lock.lock();
  netdev.wantedFeatures = 0;
  netdev.updateFeatures();
  netdev.lock.unlock();
}
