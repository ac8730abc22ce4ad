import { regionOf } from '@netmem/region';
import { ETIMEDOUT } from '@netmem/uapi';
import type { TcpFields } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, ScriptedPeer } from '../../test/scripted-peer.ts';
import { pattern } from '../../test/two-hosts.ts';
import { TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY } from './congestion.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE } from './tcp-states.ts';

const MSS = 1000;
const SACK = { mss: MSS, sackPermitted: true };

/** With Reno: half the window is easy to tell from all of it. */
function open(options: Parameters<ScriptedPeer['establish']>[0] = {}): { peer: ScriptedPeer } & Established {
  // Super-segments would leave as one frame: here every segment is looked at.
  const peer = new ScriptedPeer().withoutOffloads();
  peer.stack.sysctl.tcpCongestionControl = 'reno';
  return { peer, ...peer.establish({ options: SACK, ...options }) };
}

function write(sock: TcpSock, length: number, flags: number = 0, at: number = 0): number {
  return sock.sendFrom(regionOf(pattern(length, at)), 0, length, flags);
}

/** Sends duplicate ACKs with SACK blocks relative to `ack`. */
function sacker(peer: ScriptedPeer, seq: number, ack: number): (...sack: [number, number][]) => void {
  return (...sack) =>
    peer.send({
      flags: ACK,
      sequence: seq,
      acknowledgment: ack,
      options: { sack: sack.map(([left, right]) => [ack + left, ack + right]) },
    });
}

/** `from-to` of each data segment, relative to `ack`. */
function ranges(segments: readonly TcpFields[], ack: number): string[] {
  return segments
    .filter((segment) => segment.payload.length > 0)
    .map(({ sequence, payload }) => `${(sequence - ack) | 0}-${((sequence - ack) | 0) + payload.length}`);
}

describe('retransmission timeout', () => {
  it('doubles from the measured RTO, sends only the oldest, and gives up after about 15 minutes', () => {
    // Without SACK, so that no tail loss probe comes first.
    const { peer, sock, ack } = open({ options: { mss: MSS } });
    write(sock, 3000);
    expect(peer.take().length).toBe(3);
    const start = peer.machine.clock.nowNs;
    const times: number[] = [];
    for (let i = 0; i < 14_000 && sock.state !== TCP_CLOSE; i++) {
      peer.pass(100e6);
      const sent = peer.take();
      if (sent.length > 0) {
        expect(ranges(sent, ack)).toEqual(['0-1000']);
        times.push((peer.machine.clock.nowNs - start) / 1e8);
      }
    }
    // In tenths of a second: 0.201 and doubling, up to 120 s.
    expect(times.slice(0, 8)).toEqual([3, 7, 15, 31, 63, 127, 256, 513]);
    expect((times.at(-1)! - times.at(-2)!) / 10).toBeCloseTo(120, 0);
    expect(sock.takeError()).toBe(-ETIMEDOUT);
    expect((peer.machine.clock.nowNs - start) / 1e9).toBeGreaterThan(900);
    sock.close();
    expect(peer.network.skbs.inUse).toBe(0);
  });

  it('TCP_USER_TIMEOUT ends it sooner', () => {
    const { peer, sock } = open();
    sock.userTimeoutMs = 2000;
    write(sock, 100);
    peer.pass(5e9);
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-ETIMEDOUT);
  });

  it('counts what did not keep it from coming', () => {
    const stalled = (options: { mss: number; sackPermitted?: boolean }, ...duplicates: [number, number][]) => {
      const { peer, sock, seq, ack } = open({ options, rttNs: 20e6 });
      write(sock, 10_000);
      for (const block of duplicates) {
        peer.send({
          flags: ACK,
          sequence: seq,
          acknowledgment: ack,
          options: options.sackPermitted === true ? { sack: [[ack + block[0], ack + block[1]]] } : {},
        });
      }
      peer.pass(700e6);
      return peer.stack.stats;
    };
    expect(stalled(SACK, [1000, 2000], [1000, 3000], [1000, 4000])).toMatchObject({ TcpExtTCPSackRecoveryFail: 1 });
    expect(stalled({ mss: MSS }, [0, 0], [0, 0], [0, 0])).toMatchObject({ TcpExtTCPRenoRecoveryFail: 1 });
    expect(stalled({ mss: MSS }, [0, 0])).toMatchObject({ TcpExtTCPRenoFailures: 1, TcpExtTCPLossFailures: 0 });
  });

  it('then sends the rest by slow start as ACKs come', () => {
    const { peer, sock, seq, ack } = open();
    peer.stack.sysctl.tcpEarlyRetrans = 0;
    write(sock, 5000);
    peer.take();
    peer.pass(300e6);
    expect(ranges(peer.take(), ack)).toEqual(['0-1000']);
    expect(sock.cong.state).toBe(TCP_CA_LOSS);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000 });
    expect(ranges(peer.take(), ack)).toEqual(['1000-2000', '2000-3000']);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 5000 });
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(sock.packetsOut).toBe(0);
  });

  it('measures nothing from a segment that was sent twice (Karn)', () => {
    const { peer, sock, seq, ack } = open();
    write(sock, 100);
    const before = sock.info().rttUs;
    peer.pass(350e6);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 100 });
    expect(sock.info().rttUs).toBe(before);
  });

  it('measures a retransmission by its timestamp', () => {
    const { peer, sock, seq, ack } = open({ options: { mss: MSS, timestamp: { value: 1, echo: 0 } } });
    write(sock, 100);
    peer.take();
    peer.pass(250e6);
    const again = peer.takeOne();
    peer.pass(10e6);
    peer.send({
      flags: ACK,
      sequence: seq,
      acknowledgment: ack + 100,
      options: { timestamp: { value: 2, echo: again.options.timestamp!.value } },
    });
    expect(sock.rtt.minRttUs).toBeLessThan(20_000);
  });
});

