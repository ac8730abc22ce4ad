import { ethernet, ipv4, pseudoHeaderSum4, type TcpFields, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACK, FIN, PSH, ScriptedPeer, type Segment } from '../../test/scripted-peer.ts';
import { check, pattern, read, TwoHosts, transfer } from '../../test/two-hosts.ts';

/** Injects segments so that one poll takes them all; returns what came to TCP, as segments seen. */
function burst(peer: ScriptedPeer, segments: readonly Segment[]): void {
  for (const segment of segments) {
    const payload = ipv4.encode({
      source: '10.0.0.2',
      destination: '10.0.0.1',
      protocol: 6,
      payload: peer.encode(segment),
    });
    peer.driver.inject(0, ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', payload }));
  }
  peer.machine.run();
}

// netdev calls both through the offload's interface: tcp_gro_receive per segment, inet_gro_complete per aggregate.
describe('GRO', () => {
  function open(): { peer: ScriptedPeer } & ReturnType<ScriptedPeer['establish']> {
    const peer = new ScriptedPeer({ gro: true });
    return { peer, ...peer.establish({ options: { mss: 1000 } }) };
  }

  it('merges a burst of full segments and counts them as one receive', () => {
    const { peer, sock, seq, ack } = open();
    const before = peer.stack.stats.TcpInSegs;
    burst(
      peer,
      Array.from({ length: 8 }, (_, i) => ({
        flags: ACK,
        sequence: seq + i * 1000,
        acknowledgment: ack,
        payload: pattern(1000, i * 1000),
      })),
    );
    expect(peer.stack.stats.TcpInSegs - before).toBe(1);
    expect(sock.segsIn).toBe(8 + 1);
    expect(read(sock)).toEqual(pattern(8000));
    expect(peer.network.skbs.inUse).toBe(0);
  });

  it('ends the aggregate with PSH, FIN and short segments', () => {
    const { peer, sock, seq, ack } = open();
    const before = peer.stack.stats.TcpInSegs;
    burst(peer, [
      { flags: ACK, sequence: seq, acknowledgment: ack, payload: pattern(1000) },
      { flags: ACK | PSH, sequence: seq + 1000, acknowledgment: ack, payload: pattern(1000, 1000) },
      { flags: ACK, sequence: seq + 2000, acknowledgment: ack, payload: pattern(500, 2000) },
      { flags: ACK, sequence: seq + 2500, acknowledgment: ack, payload: pattern(1000, 2500) },
      { flags: ACK | FIN, sequence: seq + 3500, acknowledgment: ack, payload: pattern(1000, 3500) },
    ]);
    expect(peer.stack.stats.TcpInSegs - before).toBe(3);
    expect(sock.done).toBe(true);
    expect(read(sock)).toEqual(pattern(4500));
  });

  it('merges nothing that says something new', () => {
    const first: Segment = { flags: ACK, payload: pattern(1000) };
    const rows: Record<string, Segment> = {
      'another acknowledgment': { acknowledgment: 5 },
      'another window': { window: 7 },
      'another place': { sequence: 3000 },
      timestamps: { options: { timestamp: { value: 1, echo: 2 } } },
      'a longer payload': { payload: pattern(1001) },
    };
    for (const [name, change] of Object.entries(rows)) {
      const { peer, seq, ack } = open();
      const before = peer.stack.stats.TcpInSegs;
      const second: Segment = { ...first, sequence: seq + 1000, acknowledgment: ack, ...change };
      if (change.acknowledgment !== undefined) second.acknowledgment = (ack - 1) >>> 0;
      if (change.sequence !== undefined) second.sequence = seq + 3000;
      burst(peer, [{ ...first, sequence: seq, acknowledgment: ack }, second]);
      expect([name, peer.stack.stats.TcpInSegs - before]).toEqual([name, 2]);
    }
  });

  it('keeps flows apart', () => {
    const peer = new ScriptedPeer({ gro: true });
    const listener = peer.listen();
    const open2 = [40000, 40001].map((port) => {
      peer.peerPort = port;
      return peer.establish({ listener, options: { mss: 1000 } });
    });
    const frames: Uint8Array[] = [];
    for (let i = 0; i < 4; i++) {
      for (const [which, end] of open2.entries()) {
        peer.peerPort = 40000 + which;
        const payload = peer.encode({
          flags: ACK,
          sequence: end.seq + i * 1000,
          acknowledgment: end.ack,
          payload: pattern(1000, i * 1000),
        });
        frames.push(
          ethernet.encode({
            destination: '02:00:00:00:00:01',
            source: '02:00:00:00:00:02',
            payload: ipv4.encode({ source: '10.0.0.2', destination: '10.0.0.1', protocol: 6, payload }),
          }),
        );
      }
    }
    const before = peer.stack.stats.TcpInSegs;
    for (const frame of frames) peer.driver.inject(0, frame);
    peer.machine.run();
    expect(peer.stack.stats.TcpInSegs - before).toBe(2);
    for (const end of open2) expect(read(end.sock)).toEqual(pattern(4000));
  });

  it('changes nothing in a stream, whatever the pieces', () => {
    const pieces = fc.array(fc.record({ length: fc.integer({ min: 0, max: 1000 }), psh: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 20 }), (list, size) => {
        const { peer, sock, seq, ack } = open();
        let at = 0;
        let group: Segment[] = [];
        for (const { length, psh } of list) {
          group.push({
            flags: psh ? ACK | PSH : ACK,
            sequence: seq + at,
            acknowledgment: ack,
            payload: pattern(length, at),
          });
          at += length;
          if (group.length === size) {
            burst(peer, group);
            group = [];
          }
        }
        burst(peer, group);
        peer.pass(1e6);
        expect(read(sock)).toEqual(pattern(at));
        expect(peer.network.skbs.inUse).toBe(0);
      }),
      { numRuns: 100, seed: 9 },
    );
  });

  it('leaves bad checksums to TCP', () => {
    const { peer, seq, ack } = open();
    const bad = peer.encode({ flags: ACK, sequence: seq, acknowledgment: ack, payload: pattern(1000) });
    bad[bad.length - 1] ^= 1;
    peer.sendIp(6, bad);
    peer.pass(1e6);
    expect(peer.stack.stats.TcpInCsumErrors).toBe(1);
  });
});

