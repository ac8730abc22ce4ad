import { ipv4, ipv6 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { ipFrame, pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_DESTROY_TX_QUEUE,
  DEVICE_STATUS_RESET,
  REG_DEVICE_STATUS,
  TX_COMPLETION_GENERATION,
  TX_COMPLETION_TYPE_DESC,
  TX_COMPLETION_TYPE_PACKET,
  TX_DTYPE_GENERAL_CONTEXT,
  TX_PACKET_CHECKSUM_OFFLOAD_ENABLE,
  TX_PACKET_END_OF_PACKET,
  TX_PACKET_REPORT_EVENT,
} from './abi/index.ts';

function pieces(frame: Uint8Array, ...lengths: number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    parts.push(frame.subarray(at, at + length));
    at += length;
  }
  parts.push(frame.subarray(at));
  return parts;
}

const packetDone = (value: number) => ({ queueId: 0, type: TX_COMPLETION_TYPE_PACKET, value });
const slotsFree = (value: number) => ({ queueId: 0, type: TX_COMPLETION_TYPE_DESC, value });

describe('transmit queue', () => {
  it('sends a packet in one descriptor and completes it with its tag', () => {
    const { driver, port, tx, nic } = cardUp();
    const frame = udpFrame(pattern(200));
    tx[0].send({ pieces: [frame], tag: 0x7abc });
    driver.settle();
    expect(port.takeAll()).toEqual([frame]);
    expect(tx[0].pollAll()).toEqual([packetDone(0x7abc)]);
    expect(nic.stats.tx[0]).toMatchObject({ packets: 1, frames: 1, bytes: frame.length });
    expect(port.slots.inUse).toBe(0);
  });

  it('gathers pieces, with or without a general context in front', () => {
    const { driver, port, tx } = cardUp();
    const frame = tcpFrame({ payload: pattern(1000) });
    tx[0].send(
      { pieces: pieces(frame, 54, 1, 300), tag: 1, generalContext: true },
      { pieces: pieces(frame, 20), tag: 2 },
    );
    driver.settle();
    expect(port.takeAll()).toEqual([frame, frame]);
    expect(tx[0].pollAll()).toEqual([packetDone(1), packetDone(2)]);
  });

  it('waits for the end of a packet that the doorbell cut in half', () => {
    const { driver, port, tx } = cardUp();
    const frame = tcpFrame({ payload: pattern(1000) });
    tx[0].push({ pieces: pieces(frame, 100, 100), tag: 5 });
    tx[0].kick(2);
    driver.settle();
    expect(port.takeAll()).toEqual([]);
    expect(tx[0].pollAll()).toEqual([]);
    tx[0].kick(3);
    driver.settle();
    expect(port.takeAll()).toEqual([frame]);
    expect(tx[0].pollAll()).toEqual([packetDone(5)]);
  });

  it('writes a descriptor completion behind the packet completion for report_event, and only then', () => {
    const { driver, tx } = cardUp();
    const frame = udpFrame(pattern(50));
    tx[0].send({ pieces: [frame], tag: 1 }, { pieces: [frame], tag: 2, report: true }, { pieces: [frame], tag: 3 });
    driver.settle();
    expect(tx[0].pollAll()).toEqual([packetDone(1), packetDone(2), slotsFree(2), packetDone(3)]);
  });

  it('answers every descriptor that asks, also several in a packet, with the index behind it, masked', () => {
    const { driver, tx } = cardUp({}, { entries: 16 });
    const frame = udpFrame(pattern(50));
    for (let n = 0; n < 14; n++) tx[0].push({ pieces: [frame], tag: n });
    tx[0].kick();
    driver.settle();
    expect(tx[0].pollAll().length).toBe(14);
    const [a, b] = pieces(frame, 40);
    const area = tx[0].buffers;
    area.region.bytes.set(a, area.region.base);
    area.region.bytes.set(b, area.region.base + 40);
    tx[0].writePacketDesc(area.iova, a.length, TX_PACKET_REPORT_EVENT, 9);
    tx[0].writePacketDesc(area.iova + 40, b.length, TX_PACKET_REPORT_EVENT | TX_PACKET_END_OF_PACKET, 9);
    tx[0].kick();
    driver.settle();
    expect(tx[0].pollAll()).toEqual([packetDone(9), slotsFree(15), slotsFree(0)]);
  });

  it('takes tag and checksum flag from the last descriptor', () => {
    const { driver, port, tx } = cardUp();
    const good = udpFrame(pattern(60));
    const bad = good.slice();
    bad[14 + 20 + 6] ^= 0xff;
    const area = tx[0].buffers;
    area.region.bytes.set(bad, area.region.base);
    tx[0].writePacketDesc(area.iova, 50, 0, 1);
    tx[0].writePacketDesc(
      area.iova + 50,
      bad.length - 50,
      TX_PACKET_END_OF_PACKET | TX_PACKET_CHECKSUM_OFFLOAD_ENABLE,
      2,
    );
    tx[0].kick();
    driver.settle();
    expect(port.takeAll()).toEqual([good]);
    expect(tx[0].pollAll()).toEqual([packetDone(2)]);
  });

  it('goes round its rings, generation bit and all', () => {
    const { driver, port, tx } = cardUp({}, { entries: 16 });
    for (let n = 0; n < 200; n++) {
      const frame = udpFrame(pattern(30 + n, n));
      tx[0].send({ pieces: pieces(frame, 10 + (n % 20)), tag: n, report: n % 3 === 0, generalContext: n % 2 === 0 });
      driver.settle();
      expect(port.takeAll()).toEqual([frame]);
      const done = tx[0].pollAll();
      expect(done[0]).toEqual(packetDone(n));
      expect(done.slice(1)).toEqual(n % 3 === 0 ? [slotsFree(tx[0].tail)] : []);
    }
  });

  it('writes the completions of a round with one write, none of them seen before the first, in pieces at the end of the ring', () => {
    const { driver, host, tx, port } = cardUp({}, { entries: 32 });
    const ring = tx[0].completionRing;
    const writes: string[] = [];
    const { write, publish32 } = host.dma;
    host.dma.write = (iova, from, at, length) => {
      const moved = write.call(host.dma, iova, from, at, length);
      writes.push(`${(iova - ring.iova) / 8}+${length / 8}`);
      return moved;
    };
    host.dma.publish32 = (iova, value) => {
      writes.push(`!${(iova - ring.iova) / 8}`);
      const generation = (): number =>
        ring.region.view.getUint16(ring.region.base + iova - ring.iova, true) & TX_COMPLETION_GENERATION;
      const before = generation();
      const stored = publish32.call(host.dma, iova, value);
      expect(generation()).not.toBe(before);
      return stored;
    };
    let tag = 0;
    const send = (count: number): void => {
      const first = tag;
      tx[0].send(...Array.from({ length: count }, () => ({ pieces: [udpFrame(pattern(20))], tag: tag++ })));
      driver.settle();
      expect(port.takeAll().length).toBe(count);
      expect(tx[0].pollAll().map(({ value }) => value)).toEqual(Array.from({ length: count }, (_, n) => first + n));
    };
    send(1);
    send(3);
    send(25);
    send(10);
    expect(writes).toEqual(['!0', '2+2', '!1', '5+24', '!4', '30+2', '!29', '1+6', '!0']);
  });

  it('shows what was complete before the queue stopped', () => {
    const { driver, tx, nic } = cardUp({}, { entries: 32 });
    for (const tag of [5, 6]) tx[0].push({ pieces: [udpFrame(pattern(20))], tag });
    tx[0].writePacketDesc(0, 60, TX_PACKET_END_OF_PACKET, 7);
    tx[0].kick();
    driver.settle();
    expect(nic.inspect().txQueues[0].stopped).toBe(true);
    expect(tx[0].pollAll().map(({ value }) => value)).toEqual([5, 6]);
  });

  it('says its own number in completions', () => {
    const { driver, tx } = cardUp({}, { queues: 3 });
    tx[2].send({ pieces: [udpFrame(pattern(20))], tag: 4 });
    driver.settle();
    expect(tx[2].pollAll()).toEqual([{ queueId: 2, type: TX_COMPLETION_TYPE_PACKET, value: 4 }]);
  });

  it('waits for a port that is full and then goes on where it stopped', () => {
    const { port, tx, nic } = cardUp();
    const frames = [1, 2, 3].map((seed) => udpFrame(pattern(40, seed)));
    port.refuse(2);
    tx[0].send(...frames.map((frame, tag) => ({ pieces: [frame], tag })));
    nic.run(64);
    expect(tx[0].pollAll()).toEqual([]);
    nic.run(64);
    expect(port.takeAll()).toEqual([]);
    nic.run(64);
    expect(port.takeAll()).toEqual(frames);
    expect(tx[0].pollAll()).toEqual([packetDone(0), packetDone(1), packetDone(2)]);
    expect(nic.stats.tx[0].stalls).toBe(2);
  });

  it('waits for frame slots', () => {
    const { driver, port, tx } = cardUp({ slotCount: 4 });
    const frames = Array.from({ length: 6 }, (_, seed) => udpFrame(pattern(40, seed)));
    tx[0].send(...frames.map((frame, tag) => ({ pieces: [frame], tag })));
    driver.settle();
    expect(tx[0].pollAll().length).toBe(4);
    expect(port.takeAll()).toEqual(frames.slice(0, 4));
    driver.settle();
    expect(port.takeAll()).toEqual(frames.slice(4));
  });

  it('gives a waiting frame back when its queue is destroyed', () => {
    const { driver, port, tx, nic } = cardUp();
    port.refuse(1000);
    tx[0].send({ pieces: [udpFrame(pattern(40))] });
    nic.run(1);
    expect(port.slots.inUse).toBe(1);
    driver.destroyQueue(ADMINQ_DESTROY_TX_QUEUE, 0);
    expect(port.slots.inUse).toBe(0);
  });

  it('completes and counts what cannot go: link down, or longer than a slot', () => {
    const { driver, port, tx, nic } = cardUp({ slotBytes: 1536 });
    tx[0].send({ pieces: [pattern(2000)], tag: 1 });
    driver.settle();
    nic.setLinkUp(false);
    tx[0].send({ pieces: [udpFrame(pattern(40))], tag: 2 });
    driver.settle();
    expect(tx[0].pollAll()).toEqual([packetDone(1), packetDone(2)]);
    expect(port.takeAll()).toEqual([]);
    expect(nic.stats.tx[0]).toMatchObject({ packets: 2, frames: 0, tooLong: 1, linkDown: 1 });
  });

  it('takes turns: a queue with a full ring does not keep the others waiting', () => {
    const { nic, tx, port } = cardUp({}, { queues: 2, entries: 256 });
    const frame = udpFrame(pattern(20));
    for (let n = 0; n < 200; n++) tx[0].push({ pieces: [frame] });
    tx[0].kick();
    tx[1].send({ pieces: [frame], tag: 3 });
    nic.run(64);
    expect(tx[1].pollAll().length).toBe(1);
    expect(port.transmitted).toBeLessThanOrEqual(64);
  });
});