describe('fast retransmit', () => {
  it('after three duplicate ACKs, without SACK (RFC 5681)', () => {
    const { peer, sock, seq, ack } = open({ options: { mss: MSS } });
    write(sock, 8000);
    peer.take();
    const duplicate = { flags: ACK, sequence: seq, acknowledgment: ack + 1000 };
    peer.send(duplicate);
    peer.take();
    peer.send(duplicate);
    peer.send(duplicate);
    expect(ranges(peer.take(), ack)).toEqual([]);
    peer.send(duplicate);
    expect(ranges(peer.take(), ack)).toEqual(['1000-2000']);
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    expect(sock.cong.ssthresh).toBe(5);
    expect(peer.stack.stats.TcpExtTCPRenoRecovery).toBe(1);
    // A partial ACK: the next hole (RFC 6582).
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 4000 });
    expect(ranges(peer.take(), ack)).toContain('4000-5000');
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 8000 });
    // Held until something above is acknowledged, so that late duplicates start no second recovery.
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    write(sock, 100);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 8100 });
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(sock.cong.cwnd).toBe(5);
    expect(peer.stack.stats.TcpExtTCPTimeouts).toBe(0);
  });

  it('sends exactly the holes, with SACK', () => {
    const { peer, sock, seq, ack } = open({ rttNs: 20e6 });
    write(sock, 10_000);
    peer.take();
    peer.pass(20e6);
    const answer = sacker(peer, seq, ack);
    // 0 and 3000 are missing.
    answer([1000, 2000]);
    answer([1000, 3000]);
    expect(ranges(peer.take(), ack)).toEqual([]);
    answer([4000, 5000], [1000, 3000]);
    expect(ranges(peer.take(), ack)).toEqual(['0-1000']);
    for (const right of [6000, 7000, 8000, 9000, 10_000]) answer([4000, right], [1000, 3000]);
    expect(ranges(peer.take(), ack)).toEqual(['3000-4000']);
    expect(sock.info()).toMatchObject({ sacked: 8, lost: 2, retrans: 2, unacked: 10, caState: TCP_CA_RECOVERY });
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 10_000 });
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(sock.info()).toMatchObject({ sacked: 0, lost: 0, retrans: 0, unacked: 0, sndCwnd: 5 });
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPSackRecovery: 1, TcpExtTCPFastRetrans: 2, TcpExtTCPTimeouts: 0 });
  });

  it('believes no SACK block outside what was sent', () => {
    const { peer, sock, seq, ack } = open();
    write(sock, 5000);
    peer.take();
    for (const [left, right] of [
      [6000, 7000],
      [3000, 2000],
      [4000, 6000],
      [-90_000, -80_000],
    ]) {
      peer.send({
        flags: ACK,
        sequence: seq,
        acknowledgment: ack,
        options: { sack: [[(ack + left) >>> 0, (ack + right) >>> 0]] },
      });
    }
    expect(sock.sackedOut).toBe(0);
  });

  it('forgets what a peer took back (reneging)', () => {
    const { peer, sock, seq, ack } = open();
    write(sock, 3000);
    peer.take();
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, options: { sack: [[ack + 1000, ack + 3000]] } });
    expect(sock.sackedOut).toBe(2);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000 });
    // Not after an RTO: as soon as it is plain that the report was taken back.
    peer.pass(15e6);
    expect(peer.stack.stats.TcpExtTCPSACKReneging).toBe(1);
    expect(sock.sackedOut).toBe(0);
    expect(ranges(peer.take(), ack)).toContain('1000-2000');
  });
});

