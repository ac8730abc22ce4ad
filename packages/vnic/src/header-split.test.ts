import { ethernet, ipv4, ipv6, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardUp } from '../test/card-fixture.ts';
import { etherFrame, type IpAround, ipFrame, pattern, tcpFrame, udpFrame } from '../test/frames.ts';

function splitCard(headerBufferBytes = 256) {
  return cardUp({ headerBufferBytes }, { headerBufferBytes });
}

/** What one frame becomes: [split, header bytes, payload bytes], after checking that no byte was lost. */
function split(card: ReturnType<typeof splitCard>, frame: Uint8Array): [boolean, number, number] {
  card.port.push(frame);
  card.driver.settle();
  const packet = card.rx[0].poll();
  if (packet === null) throw new Error('no packet');
  expect(packet.frame).toEqual(frame);
  const [first, ...others] = packet.completions;
  expect(others.some((c) => c.splitHeader || c.headerLen > 0)).toBe(false);
  expect(first.headerLen).toBe(packet.header.length);
  card.rx[0].post(packet.completions.length);
  return [first.splitHeader, packet.header.length, packet.payload.length];
}

describe('header split', () => {
  it('splits behind the TCP header for every payload length from 0 to 1448', () => {
    const card = splitCard();
    const timestamp = { timestamp: { value: 1, echo: 2 } };
    for (let length = 0; length <= 1448; length++) {
      const four = tcpFrame({ payload: pattern(length), options: timestamp });
      expect(split(card, four)).toEqual([true, 14 + 20 + 32, length]);
    }
    for (let length = 0; length <= 1428; length += 17) {
      const six = tcpFrame({ payload: pattern(length), options: timestamp }, { six: true });
      expect(split(card, six)).toEqual([true, 14 + 40 + 32, length]);
    }
  });

  it('splits an empty SYN: a queue of device memory must never see a whole TCP packet', () => {
    const card = splitCard();
    const options = { mss: 1460, windowScale: 7, sackPermitted: true };
    expect(split(card, tcpFrame({ flags: tcp.SYN, options }))[0]).toBe(true);
    expect(split(card, tcpFrame({ flags: tcp.SYN, options }, { six: true }))[0]).toBe(true);
  });

  it('splits behind the UDP header', () => {
    const card = splitCard();
    for (const length of [0, 1, 100, 1472]) {
      expect(split(card, udpFrame(pattern(length)))).toEqual([true, 42, length]);
    }
    expect(split(card, udpFrame(pattern(1000), { six: true }))).toEqual([true, 62, 1000]);
  });

  it('splits behind options, extension headers and VLAN tags', () => {
    const card = splitCard();
    const payload = pattern(64);
    const options40 = new Uint8Array(40).fill(1);
    expect(split(card, tcpFrame({ payload }, { options: options40 }))).toEqual([true, 14 + 60 + 20, 64]);
    expect(split(card, tcpFrame({ payload }, { vlanTags: 1 }))).toEqual([true, 14 + 4 + 40, 64]);
    expect(split(card, tcpFrame({ payload }, { vlanTags: 2 }))).toEqual([true, 14 + 8 + 40, 64]);
    const hopByHop = Uint8Array.from([ipv4.PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0]);
    const six: IpAround = { six: true, options: hopByHop, firstExtension: ipv6.NEXT_HOP_BY_HOP };
    expect(split(card, tcpFrame({ payload }, six))).toEqual([true, 14 + 40 + 8 + 20, 64]);
  });

  it('counts padding behind the IP packet as payload', () => {
    const card = splitCard();
    const padded = new Uint8Array(60);
    padded.set(tcpFrame());
    expect(split(card, padded)).toEqual([true, 54, 6]);
  });

  it('leaves everything else whole', () => {
    const card = splitCard();
    const whole = (frame: Uint8Array) => expect(split(card, frame)).toEqual([false, 0, frame.length]);
    whole(etherFrame(ethernet.TYPE_ARP, pattern(28)));
    whole(ipFrame({}, ipv4.PROTOCOL_ICMP, pattern(64)));
    whole(ipFrame({ six: true }, ipv6.NEXT_ICMPV6, pattern(64)));
    whole(ipFrame({}, ipv4.PROTOCOL_SCTP, pattern(64)));
    whole(tcpFrame({ payload: pattern(8) }, { flags: ipv4.MORE_FRAGMENTS }));
    whole(tcpFrame({ payload: pattern(8) }, { fragmentOffset: 8, flags: 0 }));
    whole(etherFrame(0x1234, pattern(50)));
    const liar = tcpFrame({ payload: pattern(8) });
    liar[14 + 20 + 12] = 0xf0;
    whole(liar);
    const cut = tcpFrame({ payload: pattern(80) }).slice(0, 60);
    whole(cut);
  });

  it('marks what does not fit as overflow and keeps it whole', () => {
    const card = splitCard(64);
    const fits = tcpFrame({ payload: pattern(10), options: { raw: new Uint8Array(8).fill(1) } });
    expect(split(card, fits)).toEqual([true, 62, 10]);
    const long = tcpFrame({ payload: pattern(10), options: { raw: new Uint8Array(12).fill(1) } });
    card.port.push(long);
    card.driver.settle();
    const packet = card.rx[0].poll();
    expect(packet?.completions[0]).toMatchObject({ splitHeader: false, headerOverflow: true, headerLen: 0 });
    expect(packet?.payload).toEqual(long);
    expect(card.nic.stats.rx[0].headerOverflow).toBe(1);
  });

  it('marks overflow on the first of several buffers only', () => {
    const card = cardUp({ headerBufferBytes: 64 }, { headerBufferBytes: 64, packetBufferBytes: 512 });
    card.port.push(tcpFrame({ payload: pattern(1000), options: { raw: new Uint8Array(40).fill(1) } }));
    card.driver.settle();
    expect(card.rx[0].poll()?.completions.map((c) => c.headerOverflow)).toEqual([true, false, false]);
  });

  it('writes nothing behind the header into the header buffer, nor behind the payload', () => {
    const card = splitCard();
    const { headers, buffers } = card.rx[0];
    if (headers === null) throw new Error('no header buffers');
    for (const buffer of [headers, buffers]) {
      buffer.region.bytes.fill(0xee, buffer.region.base, buffer.region.base + buffer.region.length);
    }
    card.port.push(tcpFrame({ payload: pattern(5) }));
    card.driver.settle();
    const at = (buffer: typeof buffers, offset: number) => buffer.region.bytes[buffer.region.base + offset];
    expect(at(headers, 53)).not.toBe(0xee);
    expect(at(headers, 54)).toBe(0xee);
    expect(at(headers, 255)).toBe(0xee);
    expect(at(buffers, 5)).toBe(0xee);
    const empty = splitCard();
    empty.rx[0].buffers.region.bytes.fill(0xee, empty.rx[0].buffers.region.base, empty.rx[0].buffers.region.base + 64);
    empty.port.push(tcpFrame());
    empty.driver.settle();
    expect(at(empty.rx[0].buffers, 0)).toBe(0xee);
  });

  it('loses no byte, whatever header and payload lengths', () => {
    const card = splitCard();
    const frames = fc.record({
      six: fc.boolean(),
      udp: fc.boolean(),
      length: fc.integer({ min: 0, max: 1400 }),
      options: fc.integer({ min: 0, max: 10 }),
      vlanTags: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(frames, ({ six, udp, length, options, vlanTags }) => {
        const payload = pattern(length, length);
        const around: IpAround = { six, vlanTags };
        const raw = new Uint8Array(4 * options).fill(1);
        const frame = udp ? udpFrame(payload, around) : tcpFrame({ payload, options: { raw } }, around);
        const header = 14 + 4 * vlanTags + (six ? 40 : 20) + (udp ? 8 : 20 + raw.length);
        expect(split(card, frame)).toEqual([true, header, length]);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
