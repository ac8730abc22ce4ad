import { regionOf } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, ScriptedPeer } from '../../test/scripted-peer.ts';
import { pattern } from '../../test/two-hosts.ts';
import { TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY } from './congestion.ts';

const MSS = 1000;
const RTT = 20e6;

type Block = readonly [left: number, right: number];

/** Ten segments in flight; `ack(at, …blocks)` answers, relative to the first byte. */
function flying(bytes: number = 10 * MSS): {
  peer: ScriptedPeer;
  established: Established;
  ack: (at: number, ...blocks: Block[]) => void;
} {
  const peer = new ScriptedPeer().withoutOffloads();
  const established = peer.establish({ options: { mss: MSS, sackPermitted: true }, rttNs: RTT });
  established.sock.sendFrom(regionOf(pattern(bytes)), 0, bytes, 0);
  peer.take();
  peer.pass(RTT);
  const ack = (at: number, ...blocks: Block[]): void =>
    peer.send({
      flags: ACK,
      sequence: established.seq,
      acknowledgment: established.ack + at,
      options: blocks.length === 0 ? {} : { sack: blocks.map(([l, r]) => [established.ack + l, established.ack + r]) },
    });
  return { peer, established, ack };
}

describe('checkDsack', () => {
  it('tells one below the ACK from one inside the second block', () => {
    const { peer, established, ack } = flying();
    established.sock.totalRetrans = 5;
    ack(3000, [1000, 2000]);
    ack(3000, [5000, 6000], [4000, 7000]);
    expect(peer.stack.stats).toMatchObject({
      TcpExtTCPDSACKRecv: 1,
      TcpExtTCPDSACKOfoRecv: 1,
      TcpExtTCPDSACKRecvSegs: 2,
      TcpExtTCPDSACKIgnoredDubious: 0,
    });
    expect(established.sock.info().dsackDups).toBe(2);
  });

  it('does not take a first block for one that the second does not hold', () => {
    const { peer, ack } = flying();
    ack(0, [5000, 6000], [7000, 8000]);
    ack(0, [6000, 7000], [7000, 8000]);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPDSACKRecv: 0, TcpExtTCPDSACKOfoRecv: 0 });
  });

  it('does not believe more than was sent again, more than a window, or nothing', () => {
    const { peer, established, ack } = flying();
    established.sock.totalRetrans = 2;
    ack(4000, [0, 3000]);
    ack(4000, [-70_000, 1000]);
    ack(4000, [2000, 2000]);
    ack(4000, [2000, 1000]);
    expect(peer.stack.stats).toMatchObject({
      TcpExtTCPDSACKRecv: 4,
      TcpExtTCPDSACKRecvSegs: 0,
      TcpExtTCPDSACKIgnoredDubious: 4,
    });
    expect(established.sock.cong.state).toBe(TCP_CA_OPEN);
  });

  it('counts those that no recovery can use: none was begun, or they are older than it', () => {
    const { peer, established, ack } = flying();
    const { sock } = established;
    sock.totalRetrans = 9;
    ack(2000, [0, 1000]);
    expect(peer.stack.stats.TcpExtTCPDSACKIgnoredNoUndo).toBe(1);
    ack(2000, [4000, 8000]);
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    ack(2000, [0, 1000], [4000, 8000]);
    expect(peer.stack.stats.TcpExtTCPDSACKIgnoredOld).toBe(1);
  });

  it('counts a segment of the queue that came twice while the one before it is missing', () => {
    const { peer, established, ack } = flying(6 * MSS);
    const { sock } = established;
    ack(0, [2000, 6000]);
    expect(sock.info()).toMatchObject({ caState: TCP_CA_RECOVERY, retrans: 2 });
    peer.pass(RTT);
    // Both were sent again, and the first once more when only the second arrived.
    ack(0, [1000, 6000]);
    expect(sock.cong.undoRetrans).toBe(3);
    ack(0, [1000, 2000], [1000, 6000]);
    expect(peer.stack.stats.TcpExtTCPDSACKOfoRecv).toBe(1);
    expect(sock.cong.undoRetrans).toBe(2);
    // Only one of three was superfluous: it stays.
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
  });
});

describe('rackUpdateReoWnd', () => {
  it('widens the window when reordering was seen and D-SACKs came, for sixteen recoveries', () => {
    const { peer, established, ack } = flying();
    const { sock } = established;
    // Reordering: the first comes after the second.
    ack(0, [1000, 2000]);
    peer.pass(1e6);
    ack(2000);
    expect(sock.info().reordSeen).toBe(1);
    peer.pass(RTT);
    ack(2000, [3000, 5000]);
    peer.pass(10e6);
    expect(sock.cong.state).toBe(TCP_CA_RECOVERY);
    const { steps } = sock.rack;
    ack(5000);
    ack(6000, [2000, 3000]);
    expect(sock.rack.steps).toBe(steps + 1);
    expect(sock.rack.persist).toBeGreaterThanOrEqual(15);
    expect(peer.stack.stats.TcpExtTCPDSACKUndo).toBe(1);
    // Only once a round trip.
    sock.totalRetrans = 9;
    ack(7000, [2000, 3000]);
    expect(sock.rack.steps).toBe(steps + 1);
  });

  it('leaves it alone while no reordering was seen', () => {
    const { established, ack } = flying();
    const { sock } = established;
    ack(0, [1000, 4000]);
    ack(4000);
    ack(5000, [0, 1000]);
    expect(sock.rack.steps).toBe(1);
  });
});

describe('tryUndoLoss', () => {
  it('by F-RTO: a timeout after which new data leave, and old ones that were sent once arrive', () => {
    const { peer, established, ack } = flying(12 * MSS);
    const { sock } = established;
    peer.pass(400e6);
    expect(sock.cong.state).toBe(TCP_CA_LOSS);
    peer.take();
    ack(1000);
    ack(2000);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPLossUndo: 1, TcpExtTCPSpuriousRTOs: 1 });
    expect(sock.cong.state).not.toBe(TCP_CA_LOSS);
    expect(sock.info().lost).toBe(0);
  });

  it('not when tcp_frto is 0', () => {
    const { peer, established, ack } = flying(12 * MSS);
    peer.stack.sysctl.tcpFrto = 0;
    peer.pass(400e6);
    ack(1000);
    ack(2000);
    expect(peer.stack.stats.TcpExtTCPSpuriousRTOs).toBe(0);
    expect(established.sock.cong.state).toBe(TCP_CA_LOSS);
  });
});

describe('checkRenoReordering', () => {
  it('more duplicates than segments can be out: the path reorders', () => {
    const peer = new ScriptedPeer().withoutOffloads();
    const { sock, seq, ack } = peer.establish({ options: { mss: MSS }, rttNs: RTT });
    sock.sendFrom(regionOf(pattern(2000)), 0, 2000, 0);
    for (let i = 0; i < 2; i++) peer.send({ flags: ACK, sequence: seq, acknowledgment: ack });
    expect(peer.stack.stats.TcpExtTCPRenoReorder).toBe(1);
    expect(sock.info()).toMatchObject({ reordering: 2, reordSeen: 1, sacked: 1 });
  });
});