describe('an aggregate (groComplete)', () => {
  it('has the length and header sum of one long packet, and the segments it was made of', () => {
    const peer = new ScriptedPeer({ gro: true });
    const { seq, ack } = peer.establish({ options: { mss: 1000 } });
    const seen: unknown[] = [];
    peer.network.addTap((skb, outgoing) => {
      if (outgoing) return;
      const view = peer.stack.view;
      seen.push([ipv4.totalLength(view, skb.networkHeader), skb.gsoSegs, skb.gsoSize]);
      expect(ipv4.headerChecksum(view, skb.networkHeader)).toBe(ipv4.checksum(view, skb.networkHeader));
    });
    burst(
      peer,
      [0, 1, 2].map((i) => ({ flags: ACK, sequence: seq + i * 1000, acknowledgment: ack, payload: pattern(1000) })),
    );
    expect(seen).toEqual([[3040, 3, 1000]]);
  });
});

describe('GSO', () => {
  /** The segments of a write on a device without offloads, checked byte by byte. */
  function cut(length: number): TcpFields[] {
    const peer = new ScriptedPeer().withoutOffloads();
    const { sock } = peer.establish({ options: { mss: 1000, timestamp: { value: 1, echo: 0 } } });
    sock.cong.cwnd = 100;
    sock.sndbuf = 1 << 20;
    const region = { ...peer.stack.ram, base: 8192, length };
    peer.stack.memory.bytes.set(pattern(length), 8192);
    check(sock.sendFrom(region, 0, length, 0));
    for (const frame of peer.sent) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      expect(ipv4.validateHeader(view, 14, frame.length - 14)).toBe(0);
      const bytes = ipv4.totalLength(view, 14) - 20;
      const pseudo = pseudoHeaderSum4(view, 26, 30, 6, bytes);
      const sum = tcp.encode({ ...tcp.decode(view, 34, bytes)!, options: {} }).length;
      expect(sum).toBe(bytes - 12);
      let total = pseudo;
      for (let i = 0; i < bytes; i += 2) total += (frame[34 + i] << 8) | (i + 1 < bytes ? frame[35 + i] : 0);
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      expect(total).toBe(0xffff);
    }
    return peer.take();
  }

  it('cuts a super-segment into what TSO would have sent, each with a good checksum', () => {
    const segments = cut(5500);
    expect(segments.map((segment) => segment.payload.length)).toEqual([988, 988, 988, 988, 988, 560]);
    expect(segments.flatMap((segment) => [...segment.payload])).toEqual([...pattern(5500)]);
    segments.forEach((segment, i) => {
      expect((segment.sequence - segments[0].sequence) | 0).toBe(i * 988);
      expect(segment.flags).toBe(i === 5 ? ACK | PSH : ACK);
      expect(segment.options).toEqual(segments[0].options);
    });
  });

  it('carries a long stream, the memory in pieces of any size', () => {
    const hosts = new TwoHosts();
    const { netdev } = hosts.a.driver;
    netdev.lock.lock();
    netdev.wantedFeatures = 0;
    netdev.updateFeatures();
    netdev.lock.unlock();
    const { client, server } = hosts.connect();
    const bytes = pattern(400_000);
    expect(transfer(hosts, client, server, bytes, { chunk: 777 })).toEqual(bytes);
    expect(hosts.a.driver.counters.txPackets).toBeGreaterThan(270);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});
