import { AF_INET6 } from '@netmem/uapi';
import { ethernet, type Icmpv6Fields, icmpv6, ipv6, ndp, parseAddress6, pseudoHeaderSum6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { check, pattern, TwoHosts, transfer } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { UdpSock } from '../udp/udp-sock.ts';
import { NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE } from './neighbour.ts';

const HOST = '02:00:00:00:00:01';
const PEER = '02:00:00:00:00:02';
const PEER_MAC = [2, 0, 0, 0, 0, 2];
const LINK_LOCAL = 'fe80::ff:fe00:1';

function lonely(): ScriptedPeer {
  return new ScriptedPeer({ introduce: false });
}

/** Sends an ICMPv6 message with a good checksum. */
function send(
  peer: ScriptedPeer,
  source: string,
  destination: string,
  message: Partial<Icmpv6Fields>,
  hopLimit: number = 255,
): void {
  const addresses = new DataView(new ArrayBuffer(32));
  new Uint8Array(addresses.buffer).set(parseAddress6(source)!);
  new Uint8Array(addresses.buffer).set(parseAddress6(destination)!, 16);
  const length = 8 + (message.body?.length ?? 0);
  const payload = icmpv6.encode(message, pseudoHeaderSum6(addresses, 0, 16, 58, length));
  const packet = ipv6.encode({ source, destination, nextHeader: 58, hopLimit, payload });
  peer.inject(ethernet.encode({ destination: HOST, source: PEER, type: 0x86dd, payload: packet }));
}

interface Sent {
  source: string;
  destination: string;
  hopLimit: number;
  to: string;
  type: number;
  rest: number;
  body: Uint8Array;
}

function take(peer: ScriptedPeer): Sent[] {
  const found: Sent[] = [];
  for (const frame of peer.sent.splice(0)) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const packet = ethernet.type(view, 0) === 0x86dd ? ipv6.decode(view, 14, frame.length - 14) : null;
    if (packet === null || packet.nextHeader !== 58) continue;
    const pseudo = pseudoHeaderSum6(view, 22, 38, 58, packet.payload.length);
    const message = icmpv6.decode(view, 54, packet.payload.length, pseudo);
    if (message === null) throw new Error('the host sent a bad checksum');
    const { source, destination, hopLimit } = packet;
    found.push({
      source,
      destination,
      hopLimit,
      to: ethernet.decode(view, 0, frame.length)!.destination,
      type: message.type,
      rest: message.rest,
      body: message.body,
    });
  }
  return found;
}

function solicitation(target: string, mac: number[] | null): Partial<Icmpv6Fields> {
  const option = mac === null ? [] : [1, 1, ...mac];
  return { type: icmpv6.NEIGHBOUR_SOLICITATION, body: Uint8Array.from([...parseAddress6(target)!, ...option]) };
}

function advertisement(target: string, flags: number, mac: number[] | null): Partial<Icmpv6Fields> {
  const option = mac === null ? [] : [2, 1, ...mac];
  return {
    type: icmpv6.NEIGHBOUR_ADVERTISEMENT,
    rest: flags >>> 0,
    body: Uint8Array.from([...parseAddress6(target)!, ...option]),
  };
}

const SOLICITED_OVERRIDE = (ndp.FLAG_SOLICITED | ndp.FLAG_OVERRIDE) >>> 0;

function entry(peer: ScriptedPeer): ReturnType<ScriptedPeer['stack']['ndp']['table']['find']> {
  return peer.stack.ndp.table.find(peer.driver.netdev, InetAddress.parse('fd00::2')!);
}

function poke(peer: ScriptedPeer): UdpSock {
  const sock = UdpSock.create(peer.stack, AF_INET6);
  check(sock.sendFrom(peer.stack.ram, 4096, 8, 0, InetAddress.parse('fd00::2')!, 9));
  return sock;
}

describe('asking', () => {
  it('goes to the solicited-node group with our hardware address, hop limit 255', () => {
    const peer = lonely();
    const sock = poke(peer);
    const [question] = take(peer);
    expect(question).toMatchObject({
      source: 'fd00::1',
      destination: 'ff02::1:ff00:2',
      to: '33:33:ff:00:00:02',
      hopLimit: 255,
      type: icmpv6.NEIGHBOUR_SOLICITATION,
    });
    expect([...question.body]).toEqual([...parseAddress6('fd00::2')!, 1, 1, 2, 0, 0, 0, 0, 1]);
    expect(entry(peer)!.state).toBe(NUD_INCOMPLETE);
    send(peer, 'fd00::2', 'fd00::1', advertisement('fd00::2', SOLICITED_OVERRIDE, PEER_MAC));
    expect(entry(peer)!.state).toBe(NUD_REACHABLE);
    expect(peer.sent.length).toBe(1);
    sock.close();
  });

  it('three times, then fails', () => {
    const peer = lonely();
    const sock = poke(peer);
    peer.pass(5e9);
    expect(take(peer).length).toBe(3);
    expect(entry(peer)!.state).toBe(NUD_FAILED);
    expect(peer.network.skbs.inUse).toBe(0);
    sock.close();
  });
});

