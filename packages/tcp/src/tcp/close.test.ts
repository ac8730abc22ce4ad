import { regionOf } from '@netmem/region';
import { AF_INET, EADDRNOTAVAIL, ECONNRESET, EINVAL, ENOTCONN, EPIPE } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, FIN, PSH, RST, ScriptedPeer, SYN } from '../../test/scripted-peer.ts';
import { check, pattern, read, TwoHosts, transfer } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { TcpSock } from './tcp-sock.ts';
import {
  RCV_SHUTDOWN,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
} from './tcp-states.ts';

function open(options: Parameters<ScriptedPeer['establish']>[0] = {}): { peer: ScriptedPeer } & Established {
  const peer = new ScriptedPeer();
  return { peer, ...peer.establish(options) };
}

const BYTE = regionOf(Uint8Array.of(42));

describe('the peer closes first', () => {
  it('CLOSE_WAIT, then LAST_ACK, then nothing', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack });
    expect(sock.state).toBe(TCP_CLOSE_WAIT);
    expect(sock.shutdownMask).toBe(RCV_SHUTDOWN);
    expect(peer.takeOne()).toMatchObject({ flags: ACK, acknowledgment: seq + 1 });
    // Half closed: we may still send.
    expect(sock.sendFrom(BYTE, 0, 1, 0)).toBe(1);
    expect(peer.takeOne()).toMatchObject({ flags: ACK | PSH, sequence: ack });
    peer.send({ flags: ACK, sequence: seq + 1, acknowledgment: ack + 1 });
    sock.close();
    expect(sock.state).toBe(TCP_LAST_ACK);
    expect(peer.takeOne()).toMatchObject({ flags: FIN | ACK, sequence: ack + 1 });
    peer.send({ flags: ACK, sequence: seq + 1, acknowledgment: ack + 2 });
    expect(sock.state).toBe(TCP_CLOSE);
    expect(peer.stack.audit()).toEqual([]);
    expect(peer.stack.tcp.timeWaits).toBe(0);
  });

  it('a FIN that arrives before its turn waits', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: FIN | ACK, sequence: seq + 2, acknowledgment: ack });
    expect(sock.state).toBe(TCP_ESTABLISHED);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1, 2) });
    expect(sock.state).toBe(TCP_CLOSE_WAIT);
    expect(sock.rcvNxt >>> 0).toBe(seq + 3);
  });

  it('data behind a FIN are nobody’s', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack });
    peer.take();
    peer.send({ flags: ACK, sequence: seq + 1, acknowledgment: ack, payload: Uint8Array.of(9) });
    expect(read(sock).length).toBe(0);
    expect(sock.rcvNxt >>> 0).toBe(seq + 1);
  });
});

