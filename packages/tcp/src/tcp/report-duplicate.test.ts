import { describe, expect, it } from 'vitest';
import { ACK, type Established, ScriptedPeer } from '../../test/scripted-peer.ts';
import { pattern } from '../../test/two-hosts.ts';

type Blocks = (readonly [left: number, right: number])[];

/** `arrive(from, to)` sends those bytes and tells the SACK blocks of the ACK, relative to the first. */
function receiver(sackPermitted: boolean = true): {
  peer: ScriptedPeer;
  established: Established;
  arrive: (from: number, to: number) => Blocks;
} {
  const peer = new ScriptedPeer();
  const established = peer.establish({ options: { mss: 1000, sackPermitted } });
  const { seq, ack } = established;
  const arrive = (from: number, to: number): Blocks => {
    peer.send({ flags: ACK, sequence: seq + from, acknowledgment: ack, payload: pattern(to - from) });
    peer.pass(300e6);
    const blocks = peer.take().at(-1)?.options.sack ?? [];
    return blocks.map(([left, right]) => [(left - seq) | 0, (right - seq) | 0]);
  };
  return { peer, established, arrive };
}

describe('reportDuplicate', () => {
  it('what was acknowledged already', () => {
    const { peer, established, arrive } = receiver();
    arrive(0, 1000);
    expect(arrive(0, 1000)).toEqual([[0, 1000]]);
    expect(arrive(500, 1500)).toEqual([[500, 1000]]);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPDSACKOldSent: 2, TcpExtTCPDSACKOfoSent: 0 });
    established.sock.close(0);
  });

  it('what waits out of order', () => {
    const { peer, established, arrive } = receiver();
    arrive(2000, 3000);
    expect(arrive(2000, 3000)).toEqual([
      [2000, 3000],
      [2000, 3000],
    ]);
    expect(peer.stack.stats.TcpExtTCPDSACKOfoSent).toBe(1);
    established.sock.close(0);
  });

  it('is said once', () => {
    const { established, arrive } = receiver();
    arrive(0, 1000);
    arrive(0, 1000);
    expect(arrive(1000, 2000)).toEqual([]);
    established.sock.close(0);
  });

  it('not without SACK, and not if tcp_dsack is off', () => {
    const plain = receiver(false);
    plain.arrive(0, 1000);
    expect(plain.arrive(0, 1000)).toEqual([]);
    const { peer, arrive } = receiver();
    peer.stack.sysctl.tcpDsack = false;
    arrive(0, 1000);
    expect(arrive(0, 1000)).toEqual([]);
    for (const { stack } of [plain.peer, peer]) {
      expect(stack.stats).toMatchObject({ TcpExtTCPDSACKOldSent: 0, TcpExtTCPDSACKOfoSent: 0 });
    }
  });
});

describe('extendDuplicate', () => {
  it('one segment over two that wait: one block from the first to the second, if they touch', () => {
    const { peer, established, arrive } = receiver();
    arrive(2000, 2400);
    arrive(2600, 3000);
    // Covers the end of one, a hole, and the start of the other.
    const blocks = arrive(2300, 2700);
    expect(blocks[0]).toEqual([2300, 2400]);
    expect(blocks.slice(1)).toEqual([[2000, 3000]]);
    expect(peer.stack.stats.TcpExtTCPDSACKOfoSent).toBe(1);
    established.sock.close(0);
  });

  it('what arrived in order and waits out of order too, all of it at once', () => {
    const { peer, established, arrive } = receiver();
    arrive(1000, 1400);
    arrive(1500, 1900);
    // As Linux: from the first that waited to the end of what came, hole or not.
    expect(arrive(0, 1700)).toEqual([[1000, 1700]]);
    expect(peer.stack.stats.TcpExtTCPDSACKOldSent).toBe(1);
    expect(established.sock.info().bytesReceived).toBe(1900);
    established.sock.close(0);
  });
});
