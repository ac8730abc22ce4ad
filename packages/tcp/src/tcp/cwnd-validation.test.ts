import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { validateCwnd } from './cwnd-validation.ts';
import type { TcpSock } from './tcp-sock.ts';

function established(): { peer: ScriptedPeer; sock: TcpSock } {
  const peer = new ScriptedPeer();
  return { peer, sock: peer.establish({ options: { mss: 1000 }, rttNs: 20e6 }).sock };
}

describe('validateCwnd', () => {
  it('remembers for a round trip that the window was the limit, else the most that was out', () => {
    const { sock } = established();
    const { cong } = sock;
    sock.packetsOut = 3;
    sock.sndNxt += 3000;
    validateCwnd(sock, false);
    expect([cong.isCwndLimited(), cong.maxPacketsOut, cong.cwndUsed]).toEqual([false, 3, 3]);
    sock.packetsOut = 10;
    validateCwnd(sock, true);
    sock.packetsOut = 2;
    validateCwnd(sock, false);
    expect([cong.isCwndLimited(), cong.cwndUsed]).toEqual([true, 0]);
    // What was out then is acknowledged.
    sock.sndUna = sock.sndNxt;
    validateCwnd(sock, false);
    expect([cong.isCwndLimited(), cong.maxPacketsOut]).toEqual([false, 2]);
  });

  it('in slow start lets the window grow to twice what is out', () => {
    const { sock } = established();
    sock.packetsOut = 6;
    validateCwnd(sock, false);
    expect(sock.cong.isCwndLimited()).toBe(true);
    sock.cong.ssthresh = 5;
    expect(sock.cong.isCwndLimited()).toBe(false);
  });

  it('brings a window that was not used for an RTO halfway down to what was', () => {
    const { peer, sock } = established();
    sock.cong.cwnd = 50;
    sock.cong.ssthresh = 20;
    peer.pass(300e6);
    sock.packetsOut = 12;
    validateCwnd(sock, false);
    expect([sock.cong.cwnd, sock.cong.ssthresh]).toEqual([31, 37]);
    // And only once an RTO.
    validateCwnd(sock, false);
    expect(sock.cong.cwnd).toBe(31);
  });

  it('but not while the send buffer is the limit, or if the user says so', () => {
    const { peer, sock } = established();
    sock.cong.cwnd = 50;
    peer.pass(300e6);
    sock.noSpace = true;
    validateCwnd(sock, false);
    expect(sock.cong.cwnd).toBe(50);
    sock.noSpace = false;
    peer.pass(300e6);
    peer.stack.sysctl.tcpSlowStartAfterIdle = false;
    validateCwnd(sock, false);
    expect(sock.cong.cwnd).toBe(50);
  });
});
