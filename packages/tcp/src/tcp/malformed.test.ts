import { AF_INET6 } from '@netmem/uapi';
import { ethernet, ipv6 } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACK, PSH, ScriptedPeer } from '../../test/scripted-peer.ts';
import { check, pattern, read } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { UdpSock } from '../udp/udp-sock.ts';
import { TCP_ESTABLISHED } from './tcp-states.ts';

const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });

/** A frame for the host that is an Ethernet header and anything. */
const frame = fc
  .record({ type: fc.constantFrom(0x0800, 0x0800, 0x86dd, 0x0806, 0x1234), broadcast: fc.boolean(), body: bytes(200) })
  .map(({ type, broadcast, body }) =>
    ethernet.encode({
      destination: broadcast ? 'ff:ff:ff:ff:ff:ff' : '02:00:00:00:00:01',
      source: '02:00:00:00:00:02',
      type,
      payload: body,
    }),
  );

/** An IPv4 or IPv6 header that is right in the main, before anything. */
const packet = fc
  .record({
    v6: fc.boolean(),
    first: fc.constantFrom(0x45, 0x45, 0x46, 0x4f, 0x44),
    protocol: fc.constantFrom(6, 6, 6, 17, 1, 58, 0, 43, 44, 51, 60, 99),
    lie: fc.constantFrom(0, 0, 0, 1, -1, 1000),
    body: bytes(120),
  })
  .map(({ v6, first, protocol, lie, body }) => {
    const header = new Uint8Array(v6 ? 40 : 20);
    const view = new DataView(header.buffer);
    if (v6) {
      header[0] = first === 0x44 ? 0x50 : 0x60;
      view.setUint16(4, Math.max(0, body.length + lie));
      header[6] = protocol;
      header[7] = 255;
      header.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 8);
      header.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 24);
    } else {
      header[0] = first;
      view.setUint16(2, Math.max(0, 20 + body.length + lie));
      header[8] = 64;
      header[9] = protocol;
      header.set([10, 0, 0, 2, 10, 0, 0, 1], 12);
      let sum = 0;
      for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
      // A header of more words takes the sum of what follows in: right for the usual one.
      view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
    }
    return ethernet.encode({
      destination: '02:00:00:00:00:01',
      source: '02:00:00:00:00:02',
      type: v6 ? 0x86dd : 0x0800,
      payload: Uint8Array.from([...header, ...body]),
    });
  });

/** A TCP segment with a good checksum and any header. */
const segment = fc.record({
  flags: fc.nat({ max: 255 }),
  near: fc.integer({ min: -3000, max: 70_000 }),
  ackNear: fc.integer({ min: -3000, max: 3000 }),
  wild: fc.boolean(),
  wildSeq: fc.nat({ max: 0xffff_ffff }),
  window: fc.nat({ max: 65535 }),
  urgentPointer: fc.constantFrom(0, 1, 100, 65535),
  raw: bytes(40),
  payload: bytes(300),
});

