import { ECONNRESET, EPIPE } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, FIN, PSH, RST, ScriptedPeer, SYN } from '../../test/scripted-peer.ts';
import { read } from '../../test/two-hosts.ts';
import { TCP_CLOSE, TCP_ESTABLISHED } from './tcp-states.ts';

function open(options: Parameters<ScriptedPeer['establish']>[0] = {}): { peer: ScriptedPeer } & Established {
  const peer = new ScriptedPeer();
  return { peer, ...peer.establish(options) };
}

describe('RST (RFC 5961, 3)', () => {
  it('ends the connection at exactly the expected number', () => {
    const { peer, sock, seq } = open();
    peer.send({ flags: RST, sequence: seq });
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-ECONNRESET);
    expect(peer.take()).toEqual([]);
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });

  it('in the window elsewhere draws a challenge ACK', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: RST, sequence: seq + 10 });
    expect(sock.state).toBe(TCP_ESTABLISHED);
    expect(peer.takeOne()).toMatchObject({ flags: ACK, sequence: ack, acknowledgment: seq });
    expect(peer.stack.stats.TcpExtTCPChallengeACK).toBe(1);
  });

  it('outside the window is ignored', () => {
    const { peer, sock, seq } = open();
    peer.send({ flags: RST, sequence: (seq - 2) >>> 0 });
    peer.send({ flags: RST, sequence: (seq + 10_000_000) >>> 0 });
    expect(sock.state).toBe(TCP_ESTABLISHED);
    expect(peer.take()).toEqual([]);
  });

  it('behind the last segment that arrived out of order is believed', () => {
    const { peer, sock, seq, ack } = open({ options: { mss: 1460, sackPermitted: true } });
    peer.send({ flags: ACK, sequence: seq + 100, acknowledgment: ack, payload: new Uint8Array(50) });
    peer.take();
    peer.send({ flags: RST, sequence: seq + 150 });
    expect(sock.state).toBe(TCP_CLOSE);
  });

  it('after the peer closed means EPIPE', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack });
    peer.send({ flags: RST, sequence: seq + 1 });
    expect(sock.takeError()).toBe(-EPIPE);
  });
});

describe('SYN on a connection (RFC 5961, 4)', () => {
  it('is answered with a challenge ACK wherever it stands', () => {
    const { peer, sock, seq } = open();
    for (const at of [seq, seq - 1, seq + 5_000_000]) {
      peer.send({ flags: SYN, sequence: at >>> 0 });
      expect(peer.takeOne()).toMatchObject({ flags: ACK, acknowledgment: seq });
      peer.pass(600e6);
    }
    expect(sock.state).toBe(TCP_ESTABLISHED);
    expect(peer.stack.stats.TcpExtTCPSYNChallenge).toBe(3);
  });
});

describe('ACK (RFC 5961, 5)', () => {
  it('of what was not sent yet: the segment is dropped', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack + 1, payload: Uint8Array.of(1) });
    expect(sock.rcvNxt >>> 0).toBe(seq);
    expect(read(sock).length).toBe(0);
  });

  it('older than the largest window: challenged, and the data with it dropped', () => {
    const { peer, sock, seq, ack } = open({ window: 100 });
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: (ack - 70_000) >>> 0, payload: Uint8Array.of(1) });
    expect(read(sock).length).toBe(0);
    expect(peer.take().length).toBe(1);
    expect(peer.stack.stats.TcpExtTCPChallengeACK).toBe(1);
  });
});

describe('limits', () => {
  it('answers a sock once in half a second', () => {
    const { peer, seq } = open();
    for (let i = 0; i < 5; i++) peer.send({ flags: RST, sequence: seq + 10 });
    expect(peer.take().length).toBe(1);
    expect(peer.stack.stats.TcpExtTCPACKSkippedChallenge).toBe(4);
    peer.pass(501e6);
    peer.send({ flags: RST, sequence: seq + 10 });
    expect(peer.take().length).toBe(1);
  });

  it('answers all socks together so many times a second', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen(100);
    const limit = 5;
    peer.stack.sysctl.tcpChallengeAckLimit = limit;
    // The limit is read when the stack is made: take what it gave to leave `limit`.
    while (peer.stack.tcp.challengeLimit.allow(peer.stack.nowMs));
    peer.pass(limit * 1e6);
    let answered = 0;
    for (let i = 0; i < 20; i++) {
      peer.peerPort = 40000 + i;
      const { seq } = peer.establish({ listener });
      peer.send({ flags: RST, sequence: seq + 10 });
      answered += peer.take().length;
    }
    expect(answered).toBe(limit);
  });

  it('answers out-of-window ACKs once in half a second, so that two confused ends fall silent', () => {
    const { peer, seq, ack } = open();
    for (let i = 0; i < 5; i++) peer.send({ flags: ACK, sequence: (seq - 5000) >>> 0, acknowledgment: ack });
    expect(peer.take().length).toBe(1);
    expect(peer.stack.stats.TcpExtTCPACKSkippedSeq).toBe(4);
  });
});

describe('PAWS (RFC 7323, 5)', () => {
  const options = { mss: 1460, timestamp: { value: 1_000_000, echo: 0 } };

  it('drops a segment whose timestamp is older, and repeats the ACK', () => {
    const { peer, sock, seq, ack } = open({ options });
    const old = { timestamp: { value: 999_000, echo: 0 } };
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, options: old, payload: Uint8Array.of(1) });
    expect(read(sock).length).toBe(0);
    expect(peer.takeOne()).toMatchObject({ flags: ACK, acknowledgment: seq });
    expect(peer.stack.stats.TcpExtPAWSEstab).toBe(1);
  });

  it('takes the next, and echoes its timestamp', () => {
    const { peer, sock, seq, ack } = open({ options });
    const fresh = { timestamp: { value: 1_000_500, echo: 0 } };
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, options: fresh, payload: Uint8Array.of(1) });
    expect(read(sock)).toEqual(Uint8Array.of(1));
    expect(peer.takeOne().options.timestamp!.echo).toBe(1_000_500);
  });

  it('is off after 24 days of silence, when the clock may have wrapped', () => {
    const { peer, sock, seq, ack } = open({ options });
    peer.machine.clock.advance(24.2 * 86_400e9);
    const old = { timestamp: { value: 5, echo: 0 } };
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, options: old, payload: Uint8Array.of(1) });
    expect(read(sock)).toEqual(Uint8Array.of(1));
  });
});

describe('segments for nobody', () => {
  it('are answered with RST: by their ACK number, or by what they would have been acknowledged', () => {
    const peer = new ScriptedPeer();
    peer.send({ flags: ACK, sequence: 10, acknowledgment: 20 });
    expect(peer.takeOne()).toMatchObject({ flags: RST, sequence: 20, acknowledgment: 0 });
    peer.send({ flags: SYN, sequence: 10, payload: new Uint8Array(5) });
    expect(peer.takeOne()).toMatchObject({ flags: RST | ACK, sequence: 0, acknowledgment: 16 });
    peer.send({ flags: RST, sequence: 10 });
    expect(peer.take()).toEqual([]);
    expect(peer.stack.stats.TcpOutRsts).toBe(2);
  });
});
