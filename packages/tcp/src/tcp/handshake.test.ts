import { AF_INET, EADDRNOTAVAIL, EAFNOSUPPORT, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT } from '@netmem/uapi';
import type { TcpOptionFields } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ACK, PEER_ADDRESS, PSH, RST, ScriptedPeer, SYN } from '../../test/scripted-peer.ts';
import { check, read, TwoHosts } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_SYN_RECV, TCP_SYN_SENT } from './tcp-states.ts';

/** A sock that has sent its SYN to the script. */
function connecting(peer: ScriptedPeer): TcpSock {
  const sock = TcpSock.create(peer.stack, AF_INET);
  check(sock.connect(InetAddress.parse(PEER_ADDRESS)!, peer.peerPort));
  peer.hostPort = sock.localPort;
  return sock;
}

describe('active open', () => {
  it('offers MSS, SACK, timestamps and a window scale, in that order of bytes', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    expect(syn.flags).toBe(SYN);
    expect(syn.options.mss).toBe(1460);
    expect(syn.options.sackPermitted).toBe(true);
    expect(syn.options.timestamp!.echo).toBe(0);
    expect(syn.options.windowScale).toBe(7);
    expect(syn.window).toBeLessThanOrEqual(65535);
    expect(sock.state).toBe(TCP_SYN_SENT);
  });

  it('is established by SYN|ACK and answers with ACK', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    peer.send({
      flags: SYN | ACK,
      sequence: 5000,
      acknowledgment: syn.sequence + 1,
      window: 60000,
      options: { mss: 1400, windowScale: 3 },
    });
    expect(sock.state).toBe(TCP_ESTABLISHED);
    const ack = peer.takeOne();
    expect(ack).toMatchObject({ flags: ACK, sequence: (syn.sequence + 1) >>> 0, acknowledgment: 5001 });
    // The window of a SYN is never scaled.
    expect(sock.sndWnd).toBe(60000);
    expect(sock.mss).toBe(1400);
    expect(sock.options).toMatchObject({ sackOk: false, tstampOk: false, wscaleOk: true, sndWscale: 3 });
  });

  it('believes no ACK of something it did not send, and says RST', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    peer.send({ flags: SYN | ACK, sequence: 5000, acknowledgment: syn.sequence + 2 });
    expect(peer.takeOne()).toMatchObject({ flags: RST, sequence: (syn.sequence + 2) >>> 0 });
    expect(sock.state).toBe(TCP_SYN_SENT);
  });

  it('is refused by RST|ACK, but not by a blind RST', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    peer.send({ flags: RST, sequence: 0 });
    expect(sock.state).toBe(TCP_SYN_SENT);
    peer.send({ flags: RST | ACK, sequence: 0, acknowledgment: (syn.sequence + 1) >>> 0 });
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-ECONNREFUSED);
    expect(peer.take()).toEqual([]);
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });

  it('repeats the SYN four times a second apart, then after 1, 2, 4 … s, and gives up after ten', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const start = peer.machine.clock.nowNs;
    const times: number[] = [];
    peer.take();
    for (let i = 0; i < 1400; i++) {
      peer.pass(100e6);
      for (const segment of peer.take()) {
        expect(segment.flags).toBe(SYN);
        times.push(Math.round((peer.machine.clock.nowNs - start) / 1e9));
      }
    }
    expect(times).toEqual([1, 2, 3, 4, 5, 7, 11, 19, 35, 67]);
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-ETIMEDOUT);
    expect(peer.stack.stats.TcpExtTCPTimeouts).toBe(11);
    sock.close();
  });

  it('measures the first round trip', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    peer.pass(30e6);
    peer.send({ flags: SYN | ACK, sequence: 1, acknowledgment: syn.sequence + 1, window: 65535 });
    expect(sock.info().rttUs).toBe(30_000);
    expect(sock.info().rtoUs).toBe(230_000);
  });

  it('completes a simultaneous open', () => {
    const peer = new ScriptedPeer();
    const sock = connecting(peer);
    const syn = peer.takeOne();
    peer.send({ flags: SYN, sequence: 7000, window: 4096, options: { mss: 1460, timestamp: { value: 1, echo: 0 } } });
    expect(sock.state).toBe(TCP_SYN_RECV);
    const synAck = peer.takeOne();
    expect(synAck).toMatchObject({ flags: SYN | ACK, sequence: syn.sequence, acknowledgment: 7001 });
    // It may only repeat what the peer offered.
    expect(synAck.options.sackPermitted).toBeUndefined();
    expect(synAck.options.timestamp!.echo).toBe(1);
    peer.send({
      flags: SYN | ACK,
      sequence: 7000,
      acknowledgment: syn.sequence + 1,
      window: 4096,
      options: { mss: 1460, timestamp: { value: 2, echo: synAck.options.timestamp!.value } },
    });
    expect(sock.state).toBe(TCP_ESTABLISHED);
    expect(sock.rcvNxt).toBe(7001);
  });

  it('opens between two stacks that both call connect', () => {
    const hosts = new TwoHosts();
    const left = TcpSock.create(hosts.a.stack, AF_INET);
    const right = TcpSock.create(hosts.b.stack, AF_INET);
    check(left.bind(hosts.a.address, 1111));
    check(right.bind(hosts.b.address, 2222));
    check(left.connect(hosts.b.address, 2222));
    check(right.connect(hosts.a.address, 1111));
    hosts.run(() => left.state === TCP_ESTABLISHED && right.state === TCP_ESTABLISHED, 5e9);
    expect([left.state, right.state]).toEqual([TCP_ESTABLISHED, TCP_ESTABLISHED]);
    left.close();
    right.close();
    expect(hosts.audit()).toEqual([]);
  });

  it('names why it cannot start', () => {
    const peer = new ScriptedPeer();
    const sock = TcpSock.create(peer.stack, AF_INET);
    expect(sock.connect(InetAddress.parse('192.0.2.1')!, 80)).toBe(-ENETUNREACH);
    peer.driver.netdev.close();
    expect(sock.connect(InetAddress.parse(PEER_ADDRESS)!, 80)).toBe(-EHOSTUNREACH);
    peer.driver.netdev.open();
    expect(sock.connect(InetAddress.parse('fd00::2')!, 80)).toBe(-EAFNOSUPPORT);
    expect(sock.state).toBe(TCP_CLOSE);
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });

  it('finds out that nobody answers on the link', () => {
    const peer = new ScriptedPeer({ introduce: false });
    const sock = connecting(peer);
    // Three solicitations, a second each; then the neighbour calls reportLinkFailure for the SYN that waits.
    peer.pass(3.5e9);
    expect(sock.takeError()).toBe(-EHOSTUNREACH);
    expect(sock.state).toBe(TCP_CLOSE);
  });

  it('takes another port for each connection to one peer, and shares one between peers', () => {
    const peer = new ScriptedPeer();
    peer.stack.sysctl.ipLocalPortMin = 5000;
    peer.stack.sysctl.ipLocalPortMax = 5001;
    const open = (address: string): number => {
      const sock = TcpSock.create(peer.stack, AF_INET);
      const result = sock.connect(InetAddress.parse(address)!, 80);
      return result < 0 ? result : sock.localPort;
    };
    expect([open('10.0.0.2'), open('10.0.0.2')].sort()).toEqual([5000, 5001]);
    expect(open('10.0.0.2')).toBe(-EADDRNOTAVAIL);
    expect(open('10.0.0.3')).toBeGreaterThan(0);
  });
});

