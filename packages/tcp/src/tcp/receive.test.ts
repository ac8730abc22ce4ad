import type { TcpFields } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, FIN, PSH, ScriptedPeer, URG } from '../../test/scripted-peer.ts';
import { pattern, read } from '../../test/two-hosts.ts';
import { CB_END_SEQ, CB_SEQ } from './skb-cb.ts';
import { TCP_URG_VALID } from './urgent.ts';

const SACK = { mss: 1460, sackPermitted: true };

function open(options: Parameters<ScriptedPeer['establish']>[0] = {}): { peer: ScriptedPeer } & Established {
  const peer = new ScriptedPeer();
  return { peer, ...peer.establish(options) };
}

/** The SACK blocks of a segment relative to `seq`. */
function blocks(segment: TcpFields, seq: number): [number, number][] {
  return (segment.options.sack ?? []).map(([left, right]) => [left - seq, right - seq]);
}

describe('reassembly', () => {
  it('a stream in random pieces, in any order, overlapping and repeated, is the stream', () => {
    const piece = fc.record({ at: fc.nat({ max: 5999 }), length: fc.integer({ min: 1, max: 1400 }) });
    const order = fc.record({
      pieces: fc.array(piece, { minLength: 1, maxLength: 40 }),
      sack: fc.boolean(),
      isn: fc.constantFrom(1000, 0x7fff_ff00, 0xffff_ff00),
    });
    fc.assert(
      fc.property(order, ({ pieces, sack, isn }) => {
        const { peer, sock, seq, ack } = open({ isn, options: sack ? SACK : { mss: 1460 } });
        const bytes = pattern(6000);
        const covers = [...pieces.map((p) => [p.at, Math.min(6000, p.at + p.length)]), ...rows(6000, 1000)];
        for (const [from, to] of covers) {
          peer.send({
            flags: ACK,
            sequence: (seq + from) >>> 0,
            acknowledgment: ack,
            payload: bytes.subarray(from, to),
          });
          // What is queued is contiguous and never ahead of rcvNxt.
          for (let skb = sock.receiveQueue.first; skb !== null; skb = skb.next) {
            expect((sock.rcvNxt - skb.cb[CB_END_SEQ]) | 0).toBeGreaterThanOrEqual(0);
          }
        }
        expect((sock.rcvNxt - seq) | 0).toBe(6000);
        expect(sock.ofo.length).toBe(0);
        expect(read(sock)).toEqual(bytes);
        expect(sock.rmemAlloc).toBe(0);
        expect(peer.network.skbs.inUse).toBe(0);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('keeps out-of-order segments sorted whatever comes', () => {
    const piece = fc.record({ at: fc.integer({ min: 1, max: 6000 }), length: fc.integer({ min: 1, max: 900 }) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const { peer, sock, seq, ack } = open({ options: SACK });
        for (const { at, length } of pieces) {
          peer.send({ flags: ACK, sequence: seq + at, acknowledgment: ack, payload: new Uint8Array(length) });
        }
        let charged = 0;
        for (let i = 0; i < sock.ofo.length; i++) {
          const skb = sock.ofo.at(i);
          charged += skb.truesize;
          expect((skb.cb[CB_END_SEQ] - skb.cb[CB_SEQ]) | 0).toBe(skb.len);
          if (i > 0) expect((skb.cb[CB_SEQ] - sock.ofo.at(i - 1).cb[CB_SEQ]) | 0).toBeGreaterThanOrEqual(0);
        }
        expect(sock.rmemAlloc).toBe(charged);
        sock.close(0);
        expect(peer.network.skbs.inUse).toBe(0);
      }),
      { numRuns: 150, seed: 8 },
    );
  });

  it('joins neighbours in one skb, in the receive queue as out of order', () => {
    const { peer, sock, seq, ack } = open();
    for (let i = 0; i < 4; i++)
      peer.send({ flags: ACK, sequence: seq + i * 10, acknowledgment: ack, payload: pattern(10, i * 10) });
    expect(sock.receiveQueue.length).toBe(1);
    for (let i = 6; i < 9; i++)
      peer.send({ flags: ACK, sequence: seq + i * 10, acknowledgment: ack, payload: pattern(10, i * 10) });
    expect(sock.ofo.length).toBe(1);
    expect(peer.stack.stats.TcpExtTCPRcvCoalesce).toBe(5);
  });

  it('bounds what waits out of order by the receive buffer', () => {
    const { peer, sock, seq, ack } = open({ options: SACK });
    sock.rcvbuf = 40_000;
    sock.rcvbufLocked = true;
    for (let i = 0; i < 200; i++) {
      peer.send({ flags: ACK, sequence: seq + 2 + i * 200, acknowledgment: ack, payload: new Uint8Array(100) });
      expect(sock.rmemAlloc).toBeLessThan(40_000 + 6000);
    }
    // What is missing first always finds room.
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1, 2) });
    expect((sock.rcvNxt - seq) | 0).toBeGreaterThan(2);
    sock.close();
    expect(peer.network.skbs.inUse).toBe(0);
  });
});

function rows(length: number, step: number): [number, number][] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => [i * step, Math.min(length, (i + 1) * step)]);
}

