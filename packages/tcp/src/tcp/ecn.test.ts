import { regionOf } from '@netmem/region';
import { ethernet, ipv4 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ACK, CWR, ECE, PSH, RST, ScriptedPeer, SYN } from '../../test/scripted-peer.ts';
import { pattern, TwoHosts, transfer } from '../../test/two-hosts.ts';
import { TCP_CA_CWR, TCP_CA_OPEN } from './congestion.ts';
import { setCongestionControl } from './congestion-algorithms.ts';
import { INET_ECN_CE, INET_ECN_ECT_0, TCP_ECN_DEMAND_CWR, TCP_ECN_OK } from './ecn.ts';

/** A connection that the script asked ECN for. */
function marked(): { peer: ScriptedPeer } & ReturnType<ScriptedPeer['establish']> {
  const peer = new ScriptedPeer().withoutOffloads();
  return { peer, ...peer.establish({ synFlags: SYN | ECE | CWR, options: { mss: 1000 } }) };
}

/** ECN bits of the frames that the host sent, which stay to be taken. */
function sentBits(peer: ScriptedPeer): number[] {
  return peer.sent.map((frame) => ipv4.trafficClass(new DataView(frame.buffer, frame.byteOffset), 14) & 3);
}

describe('agreeing on ECN', () => {
  it('answers who asks (tcp_ecn 2)', () => {
    const { sock, synAck } = marked();
    expect(synAck.flags).toBe(SYN | ACK | ECE);
    expect(sock.ecnFlags).toBe(TCP_ECN_OK);
  });

  it('not who does not ask, asks by halves, or is forbidden', () => {
    for (const flags of [SYN, SYN | ECE, SYN | CWR]) {
      const peer = new ScriptedPeer();
      const { sock, synAck } = peer.establish({ synFlags: flags });
      expect([synAck.flags, sock.ecnFlags]).toEqual([SYN | ACK, 0]);
    }
    const peer = new ScriptedPeer();
    peer.stack.sysctl.tcpEcn = 0;
    expect(peer.establish({ synFlags: SYN | ECE | CWR }).synAck.flags).toBe(SYN | ACK);
  });

  it('asks when told to (tcp_ecn 1), and stops asking when the SYN is not answered', () => {
    const hosts = new TwoHosts();
    hosts.a.stack.sysctl.tcpEcn = 1;
    const { client, server } = hosts.connect();
    expect([client.ecnFlags, server.ecnFlags]).toEqual([TCP_ECN_OK, TCP_ECN_OK]);
    client.close();
    server.close();
    const shy = new TwoHosts();
    shy.a.stack.sysctl.tcpEcn = 1;
    // A middlebox that drops such SYNs.
    shy.judge = (frame) => ((frame[47] & (ECE | CWR)) !== 0 ? { copies: [] } : null);
    const pair = shy.connect();
    expect(pair.client.ecnFlags).toBe(0);
    pair.client.close();
    pair.server.close();
  });
});

describe('the receiver', () => {
  it('echoes a mark until the sender says that it slowed down', () => {
    const { peer, sock, seq, ack } = marked();
    const data = (at: number, ecn: number, flags: number = 0): number[] => {
      const payload = peer.encode({
        flags: ACK | PSH | flags,
        sequence: seq + at,
        acknowledgment: ack,
        payload: pattern(10, at),
      });
      peer.sendIp(6, payload, { trafficClass: ecn });
      peer.pass(50e6);
      return peer.take().map((segment) => segment.flags);
    };
    expect(data(0, INET_ECN_ECT_0)).toEqual([ACK]);
    expect(data(10, INET_ECN_CE)).toEqual([ACK | ECE]);
    expect(data(20, INET_ECN_ECT_0)).toEqual([ACK | ECE]);
    expect(data(30, INET_ECN_ECT_0, CWR)).toEqual([ACK]);
    expect(sock.ecnFlags & TCP_ECN_DEMAND_CWR).toBe(0);
    expect(data(40, INET_ECN_ECT_0)).toEqual([ACK]);
  });

  it('echoes nothing without ECN', () => {
    const peer = new ScriptedPeer();
    const { seq, ack } = peer.establish();
    peer.sendIp(6, peer.encode({ flags: ACK, sequence: seq, acknowledgment: ack, payload: pattern(10) }), {
      trafficClass: INET_ECN_CE,
    });
    peer.pass(50e6);
    expect(peer.takeOne().flags).toBe(ACK);
  });
});

describe('the sender', () => {
  it('marks new data as markable, nothing else', () => {
    const { peer, sock, seq, ack } = marked();
    sock.sendFrom(regionOf(pattern(500)), 0, 500, 0);
    expect(sentBits(peer)).toEqual([INET_ECN_ECT_0]);
    peer.take();
    // The retransmission is not.
    peer.pass(300e6);
    expect(sentBits(peer)).toEqual([0]);
    peer.take();
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack + 500, payload: pattern(5) });
    peer.pass(50e6);
    expect(sentBits(peer)).toEqual([0]);
  });

  it('halves the window once per echo, and says CWR with the next new data', () => {
    const { peer, sock, seq, ack } = marked();
    expect(setCongestionControl(sock, 'reno')).toBe(0);
    sock.sndbuf = 1 << 20;
    sock.sendFrom(regionOf(pattern(30_000)), 0, 30_000, 0);
    expect(peer.take().length).toBe(10);
    peer.send({ flags: ACK | ECE, sequence: seq, acknowledgment: ack + 1000 });
    expect(sock.cong.state).toBe(TCP_CA_CWR);
    expect(sock.cong.ssthresh).toBe(5);
    for (let at = 2000; at <= 10_000; at += 1000)
      peer.send({ flags: ACK | ECE, sequence: seq, acknowledgment: ack + at });
    const sent = peer.take();
    expect(sent.filter((segment) => (segment.flags & CWR) !== 0).length).toBe(1);
    expect(sent[0].flags & CWR).toBe(CWR);
    expect(sock.cong.ssthresh).toBe(5);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 14_000 });
    expect(sock.cong.state).toBe(TCP_CA_OPEN);
    expect(peer.stack.stats.TcpRetransSegs).toBe(0);
    sock.close(0);
    expect(peer.take().at(-1)!.flags & RST).toBe(RST);
  });

  it('gets through a router that marks, without losing a segment', () => {
    const hosts = new TwoHosts({ latencyNs: 5e6 });
    hosts.a.stack.sysctl.tcpEcn = 1;
    const { client, server } = hosts.connect();
    let marks = 0;
    hosts.judge = (frame, fromA) => {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      if (fromA && ethernet.type(view, 0) === 0x0800 && (frame[15] & 3) === INET_ECN_ECT_0 && marks % 7 === 0) {
        frame[15] |= INET_ECN_CE;
        view.setUint16(24, ipv4.headerChecksum(view, 14));
      }
      marks++;
      return null;
    };
    const bytes = pattern(500_000);
    expect(transfer(hosts, client, server, bytes)).toEqual(bytes);
    expect(client.totalRetrans).toBe(0);
    expect(client.cong.ssthresh).toBeLessThan(1000);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});
