import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { chance, pattern, TwoHosts, transfer } from '../../test/two-hosts.ts';
import { TCP_CA_LOSS, TCP_CA_OPEN } from './congestion.ts';
import { Cubic } from './cubic.ts';
import type { TcpSock } from './tcp-sock.ts';

/** A connection with a round trip of `rttMs` whose window is always the limit. */
function running(rttMs: number): { peer: ScriptedPeer; sock: TcpSock; cubic: Cubic } {
  const peer = new ScriptedPeer();
  const { sock } = peer.establish({ options: { mss: 1000 }, rttNs: rttMs * 1e6 });
  sock.cong.cwndLimited = true;
  return { peer, sock, cubic: sock.cong.control as Cubic };
}

/** Windows at the end of each of `rounds` round trips in which all of the window is acknowledged, segment by segment. */
function rounds(peer: ScriptedPeer, sock: TcpSock, rttMs: number, count: number): number[] {
  const windows: number[] = [];
  for (let round = 0; round < count; round++) {
    const { cwnd } = sock.cong;
    for (let i = 0; i < cwnd; i++) {
      peer.pass((rttMs * 1e6) / cwnd);
      sock.cong.control.pktsAcked(1, rttMs * 1000);
      sock.cong.control.congAvoid(1);
    }
    windows.push(sock.cong.cwnd);
  }
  return windows;
}

/** As a recovery does. */
function lose(sock: TcpSock): void {
  const { cong } = sock;
  cong.ssthresh = cong.control.ssthresh();
  cong.cwnd = cong.ssthresh;
  cong.cwndCnt = 0;
}