describe('loss detection by time (RFC 8985)', () => {
  const RTT = 20e6;

  function flying(bytes: number, options: typeof SACK & { timestamp?: { value: number; echo: number } } = SACK) {
    const opened = open({ rttNs: RTT, options });
    write(opened.sock, bytes);
    opened.peer.take();
    opened.peer.pass(RTT);
    return { ...opened, answer: sacker(opened.peer, opened.seq, opened.ack) };
  }

  it('one SACK is enough if nothing comes for a quarter of a round trip', () => {
    const { peer, sock, ack, answer } = flying(3000);
    answer([1000, 2000]);
    expect(ranges(peer.take(), ack)).toEqual([]);
    peer.pass(4e6);
    expect(ranges(peer.take(), ack)).toEqual([]);
    peer.pass(5e6);
    expect(ranges(peer.take(), ack)).toEqual(['0-1000']);
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    expect(peer.stack.stats.TcpExtTCPTimeouts).toBe(0);
  });

  it('a reordered segment in that time is no loss, and later ones get more patience', () => {
    const { peer, sock, seq, ack, answer } = flying(3000);
    answer([1000, 2000]);
    peer.pass(3e6);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 2000 });
    peer.pass(20e6);
    expect(peer.stack.stats.TcpExtTCPSackRecovery).toBe(0);
    expect(peer.stack.stats.TcpExtTCPSACKReorder).toBe(1);
    expect(sock.info().reordSeen).toBe(1);
  });

  it('finds a retransmission that is lost too, without a timeout', () => {
    const { peer, sock, ack, answer } = flying(10_000);
    answer([1000, 5000]);
    expect(ranges(peer.take(), ack)).toContain('0-1000');
    peer.pass(RTT);
    // What left after the retransmission arrives, the retransmission does not.
    write(sock, 3000, 0, 10_000);
    peer.pass(1e6);
    answer([1000, 10_000]);
    const more = ranges(peer.take(), ack);
    expect(more.some((range) => range.startsWith('10000'))).toBe(true);
    peer.pass(RTT);
    answer([1000, 11_000]);
    expect(ranges(peer.take(), ack)).toContain('0-1000');
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPLostRetransmit: 1, TcpExtTCPTimeouts: 0 });
  });

  it('probes the end of a burst after two round trips (TLP)', () => {
    const { peer, sock, seq, ack } = flying(3000);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000 });
    peer.take();
    peer.pass(41e6);
    expect(ranges(peer.take(), ack)).toEqual([]);
    peer.pass(5e6);
    expect(ranges(peer.take(), ack)).toEqual(['2000-3000']);
    expect(peer.stack.stats.TcpExtTCPLossProbes).toBe(1);
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    // The probe's SACK shows the hole.
    peer.pass(RTT);
    sacker(peer, seq, ack + 1000)([1000, 2000]);
    peer.pass(10e6);
    expect(ranges(peer.take(), ack)).toEqual(['1000-2000']);
    expect(peer.stack.stats.TcpExtTCPTimeouts).toBe(0);
  });

  it('a probe that repaired the loss itself costs half the window', () => {
    const { peer, sock, seq, ack } = flying(2000);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000 });
    peer.pass(300e6);
    expect(ranges(peer.take(), ack)[0]).toBe('1000-2000');
    write(sock, 1000, 0, 2000);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 3000 });
    expect(peer.stack.stats.TcpExtTCPLossProbeRecovery).toBe(1);
    expect(sock.cong.cwnd).toBeLessThan(10);
  });

  it('sends new data as the probe if the window has room', () => {
    const { peer, sock, ack } = flying(10_000);
    write(sock, 2000, 0, 10_000);
    expect(ranges(peer.take(), ack)).toEqual([]);
    peer.pass(30e6);
    expect(ranges(peer.take(), ack)).toEqual(['10000-11000']);
  });

  it('does none of this when tcp_early_retrans is 0', () => {
    const opened = new ScriptedPeer().withoutOffloads();
    opened.stack.sysctl.tcpEarlyRetrans = 0;
    const { sock, ack } = opened.establish({ options: SACK, rttNs: RTT });
    write(sock, 2000);
    opened.take();
    opened.pass(150e6);
    expect(ranges(opened.take(), ack)).toEqual([]);
  });
});