describe('what a listener negotiates', () => {
  const rows: readonly [string, TcpOptionFields, TcpOptionFields][] = [
    ['nothing', {}, { mss: 1460 }],
    ['MSS', { mss: 500 }, { mss: 1460 }],
    ['window scale', { mss: 1460, windowScale: 2 }, { mss: 1460, windowScale: 7 }],
    ['SACK', { mss: 1460, sackPermitted: true }, { mss: 1460, sackPermitted: true }],
  ];
  for (const [name, offered, answered] of rows) {
    it(`with a SYN that offers ${name}`, () => {
      const peer = new ScriptedPeer();
      peer.listen();
      peer.send({ flags: SYN, sequence: 1, window: 100, options: offered });
      expect(peer.takeOne().options).toEqual(answered);
    });
  }

  it('with a SYN that offers timestamps', () => {
    const peer = new ScriptedPeer();
    peer.listen();
    peer.send({ flags: SYN, sequence: 1, options: { timestamp: { value: 77, echo: 0 } } });
    expect(peer.takeOne().options.timestamp!.echo).toBe(77);
  });

  for (const knob of ['tcpSack', 'tcpTimestamps', 'tcpWindowScaling'] as const) {
    it(`nothing that ${knob} forbids`, () => {
      const peer = new ScriptedPeer();
      peer.stack.sysctl[knob] = false;
      peer.listen();
      const all = { mss: 1460, sackPermitted: true, windowScale: 3, timestamp: { value: 5, echo: 0 } };
      peer.send({ flags: SYN, sequence: 1, options: all });
      const { options } = peer.takeOne();
      expect(options.sackPermitted ?? false).toBe(knob !== 'tcpSack');
      expect(options.timestamp !== undefined).toBe(knob !== 'tcpTimestamps');
      expect(options.windowScale !== undefined).toBe(knob !== 'tcpWindowScaling');
    });
  }

  it('a scale of at most 14 (RFC 7323, 2.3), and no MSS below 48 in use', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish({ options: { mss: 1, windowScale: 200 } });
    expect(sock.options.sndWscale).toBe(14);
    expect(sock.mss).toBe(48);
  });
});

