import { AF_INET, EHOSTUNREACH } from '@netmem/uapi';
import { type ArpFields, arp, ethernet } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { check, TwoHosts, transfer } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { TcpSock } from '../tcp/tcp-sock.ts';
import { UdpSock } from '../udp/udp-sock.ts';
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
} from './neighbour.ts';

const HOST = '02:00:00:00:00:01';
const PEER = '02:00:00:00:00:02';

function lonely(): ScriptedPeer {
  return new ScriptedPeer({ introduce: false });
}

function sendArp(peer: ScriptedPeer, fields: Partial<ArpFields>, to: string = HOST): void {
  const payload = arp.encode(fields);
  peer.inject(ethernet.encode({ destination: to, source: fields.senderMac ?? PEER, type: 0x0806, payload }));
}

/** ARP packets that the host sent, with the Ethernet address they went to. */
function takeArp(peer: ScriptedPeer): (ArpFields & { to: string })[] {
  const found: (ArpFields & { to: string })[] = [];
  for (const frame of peer.sent.splice(0)) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const fields = ethernet.type(view, 0) === 0x0806 ? arp.decode(view, 14, frame.length - 14) : null;
    if (fields !== null) found.push({ ...fields, to: ethernet.decode(view, 0, frame.length)!.destination });
  }
  return found;
}

/** Has the host send a datagram to 10.0.0.2. */
function poke(peer: ScriptedPeer, sock: UdpSock): number {
  return sock.sendFrom(peer.stack.ram, 4096, 8, 0, InetAddress.parse('10.0.0.2')!, 9);
}

function udp(peer: ScriptedPeer): UdpSock {
  return UdpSock.create(peer.stack, AF_INET);
}

const answer = {
  operation: arp.REPLY,
  senderMac: PEER,
  senderAddress: '10.0.0.2',
  targetMac: HOST,
  targetAddress: '10.0.0.1',
};
const question = { operation: arp.REQUEST, senderMac: PEER, senderAddress: '10.0.0.2', targetAddress: '10.0.0.1' };

function state(peer: ScriptedPeer): number | undefined {
  return peer.stack.arp.table.find(peer.driver.netdev, InetAddress.parse('10.0.0.2')!)?.state;
}

describe('asking', () => {
  it('broadcasts, holds the packet, sends it when the answer comes', () => {
    const peer = lonely();
    const sock = udp(peer);
    check(poke(peer, sock));
    const [request] = takeArp(peer);
    expect(request).toMatchObject({
      operation: arp.REQUEST,
      senderAddress: '10.0.0.1',
      targetAddress: '10.0.0.2',
      to: 'ff:ff:ff:ff:ff:ff',
    });
    expect(state(peer)).toBe(NUD_INCOMPLETE);
    sendArp(peer, answer);
    expect(state(peer)).toBe(NUD_REACHABLE);
    expect(peer.sent.length).toBe(1);
    expect(ethernet.decode(new DataView(peer.sent[0].buffer), 0, peer.sent[0].length)!.destination).toBe(PEER);
    sock.close();
  });

  it('three times a second apart, then fails and drops what waits', () => {
    const peer = lonely();
    const sock = udp(peer);
    check(poke(peer, sock));
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      times.push(...takeArp(peer).map(() => Math.floor(i / 10)));
      peer.pass(100e6);
    }
    expect(times).toEqual([0, 1, 2]);
    expect(state(peer)).toBe(NUD_FAILED);
    expect(peer.network.skbs.inUse).toBe(0);
    // The next packet asks again.
    check(poke(peer, sock));
    expect(takeArp(peer).length).toBe(1);
    sock.close();
  });

  it('tells a connected datagram socket nothing: the peer may come back', () => {
    const peer = lonely();
    const sock = udp(peer);
    check(sock.connect(InetAddress.parse('10.0.0.2')!, 9));
    check(sock.sendFrom(peer.stack.ram, 4096, 8, 0, null, 0));
    peer.pass(4e9);
    expect(sock.takeError()).toBe(0);
    sock.close();
  });

  it('reportLinkFailure ends a connection attempt to who does not answer', () => {
    const peer = lonely();
    const sock = TcpSock.create(peer.stack, AF_INET);
    check(sock.connect(InetAddress.parse('10.0.0.2')!, 80));
    peer.pass(4e9);
    expect(sock.takeError()).toBe(-EHOSTUNREACH);
    sock.close();
  });

  it('bounds what waits: the oldest packets go first', () => {
    const peer = lonely();
    peer.stack.sysctl.neighUnresQlenBytes = 10_000;
    const sock = udp(peer);
    for (let i = 0; i < 30; i++) check(poke(peer, sock));
    const entry = peer.stack.arp.table.find(peer.driver.netdev, InetAddress.parse('10.0.0.2')!)!;
    expect(entry.queueBytes).toBeLessThanOrEqual(10_000);
    expect(entry.queue.length).toBeGreaterThan(2);
    expect(peer.stack.arp.table.unresDiscards).toBe(30 - entry.queue.length);
    sock.close();
  });
});