describe('anything that a wire can bring', () => {
  it('is dropped and counted, and an open connection does not notice', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, packet), { maxLength: 40 }), (frames) => {
        const peer = new ScriptedPeer();
        const udp = UdpSock.create(peer.stack, AF_INET6);
        check(udp.bind(InetAddress.any(AF_INET6), 53));
        const { sock, seq, ack } = peer.establish();
        for (const f of frames) {
          peer.driver.inject(0, f);
          if (f.length % 3 === 0) peer.machine.run();
        }
        peer.machine.run();
        peer.take();
        // None of it could know the four-tuple and the numbers.
        expect(sock.state).toBe(TCP_ESTABLISHED);
        peer.send({ flags: ACK | PSH, sequence: seq, acknowledgment: ack, payload: pattern(100) });
        expect(read(sock)).toEqual(pattern(100));
        sock.close(0);
        udp.close();
        peer.pass(10e9);
        expect(peer.network.skbs.inUse).toBe(0);
        expect(peer.stack.audit()).toEqual([]);
        expect(peer.machine.log.unexpected()).toEqual([]);
      }),
      { numRuns: 200, seed: 3 },
    );
  }, 60_000);

  it('in TCP: any segment in any state keeps the books right', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('segment' as const), segment }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('close', 'shutdown', 'write', 'read', 'wait') }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, sackOk) => {
        const peer = new ScriptedPeer();
        const options = sackOk ? { mss: 500, sackPermitted: true, timestamp: { value: 5, echo: 0 } } : { mss: 500 };
        const { sock, ack } = peer.establish({ options });
        for (const s of steps) {
          if (s.kind === 'segment') {
            const { flags, near, ackNear, wild, wildSeq, window, urgentPointer, raw, payload } = s.segment;
            peer.send({
              flags,
              sequence: wild ? wildSeq : (sock.rcvNxt + near) >>> 0,
              acknowledgment: wild ? wildSeq : (Math.max(sock.sndUna, ack) + ackNear) >>> 0,
              window,
              urgentPointer,
              options: { raw },
              payload,
            });
          } else if (s.kind === 'close') sock.close();
          else if (s.kind === 'shutdown') sock.shutdown(1);
          else if (s.kind === 'write') sock.sendFrom(peer.stack.ram, 8192, 2000, 0);
          else if (s.kind === 'read') read(sock);
          else peer.pass(250e6);
          checkBooks(sock);
        }
        sock.close(0);
        peer.pass(2000e9);
        peer.take();
        expect(peer.stack.audit()).toEqual([]);
        expect(peer.network.skbs.inUse).toBe(0);
        expect(peer.machine.log.unexpected()).toEqual([]);
      }),
      { numRuns: 300, seed: 4 },
    );
  }, 60_000);
});

/** The counters agree with the queues they count. */
function checkBooks(sock: ReturnType<ScriptedPeer['establish']>['sock']): void {
  let charged = 0;
  for (let skb = sock.receiveQueue.first; skb !== null; skb = skb.next) charged += skb.truesize;
  for (let i = 0; i < sock.ofo.length; i++) charged += sock.ofo.at(i).truesize;
  expect(sock.rmemAlloc).toBe(charged);
  let queued = 0;
  let out = 0;
  let sacked = 0;
  let lost = 0;
  let retrans = 0;
  for (let skb = sock.writeQueue.first; skb !== null; skb = skb.next) queued += skb.truesize;
  for (let skb = sock.rtxQueue.first; skb !== null; skb = skb.next) {
    queued += skb.truesize;
    const count = skb.cb[4];
    out += count;
    if ((skb.cb[3] & 1) !== 0) sacked += count;
    if ((skb.cb[3] & 2) !== 0) retrans += count;
    if ((skb.cb[3] & 4) !== 0) lost += count;
  }
  expect(sock.wmemQueued).toBe(queued);
  expect([sock.packetsOut, sock.lostOut, sock.retransOut]).toEqual([out, lost, retrans]);
  if (sock.options.sackOk) expect(sock.sackedOut).toBe(sacked);
  expect((sock.sndNxt - sock.sndUna) | 0).toBeGreaterThanOrEqual(0);
}

describe('IPv6 extension headers', () => {
  it('are passed over in any number up to eight', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 60, 43), { maxLength: 10 }), (chain) => {
        const peer = new ScriptedPeer();
        const headers = chain.flatMap((_, i) => [chain[i + 1] ?? 59, 0, 0, 0, 0, 0, 0, 0]);
        const payload = ipv6.encode({
          source: 'fd00::2',
          destination: 'fd00::1',
          nextHeader: chain[0] ?? 59,
          payload: Uint8Array.from(headers),
        });
        peer.inject(
          ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', type: 0x86dd, payload }),
        );
        const { Ip6InDelivers, Ip6InHdrErrors } = peer.stack.stats;
        expect([Ip6InDelivers, Ip6InHdrErrors]).toEqual(chain.length <= 8 ? [1, 0] : [0, 1]);
        expect(peer.network.skbs.inUse).toBe(0);
      }),
      { numRuns: 50, seed: 5 },
    );
  });
});