describe('answering', () => {
  it('a solicitation by multicast, and learns who asked', () => {
    const peer = lonely();
    send(peer, 'fd00::2', 'ff02::1:ff00:1', solicitation('fd00::1', PEER_MAC));
    expect(take(peer)).toEqual([
      expect.objectContaining({
        source: 'fd00::1',
        destination: 'fd00::2',
        to: PEER,
        hopLimit: 255,
        type: icmpv6.NEIGHBOUR_ADVERTISEMENT,
        rest: SOLICITED_OVERRIDE,
      }),
    ]);
    // Heard of, and used at once for the answer.
    expect(entry(peer)!.state).toBe(NUD_DELAY);
  });

  it('the link-local address too, which every device with IPv6 has', () => {
    const peer = lonely();
    send(peer, 'fd00::2', 'ff02::1:ff00:1', solicitation(LINK_LOCAL, PEER_MAC));
    expect(take(peer)[0]).toMatchObject({ source: LINK_LOCAL });
  });

  it('duplicate address detection to all nodes, unsolicited', () => {
    const peer = lonely();
    send(peer, '::', 'ff02::1:ff00:1', solicitation('fd00::1', null));
    expect(take(peer)).toEqual([expect.objectContaining({ destination: 'ff02::1', rest: ndp.FLAG_OVERRIDE })]);
    expect(peer.stack.ndp.table.count).toBe(1); // the group itself
  });

  it('nothing that was routed, is for others, or breaks a rule', () => {
    const peer = lonely();
    send(peer, 'fd00::2', 'ff02::1:ff00:1', solicitation('fd00::1', PEER_MAC), 254);
    send(peer, 'fd00::2', 'ff02::1:ff00:1', solicitation('fd00::99', PEER_MAC));
    send(peer, '::', 'ff02::1:ff00:1', solicitation('fd00::1', PEER_MAC));
    send(peer, 'fd00::2', 'fd00::1', { type: icmpv6.NEIGHBOUR_SOLICITATION, body: new Uint8Array(4) });
    expect(take(peer)).toEqual([]);
    expect(peer.stack.ndp.malformed).toBe(3);
  });
});

describe('advertisements', () => {
  function known(): ScriptedPeer {
    const peer = lonely();
    poke(peer).close();
    send(peer, 'fd00::2', 'fd00::1', advertisement('fd00::2', SOLICITED_OVERRIDE, PEER_MAC));
    take(peer);
    return peer;
  }

  it('without override change no address', () => {
    const peer = known();
    send(peer, 'fd00::2', 'ff02::1', advertisement('fd00::2', 0, [2, 0, 0, 0, 0, 0x77]));
    expect(entry(peer)!.mac).toBe(PEER);
    expect(entry(peer)!.state).toBe(NUD_STALE);
  });

  it('with override do', () => {
    const peer = known();
    send(peer, 'fd00::2', 'ff02::1', advertisement('fd00::2', ndp.FLAG_OVERRIDE, [2, 0, 0, 0, 0, 0x77]));
    expect(entry(peer)!.mac).toBe('02:00:00:00:00:77');
  });

  it('for nobody we know are ignored', () => {
    const peer = lonely();
    send(peer, 'fd00::2', 'ff02::1', advertisement('fd00::2', ndp.FLAG_OVERRIDE, PEER_MAC));
    expect(peer.stack.ndp.table.count).toBe(0);
  });
});

it('two hosts find each other and talk, by global and by link-local address', () => {
  const hosts = new TwoHosts({ resolve: true });
  const { client, server } = hosts.connect({ family: AF_INET6 });
  const bytes = pattern(20_000);
  expect(transfer(hosts, client, server, bytes)).toEqual(bytes);
  client.close();
  server.close();
  const replies: string[] = [];
  hosts.a.stack.icmp6.onEchoReply = (from) => replies.push(from.toString());
  check(hosts.a.stack.ping(`fe80::ff:fe00:2%${hosts.a.driver.netdev.ifindex}`));
  hosts.pass(1e9);
  expect(replies).toEqual(['fe80::ff:fe00:2']);
  expect(hosts.audit()).toEqual([]);
});