describe('answering', () => {
  it('says who has our address, and learns who asked', () => {
    const peer = lonely();
    sendArp(peer, question, 'ff:ff:ff:ff:ff:ff');
    expect(takeArp(peer)).toEqual([
      expect.objectContaining({
        operation: arp.REPLY,
        senderMac: HOST,
        senderAddress: '10.0.0.1',
        targetMac: PEER,
        targetAddress: '10.0.0.2',
        to: PEER,
      }),
    ]);
    expect(state(peer)).toBe(NUD_STALE);
  });

  it('defends the address against a probe (RFC 5227)', () => {
    const peer = lonely();
    sendArp(peer, { ...question, senderAddress: '0.0.0.0' }, 'ff:ff:ff:ff:ff:ff');
    expect(takeArp(peer).length).toBe(1);
    expect(peer.stack.arp.table.count).toBe(0);
  });

  it('keeps quiet about addresses of others, groups and loopback, and to impostors', () => {
    const peer = lonely();
    sendArp(peer, { ...question, targetAddress: '10.0.0.9' });
    sendArp(peer, { ...question, targetAddress: '224.0.0.1' });
    sendArp(peer, { ...question, targetAddress: '127.0.0.1' });
    sendArp(peer, { ...question, senderAddress: '10.0.0.1' });
    sendArp(peer, { ...question, senderAddress: '10.0.0.255' });
    expect(takeArp(peer)).toEqual([]);
    expect(peer.stack.arp.table.count).toBe(0);
  });

  it('learns no group address as a hardware address', () => {
    const peer = lonely();
    sendArp(peer, { ...question, senderMac: '01:00:5e:00:00:01' });
    expect(state(peer)).not.toBe(NUD_STALE);
  });

  it('takes no answer that it did not ask for', () => {
    const peer = lonely();
    sendArp(peer, answer);
    expect(peer.stack.arp.table.count).toBe(0);
  });

  it('counts what is no ARP for IPv4', () => {
    const peer = lonely();
    peer.inject(ethernet.encode({ destination: HOST, source: PEER, type: 0x0806, payload: new Uint8Array(20) }));
    peer.inject(ethernet.encode({ destination: HOST, source: PEER, type: 0x0806, payload: new Uint8Array(28) }));
    expect(peer.stack.arp.malformed).toBe(2);
  });
});