describe('passive open', () => {
  it('answers a repeated SYN with the same SYN|ACK, not more than twice a second', () => {
    const peer = new ScriptedPeer();
    peer.listen();
    const syn = { flags: SYN, sequence: 1, options: { mss: 1460 } };
    peer.send(syn);
    const first = peer.takeOne();
    peer.send(syn);
    expect(peer.takeOne()).toEqual(first);
    peer.send(syn);
    expect(peer.take()).toEqual([]);
    peer.pass(600e6);
    peer.send(syn);
    expect(peer.takeOne()).toEqual(first);
  });

  it('repeats SYN|ACK after 1, 2, 4, 8, 16 s and forgets the request', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen();
    peer.send({ flags: SYN, sequence: 1 });
    peer.take();
    const times: number[] = [];
    const start = peer.machine.clock.nowNs;
    for (let i = 0; i < 700; i++) {
      peer.pass(100e6);
      if (peer.take().length > 0) times.push(Math.round((peer.machine.clock.nowNs - start) / 1e9));
    }
    expect(times).toEqual([1, 3, 7, 15, 31]);
    expect(listener.synQueueLength).toBe(0);
    expect(peer.stack.tcp.table.count).toBe(0);
  });

  it('takes data that come with the last ACK', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen();
    peer.send({ flags: SYN, sequence: 1, window: 1000 });
    const synAck = peer.takeOne();
    peer.send({ flags: ACK | PSH, sequence: 2, acknowledgment: synAck.sequence + 1, payload: Uint8Array.of(1, 2, 3) });
    const sock = listener.acceptDequeue()!;
    expect(read(sock)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('resets an ACK that it did not ask for, and drops what else is no SYN', () => {
    const peer = new ScriptedPeer();
    peer.listen();
    peer.send({ flags: ACK, sequence: 1, acknowledgment: 99 });
    expect(peer.takeOne()).toMatchObject({ flags: RST, sequence: 99 });
    peer.send({ flags: RST, sequence: 1 });
    peer.send({ flags: 0, sequence: 1 });
    peer.send({ flags: SYN | 1, sequence: 1 });
    expect(peer.take()).toEqual([]);
  });

  it('gives up a request on RST inside the window and on no other', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen();
    peer.send({ flags: SYN, sequence: 100, window: 1000 });
    peer.take();
    peer.send({ flags: RST, sequence: 99 });
    expect(listener.synQueueLength).toBe(1);
    peer.send({ flags: RST, sequence: 101 });
    expect(listener.synQueueLength).toBe(0);
    expect(peer.stack.stats.TcpExtEmbryonicRsts).toBe(1);
    expect(peer.stack.stats.TcpAttemptFails).toBe(1);
  });

  it('resets a last ACK with a wrong number and keeps the request', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen();
    peer.send({ flags: SYN, sequence: 100, window: 1000 });
    const synAck = peer.takeOne();
    peer.send({ flags: ACK, sequence: 101, acknowledgment: (synAck.sequence + 5) >>> 0 });
    expect(peer.takeOne().flags).toBe(RST);
    peer.send({ flags: ACK, sequence: 101, acknowledgment: synAck.sequence + 1 });
    expect(listener.acceptQueueLength).toBe(1);
  });

  it('bounds half-open requests by the backlog', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen(4);
    for (let i = 0; i < 10; i++) {
      peer.peerPort = 40000 + i;
      peer.send({ flags: SYN, sequence: 1 });
    }
    expect(listener.synQueueLength).toBe(4);
    expect(peer.take().length).toBe(4);
    expect(peer.stack.stats.TcpExtTCPReqQFullDrop).toBe(6);
    expect(peer.stack.stats.TcpExtListenDrops).toBe(6);
  });

  it('bounds the accept queue: the last ACK is ignored until somebody accepts', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen(1);
    const open = (port: number): void => {
      peer.peerPort = port;
      peer.send({ flags: SYN, sequence: 1, window: 1000 });
      const [synAck] = peer.take();
      if (synAck !== undefined)
        peer.send({ flags: ACK, sequence: 2, acknowledgment: synAck.sequence + 1, window: 1000 });
    };
    // Linux lets one more in than the backlog says.
    for (let i = 0; i < 4; i++) open(40000 + i);
    expect(listener.acceptQueueLength).toBe(2);
    expect(peer.stack.stats.TcpExtListenOverflows).toBeGreaterThan(0);
    listener.close();
    expect(peer.take().every((segment) => (segment.flags & RST) !== 0)).toBe(true);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('refuses everything half open or not accepted when the listener closes', () => {
    const peer = new ScriptedPeer();
    const listener = peer.listen();
    peer.establish({ listener });
    listener.close();
    peer.peerPort = 41000;
    peer.send({ flags: SYN, sequence: 1 });
    expect(peer.takeOne().flags).toBe(RST | ACK);
  });
});

describe('initial sequence numbers', () => {
  it('differ between connections and follow the clock on one', () => {
    const peer = new ScriptedPeer();
    const { sequences } = peer.stack.tcp;
    const here = InetAddress.parse('10.0.0.1')!;
    const there = InetAddress.parse('10.0.0.2')!;
    const seen = new Set<number>();
    for (let port = 1; port <= 1000; port++) seen.add(sequences.initial(here, port, there, 80, 0));
    expect(seen.size).toBe(1000);
    const first = sequences.initial(here, 1, there, 80, 0);
    const later = sequences.initial(here, 1, there, 80, 64_000_000);
    expect((later - first) | 0).toBe(1_000_000);
  });

  it('come from the seed: the same run gives the same numbers, another seed does not', () => {
    const address = InetAddress.parse('10.0.0.1')!;
    const first = (stack: InetCore): number => stack.tcp.sequences.initial(address, 1, address, 2, 0);
    const one = new ScriptedPeer();
    const two = new ScriptedPeer();
    expect(first(one.stack)).toBe(first(two.stack));
    expect(first(new ScriptedPeer({ seed: 9 }).stack)).not.toBe(first(one.stack));
  });
});