describe('checksum offload', () => {
  function sent(card: UpFixture, frame: Uint8Array): Uint8Array {
    card.tx[0].send({ pieces: [frame], checksum: true });
    card.driver.settle();
    card.tx[0].pollAll();
    return card.port.takeAll()[0];
  }

  it('makes TCP and UDP checksums from whatever the field says', () => {
    const card = cardUp();
    for (const six of [false, true]) {
      for (const length of [0, 1, 33, 1400]) {
        for (const good of [tcpFrame({ payload: pattern(length) }, { six }), udpFrame(pattern(length), { six })]) {
          const isUdp = good[14 + (six ? 6 : 9)] === ipv4.PROTOCOL_UDP;
          const field = 14 + (six ? 40 : 20) + (isUdp ? 6 : 16);
          for (const say of [0, 0xffff, 0x1234]) {
            const frame = good.slice();
            new DataView(frame.buffer).setUint16(field, say);
            expect(sent(card, frame)).toEqual(good);
          }
        }
      }
    }
    expect(card.nic.stats.tx[0].checksumSkipped).toBe(0);
  });

  it('sends a UDP sum of 0 as ffff', () => {
    const card = cardUp();
    // Two bytes of payload that make the sum come out as 0: find them from the checksum without them.
    const plain = udpFrame(Uint8Array.of(0, 0));
    const view = new DataView(plain.buffer);
    const checksum = view.getUint16(14 + 20 + 6);
    const frame = udpFrame(Uint8Array.of(checksum >>> 8, checksum & 255));
    new DataView(frame.buffer).setUint16(14 + 20 + 6, 0);
    const out = sent(card, frame);
    expect(new DataView(out.buffer).getUint16(14 + 20 + 6)).toBe(0xffff);
  });

  it('does not count padding in', () => {
    const card = cardUp();
    const good = new Uint8Array(60).fill(0x77);
    good.set(tcpFrame());
    const frame = good.slice();
    frame[14 + 20 + 16] ^= 1;
    expect(sent(card, frame)).toEqual(good);
  });

  it('covers what the UDP header says, not all that the IP packet holds', () => {
    const card = cardUp();
    const datagram = udpFrame(pattern(20)).subarray(14 + 20);
    const good = ipFrame({}, ipv4.PROTOCOL_UDP, Uint8Array.from([...datagram, 1, 2, 3]));
    const frame = good.slice();
    frame[14 + 20 + 6] ^= 0xff;
    expect(sent(card, frame)).toEqual(good);
  });

  it('works behind VLAN tags and extension headers', () => {
    const card = cardUp();
    const options = Uint8Array.from([ipv4.PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0]);
    const six = { six: true, options, firstExtension: ipv6.NEXT_HOP_BY_HOP };
    for (const good of [tcpFrame({ payload: pattern(5) }, { vlanTags: 2 }), tcpFrame({ payload: pattern(5) }, six)]) {
      const frame = good.slice();
      frame[frame.length - 5 - 4] ^= 1;
      expect(sent(card, frame)).toEqual(good);
    }
  });

  it('leaves alone what it cannot parse, and counts it', () => {
    const card = cardUp();
    const frames = [
      ipFrame({}, ipv4.PROTOCOL_ICMP, pattern(40)),
      tcpFrame({ payload: pattern(8) }, { flags: ipv4.MORE_FRAGMENTS }),
      pattern(64),
      tcpFrame({ payload: pattern(80) }).slice(0, 60),
    ];
    for (const frame of frames) expect(sent(card, frame)).toEqual(frame);
    expect(card.nic.stats.tx[0].checksumSkipped).toBe(frames.length);
  });

  it('is not done when it was not asked for', () => {
    const card = cardUp();
    const frame = udpFrame(pattern(9));
    frame[14 + 20 + 6] ^= 0x55;
    card.tx[0].send({ pieces: [frame] });
    card.driver.settle();
    expect(card.port.takeAll()).toEqual([frame]);
  });
});