describe('growing old', () => {
  function reachable(): { peer: ScriptedPeer; sock: UdpSock } {
    const peer = lonely();
    const sock = udp(peer);
    check(poke(peer, sock));
    sendArp(peer, answer);
    peer.sent.length = 0;
    return { peer, sock };
  }

  it('REACHABLE, STALE, and with the next packet DELAY, PROBE by unicast, REACHABLE again', () => {
    const { peer, sock } = reachable();
    peer.pass(50e9);
    expect(state(peer)).toBe(NUD_STALE);
    check(poke(peer, sock));
    expect(state(peer)).toBe(NUD_DELAY);
    // The packet left at once.
    expect(peer.sent.length).toBe(1);
    expect(takeArp(peer)).toEqual([]);
    peer.pass(5.5e9);
    expect(state(peer)).toBe(NUD_PROBE);
    expect(takeArp(peer)).toEqual([expect.objectContaining({ operation: arp.REQUEST, to: PEER })]);
    sendArp(peer, answer);
    expect(state(peer)).toBe(NUD_REACHABLE);
    sock.close();
  });

  it('a neighbour that has gone fails after three probes', () => {
    const { peer, sock } = reachable();
    peer.pass(50e9);
    check(poke(peer, sock));
    peer.pass(10e9);
    expect(takeArp(peer).length).toBe(3);
    expect(state(peer)).toBe(NUD_FAILED);
    sock.close();
  });

  it('TCP’s progress confirms: no probe in a running transfer', () => {
    const hosts = new TwoHosts({ resolve: true, latencyNs: 20e6 });
    const { client, server } = hosts.connect();
    const requests: number[] = [];
    hosts.judge = (frame) => {
      if (frame[12] === 8 && frame[13] === 6) requests.push(hosts.clock.nowNs);
      return null;
    };
    for (let i = 0; i < 20; i++) {
      transfer(hosts, client, server, new Uint8Array(1000));
      hosts.pass(4e9);
    }
    // The reader of the stream is confirmed by nothing but its own questions.
    const entry = hosts.a.stack.arp.table.find(hosts.a.driver.netdev, hosts.b.address)!;
    expect([NUD_REACHABLE, NUD_STALE, NUD_DELAY]).toContain(entry.state);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });

  it('a new address of a neighbour is taken from its own announcement, not within a second of the last', () => {
    const { peer, sock } = reachable();
    const moved = {
      operation: arp.REQUEST,
      senderMac: '02:00:00:00:00:77',
      senderAddress: '10.0.0.2',
      targetAddress: '10.0.0.3',
    };
    sendArp(peer, moved, 'ff:ff:ff:ff:ff:ff');
    const entry = peer.stack.arp.table.find(peer.driver.netdev, InetAddress.parse('10.0.0.2')!)!;
    expect(entry.mac).toBe(PEER);
    peer.pass(1.1e9);
    sendArp(peer, moved, 'ff:ff:ff:ff:ff:ff');
    expect(entry.mac).toBe('02:00:00:00:00:77');
    sock.close();
  });

  it('a gratuitous announcement counts at once', () => {
    const { peer, sock } = reachable();
    const gratuitous = {
      operation: arp.REQUEST,
      senderMac: '02:00:00:00:00:77',
      senderAddress: '10.0.0.2',
      targetAddress: '10.0.0.2',
    };
    sendArp(peer, gratuitous, 'ff:ff:ff:ff:ff:ff');
    expect(peer.stack.arp.table.find(peer.driver.netdev, InetAddress.parse('10.0.0.2')!)!.mac).toBe(
      '02:00:00:00:00:77',
    );
    sock.close();
  });

  it('a permanent entry changes for nobody', () => {
    const peer = new ScriptedPeer();
    sendArp(peer, { ...question, senderMac: '02:00:00:00:00:77' });
    const entry = peer.stack.arp.table.find(peer.driver.netdev, InetAddress.parse('10.0.0.2')!)!;
    expect([entry.state, entry.mac]).toEqual([NUD_PERMANENT, PEER]);
  });
});

describe('the table', () => {
  it('is bounded: strangers push out the least used, never who is being asked for', () => {
    const peer = lonely();
    peer.stack.sysctl.neighMaxEntries = 8;
    const sock = udp(peer);
    check(poke(peer, sock));
    for (let i = 10; i < 60; i++) {
      sendArp(peer, { ...question, senderAddress: `10.0.0.${i}` });
      peer.pass(1e6);
    }
    expect(peer.stack.arp.table.count).toBe(8);
    expect(state(peer)).toBe(NUD_INCOMPLETE);
    sock.close();
  });

  it('forgets a device that goes down', () => {
    const peer = lonely();
    sendArp(peer, question);
    expect(peer.stack.arp.table.count).toBe(1);
    peer.driver.netdev.close();
    expect(peer.stack.arp.table.count).toBe(0);
  });

  it('announces an address when it is told to', () => {
    const peer = lonely();
    peer.stack.arp.announce(peer.driver.netdev, InetAddress.parse('10.0.0.1')!);
    expect(takeArp(peer)).toEqual([
      expect.objectContaining({ senderAddress: '10.0.0.1', targetAddress: '10.0.0.1', to: 'ff:ff:ff:ff:ff:ff' }),
    ]);
  });
});
