import { ethernet, type Ipv4Fields, ipv4 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';

const ECHO = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0);

/** The counters that a packet moved. */
function after(send: (peer: ScriptedPeer) => void): Record<string, number> {
  const peer = new ScriptedPeer();
  send(peer);
  expect(peer.network.skbs.inUse).toBe(0);
  const { IpInReceives, IpExtInOctets, IpOutRequests, IpExtOutOctets, ...rest } = peer.stack.stats.nonZero();
  return rest;
}

const echo = (fields: Partial<Ipv4Fields>) => (peer: ScriptedPeer) => peer.sendIp(1, ECHO, fields);
const answered = { IpInDelivers: 1, IcmpInMsgs: 1, IcmpInEchos: 1, IcmpOutMsgs: 1, IcmpOutEchoReps: 1 };

/** A packet with some bytes changed after it was made. */
function changed(change: (packet: Uint8Array) => void, padding: number = 0): (peer: ScriptedPeer) => void {
  return (peer) => {
    const packet = ipv4.encode({ source: '10.0.0.2', destination: '10.0.0.1', protocol: 1, payload: ECHO });
    change(packet);
    const payload = Uint8Array.from([...packet, ...new Uint8Array(padding)]);
    peer.inject(
      ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', type: 0x0800, payload }),
    );
  };
}

/** The same with the header's checksum made right again. */
function resummed(change: (view: DataView) => void): (peer: ScriptedPeer) => void {
  return changed((packet) => {
    const view = new DataView(packet.buffer);
    change(view);
    view.setUint16(10, ipv4.headerChecksum(view, 0));
  });
}

describe('what is delivered', () => {
  it('a packet for us', () => expect(after(echo({}))).toEqual(answered));
  it('padding cut off', () => expect(after(changed(() => {}, 18))).toEqual(answered));
  it('with options, which are passed over', () =>
    expect(after(echo({ options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) }))).toEqual(answered));
  it('with any TTL', () => expect(after(echo({ timeToLive: 1 }))).toEqual(answered));
});

describe('what is dropped and counted', () => {
  it('a bad checksum', () =>
    expect(after(changed((p) => (p[10] ^= 1)))).toEqual({ IpExtInCsumErrors: 1, IpInHdrErrors: 1 }));
  it('another version', () => expect(after(resummed((v) => v.setUint8(0, 0x55)))).toEqual({ IpInHdrErrors: 1 }));
  it('a header of less than five words', () =>
    expect(after(changed((p) => (p[0] = 0x44)))).toEqual({ IpInHdrErrors: 1 }));
  it('a header longer than the packet', () =>
    expect(after(changed((p) => (p[0] = 0x4f)))).toEqual({ IpInHdrErrors: 1 }));
  it('a length beyond the frame', () =>
    expect(after(resummed((v) => v.setUint16(2, 5000)))).toEqual({ IpExtInTruncatedPkts: 1 }));
  it('a length shorter than the header', () =>
    expect(after(resummed((v) => v.setUint16(2, 19)))).toEqual({ IpInHdrErrors: 1 }));
  it('a first fragment', () =>
    expect(after(echo({ flags: ipv4.MORE_FRAGMENTS }))).toEqual({ IpReasmReqds: 1, IpReasmFails: 1 }));
  it('a later fragment', () =>
    expect(after(resummed((v) => v.setUint16(6, 100)))).toEqual({ IpReasmReqds: 1, IpReasmFails: 1 }));
  it('for another host: nothing is forwarded', () =>
    expect(after(echo({ destination: '10.0.0.77' }))).toEqual({ IpInAddrErrors: 1 }));
  it('martians: from a group, from broadcast, from loopback, from ourselves, to loopback', () => {
    for (const fields of [
      { source: '224.0.0.5' },
      { source: '255.255.255.255' },
      { source: '10.0.0.255' },
      { source: '127.0.0.1' },
      { source: '10.0.0.1' },
      { destination: '127.0.0.1' },
    ]) {
      expect(after(echo(fields))).toEqual({});
    }
  });
  it('a group that nobody joined', () =>
    expect(after(echo({ destination: '239.1.2.3' }))).toEqual({ IpExtInMcastPkts: 1 }));
  it('an unknown protocol, with an answer', () =>
    expect(after((peer) => peer.sendIp(99, ECHO))).toEqual({
      IpInUnknownProtos: 1,
      IcmpOutMsgs: 1,
      IcmpOutDestUnreachs: 1,
    }));
  it('a frame for another station', () => {
    const peer = new ScriptedPeer();
    const payload = ipv4.encode({ source: '10.0.0.2', destination: '10.0.0.1', protocol: 1, payload: ECHO });
    peer.inject(
      ethernet.encode({ destination: '02:00:00:00:00:55', source: '02:00:00:00:00:02', type: 0x0800, payload }),
    );
    expect(peer.stack.stats.nonZero()).toEqual({});
  });
});

it('numbers its own packets one after the other', () => {
  const peer = new ScriptedPeer();
  const ids: number[] = [];
  for (let i = 0; i < 3; i++) {
    peer.sendIp(1, ECHO);
    const frame = peer.sent.pop()!;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    ids.push(ipv4.identification(view, 14));
    expect(ipv4.flagsAndOffset(view, 14)).toBe(ipv4.DONT_FRAGMENT);
    expect(ipv4.timeToLive(view, 14)).toBe(64);
    expect(ipv4.headerChecksum(view, 14)).toBe(ipv4.checksum(view, 14));
  }
  expect([(ids[1] - ids[0]) & 0xffff, (ids[2] - ids[1]) & 0xffff]).toEqual([1, 1]);
});
