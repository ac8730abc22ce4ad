import { describe, expect, it } from 'vitest';
import { cardUp } from '../test/card-fixture.ts';
import { pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  DEVICE_STATUS_RESET,
  L3_TYPE_IPV4,
  L4_TYPE_TCP,
  packetType,
  REG_DEVICE_STATUS,
  RX_BUFFER_DESC,
  RX_BUFFER_DESC_BYTES,
  RX_COMPLETION_GENERATION,
  writeU64le,
} from './abi/index.ts';

describe('receive queue', () => {
  it('delivers a packet into one posted buffer and completes it', () => {
    const { port, driver, rx } = cardUp();
    const frame = tcpFrame({ payload: pattern(100) });
    port.push(frame);
    driver.settle();
    const packet = rx[0].poll();
    expect(packet?.frame).toEqual(frame);
    expect(packet?.completions).toEqual([
      {
        bufId: 0,
        packetLen: frame.length,
        headerLen: 0,
        splitHeader: false,
        headerOverflow: false,
        endOfPacket: true,
        rsc: false,
        packetType: packetType(L3_TYPE_IPV4, L4_TYPE_TCP),
        ipv6ExAdd: false,
        l3L4Processed: true,
        csumIpErr: false,
        csumL4Err: false,
        hash: expect.any(Number),
      },
    ]);
    expect(rx[0].poll()).toBeNull();
    expect(port.slots.inUse).toBe(0);
  });

  it('spans buffers when a packet is larger than one: same metadata on all, end of packet on the last', () => {
    const { port, driver, rx } = cardUp({}, { packetBufferBytes: 512 });
    const frame = tcpFrame({ payload: pattern(1400) });
    port.push(frame);
    driver.settle();
    const packet = rx[0].poll();
    expect(packet?.frame).toEqual(frame);
    const completions = packet?.completions ?? [];
    expect(completions.map((c) => c.packetLen)).toEqual([512, 512, frame.length - 1024]);
    expect(completions.map((c) => c.endOfPacket)).toEqual([false, false, true]);
    expect(completions.map((c) => c.bufId)).toEqual([0, 1, 2]);
    expect(new Set(completions.map((c) => `${c.packetType} ${c.hash} ${c.l3L4Processed}`)).size).toBe(1);
  });

  it('splits only on the first of several buffers', () => {
    const { port, driver, rx } = cardUp({}, { packetBufferBytes: 512, headerBufferBytes: 256 });
    const frame = tcpFrame({ payload: pattern(1024) });
    port.push(frame);
    driver.settle();
    const packet = rx[0].poll();
    expect(packet?.header.length).toBe(54);
    expect(packet?.payload).toEqual(pattern(1024));
    // Exactly two full buffers: no third, empty one.
    expect(packet?.completions.map((c) => [c.splitHeader, c.headerLen, c.packetLen])).toEqual([
      [true, 54, 512],
      [false, 0, 512],
    ]);
  });

  it('uses buffers in ring order over many laps and flips the generation bit', () => {
    const { port, driver, rx } = cardUp({}, { entries: 16 });
    for (let n = 0; n < 100; n++) {
      const frame = udpFrame(pattern(20 + n, n));
      port.push(frame);
      driver.settle();
      expect(rx[0].poll()?.frame).toEqual(frame);
      rx[0].post(1);
    }
    expect(rx[0].poll()).toBeNull();
  });

  it('never posts a completion before the whole descriptor is there: the generation word is published last', () => {
    const { port, driver, host, rx } = cardUp();
    const order: string[] = [];
    const ring = rx[0].completionRing.iova;
    const { write, publish32 } = host.dma;
    host.dma.write = (iova, from, at, length) => {
      const before = rx[0].completionRing.region;
      const moved = write.call(host.dma, iova, from, at, length);
      if (iova >= ring && iova < ring + before.length) {
        order.push(`body ${rx[0].pollCompletion() === null ? 'unseen' : 'seen'}`);
      } else order.push('payload');
      return moved;
    };
    host.dma.publish32 = (iova, value) => {
      order.push(`word ${iova - ring}`);
      return publish32.call(host.dma, iova, value);
    };
    port.push(tcpFrame({ payload: pattern(10) }));
    driver.settle();
    expect(order).toEqual(['payload', 'body unseen', 'word 4']);
    expect(rx[0].pollCompletion()).not.toBeNull();
  });

  it('writes the completions of a round with one write, none of them seen before the first, in pieces at the end of the ring', () => {
    const { port, driver, host, rx } = cardUp({}, { entries: 32 });
    const ring = rx[0].completionRing;
    const writes: string[] = [];
    let gate = 0;
    const generationAt = (index: number): number =>
      ring.region.view.getUint16(ring.region.base + 32 * index + 4, true) & RX_COMPLETION_GENERATION;
    const { write, publish32 } = host.dma;
    host.dma.write = (iova, from, at, length) => {
      const moved = write.call(host.dma, iova, from, at, length);
      const index = (iova - ring.iova) / 32;
      if (index >= 0 && index < 32) {
        writes.push(`${index}+${length / 32}`);
        gate = generationAt(index);
      }
      return moved;
    };
    host.dma.publish32 = (iova, value) => {
      const index = (iova - ring.iova - 4) / 32;
      writes.push(`!${index}`);
      const stored = publish32.call(host.dma, iova, value);
      expect(generationAt(index)).not.toBe(gate);
      return stored;
    };
    const receive = (count: number): void => {
      const frames = Array.from({ length: count }, (_, n) => udpFrame(pattern(30 + n, n)));
      for (const frame of frames) port.push(frame);
      driver.settle();
      expect(rx[0].pollAll().map(({ frame }) => frame)).toEqual(frames);
      rx[0].post(count);
    };
    receive(5);
    receive(1);
    receive(20);
    receive(12);
    expect(writes).toEqual([
      ...['0+5', '!0', '5+1', '!5'],
      ...['6+16', '!6', '22+4', '!22'],
      ...['26+6', '!26', '0+6', '!0'],
    ]);
  });

  it('shows what was complete before the queue stopped', () => {
    const { port, driver, host, rx, nic } = cardUp({}, { entries: 16, post: 3 });
    const gone = host.allocate(4096);
    host.unmap(gone);
    const { view, base } = rx[0].bufferRing.region;
    writeU64le(view, base + 2 * RX_BUFFER_DESC_BYTES + RX_BUFFER_DESC.bufAddr, gone.iova);
    for (let n = 0; n < 4; n++) port.push(udpFrame(pattern(40, n)));
    driver.settle();
    expect(nic.inspect().rxQueues[0].stopped).toBe(true);
    expect(rx[0].pollAll().map(({ frame }) => frame)).toEqual([udpFrame(pattern(40, 0)), udpFrame(pattern(40, 1))]);
    expect(nic.stats.rx[0]).toMatchObject({ packets: 2, stopped: 1 });
  });

  it('drops and counts when no buffers are posted, and goes on when they are', () => {
    const { port, driver, rx, nic } = cardUp({}, { entries: 16, post: 2 });
    for (let n = 0; n < 5; n++) port.push(tcpFrame({ payload: pattern(10, n) }));
    driver.settle();
    expect(rx[0].pollAll().length).toBe(2);
    expect(nic.stats.rx[0].noBuffers).toBe(3);
    expect(nic.stats.rx[0].dropped).toBe(3);
    rx[0].post(4);
    port.push(tcpFrame({ payload: pattern(10, 9) }));
    driver.settle();
    expect(rx[0].pollAll().length).toBe(1);
    expect(port.slots.inUse).toBe(0);
  });

  it('drops a packet whole when it needs more buffers than are posted', () => {
    const { port, driver, rx, nic } = cardUp({}, { packetBufferBytes: 512, post: 2 });
    port.push(tcpFrame({ payload: pattern(1400) }));
    port.push(tcpFrame({ payload: pattern(100) }));
    driver.settle();
    expect(rx[0].pollAll().map((p) => p.completions.length)).toEqual([1]);
    expect(nic.stats.rx[0].noBuffers).toBe(1);
  });

  it('drops and counts frames over the MRU; the largest that fits passes', () => {
    const { port, driver, rx, nic } = cardUp({ slotBytes: 4096, maxMtu: 1500 }, { packetBufferBytes: 4096 });
    port.push(new Uint8Array(1500 + 22));
    port.push(new Uint8Array(1500 + 23));
    driver.settle();
    expect(rx[0].pollAll().map((p) => p.frame.length)).toEqual([1522]);
    expect(nic.stats.rx[0].overMru).toBe(1);
  });

  it('drops runts', () => {
    const { port, driver, rx, nic } = cardUp();
    port.push(new Uint8Array(13));
    driver.settle();
    expect(rx[0].poll()).toBeNull();
    expect(nic.stats.device.rxRunts).toBe(1);
  });

  it('accepts a free-running tail, as one driver writes it', () => {
    const { port, driver, rx } = cardUp({}, { entries: 16, post: 0 });
    for (let index = 0; index < 16; index++) rx[0].writeDescriptor(index, index);
    let posted = 15;
    rx[0].ring(posted);
    for (let n = 0; n < 40; n++) {
      port.push(udpFrame(pattern(30, n)));
      driver.settle();
      expect(rx[0].pollCompletion()?.bufId).toBe(n % 16);
      rx[0].ring(++posted);
    }
  });

  it('forgets descriptors it fetched ahead when mappings change: a ring that went away is noticed', () => {
    const { port, driver, host, rx, nic } = cardUp();
    port.push(tcpFrame());
    driver.settle();
    host.unmap(rx[0].bufferRing);
    port.push(tcpFrame());
    driver.settle();
    expect(rx[0].pollAll().length).toBe(1);
    expect(nic.inspect().rxQueues[0].stopped).toBe(true);
  });

  for (const [what, unmap] of [
    ['buffer ring', 'bufferRing'],
    ['packet buffer', 'buffers'],
    ['header buffer', 'headers'],
    ['completion ring', 'completionRing'],
  ] as const) {
    it(`stops, asks for a reset and signals management when its ${what} cannot be reached`, () => {
      const { port, driver, host, rx, nic } = cardUp({}, { headerBufferBytes: 256 });
      host.takeInterrupts(driver.blocks);
      host.unmap(rx[0][unmap] as NonNullable<(typeof rx)[0]['headers']>);
      port.push(tcpFrame({ payload: pattern(10) }));
      driver.settle();
      port.push(tcpFrame({ payload: pattern(10) }));
      driver.settle();
      expect(nic.inspect().rxQueues[0].stopped).toBe(true);
      expect(driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET).toBe(DEVICE_STATUS_RESET);
      expect(host.takeInterrupts(driver.blocks)).toBe(1);
      expect(host.events.at(-1)).toEqual({ kind: 'rx-queue-stopped', detail: expect.stringContaining(what) });
      expect(nic.stats.rx[0].stopped).toBe(1);
      expect(host.dma.faults).toBe(1);
      expect(port.slots.inUse).toBe(0);
    });
  }
});