describe('CUBIC', () => {
  it('is what a fresh socket has', () => {
    const { sock } = running(10);
    expect(sock.cong.control).toBeInstanceOf(Cubic);
    expect(sock.stack.sysctl.tcpCongestionControl).toBe('cubic');
  });

  it('falls to seven tenths, never below two segments', () => {
    const { sock, cubic } = running(10);
    sock.cong.cwnd = 1000;
    expect(cubic.ssthresh()).toBe(700);
    sock.cong.cwnd = 2;
    expect(cubic.ssthresh()).toBe(2);
  });

  it('fast convergence: remembers less when the last window was not reached again', () => {
    const { sock, cubic } = running(10);
    sock.cong.cwnd = 1000;
    cubic.ssthresh();
    expect(cubic.lastMaxCwnd).toBe(1000);
    sock.cong.cwnd = 900;
    cubic.ssthresh();
    // (1 + 0.7) / 2 of 900.
    expect(cubic.lastMaxCwnd).toBe(765);
    sock.cong.cwnd = 800;
    cubic.ssthresh();
    expect(cubic.lastMaxCwnd).toBe(800);
  });

  it('comes back to the old window as the cubic function says: fast, then flat, then fast again', () => {
    const { peer, sock, cubic } = running(100);
    sock.cong.cwnd = 1000;
    lose(sock);
    expect(sock.cong.cwnd).toBe(700);
    // K = cbrt(300 / 0.4) = 9.1 s, which is 91 round trips, less the one that the target is ahead.
    const windows = rounds(peer, sock, 100, 130);
    expect(cubic.k / 1024).toBeCloseTo(9.08, 1);
    expect(cubic.originPoint).toBe(1000);
    const half = windows[45];
    // At half the time an eighth of the loss is left.
    expect(half).toBeGreaterThan(950);
    expect(half).toBeLessThan(970);
    expect(windows[90]).toBeGreaterThanOrEqual(998);
    expect(windows[90]).toBeLessThanOrEqual(1002);
    // Slowest at the plateau.
    expect(windows[95] - windows[85]).toBeLessThan(windows[15] - windows[5]);
    expect(windows[129] - windows[119]).toBeGreaterThan(windows[95] - windows[85]);
  });

  it('on a short path grows as Reno would, which is faster there', () => {
    const { peer, sock } = running(1);
    sock.cong.cwnd = 100;
    lose(sock);
    const windows = rounds(peer, sock, 1, 40);
    // One segment for 15/8 windows is what Reno with this reduction would do.
    expect(windows[39] - 70).toBeGreaterThanOrEqual(18);
    expect(windows[39] - 70).toBeLessThanOrEqual(24);
  });

  it('never grows faster than by half a segment for each that is acknowledged', () => {
    const { peer, sock, cubic } = running(100);
    sock.cong.cwnd = 10;
    lose(sock);
    peer.pass(1e9);
    cubic.congAvoid(1);
    peer.pass(3600e9);
    const before = sock.cong.cwnd;
    cubic.congAvoid(before);
    expect(cubic.cnt).toBe(2);
    expect(sock.cong.cwnd - before).toBeLessThanOrEqual(Math.ceil(before / 2));
  });

  it('without a loss yet, grows by one for 20 at the least', () => {
    const { sock, cubic } = running(10);
    sock.cong.ssthresh = 10;
    sock.cong.cwnd = 200;
    cubic.congAvoid(40);
    expect(cubic.cnt).toBe(20);
    expect(sock.cong.cwnd).toBe(202);
  });

  it('does not count the time in which nothing was sent', () => {
    const { peer, sock, cubic } = running(100);
    sock.cong.cwnd = 1000;
    lose(sock);
    rounds(peer, sock, 100, 5);
    const start = cubic.epochStartMs;
    sock.lsndTimeMs = sock.stack.nowMs;
    peer.pass(7e9);
    cubic.txStart();
    expect(cubic.epochStartMs - start).toBe(7000);
  });

  it('does not grow while the application is the limit', () => {
    const { sock, cubic } = running(10);
    sock.cong.cwndLimited = false;
    sock.cong.maxPacketsOut = 3;
    cubic.congAvoid(3);
    expect(sock.cong.cwnd).toBe(10);
  });

  it('forgets everything at a timeout', () => {
    const { peer, sock, cubic } = running(100);
    sock.cong.cwnd = 1000;
    lose(sock);
    rounds(peer, sock, 100, 20);
    expect(cubic.delayMinUs).toBe(100_000);
    sock.cong.setState(TCP_CA_LOSS);
    expect([cubic.lastMaxCwnd, cubic.k, cubic.delayMinUs, cubic.inEpoch]).toEqual([0, 0, 0, false]);
    sock.cong.setState(TCP_CA_OPEN);
    expect(cubic.lastMaxCwnd).toBe(0);
  });

  it('takes no round trips of the second after a loss', () => {
    const { peer, sock, cubic } = running(100);
    sock.cong.cwnd = 1000;
    lose(sock);
    cubic.congAvoid(1);
    cubic.pktsAcked(1, 5000);
    expect(cubic.delayMinUs).toBe(0);
    peer.pass(1e9);
    cubic.pktsAcked(1, 5000);
    expect(cubic.delayMinUs).toBe(5000);
  });
});

describe('a long fat path', () => {
  function seconds(algorithm: string): number {
    const random = chance(4);
    const hosts = new TwoHosts({ latencyNs: 50e6 });
    for (const host of [hosts.a, hosts.b]) {
      host.stack.sysctl.tcpCongestionControl = algorithm;
      // So that the wire sees, and loses, segments.
      const { netdev } = host.driver;
      netdev.lock.lock();
      netdev.wantedFeatures = 0;
      netdev.updateFeatures();
      netdev.lock.unlock();
    }
    const { client, server } = hosts.connect();
    hosts.judge = (_frame, fromA) => (fromA && random.float() < 0.0015 ? { copies: [] } : null);
    const bytes = pattern(6_000_000);
    const start = hosts.clock.nowNs;
    expect(transfer(hosts, client, server, bytes).length).toBe(bytes.length);
    const took = (hosts.clock.nowNs - start) / 1e9;
    hosts.judge = null;
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
    return took;
  }

  it('with some loss carries more than Reno', () => {
    expect(seconds('cubic')).toBeLessThan(seconds('reno'));
  });
});