describe('a driver that breaks the rules', () => {
  const frame = udpFrame(pattern(100));
  const rules: [string, (card: UpFixture) => void][] = [
    ['eleven buffers in a packet', ({ tx }) => tx[0].push({ pieces: pieces(frame, ...Array(10).fill(5)) })],
    ['a packet of 16 bytes', ({ tx }) => tx[0].push({ pieces: [frame.subarray(0, 16)] })],
    ['a packet of 9729 bytes', ({ tx }) => tx[0].push({ pieces: [pattern(9729)] })],
    [
      'an empty buffer',
      ({ tx }) => tx[0].push({ pieces: [frame.subarray(0, 50), new Uint8Array(0), frame.subarray(50)] }),
    ],
    [
      'a descriptor of no known type',
      ({ tx }) => tx[0].ring.region.bytes.fill(0x1f, tx[0].ring.region.base, tx[0].ring.region.base + 16),
    ],
    ['a descriptor of zeroes', () => {}],
    [
      'a TSO context without its tso bit',
      ({ tx }) => tx[0].ring.region.bytes.fill(5, tx[0].ring.region.base + 8, tx[0].ring.region.base + 9),
    ],
    ['a buffer out of reach', ({ tx }) => tx[0].writePacketDesc(0x1000, 100, TX_PACKET_END_OF_PACKET, 0)],
    [
      'a context within a packet',
      ({ tx }) => {
        tx[0].writePacketDesc(tx[0].buffers.iova, 100, 0, 0);
        tx[0].ring.region.bytes[tx[0].ring.region.base + 16 + 8] = TX_DTYPE_GENERAL_CONTEXT;
      },
    ],
    [
      'two TSO contexts',
      ({ tx }) => {
        tx[0].writeTsoContext(1000, 100, 54);
        tx[0].writeTsoContext(1000, 100, 54);
      },
    ],
    [
      'two general contexts',
      ({ tx }) => {
        const { bytes, base } = tx[0].ring.region;
        bytes[base + 8] = TX_DTYPE_GENERAL_CONTEXT;
        bytes[base + 16 + 8] = TX_DTYPE_GENERAL_CONTEXT;
      },
    ],
  ];

  it.each(rules)('%s: stops the queue, asks for a reset, signals management; the other queue goes on', (_, write) => {
    const card = cardUp({ slotBytes: 10240 }, { queues: 2 });
    const { driver, host, nic, tx, port } = card;
    host.takeInterrupts(driver.blocks);
    write(card);
    tx[0].kick(Math.max(tx[0].tail, 4));
    tx[1].send({ pieces: [frame], tag: 8 });
    driver.settle();
    expect(nic.inspect().txQueues.map((queue) => queue.stopped)).toEqual([true, false]);
    expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET).toBe(DEVICE_STATUS_RESET);
    expect(host.takeInterrupts(driver.blocks)).toBe(1);
    expect(host.events.at(-1)?.kind).toBe('tx-queue-stopped');
    expect(tx[0].pollAll()).toEqual([]);
    expect(tx[1].pollAll().length).toBe(1);
    expect(port.takeAll()).toEqual([frame]);
    expect(port.slots.inUse).toBe(0);
    tx[0].kick(1);
    driver.settle();
    expect(nic.stats.device.faults).toBe(1);
  });

  it('a packet as long as the ring: stops instead of waiting for an end that cannot come', () => {
    const { driver, nic, tx } = cardUp({}, { entries: 16 });
    tx[0].writeTsoContext(1000, 100, 54);
    for (let n = 0; n < 14; n++) tx[0].writePacketDesc(tx[0].buffers.iova, 10, 0, 0);
    tx[0].kick();
    driver.settle();
    expect(nic.inspect().txQueues[0].stopped).toBe(false);
    tx[0].writePacketDesc(tx[0].buffers.iova, 10, 0, 0);
    tx[0].writePacketDesc(tx[0].buffers.iova, 10, 0, 0);
    tx[0].kick();
    driver.settle();
    expect(nic.inspect().txQueues[0].stopped).toBe(true);
  });

  it('a ring that goes away is noticed although its descriptors were fetched ahead', () => {
    const { driver, host, nic, tx, port } = cardUp();
    tx[0].send({ pieces: [frame] }, { pieces: [frame] }, { pieces: [frame] });
    nic.run(1);
    expect(port.transmitted).toBe(1);
    host.unmap(tx[0].ring);
    driver.settle();
    expect(port.transmitted).toBe(1);
    expect(nic.inspect().txQueues[0].stopped).toBe(true);
  });

  it('rings that go away stop the queue once', () => {
    for (const which of ['ring', 'completionRing'] as const) {
      const { driver, host, nic, tx, port } = cardUp();
      host.unmap(tx[0][which]);
      tx[0].send({ pieces: [frame] }, { pieces: [frame] });
      driver.settle();
      driver.settle();
      expect(nic.inspect().txQueues[0].stopped).toBe(true);
      expect(host.dma.faults).toBe(1);
      port.takeAll();
      expect(port.slots.inUse).toBe(0);
    }
  });
});
