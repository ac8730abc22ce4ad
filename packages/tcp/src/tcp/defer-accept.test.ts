import { describe, expect, it } from 'vitest';
import { ACK, PSH, ScriptedPeer, SYN } from '../../test/scripted-peer.ts';
import { pattern, read } from '../../test/two-hosts.ts';
import { retransToSecs, secsToRetrans } from './defer-accept.ts';
import type { TcpSock } from './tcp-sock.ts';

function asked(seconds: number): { peer: ScriptedPeer; listener: TcpSock; ack: number } {
  const peer = new ScriptedPeer();
  const listener = peer.listen();
  listener.deferAccept = secsToRetrans(seconds);
  peer.send({ flags: SYN, sequence: 1000, options: { mss: 1460 } });
  return { peer, listener, ack: (peer.takeOne().sequence + 1) >>> 0 };
}

describe('secsToRetrans and retransToSecs', () => {
  it('count SYN|ACKs after 1, 2, 4 … 120 seconds', () => {
    const seconds = [0, 1, 2, 3, 4, 7, 8, 127, 128, 1000];
    expect(seconds.map(secsToRetrans)).toEqual([0, 1, 2, 2, 3, 3, 4, 7, 8, 15]);
    expect([0, 1, 2, 3, 7, 8, 9].map(retransToSecs)).toEqual([0, 1, 3, 7, 127, 247, 367]);
    expect(secsToRetrans(-5)).toBe(0);
    expect(secsToRetrans(0x7fffffff)).toBe(255);
  });
});

describe('TCP_DEFER_ACCEPT', () => {
  it('drops the bare ACK and accepts with the first data', () => {
    const { peer, listener, ack } = asked(5);
    peer.send({ flags: ACK, sequence: 1001, acknowledgment: ack });
    expect(listener.acceptQueueLength).toBe(0);
    expect(peer.stack.stats.TcpExtTCPDeferAcceptDrop).toBe(1);
    // The peer thinks that it is connected: it is not asked again.
    peer.pass(2e9);
    expect(peer.take()).toEqual([]);
    peer.send({ flags: ACK | PSH, sequence: 1001, acknowledgment: ack, payload: pattern(7) });
    const sock = listener.acceptDequeue()!;
    expect(read(sock).length).toBe(7);
    expect(sock.deferAccept).toBe(0);
    sock.close(0);
    listener.close();
  });

  it('asks who stays silent once more at the end, and accepts the answer', () => {
    const { peer, listener, ack } = asked(5);
    peer.send({ flags: ACK, sequence: 1001, acknowledgment: ack });
    peer.pass(6.9e9);
    expect(peer.take()).toEqual([]);
    peer.pass(0.2e9);
    expect(peer.takeOne().flags).toBe(SYN | ACK);
    peer.send({ flags: ACK, sequence: 1001, acknowledgment: ack });
    expect(listener.acceptQueueLength).toBe(1);
    listener.close();
  });

  it('lasts longer than the SYN|ACKs would, for who has answered', () => {
    const answered = asked(100);
    answered.peer.send({ flags: ACK, sequence: 1001, acknowledgment: answered.ack });
    const silent = asked(100);
    for (const { peer } of [answered, silent]) peer.pass(80e9);
    expect([answered.listener.synQueueLength, silent.listener.synQueueLength]).toEqual([1, 0]);
    for (const { peer, listener } of [answered, silent]) {
      listener.close();
      expect(peer.stack.audit()).toEqual([]);
    }
  });

  it('TCP_SYNCNT of a listener is the number of its SYN|ACKs', () => {
    const { peer, listener } = asked(0);
    listener.synRetries = 2;
    peer.pass(60e9);
    expect(peer.take().length).toBe(2);
    expect(listener.synQueueLength).toBe(0);
    listener.close();
  });

  it('on the side that connects saves the ACK of the handshake for the data', () => {
    const peer = new ScriptedPeer();
    const sock = peer.stack.tcp.createSock(2);
    sock.deferAccept = 1;
    expect(sock.connect(peer.establish().sock.remoteAddress, 7000)).toBe(0);
    const syn = peer.takeOne();
    peer.hostPort = sock.localPort;
    peer.peerPort = 7000;
    peer.send({ flags: SYN | ACK, sequence: 1, acknowledgment: syn.sequence + 1, options: { mss: 1460 } });
    expect(peer.take()).toEqual([]);
    peer.pass(0.3e9);
    expect(peer.takeOne().flags).toBe(ACK);
    sock.close(0);
  });
});