describe('SACK blocks (RFC 2018)', () => {
  it('the newest first, merged as they grow together, dropped when the hole closes', () => {
    const { peer, seq, ack } = open({ options: SACK });
    const arrive = (from: number, to: number): [number, number][] => {
      peer.send({ flags: ACK, sequence: seq + from, acknowledgment: ack, payload: new Uint8Array(to - from) });
      return blocks(peer.takeOne(), seq);
    };
    expect(arrive(100, 200)).toEqual([[100, 200]]);
    expect(arrive(300, 400)).toEqual([
      [300, 400],
      [100, 200],
    ]);
    expect(arrive(500, 600)).toEqual([
      [500, 600],
      [300, 400],
      [100, 200],
    ]);
    expect(arrive(200, 300)).toEqual([
      [100, 400],
      [500, 600],
    ]);
    expect(arrive(700, 800)).toEqual([
      [700, 800],
      [100, 400],
      [500, 600],
    ]);
    expect(arrive(900, 1000)).toEqual([
      [900, 1000],
      [700, 800],
      [100, 400],
      [500, 600],
    ]);
    expect(arrive(1100, 1200)).toEqual([
      [1100, 1200],
      [900, 1000],
      [700, 800],
      [100, 400],
    ]);
    expect(arrive(0, 100)).toEqual([
      [1100, 1200],
      [900, 1000],
      [700, 800],
    ]);
  });

  it('three beside timestamps', () => {
    const options = { ...SACK, timestamp: { value: 1, echo: 0 } };
    const { peer, seq, ack } = open({ options });
    let last: TcpFields | null = null;
    for (let i = 1; i <= 4; i++) {
      const timestamp = { value: 1, echo: 0 };
      peer.send({
        flags: ACK,
        sequence: seq + i * 100,
        acknowledgment: ack,
        options: { timestamp },
        payload: new Uint8Array(50),
      });
      last = peer.takeOne();
    }
    expect(blocks(last!, seq)).toEqual([
      [400, 450],
      [300, 350],
      [200, 250],
    ]);
  });

  it('D-SACK for what arrives twice (RFC 2883), below and above the ACK', () => {
    const { peer, seq, ack } = open({ options: SACK });
    const data = (from: number, to: number): void =>
      peer.send({ flags: ACK, sequence: seq + from, acknowledgment: ack, payload: new Uint8Array(to - from) });
    data(0, 100);
    peer.take();
    data(0, 100);
    expect(blocks(peer.takeOne(), seq)).toEqual([[0, 100]]);
    data(200, 300);
    peer.take();
    data(200, 300);
    expect(blocks(peer.takeOne(), seq)).toEqual([
      [200, 300],
      [200, 300],
    ]);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPDSACKOldSent: 1, TcpExtTCPDSACKOfoSent: 1 });
  });

  it('none unless the SYN permitted them', () => {
    const { peer, seq, ack } = open();
    peer.send({ flags: ACK, sequence: seq + 100, acknowledgment: ack, payload: new Uint8Array(10) });
    expect(peer.takeOne().options.sack).toBeUndefined();
  });
});