describe('taking a recovery back', () => {
  it('when D-SACKs show that every retransmission was superfluous', () => {
    const { peer, sock, seq, ack } = open({ rttNs: 20e6 });
    write(sock, 10_000);
    peer.pass(20e6);
    const answer = sacker(peer, seq, ack);
    for (const right of [2000, 3000, 4000]) answer([1000, right]);
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 5000 });
    // Then the copy arrives.
    peer.send({
      flags: ACK,
      sequence: seq,
      acknowledgment: ack + 6000,
      options: { sack: [[ack, ack + 1000]] },
    });
    expect(peer.stack.stats.TcpExtTCPDSACKUndo).toBe(1);
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(sock.cong.cwnd).toBeGreaterThanOrEqual(10);
  });

  it('when the ACK echoes a timestamp from before the retransmission (Eifel)', () => {
    const options = { ...SACK, timestamp: { value: 1, echo: 0 } };
    const { peer, sock, seq, ack } = open({ rttNs: 20e6, options });
    write(sock, 988 * 4);
    const first = peer.take()[0].options.timestamp!.value;
    peer.pass(500e6);
    expect(sock.cong.state).toBe(TCP_CA_LOSS);
    peer.take();
    peer.send({
      flags: ACK,
      sequence: seq,
      acknowledgment: ack + 988,
      options: { timestamp: { value: 2, echo: first } },
    });
    expect(peer.stack.stats.TcpExtTCPLossUndo).toBe(1);
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(sock.cong.cwnd).toBeGreaterThanOrEqual(10);
    expect(sock.lostOut).toBe(0);
  });

  it('not when the retransmission was what was acknowledged', () => {
    const options = { ...SACK, timestamp: { value: 1, echo: 0 } };
    const { peer, sock, seq, ack } = open({ rttNs: 20e6, options });
    write(sock, 988 * 4);
    peer.pass(500e6);
    const again = peer.take().at(-1)!.options.timestamp!.value;
    peer.send({
      flags: ACK,
      sequence: seq,
      acknowledgment: ack + 988,
      options: { timestamp: { value: 2, echo: again } },
    });
    expect(peer.stack.stats.TcpExtTCPLossUndo).toBe(0);
    expect(sock.cong.state).toBe(TCP_CA_LOSS);
    expect(sock.cong.ssthresh).toBe(5);
  });
});
