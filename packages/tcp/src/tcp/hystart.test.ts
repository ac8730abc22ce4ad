import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { TCP_INFINITE_SSTHRESH } from './congestion.ts';
import type { Cubic } from './cubic.ts';
import type { TcpSock } from './tcp-sock.ts';

function starting(cwnd: number): { peer: ScriptedPeer; sock: TcpSock; cubic: Cubic } {
  const peer = new ScriptedPeer();
  const { sock } = peer.establish({ options: { mss: 1000 }, rttNs: 40e6 });
  sock.cong.cwnd = cwnd;
  return { peer, sock, cubic: sock.cong.control as Cubic };
}

/** ACKs `spacingUs` apart, each with its round trip. */
function acks(peer: ScriptedPeer, cubic: Cubic, count: number, spacingUs: number, rttUs: number): void {
  for (let i = 0; i < count; i++) {
    peer.pass(spacingUs * 1000);
    cubic.pktsAcked(1, rttUs);
  }
}

describe('HyStart', () => {
  it('ends slow start when a train of ACKs takes half a round trip', () => {
    const { peer, sock, cubic } = starting(32);
    peer.pass(40e6);
    cubic.hystart.reset(sock);
    acks(peer, cubic, 19, 1000, 40_000);
    expect(sock.cong.ssthresh).toBe(TCP_INFINITE_SSTHRESH);
    acks(peer, cubic, 3, 1000, 40_000);
    expect(sock.cong.ssthresh).toBe(32);
    expect(cubic.hystart.found).toBe(true);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPHystartTrainDetect: 1, TcpExtTCPHystartTrainCwnd: 32 });
  });

  it('not when the ACKs are too far apart to be one train', () => {
    const { peer, sock, cubic } = starting(32);
    cubic.hystart.reset(sock);
    acks(peer, cubic, 30, 2500, 40_000);
    expect(sock.cong.ssthresh).toBe(TCP_INFINITE_SSTHRESH);
  });

  it('ends slow start when round trips have grown by an eighth, after eight of a round', () => {
    const { peer, sock, cubic } = starting(64);
    acks(peer, cubic, 1, 3000, 40_000);
    // The next round begins.
    cubic.hystart.endSeq = sock.sndUna - 1;
    acks(peer, cubic, 9, 3000, 45_001);
    expect(sock.cong.ssthresh).toBe(64);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPHystartDelayDetect: 1, TcpExtTCPHystartDelayCwnd: 64 });
  });

  it('not while one of them was as short as ever', () => {
    const { peer, sock, cubic } = starting(64);
    acks(peer, cubic, 8, 3000, 50_000);
    acks(peer, cubic, 1, 3000, 40_000);
    acks(peer, cubic, 20, 3000, 50_000);
    expect(sock.cong.ssthresh).toBe(TCP_INFINITE_SSTHRESH);
  });

  it('has nothing to say about windows below 16, but its rounds begin there too', () => {
    const { peer, sock, cubic } = starting(15);
    cubic.hystart.endSeq = sock.sndUna - 1;
    acks(peer, cubic, 40, 1000, 60_000);
    expect(sock.cong.ssthresh).toBe(TCP_INFINITE_SSTHRESH);
    expect(cubic.hystart.endSeq).toBe(sock.sndNxt);
  });

  it('acts once: after it, slow start goes to the threshold like any other', () => {
    const { peer, sock, cubic } = starting(32);
    cubic.hystart.found = true;
    acks(peer, cubic, 60, 1000, 90_000);
    expect(sock.cong.ssthresh).toBe(TCP_INFINITE_SSTHRESH);
  });
});
