import { FRAME_DATA_VALID, FRAME_NEEDS_CSUM } from '@netmem/link';
import { icmp, icmpv6, ipv4, ipv6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { type IpAround, ipFrame, pattern, pseudoSum, tcpFrame, udpFrame } from '../test/frames.ts';

function verdict(card: UpFixture, frame: Uint8Array, flags = 0): { processed: boolean; ip: boolean; l4: boolean } {
  card.port.push(frame, { flags });
  card.driver.settle();
  const packet = card.rx[0].poll();
  if (packet === null) throw new Error('no packet');
  expect(packet.frame).toEqual(frame);
  card.rx[0].post(1);
  const [completion] = packet.completions;
  return { processed: completion.l3L4Processed, ip: completion.csumIpErr, l4: completion.csumL4Err };
}

const GOOD = { processed: true, ip: false, l4: false };
const BAD_L4 = { processed: true, ip: false, l4: true };
const NOTHING = { processed: false, ip: false, l4: false };

function flip(frame: Uint8Array, at: number): Uint8Array {
  const copy = frame.slice();
  copy[at] ^= 0x10;
  return copy;
}

describe('receive checksums', () => {
  it('are good for good TCP, UDP and ICMP over both IPs, of any length', () => {
    const card = cardUp();
    for (const length of [0, 1, 2, 7, 100, 1001, 1448]) {
      for (const six of [false, true]) {
        if (six && length > 1428) continue;
        expect(verdict(card, tcpFrame({ payload: pattern(length) }, { six }))).toEqual(GOOD);
        expect(verdict(card, udpFrame(pattern(length), { six }))).toEqual(GOOD);
      }
      expect(verdict(card, ipFrame({}, ipv4.PROTOCOL_ICMP, icmp.encode({ body: pattern(length) })))).toEqual(GOOD);
    }
    const around: IpAround = { six: true };
    const echo = icmpv6.encode({ body: pattern(9) }, pseudoSum(around, ipv6.NEXT_ICMPV6, 8 + 9));
    expect(verdict(card, ipFrame(around, ipv6.NEXT_ICMPV6, echo))).toEqual(GOOD);
  });

  it('tell a damaged payload, header, address or protocol', () => {
    const card = cardUp();
    const frame = tcpFrame({ payload: pattern(100) });
    for (const at of [14 + 20 + 4, 14 + 20 + 20, frame.length - 1]) {
      expect(verdict(card, flip(frame, at))).toEqual(BAD_L4);
    }
    const six = tcpFrame({ payload: pattern(33) }, { six: true });
    expect(verdict(card, flip(six, 14 + 9))).toEqual(BAD_L4);
    expect(verdict(card, flip(udpFrame(pattern(20)), 14 + 20 + 8))).toEqual(BAD_L4);
    const ping = ipFrame({}, ipv4.PROTOCOL_ICMP, icmp.encode({ body: pattern(30) }));
    expect(verdict(card, flip(ping, ping.length - 2))).toEqual(BAD_L4);
  });

  it('tell a damaged IPv4 header, whatever it carries', () => {
    const card = cardUp();
    // The time to live is in no pseudo header.
    expect(verdict(card, flip(tcpFrame(), 14 + 8))).toEqual({ processed: true, ip: true, l4: false });
    const gre = ipFrame({}, 47, pattern(20));
    expect(verdict(card, gre)).toEqual(NOTHING);
    expect(verdict(card, flip(gre, 14 + 8))).toEqual({ processed: false, ip: true, l4: false });
  });

  it('do not look at padding', () => {
    const card = cardUp();
    const padded = new Uint8Array(60).fill(0x5a);
    padded.set(tcpFrame());
    expect(verdict(card, padded)).toEqual(GOOD);
  });

  it('cover what the UDP header says, not all that the IP packet holds', () => {
    const card = cardUp();
    const datagram = udpFrame(pattern(20)).subarray(14 + 20);
    const longer = ipFrame({}, ipv4.PROTOCOL_UDP, Uint8Array.from([...datagram, 1, 2, 3, 4, 5]));
    expect(verdict(card, longer)).toEqual(GOOD);
  });

  it('take a UDP checksum of 0 for none over IPv4 and for an error over IPv6', () => {
    const card = cardUp();
    for (const six of [false, true]) {
      const frame = udpFrame(pattern(10), { six });
      const at = 14 + (six ? 40 : 20) + 6;
      frame[at] = 0;
      frame[at + 1] = 0;
      expect(verdict(card, frame)).toEqual(six ? BAD_L4 : GOOD);
    }
  });

  it('say nothing about fragments, SCTP and malformed packets', () => {
    const card = cardUp();
    expect(verdict(card, tcpFrame({ payload: pattern(8) }, { flags: ipv4.MORE_FRAGMENTS }))).toEqual(NOTHING);
    expect(verdict(card, ipFrame({}, ipv4.PROTOCOL_SCTP, pattern(40)))).toEqual(NOTHING);
    expect(verdict(card, tcpFrame({ payload: pattern(80) }).slice(0, 60))).toEqual(NOTHING);
  });

  it('mark IPv6 with routing or destination options', () => {
    const card = cardUp();
    const options = Uint8Array.from([ipv4.PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0]);
    card.port.push(tcpFrame({}, { six: true, options, firstExtension: ipv6.NEXT_DESTINATION_OPTIONS }));
    card.driver.settle();
    expect(card.rx[0].poll()?.completions[0].ipv6ExAdd).toBe(true);
  });

  it('are not computed where the frame never crossed a wire', () => {
    const card = cardUp();
    const frame = flip(tcpFrame({ payload: pattern(100) }), 14 + 20 + 16);
    expect(verdict(card, frame)).toEqual(BAD_L4);
    expect(verdict(card, frame, FRAME_DATA_VALID)).toEqual(GOOD);
    expect(verdict(card, flip(frame, 14 + 8), FRAME_DATA_VALID)).toEqual({ processed: true, ip: true, l4: false });
    // A queue that may merge is told, and nobody computes anything.
    expect(verdict(cardUp({}, { enableRsc: true }), frame, FRAME_NEEDS_CSUM)).toEqual(GOOD);
  });

  it('are finished first where a virtual link left that to others, whatever the protocol', () => {
    const card = cardUp();
    const good = tcpFrame({ payload: pattern(100) });
    const sctp = ipFrame({}, ipv4.PROTOCOL_SCTP, pattern(40));
    for (const [frame, start, offset] of [
      [flip(good, 14 + 20 + 16), 34, 16],
      [sctp, 34, 8],
    ] as const) {
      card.port.push(frame, { flags: FRAME_NEEDS_CSUM, checksumStart: start, checksumOffset: offset });
      card.driver.settle();
      const arrived = card.rx[0].poll()?.frame ?? new Uint8Array(0);
      if (frame.length === good.length) expect(arrived).toEqual(good);
      // Everything but the two bytes of the checksum is as it was.
      const at = start + offset;
      expect(arrived.slice(0, at)).toEqual(frame.slice(0, at));
      expect(arrived.slice(at + 2)).toEqual(frame.slice(at + 2));
      expect(arrived.slice(at, at + 2)).not.toEqual(frame.slice(at, at + 2));
    }
  });

  it('make a card drop and count, if it is built so', () => {
    const { port, driver, rx, nic } = cardUp({ badChecksum: 'drop' });
    port.push(flip(tcpFrame({ payload: pattern(10) }), 60));
    port.push(flip(tcpFrame({ payload: pattern(10) }), 14 + 8));
    port.push(tcpFrame({ payload: pattern(10) }));
    driver.settle();
    expect(rx[0].pollAll().length).toBe(1);
    expect(nic.stats.rx[0].badChecksum).toBe(2);
    expect(nic.stats.rx[0].dropped).toBe(2);
  });
});
