import { regionOf } from '@netmem/region';
import { EAGAIN, EFAULT, EPIPE, ETIMEDOUT, MSG_EOR, MSG_MORE, MSG_OOB } from '@netmem/uapi';
import type { TcpFields } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, PSH, ScriptedPeer, URG } from '../../test/scripted-peer.ts';
import { pattern, read, TwoHosts, transfer } from '../../test/two-hosts.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE } from './tcp-states.ts';

const MSS = 1000;
const SACK = { mss: MSS, sackPermitted: true };

function open(options: Parameters<ScriptedPeer['establish']>[0] = {}): { peer: ScriptedPeer } & Established {
  // Super-segments would leave as one frame: here every segment is looked at.
  const peer = new ScriptedPeer().withoutOffloads();
  return { peer, ...peer.establish({ options: SACK, ...options }) };
}

function write(sock: TcpSock, length: number, flags: number = 0, at: number = 0): number {
  return sock.sendFrom(regionOf(pattern(length, at)), 0, length, flags);
}

/** `from-to` of each data segment, relative to `ack`. */
function ranges(segments: readonly TcpFields[], ack: number): string[] {
  return segments
    .filter((segment) => segment.payload.length > 0)
    .map(({ sequence, payload }) => `${(sequence - ack) | 0}-${((sequence - ack) | 0) + payload.length}`);
}

describe('segments', () => {
  it('are cut at the MSS, PSH on the last', () => {
    const { peer, sock, ack } = open();
    expect(write(sock, 2500)).toBe(2500);
    const sent = peer.take();
    expect(ranges(sent, ack)).toEqual(['0-1000', '1000-2000', '2000-2500']);
    expect(sent.map((segment) => segment.flags)).toEqual([ACK, ACK, ACK | PSH]);
    expect(sent.flatMap((segment) => [...segment.payload])).toEqual([...pattern(2500)]);
  });

  it('leave room for timestamps', () => {
    const { peer, sock, ack } = open({ options: { mss: MSS, timestamp: { value: 1, echo: 0 } } });
    write(sock, 1500);
    expect(ranges(peer.take(), ack)).toEqual(['0-988', '988-1500']);
  });

  it('carry the ACK that is owed', () => {
    const { peer, sock, seq, ack } = open();
    sock.ack.pingpong = 1;
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1) });
    expect(peer.take()).toEqual([]);
    write(sock, 1);
    expect(peer.takeOne()).toMatchObject({ flags: ACK | PSH, acknowledgment: seq + 1 });
    peer.pass(100e6);
    expect(ranges(peer.take(), ack)).toEqual([]);
  });

  it('start with ten, and two more for each ACK (slow start)', () => {
    const { peer, sock, seq, ack } = open();
    sock.sndbuf = 1 << 20;
    write(sock, 60_000);
    expect(ranges(peer.take(), ack).length).toBe(10);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 2000 });
    expect(ranges(peer.take(), ack)).toEqual(['10000-11000', '11000-12000', '12000-13000', '13000-14000']);
  });
});

describe('Nagle', () => {
  it('holds a small segment while another small one is unacknowledged', () => {
    const { peer, sock, seq, ack } = open();
    write(sock, 10);
    write(sock, 10, 0, 10);
    write(sock, 10, 0, 20);
    expect(ranges(peer.take(), ack)).toEqual(['0-10']);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 10 });
    expect(ranges(peer.take(), ack)).toEqual(['10-30']);
  });

  it('lets a full segment go', () => {
    const { peer, sock, ack } = open();
    write(sock, 10);
    write(sock, 1500);
    expect(ranges(peer.take(), ack)).toEqual(['0-10', '10-1010']);
  });

  it('TCP_NODELAY turns it off, and pushes what waits', () => {
    const { peer, sock, ack } = open();
    write(sock, 10);
    write(sock, 10);
    peer.take();
    sock.setNodelay(true);
    expect(ranges(peer.take(), ack)).toEqual(['10-20']);
    write(sock, 10);
    expect(ranges(peer.take(), ack)).toEqual(['20-30']);
  });

  it('TCP_CORK holds everything that is not full until it is pulled', () => {
    const { peer, sock, ack } = open();
    sock.setCork(true);
    write(sock, 300);
    write(sock, 900);
    expect(ranges(peer.take(), ack)).toEqual(['0-1000']);
    sock.setCork(false);
    expect(ranges(peer.take(), ack)).toEqual(['1000-1200']);
  });

  it('MSG_MORE holds once; MSG_EOR ends a segment', () => {
    const { peer, sock, ack } = open();
    write(sock, 300, MSG_MORE);
    expect(ranges(peer.take(), ack)).toEqual([]);
    sock.setNodelay(true);
    write(sock, 300, MSG_EOR);
    write(sock, 300);
    expect(ranges(peer.take(), ack)).toEqual(['0-300', '300-600', '600-900']);
  });
});

