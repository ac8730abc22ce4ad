import { ethernet, type Ipv6Fields, icmpv6, ipv6, parseAddress6, pseudoHeaderSum6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';

function echoFor(source: string, destination: string): Uint8Array {
  const addresses = new Uint8Array(32);
  addresses.set(parseAddress6(source)!);
  addresses.set(parseAddress6(destination)!, 16);
  return icmpv6.encode(
    { type: icmpv6.ECHO_REQUEST, rest: 1 },
    pseudoHeaderSum6(new DataView(addresses.buffer), 0, 16, 58, 8),
  );
}

/** The counters that a packet moved. */
function after(fields: Partial<Ipv6Fields>, change: (packet: Uint8Array) => void = () => {}): Record<string, number> {
  const peer = new ScriptedPeer();
  const source = fields.source ?? 'fd00::2';
  const destination = fields.destination ?? 'fd00::1';
  const payload = fields.payload ?? echoFor(source, destination);
  const packet = ipv6.encode({ source, destination, nextHeader: 58, ...fields, payload });
  change(packet);
  peer.inject(
    ethernet.encode({ destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02', type: 0x86dd, payload: packet }),
  );
  expect(peer.network.skbs.inUse).toBe(0);
  const { Ip6InReceives, Ip6InOctets, Ip6OutRequests, Ip6OutOctets, ...rest } = peer.stack.stats.nonZero();
  return rest;
}

const answered = { Ip6InDelivers: 1, Icmp6InMsgs: 1, Icmp6InEchos: 1, Icmp6OutMsgs: 1, Icmp6OutEchoReplies: 1 };
const eight = (next: number, ...rest: number[]): number[] => [next, ...rest, ...new Array(7 - rest.length).fill(0)];

describe('what is delivered', () => {
  it('a packet for us', () => expect(after({})).toEqual(answered));
  it('behind hop-by-hop and destination options', () => {
    const payload = Uint8Array.from([...eight(60), ...eight(58), ...echoFor('fd00::2', 'fd00::1')]);
    expect(after({ nextHeader: 0, payload })).toEqual(answered);
  });
  it('an atomic fragment (RFC 6946)', () => {
    const payload = Uint8Array.from([...eight(58), ...echoFor('fd00::2', 'fd00::1')]);
    expect(after({ nextHeader: 44, payload })).toEqual(answered);
  });
  it('behind a routing header that is done', () => {
    const payload = Uint8Array.from([...eight(58), ...echoFor('fd00::2', 'fd00::1')]);
    expect(after({ nextHeader: 43, payload })).toEqual(answered);
  });
  it('nothing at all: no next header', () => expect(after({ nextHeader: 59 })).toEqual({ Ip6InDelivers: 1 }));
});

describe('what is dropped and counted', () => {
  it('another version', () => expect(after({}, (p) => (p[0] = 0x50))).toEqual({ Ip6InHdrErrors: 1 }));
  it('a length beyond the frame', () => expect(after({}, (p) => (p[5] = 200))).toEqual({ Ip6InTruncatedPkts: 1 }));
  it('a jumbogram', () =>
    expect(after({ nextHeader: 0, payload: new Uint8Array(8) }, (p) => (p[5] = 0))).toEqual({ Ip6InHdrErrors: 1 }));
  it('a fragment', () => {
    const payload = Uint8Array.from([...eight(58, 0, 0, 1), ...echoFor('fd00::2', 'fd00::1')]);
    expect(after({ nextHeader: 44, payload })).toEqual({ Ip6ReasmReqds: 1, Ip6ReasmFails: 1 });
  });
  it('a routing header with segments left (RFC 5095)', () => {
    const payload = Uint8Array.from([...eight(58, 0, 0, 1), ...echoFor('fd00::2', 'fd00::1')]);
    expect(after({ nextHeader: 43, payload })).toEqual({ Ip6InHdrErrors: 1 });
  });
  it('an extension header that runs out of the packet', () =>
    expect(after({ nextHeader: 60, payload: Uint8Array.from(eight(58, 9)) })).toEqual({ Ip6InHdrErrors: 1 }));
  it('for another host', () => expect(after({ destination: 'fd00::77' })).toEqual({ Ip6InAddrErrors: 1 }));
  it('from a group, from or to loopback, from or to a mapped address', () => {
    for (const fields of [
      { source: 'ff02::1' },
      { source: '::1' },
      { destination: '::1' },
      { source: '::ffff:10.0.0.2' },
      { destination: '::ffff:10.0.0.1' },
    ]) {
      expect(after(fields)).toEqual({ Ip6InHdrErrors: 1 });
    }
  });
  it('from ourselves', () => expect(after({ source: 'fd00::1' })).toEqual({}));
  it('a group that nobody joined', () => expect(after({ destination: 'ff02::99' })).toEqual({ Ip6InMcastPkts: 1 }));
  it('an unknown next header, with an answer', () =>
    expect(after({ nextHeader: 99 })).toEqual({ Ip6InUnknownProtos: 1, Icmp6OutMsgs: 1, Icmp6OutParmProblems: 1 }));
  it('a bad checksum', () =>
    expect(after({}, (p) => (p[42] ^= 1))).toEqual({
      Ip6InDelivers: 1,
      Icmp6InMsgs: 1,
      Icmp6InErrors: 1,
      Icmp6InCsumErrors: 1,
    }));
});

it('hears the groups that every host is in', () => {
  expect(after({ destination: 'ff02::1' })).toMatchObject({
    Ip6InMcastPkts: 1,
    Icmp6InEchos: 1,
    Icmp6OutEchoReplies: 1,
  });
  expect(after({ destination: 'ff02::1:ff00:1' })).toMatchObject({ Icmp6InEchos: 1 });
});