describe('when ACKs leave', () => {
  const full = new Uint8Array(1460);

  it('one by one at first, then every second full segment', () => {
    const { peer, sock, seq, ack } = open();
    let at = 0;
    const answers: number[] = [];
    for (let i = 0; i < 60; i++) {
      peer.send({ flags: ACK, sequence: seq + at, acknowledgment: ack, payload: full });
      at += full.length;
      // With data unread the window has not moved on: the reader sends the ACK.
      read(sock);
      answers.push(peer.take().length);
    }
    expect(answers.slice(0, 4)).toEqual([1, 1, 1, 1]);
    const later = answers.slice(40);
    expect(later.reduce((a, b) => a + b, 0)).toBe(later.length / 2);
  });

  it('a lone segment after 40 ms', () => {
    const { peer, sock, seq, ack } = open();
    sock.ack.pingpong = 1;
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1) });
    expect(peer.take()).toEqual([]);
    peer.pass(39e6);
    expect(peer.take()).toEqual([]);
    peer.pass(2e6);
    expect(peer.takeOne().acknowledgment).toBe(seq + 1);
    expect(peer.stack.stats.TcpExtDelayedACKs).toBe(1);
  });

  it('at once when a hole opens, and when it closes', () => {
    const { peer, sock, seq, ack } = open();
    sock.ack.pingpong = 1;
    peer.send({ flags: ACK, sequence: seq + 100, acknowledgment: ack, payload: new Uint8Array(100) });
    expect(peer.takeOne().acknowledgment).toBe(seq);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, payload: new Uint8Array(100) });
    expect(peer.takeOne().acknowledgment).toBe(seq + 200);
  });

  it('TCP_QUICKACK sends what is owed', () => {
    const { peer, sock, seq, ack } = open();
    sock.setQuickack(0);
    expect(sock.quickack).toBe(0);
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1) });
    read(sock);
    expect(peer.take()).toEqual([]);
    sock.setQuickack(1);
    expect(peer.takeOne().acknowledgment).toBe(seq + 1);
  });
});