describe('this end closes first', () => {
  it('FIN_WAIT1, FIN_WAIT2, TIME_WAIT', () => {
    const { peer, sock, seq, ack } = open();
    expect(sock.shutdown(1)).toBe(0);
    expect(sock.state).toBe(TCP_FIN_WAIT1);
    expect(peer.takeOne()).toMatchObject({ flags: FIN | ACK, sequence: ack });
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1 });
    expect(sock.state).toBe(TCP_FIN_WAIT2);
    // Data still come in.
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack + 1, payload: Uint8Array.of(5) });
    expect(read(sock)).toEqual(Uint8Array.of(5));
    peer.take();
    peer.send({ flags: FIN | ACK, sequence: seq + 1, acknowledgment: ack + 1 });
    expect(peer.takeOne()).toMatchObject({ flags: ACK, sequence: ack + 1, acknowledgment: seq + 2 });
    expect(peer.stack.tcp.timeWaits).toBe(1);
    expect(sock.state).toBe(TCP_CLOSE);
    sock.close();
    peer.pass(59e9);
    expect(peer.stack.tcp.timeWaits).toBe(1);
    peer.pass(2e9);
    expect(peer.stack.tcp.timeWaits).toBe(0);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('both at once: CLOSING', () => {
    const { peer, sock, seq, ack } = open();
    sock.close();
    peer.take();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack });
    expect(sock.state).toBe(TCP_CLOSING);
    expect(peer.takeOne()).toMatchObject({ flags: ACK, acknowledgment: seq + 1 });
    peer.send({ flags: ACK, sequence: seq + 1, acknowledgment: ack + 1 });
    expect(peer.stack.tcp.timeWaits).toBe(1);
  });

  it('FIN and its ACK in one segment: straight to TIME_WAIT', () => {
    const { peer, sock, seq, ack } = open();
    sock.close();
    peer.take();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1 });
    expect(peer.takeOne()).toMatchObject({ flags: ACK, acknowledgment: seq + 1 });
    expect(peer.stack.tcp.timeWaits).toBe(1);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('an orphan in FIN_WAIT2 is forgotten after 60 s', () => {
    const { peer, sock, seq, ack } = open();
    sock.close();
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1 });
    expect(peer.stack.audit()).toEqual([]);
    expect(peer.stack.tcp.timeWaits).toBe(1);
    peer.pass(61e9);
    expect(peer.stack.tcp.timeWaits).toBe(0);
  });

  it('an orphan in FIN_WAIT2 resets a peer that sends data, and takes its FIN', () => {
    for (const payload of [Uint8Array.of(1), new Uint8Array(0)]) {
      const { peer, sock, seq, ack } = open();
      sock.close();
      peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1 });
      peer.take();
      peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1, payload });
      const answer = peer.takeOne();
      if (payload.length === 1) expect(answer.flags & RST).toBe(RST);
      else expect(answer).toMatchObject({ flags: ACK, acknowledgment: seq + 1 });
    }
  });

  it('repeats an unanswered FIN and gives up in the end', () => {
    const { peer, sock } = open();
    sock.close();
    let fins = peer.take().length;
    peer.pass(300e9);
    for (const segment of peer.take()) {
      expect(segment.flags).toBe(FIN | ACK);
      fins++;
    }
    expect(fins).toBeGreaterThan(4);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('with unread data: RST', () => {
    const { peer, sock, seq, ack } = open();
    peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: Uint8Array.of(1) });
    peer.take();
    sock.close();
    expect(peer.takeOne().flags).toBe(RST | ACK);
    expect(peer.stack.stats.TcpExtTCPAbortOnClose).toBe(1);
    expect(peer.stack.audit()).toEqual([]);
    expect(peer.network.skbs.inUse).toBe(0);
  });

  it('with SO_LINGER 0: RST', () => {
    const { peer, sock } = open();
    sock.close(0);
    expect(peer.takeOne().flags).toBe(RST | ACK);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('sends what is queued before the FIN', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect();
    const bytes = pattern(50_000);
    expect(client.sendFrom(regionOf(bytes), 0, bytes.length, 0)).toBe(bytes.length);
    client.close();
    const got: number[] = [];
    hosts.run(() => {
      got.push(...read(server));
      return server.done && got.length === bytes.length;
    }, 10e9);
    expect(Uint8Array.from(got)).toEqual(bytes);
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});

describe('half close', () => {
  it('one direction ends, the other goes on', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect();
    client.shutdown(1);
    hosts.run(() => server.done, 5e9);
    const answer = pattern(100_000);
    expect(transfer(hosts, server, client, answer)).toEqual(answer);
    expect(client.state).toBe(TCP_FIN_WAIT2);
    server.close();
    hosts.run(() => client.done, 5e9);
    client.close();
    expect(hosts.audit()).toEqual([]);
  });

  it('sending after it is EPIPE', () => {
    const { sock } = open();
    sock.shutdown(1);
    expect(sock.sendFrom(BYTE, 0, 1, 0)).toBe(-EPIPE);
  });

  it('shutdown names its errors', () => {
    const peer = new ScriptedPeer();
    const sock = TcpSock.create(peer.stack, AF_INET);
    expect(sock.shutdown(3)).toBe(-EINVAL);
    expect(sock.shutdown(1)).toBe(-ENOTCONN);
  });
});

describe('abort and disconnect', () => {
  it('abort sends RST and leaves the error', () => {
    const { peer, sock } = open();
    sock.abort(ECONNRESET);
    expect(peer.takeOne().flags).toBe(RST | ACK);
    expect(sock.takeError()).toBe(-ECONNRESET);
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });

  it('disconnect makes the sock usable again', () => {
    const { peer, sock } = open();
    expect(sock.disconnect()).toBe(0);
    expect(peer.takeOne().flags).toBe(RST | ACK);
    expect(sock.state).toBe(TCP_CLOSE);
    sock.takeError();
    check(sock.connect(InetAddress.parse('10.0.0.2')!, 99));
    expect(peer.takeOne().flags).toBe(SYN);
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });
});