describe('the peer’s window', () => {
  it('limits what is in flight', () => {
    const { peer, sock, seq, ack } = open({ window: 2500 });
    write(sock, 5000);
    expect(ranges(peer.take(), ack)).toEqual(['0-1000', '1000-2000']);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000, window: 2500 });
    expect(ranges(peer.take(), ack)).toEqual(['2000-3000']);
    expect(sock.sndWnd).toBe(2500);
  });

  it('closed: probes at 0.2, 0.4, 0.8 … s, for ever while the peer answers, and goes on when it opens', () => {
    const { peer, sock, seq, ack } = open();
    write(sock, 1000);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000, window: 0 });
    peer.take();
    write(sock, 500);
    const start = peer.machine.clock.nowNs;
    const times: number[] = [];
    for (let i = 0; i < 800; i++) {
      peer.pass(50e6);
      for (const probe of peer.take()) {
        // An old number: the peer must answer it, and it carries nothing.
        expect(probe).toMatchObject({ flags: ACK, sequence: (ack + 999) >>> 0 });
        expect(probe.payload.length).toBe(0);
        times.push(Math.round((peer.machine.clock.nowNs - start) / 1e8));
        peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000, window: 0 });
      }
    }
    expect(times.length).toBeGreaterThan(5);
    const gaps = times.slice(1).map((t, i) => t / times[i]);
    expect(Math.min(...gaps)).toBeGreaterThan(1.5);
    peer.pass(1000e9);
    expect(sock.state).not.toBe(TCP_CLOSE);
    peer.take();
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1000, window: 5000 });
    expect(ranges(peer.take(), ack)).toEqual(['1000-1500']);
  });

  it('closed and silent: gives up', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, window: 0 });
    write(sock, 500);
    peer.pass(2000e9);
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-ETIMEDOUT);
  });

  it('zero and open again between two stacks', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect({
      tune: (_client, listener) => {
        listener.rcvbuf = 20_000;
        listener.rcvbufLocked = true;
      },
    });
    const bytes = pattern(200_000);
    let sent = 0;
    const got: number[] = [];
    let zero = 0;
    // A reader that sleeps, far longer than the probes wait.
    const wake = (): void => {
      got.push(...read(server));
      if (got.length < bytes.length) hosts.clock.schedule(hosts.clock.nowNs + 3e9, wake);
    };
    wake();
    hosts.run(() => {
      if (sent < bytes.length) sent += Math.max(0, client.sendFrom(regionOf(bytes), sent, bytes.length - sent, 0));
      if (client.sndWnd === 0) zero++;
      return got.length === bytes.length;
    }, 3600e9);
    expect(Uint8Array.from(got)).toEqual(bytes);
    expect(zero).toBeGreaterThan(0);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});

describe('the send buffer', () => {
  it('takes what fits, then EAGAIN; tells when there is room again', () => {
    const { peer, sock, seq, ack } = open({ window: 1000 });
    sock.sndbuf = 8000;
    sock.sndbufLocked = true;
    let writable = 0;
    const count = (): void => {
      writable++;
    };
    sock.listener = { stateChanged() {}, readable() {}, destroyed() {}, writable: count };
    let taken = 0;
    for (let n = write(sock, 2000); n > 0; n = write(sock, 2000)) taken += n;
    expect(write(sock, 1)).toBe(-EAGAIN);
    expect(sock.writeable).toBe(false);
    expect(taken).toBeGreaterThan(2000);
    expect(taken).toBeLessThan(20_000);
    peer.take();
    for (let at = 0; writable === 0 && at < taken; at += 1000) {
      peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + at, window: 60_000 });
    }
    expect(writable).toBe(1);
    expect(sock.writeable).toBe(true);
  });

  it('grows with the congestion window unless the user set it', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect();
    const before = client.sndbuf;
    transfer(hosts, client, server, pattern(1_000_000));
    expect(client.sndbuf).toBeGreaterThan(before);
  });

  it('names why it takes nothing', () => {
    const { sock } = open();
    expect(sock.sendFrom(regionOf(new Uint8Array(4)), 2, 4, 0)).toBe(-EFAULT);
    expect(sock.sendFrom(regionOf(new Uint8Array(4)), 0, 0, 0)).toBe(0);
    sock.shutdown(1);
    expect(write(sock, 1)).toBe(-EPIPE);
  });

  it('keeps its own copy of the bytes', () => {
    const { peer, sock } = open();
    const bytes = pattern(100);
    sock.sendFrom(regionOf(bytes), 0, 100, 0);
    bytes.fill(0);
    peer.take();
    peer.pass(300e6);
    expect([...peer.takeOne().payload]).toEqual([...pattern(100)]);
  });
});

describe('urgent', () => {
  it('MSG_OOB points behind the last byte', () => {
    const { peer, sock, ack } = open();
    write(sock, 5, MSG_OOB);
    const sent = peer.takeOne();
    expect(sent.flags & URG).toBe(URG);
    expect((sent.sequence + sent.urgentPointer - ack) | 0).toBe(5);
  });
});