describe('the receive window', () => {
  it('closes as the buffer fills, drops what is sent against it, and opens when it is read', () => {
    const peer = new ScriptedPeer({ mtu: 9000 });
    const listener = peer.listen();
    listener.rcvbuf = 60_000;
    listener.rcvbufLocked = true;
    const { sock, seq, ack } = peer.establish({ listener, options: { mss: 8960, windowScale: 0 } });
    let at = 0;
    let window = sock.wnd.rcvWnd;
    for (let i = 0; i < 100 && window > 0; i++) {
      // A page of payload at a time: little overhead, so that bytes and memory fill alike.
      const length = Math.min(4096, window);
      peer.send({ flags: ACK | PSH, sequence: seq + at, acknowledgment: ack, payload: pattern(length, at) });
      at += length;
      peer.pass(50e6);
      const last = peer.take().at(-1);
      const edge = window - length;
      if (last !== undefined) {
        expect(last.acknowledgment - seq).toBe(at);
        window = last.window << sock.wnd.rcvWscale;
        // Never shrunk: what was offered stays good.
        expect(window).toBeGreaterThanOrEqual(edge);
      }
    }
    expect(window).toBe(0);
    expect(peer.stack.stats.TcpExtTCPToZeroWindowAdv).toBe(1);
    peer.send({ flags: ACK | PSH, sequence: seq + at, acknowledgment: ack, payload: Uint8Array.of(1) });
    expect(sock.rcvNxt - seq).toBe(at);
    expect(peer.takeOne()).toMatchObject({ window: 0, acknowledgment: seq + at });
    expect(read(sock)).toEqual(pattern(at));
    const opened = peer.takeOne();
    expect(opened.window).toBeGreaterThan(0);
    expect(peer.stack.stats.TcpExtTCPFromZeroWindowAdv).toBe(1);
  });

  it('takes a FIN that stands at a closed window', () => {
    const { peer, sock, seq, ack } = open();
    sock.wnd.rcvWnd = 0;
    sock.rcvbuf = 0;
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack });
    expect(sock.done).toBe(true);
  });

  it('is offered in steps that the scale can say', () => {
    const { peer, sock, seq, ack } = open({ options: { mss: 1460, windowScale: 7 } });
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: new Uint8Array(1000) });
    expect(sock.wnd.rcvWnd % 128).toBe(0);
    expect(peer.take().at(-1)!.window << 7).toBe(sock.wnd.rcvWnd);
  });

  it('charges truesize: small segments close it long before their bytes would', () => {
    const { peer, sock, seq, ack } = open();
    sock.rcvbufLocked = true;
    // One byte per skb: joining is possible only while the first has tail room.
    let at = 0;
    for (let i = 0; i < 100; i++) {
      peer.send({ flags: ACK | PSH, sequence: seq + at, acknowledgment: ack, payload: new Uint8Array(600) });
      at += 600;
    }
    expect(sock.rmemAlloc).toBeGreaterThan(at);
    expect(sock.wnd.scalingRatio).toBeLessThan(128);
  });

  it('grows with a reader that keeps up (dynamic right-sizing)', () => {
    const options = { mss: 1460, windowScale: 7, timestamp: { value: 1, echo: 0 } };
    const { peer, sock, seq, ack, synAck } = open({ options });
    const before = sock.rcvbuf;
    let at = 0;
    for (let round = 0; round < 12; round++) {
      peer.pass(20e6);
      const mine = synAck.options.timestamp!.value + round * 20;
      for (let i = 0; i < 100 && sock.wnd.remaining(sock.rcvNxt) > 1448; i++) {
        const timestamp = { value: 1 + round * 20, echo: mine };
        peer.send({
          flags: ACK,
          sequence: seq + at,
          acknowledgment: ack,
          options: { timestamp },
          payload: new Uint8Array(1448),
        });
        at += 1448;
        read(sock);
      }
    }
    expect(sock.rcvbuf).toBeGreaterThan(before);
    expect(sock.rcvbuf).toBeLessThanOrEqual(peer.stack.sysctl.tcpRmemMax);
    sock.close();
  });

  it('stays as the user set it', () => {
    const { peer, sock, seq, ack } = open();
    sock.rcvbufLocked = true;
    const { rcvbuf } = sock;
    for (let i = 0; i < 50; i++) {
      peer.send({ flags: ACK, sequence: seq + i * 1000, acknowledgment: ack, payload: new Uint8Array(1000) });
      read(sock);
    }
    expect(sock.rcvbuf).toBe(rcvbuf);
  });
});

describe('when memory is short', () => {
  it('copies small neighbours together before it drops anything', () => {
    const { peer, sock, seq, ack } = open();
    // The first window was offered before anybody knew that 700 bytes would take a page each.
    sock.rcvbufLocked = true;
    for (let at = 0; at + 700 <= 64_000; at += 700) {
      peer.send({ flags: ACK | PSH, sequence: seq + at, acknowledgment: ack, payload: pattern(700, at) });
    }
    expect(peer.stack.stats.TcpExtPruneCalled).toBeGreaterThan(0);
    expect(peer.stack.stats.TcpExtTCPRcvCollapsed).toBeGreaterThan(0);
    const queued = (sock.rcvNxt - seq) | 0;
    expect(queued).toBe(63_700);
    expect(read(sock)).toEqual(pattern(queued));
    expect(sock.rmemAlloc).toBe(0);
    expect(peer.network.skbs.inUse).toBe(0);
  });
});

describe('urgent data', () => {
  it('one byte out of band', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({
      flags: ACK | URG | PSH,
      sequence: seq,
      acknowledgment: ack,
      urgentPointer: 3,
      payload: Uint8Array.of(10, 11, 12, 13),
    });
    expect(sock.urgData).toBe(TCP_URG_VALID | 12);
    expect(sock.urgSeq).toBe(seq + 2);
  });

  it('announced before it comes', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: ACK | URG, sequence: seq, acknowledgment: ack, urgentPointer: 5 });
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1, 2, 3, 4, 5) });
    peer.send({
      flags: ACK | URG,
      sequence: seq + 5,
      acknowledgment: ack,
      urgentPointer: 1,
      payload: Uint8Array.of(9),
    });
    expect(sock.urgData & TCP_URG_VALID).toBe(TCP_URG_VALID);
  });
});