describe('TIME_WAIT', () => {
  /** Closes from our side; what is left is a TIME_WAIT that expects `seq` from the script. */
  function timeWait(timestamps: boolean): { peer: ScriptedPeer; seq: number; ack: number; time: number } {
    const time = 1000;
    const options = timestamps ? { mss: 1460, timestamp: { value: time, echo: 0 } } : { mss: 1460 };
    const peer = new ScriptedPeer();
    const { sock, seq, ack } = peer.establish({ options });
    const stamp = timestamps ? { options: { timestamp: { value: time + 1, echo: 0 } } } : {};
    sock.close();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1, ...stamp });
    peer.take();
    expect(peer.stack.tcp.timeWaits).toBe(1);
    return { peer, seq: seq + 1, ack: ack + 1, time: time + 1 };
  }

  it('repeats the last ACK for a repeated FIN, and waits anew', () => {
    const { peer, seq, ack } = timeWait(false);
    peer.pass(50e9);
    peer.send({ flags: FIN | ACK, sequence: seq - 1, acknowledgment: ack });
    expect(peer.takeOne()).toMatchObject({ flags: ACK, sequence: ack, acknowledgment: seq });
    peer.pass(50e9);
    expect(peer.stack.tcp.timeWaits).toBe(1);
    peer.pass(11e9);
    expect(peer.stack.tcp.timeWaits).toBe(0);
  });

  it('is shortened by the knob', () => {
    const peer = new ScriptedPeer();
    peer.stack.sysctl.tcpTimewaitMs = 100;
    const { sock, seq, ack } = peer.establish();
    sock.close();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1 });
    peer.pass(101e6);
    expect(peer.stack.tcp.timeWaits).toBe(0);
  });

  it('gives way to a SYN with a higher number, and starts beyond the old one', () => {
    const { peer, seq, ack } = timeWait(false);
    const listener = peer.listen();
    peer.send({ flags: SYN, sequence: seq + 1, options: { mss: 1460 } });
    const synAck = peer.takeOne();
    expect(synAck.flags).toBe(SYN | ACK);
    expect((synAck.sequence - ack) >>> 0).toBe(65537);
    peer.send({ flags: ACK, sequence: seq + 2, acknowledgment: synAck.sequence + 1 });
    expect(listener.acceptQueueLength).toBe(1);
  });

  it('gives way to a SYN with a lower number only if its timestamp is later (RFC 6191)', () => {
    const { peer, seq, time } = timeWait(true);
    peer.listen();
    peer.send({ flags: SYN, sequence: seq - 500, options: { timestamp: { value: time, echo: 0 } } });
    expect(peer.takeOne().flags).toBe(ACK);
    peer.send({ flags: SYN, sequence: seq - 500, options: { timestamp: { value: time + 1, echo: 0 } } });
    expect(peer.takeOne().flags).toBe(SYN | ACK);
  });

  it('answers other ACKs once in half a second, and no RST but the exact one ends it', () => {
    const { peer, seq, ack } = timeWait(false);
    for (let i = 0; i < 3; i++) {
      peer.send({ flags: ACK, sequence: seq + 5, acknowledgment: ack });
    }
    expect(peer.take().map((segment) => segment.flags)).toEqual([ACK]);
    peer.send({ flags: RST, sequence: seq + 5 });
    expect(peer.stack.tcp.timeWaits).toBe(1);
    peer.send({ flags: RST, sequence: seq });
    expect(peer.stack.tcp.timeWaits).toBe(0);
  });

  it('repeats its ACK with the most that the header holds, whatever the window was', () => {
    const peer = new ScriptedPeer();
    const { sock, seq, ack } = peer.establish();
    // No scaling was agreed on, and room for more.
    sock.wnd.offer(sock.rcvNxt, 100_000);
    sock.close();
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1 });
    peer.take();
    expect(peer.stack.tcp.timeWaits).toBe(1);
    peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1 });
    expect(peer.takeOne()).toMatchObject({ flags: ACK, window: 65535 });
  });

  /** A connect between the ports of the TIME_WAIT. */
  function again(peer: ScriptedPeer, bound: boolean): { result: number; sock: TcpSock } {
    const sock = TcpSock.create(peer.stack, AF_INET);
    sock.reuseAddress = true;
    // Else it is the one port that there is to choose.
    if (bound) check(sock.bind(InetAddress.any(AF_INET), 80));
    else Object.assign(peer.stack.sysctl, { ipLocalPortMin: 80, ipLocalPortMax: 80 });
    return { result: sock.connect(InetAddress.parse('10.0.0.2')!, peer.peerPort), sock };
  }

  it('is taken over at once by a connect from just this port, with timestamps', () => {
    const { peer, ack } = timeWait(true);
    const { result, sock } = again(peer, true);
    expect(result).toBe(0);
    expect((peer.takeOne().sequence - ack) >>> 0).toBe(65537);
    expect(sock.state).toBe(2);
    const plain = timeWait(false);
    expect(again(plain.peer, true).result).toBe(-EADDRNOTAVAIL);
  });

  it('is taken over by a connect from any port after a second', () => {
    const { peer, ack } = timeWait(true);
    const early = again(peer, false);
    expect(early.result).toBe(-EADDRNOTAVAIL);
    early.sock.close();
    peer.pass(1.5e9);
    peer.stack.sysctl.tcpTwReuse = 0;
    expect(again(peer, false).result).toBe(-EADDRNOTAVAIL);
    peer.stack.sysctl.tcpTwReuse = 1;
    const late = again(peer, false);
    expect(late.result).toBe(0);
    expect((peer.takeOne().sequence - ack) >>> 0).toBe(65537);
  });

  it('is bounded in number', () => {
    const peer = new ScriptedPeer();
    peer.stack.sysctl.tcpMaxTwBuckets = 2;
    const listener = peer.listen();
    for (let i = 0; i < 4; i++) {
      peer.peerPort = 40000 + i;
      const { sock, seq, ack } = peer.establish({ listener });
      sock.close();
      peer.send({ flags: FIN | ACK, sequence: seq, acknowledgment: ack + 1 });
    }
    expect(peer.stack.tcp.timeWaits).toBe(2);
    expect(peer.stack.stats.TcpExtTCPTimeWaitOverflow).toBe(2);
  });
});
