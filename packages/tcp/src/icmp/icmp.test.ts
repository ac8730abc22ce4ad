import { AF_INET, AF_INET6, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH } from '@netmem/uapi';
import { ethernet, type IcmpFields, icmp, ipv4, tcp, udp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { check, pattern, TwoHosts } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_SYN_SENT } from '../tcp/tcp-states.ts';
import { UdpSock } from '../udp/udp-sock.ts';

const PEER = InetAddress.parse('10.0.0.2')!;

function takeIcmp(peer: ScriptedPeer): (IcmpFields & { to: string })[] {
  const found: (IcmpFields & { to: string })[] = [];
  for (const frame of peer.sent.splice(0)) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const packet = ethernet.type(view, 0) === 0x0800 ? ipv4.decode(view, 14, frame.length - 14) : null;
    if (packet?.protocol !== 1) continue;
    const message = icmp.decode(view, 34, packet.payload.length);
    if (message === null) throw new Error('the host sent a bad ICMP message');
    found.push({ ...message, to: packet.destination });
  }
  return found;
}

/** The first 28 bytes of the last IPv4 packet that the host sent: what an error quotes. */
function quote(peer: ScriptedPeer): Uint8Array {
  return peer.sent.at(-1)!.slice(14, 14 + 28);
}

function unreachable(peer: ScriptedPeer, code: number, body: Uint8Array, rest: number = 0): void {
  peer.sendIp(1, icmp.encode({ type: icmp.DESTINATION_UNREACHABLE, code, rest, body }), { source: '10.0.0.3' });
}

describe('echo', () => {
  it('keeps the type of service', () => {
    const peer = new ScriptedPeer();
    peer.sendIp(1, icmp.encode({ body: pattern(8) }), { trafficClass: 0xb8 });
    const frame = peer.sent.at(-1)!;
    expect(ipv4.trafficClass(new DataView(frame.buffer, frame.byteOffset), 14)).toBe(0xb8);
  });

  for (const length of [0, 1, 56, 400, 1472]) {
    it(`of ${length} bytes comes back as it was`, () => {
      const peer = new ScriptedPeer();
      peer.sendIp(1, icmp.encode({ type: icmp.ECHO_REQUEST, rest: 0x12345678, body: pattern(length) }));
      expect(takeIcmp(peer)).toEqual([
        { type: icmp.ECHO_REPLY, code: 0, rest: 0x12345678, body: pattern(length), to: '10.0.0.2' },
      ]);
      expect(peer.network.skbs.inUse).toBe(0);
    });
  }

  it('to a broadcast address is not answered', () => {
    const peer = new ScriptedPeer();
    peer.sendIp(1, icmp.encode({ body: pattern(8) }), { destination: '10.0.0.255' });
    expect(takeIcmp(peer)).toEqual([]);
    expect(peer.stack.stats.IcmpInEchos).toBe(1);
  });

  it('with a bad checksum is dropped and counted', () => {
    const peer = new ScriptedPeer();
    const message = icmp.encode({ body: pattern(8) });
    message[9] ^= 1;
    peer.sendIp(1, message);
    peer.sendIp(1, new Uint8Array(3));
    expect(takeIcmp(peer)).toEqual([]);
    expect(peer.stack.stats).toMatchObject({ IcmpInCsumErrors: 1, IcmpInErrors: 2 });
  });

  it('is what ping sends, and hears', () => {
    const hosts = new TwoHosts();
    const heard: unknown[] = [];
    hosts.a.stack.icmp.onEchoReply = (from, _id, sequence, bytes) => heard.push([from.toString(), sequence, bytes]);
    hosts.a.stack.icmp6.onEchoReply = (from, _id, sequence, bytes) => heard.push([from.toString(), sequence, bytes]);
    check(hosts.a.stack.ping('10.0.0.2', 7, 100));
    check(hosts.a.stack.ping('fd00::2', 8, 1000));
    check(hosts.a.stack.ping('127.0.0.1', 9, 10));
    hosts.pass(1e6);
    expect(heard).toContainEqual(['10.0.0.2', 7, 100]);
    expect(heard).toContainEqual(['fd00::2', 8, 1000]);
    expect(heard).toContainEqual(['127.0.0.1', 9, 10]);
    expect(hosts.a.stack.ping('192.0.2.1')).toBe(-ENETUNREACH);
    expect(hosts.audit()).toEqual([]);
  });

  it('sends no leftovers of memory', () => {
    const peer = new ScriptedPeer();
    peer.machine.ram.bytes.fill(0xaa, 1 << 20);
    check(peer.stack.ping('10.0.0.2', 1, 1000));
    expect(takeIcmp(peer)[0].body.every((byte) => byte === 0)).toBe(true);
  });
});

describe('port unreachable', () => {
  const datagram = udp.encode({ sourcePort: 5, destinationPort: 6, payload: pattern(100) });

  it('quotes the packet', () => {
    const peer = new ScriptedPeer();
    peer.sendIp(17, datagram);
    const [message] = takeIcmp(peer);
    expect(message).toMatchObject({ type: 3, code: 3, rest: 0, to: '10.0.0.2' });
    const view = new DataView(message.body.buffer, message.body.byteOffset, message.body.length);
    expect(ipv4.source(view, 0)).toBe(0x0a000002);
    expect(message.body.length).toBeGreaterThanOrEqual(28);
    expect(peer.stack.stats.UdpNoPorts).toBe(1);
  });

  it('never for a broadcast, and not more often than the limit', () => {
    const peer = new ScriptedPeer();
    peer.sendIp(17, datagram, { destination: '255.255.255.255' });
    expect(takeIcmp(peer)).toEqual([]);
    for (let i = 0; i < 60; i++) peer.sendIp(17, datagram);
    expect(takeIcmp(peer).length).toBe(50);
    expect(peer.stack.stats.IcmpOutRateLimitGlobal).toBe(10);
    peer.pass(10e6);
    peer.sendIp(17, datagram);
    expect(takeIcmp(peer).length).toBe(1);
  });
});

describe('errors about our packets', () => {
  it('reach a connected datagram socket when they are final', () => {
    const peer = new ScriptedPeer();
    const sock = UdpSock.create(peer.stack, AF_INET);
    check(sock.connect(PEER, 9));
    check(sock.sendFrom(peer.stack.ram, 4096, 8, 0, null, 0));
    const quoted = quote(peer);
    unreachable(peer, 1, quoted);
    expect(sock.takeError()).toBe(0);
    unreachable(peer, 3, quoted);
    expect(sock.error).toBe(ECONNREFUSED);
    expect(sock.sendFrom(peer.stack.ram, 4096, 8, 0, null, 0)).toBe(-ECONNREFUSED);
    expect(sock.sendFrom(peer.stack.ram, 4096, 8, 0, null, 0)).toBe(8);
    sock.close();
  });

  it('are not for a socket that sends to anybody', () => {
    const peer = new ScriptedPeer();
    const sock = UdpSock.create(peer.stack, AF_INET);
    check(sock.sendFrom(peer.stack.ram, 4096, 8, 0, PEER, 9));
    unreachable(peer, 3, quote(peer));
    expect(sock.takeError()).toBe(0);
    sock.close();
  });

  it('end a connection attempt, and only with its own number', () => {
    const peer = new ScriptedPeer();
    const sock = TcpSock.create(peer.stack, AF_INET);
    check(sock.connect(PEER, 80));
    const quoted = quote(peer);
    const forged = quoted.slice();
    forged[24] ^= 0x40;
    unreachable(peer, 1, forged);
    expect(sock.state).toBe(TCP_SYN_SENT);
    expect(peer.stack.stats.TcpExtOutOfWindowIcmps).toBe(1);
    unreachable(peer, 1, quoted);
    expect(sock.state).toBe(TCP_CLOSE);
    expect(sock.takeError()).toBe(-EHOSTUNREACH);
    sock.close();
  });

  it('only leave a note on an open connection', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish();
    check(sock.sendFrom(peer.stack.ram, 4096, 8, 0));
    unreachable(peer, 1, quote(peer));
    expect(sock.takeError()).toBe(0);
    expect(sock.errorSoft).toBe(EHOSTUNREACH);
    sock.close(0);
  });

  it('fragmentation needed makes segments smaller and sends again at once', () => {
    const peer = new ScriptedPeer().withoutOffloads();
    const { sock } = peer.establish();
    check(sock.sendFrom(peer.stack.ram, 4096, 1460, 0));
    unreachable(peer, 4, quote(peer), 1000);
    const again = peer.take().filter((segment) => segment.payload.length > 0);
    expect(again.slice(-2).map((segment) => segment.payload.length)).toEqual([960, 500]);
    expect(sock.mss).toBe(960);
    expect(sock.info().pmtu).toBe(1000);
    sock.close(0);
  });

  it('no smaller than 552, whoever asks', () => {
    const peer = new ScriptedPeer().withoutOffloads();
    const { sock } = peer.establish();
    check(sock.sendFrom(peer.stack.ram, 4096, 1460, 0));
    unreachable(peer, 4, quote(peer), 68);
    expect(sock.mss).toBe(512);
    sock.close(0);
  });

  it('that are cut short or talk about nothing of ours are counted', () => {
    const peer = new ScriptedPeer();
    unreachable(peer, 3, new Uint8Array(10));
    unreachable(peer, 3, new Uint8Array(28));
    unreachable(peer, 99, new Uint8Array(28));
    const strange = ipv4.encode({
      source: '10.0.0.1',
      destination: '10.0.0.2',
      protocol: 6,
      payload: tcp.encode({}).slice(0, 8),
    });
    unreachable(peer, 3, strange);
    expect(peer.stack.stats).toMatchObject({ IcmpInErrors: 3, IcmpInDestUnreachs: 4 });
  });
});

it('ICMPv6 tells an IPv6 datagram socket as well', () => {
  const hosts = new TwoHosts();
  const sock = UdpSock.create(hosts.a.stack, AF_INET6);
  check(sock.connect(hosts.b.address6, 9));
  check(sock.sendFrom(hosts.a.stack.ram, 4096, 8, 0, null, 0));
  hosts.pass(1e6);
  expect(sock.takeError()).toBe(-ECONNREFUSED);
  expect(hosts.b.stack.stats.Icmp6OutDestUnreachs).toBe(1);
  sock.close();
  expect(hosts.audit()).toEqual([]);
});
