import { createCable, createScriptedPort, FRAME_NEEDS_CSUM, FrameSlots, GSO_TCPV4 } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { composeFrame } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import {
  type CapturedPacket,
  capturePort,
  commentHeaderSplit,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  PcapngWriter,
  readCapture,
} from './index.ts';

const newSlots = (count = 8): FrameSlots => new FrameSlots(new LinearMemory(1 << 20), { count });

function packetsOf(writer: PcapngWriter): readonly CapturedPacket[] {
  const { packets, error } = readCapture(writer.toBytes());
  expect(error).toBeNull();
  return packets;
}

describe('capturePort', () => {
  it('writes frames of both directions with time, queue, interface and direction', () => {
    const slots = newSlots();
    const inner = createScriptedPort(slots, { mtu: 9000 });
    const writer = new PcapngWriter();
    const clock = new ManualClock();
    writer.addInterface({ name: 'other' });
    const options = { name: 'eth0', description: 'the card', clock, epochSeconds: 1_700_000_000, snapLength: 4 };
    const port = capturePort(inner, writer, options);
    expect([port.interfaceId, port.slots, port.mtu, port.stats]).toEqual([1, slots, 9000, inner.stats]);
    expect(port.superFrames).toBe(false);
    const virtual = createScriptedPort(slots, { superFrames: true });
    expect(capturePort(virtual, writer, { name: 'tap0', clock: { nowNs: 0 } }).superFrames).toBe(true);

    clock.nowNs = 1500;
    inner.push(Uint8Array.of(1, 2, 3), { queue: 2 });
    const slot = port.receive();
    expect([...slots.copyOf(slot)]).toEqual([1, 2, 3]);
    expect(port.receive()).toBe(0);
    clock.nowNs = 2500;
    slots.queue[slot] = 5;
    expect(port.transmit(slot)).toBe(true);
    inner.push(new Uint8Array(9));
    slots.release(port.receive());

    const [first, second, third] = packetsOf(writer);
    expect(first).toMatchObject({
      interface: { name: 'eth0', description: 'the card', snapLength: 4 },
      timestampNs: 1500,
      seconds: 1_700_000_000,
      nanoseconds: 1500,
      originalLength: 3,
      direction: DIRECTION_INBOUND,
      queue: 2,
      comments: [],
    });
    expect(first?.data).toEqual(Uint8Array.of(1, 2, 3));
    expect(second).toMatchObject({ timestampNs: 2500, direction: DIRECTION_OUTBOUND, queue: 5 });
    expect(third).toMatchObject({ data: { length: 4 }, originalLength: 9 });
    expect(writer.packets).toBe(3);
  });

  it('passes slots on as the port does: each is owned by one, refused ones stay with the caller', () => {
    const slots = newSlots();
    const inner = createScriptedPort(slots);
    const writer = new PcapngWriter();
    const port = capturePort(inner, writer, { name: 'eth0', clock: new ManualClock() });
    const slot = slots.store(Uint8Array.of(7));
    inner.refuse(2);
    expect([port.transmit(slot), port.transmit(slot)]).toEqual([false, false]);
    expect([slots.inUse, writer.packets]).toEqual([1, 0]);
    expect(port.transmit(slot)).toBe(true);
    expect([inner.transmitted, slots.inUse]).toEqual([1, 1]);
    expect(inner.takeSlot()).toBe(slot);
    expect(packetsOf(writer)).toMatchObject([{ data: Uint8Array.of(7) }]);
    // Taken and dropped by the port: in the capture, as on a real machine.
    inner.linkUp = false;
    expect([port.linkUp, port.transmit(slot), slots.inUse]).toEqual([false, true, 0]);
    expect(packetsOf(writer)).toHaveLength(2);
    expect(() => slots.release(slot)).toThrow(/not in use/);
  });

  it('changes nothing of a frame or its columns, whatever passes in whatever order', () => {
    const step = fc.record({
      kind: fc.constantFrom('push', 'receive', 'transmit', 'refuse', 'toggle'),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 50 }),
      column: fc.nat({ max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const run = (isCaptured: boolean) => {
          const slots = newSlots(6);
          const inner = createScriptedPort(slots);
          const writer = new PcapngWriter();
          const clock = new ManualClock();
          const captured = capturePort(inner, writer, { name: 'eth0', clock, comment: commentHeaderSplit });
          const port = isCaptured ? captured : inner;
          const held: number[] = [];
          const seen: unknown[] = [];
          const expected: unknown[] = [];
          const look = (slot: number) => [
            [...slots.copyOf(slot)],
            slots.queue[slot],
            slots.flags[slot],
            slots.gsoType[slot],
            slots.gsoSize[slot],
            slots.timestampNs[slot],
          ];
          for (const { kind, bytes, column } of steps) {
            clock.nowNs++;
            const expect_ = (direction: number, slot: number) => {
              if (captured.capturing)
                expected.push([clock.nowNs, direction, slots.queue[slot], [...slots.copyOf(slot)]]);
            };
            if (kind === 'push') {
              inner.push(bytes, { queue: column, flags: column & 3, gsoType: column & 1, gsoSize: column });
            } else if (kind === 'receive') {
              const slot = port.receive();
              if (slot === 0) continue;
              seen.push(look(slot));
              expect_(DIRECTION_INBOUND, slot);
              held.push(slot);
            } else if (kind === 'transmit') {
              const slot = held.pop();
              if (slot === undefined) continue;
              const before = look(slot);
              const isTaken = port.transmit(slot);
              expect(look(slot)).toEqual(before);
              seen.push(isTaken);
              if (isTaken) expect_(DIRECTION_OUTBOUND, slot);
              else held.push(slot);
            } else if (kind === 'refuse') inner.refuse(column % 3);
            else captured.capturing = !captured.capturing;
          }
          const result = [seen, inner.takeAll(), slots.inUse - held.length, port.stats];
          const packets = packetsOf(writer).map((packet) => [
            packet.timestampNs,
            packet.direction,
            packet.queue,
            [...packet.data],
          ]);
          if (isCaptured) expect(packets).toEqual(expected);
          return result;
        };
        expect(run(true)).toEqual(run(false));
      }),
      { numRuns: 150 },
    );
  });

  it('shows both ends of a cable as two interfaces of one file', () => {
    const slots = newSlots();
    const cable = createCable(slots, null);
    const writer = new PcapngWriter();
    const clock = new ManualClock();
    const a = capturePort(cable.a, writer, { name: 'a', clock });
    const b = capturePort(cable.b, writer, { name: 'b', clock });
    a.transmit(slots.store(Uint8Array.of(1)));
    slots.release(b.receive());
    expect(packetsOf(writer).map((packet) => [packet.interface.name, packet.direction])).toEqual([
      ['a', DIRECTION_OUTBOUND],
      ['b', DIRECTION_INBOUND],
    ]);
    expect(slots.inUse).toBe(0);
  });

  it('asks for a comment with the slot in hand', () => {
    const slots = newSlots();
    const writer = new PcapngWriter();
    const asked: unknown[] = [];
    const port = capturePort(createScriptedPort(slots), writer, {
      name: 'eth0',
      clock: new ManualClock(),
      comment: (direction, its, slot) => {
        asked.push([direction, its === slots, its.flags[slot]]);
        return its.length[slot] > 1 ? `flags ${its.flags[slot]}` : null;
      },
    });
    for (const bytes of [Uint8Array.of(1, 2), Uint8Array.of(1)]) {
      const slot = slots.store(bytes);
      slots.flags[slot] = FRAME_NEEDS_CSUM;
      port.transmit(slot);
    }
    expect(asked).toEqual([
      [DIRECTION_OUTBOUND, true, FRAME_NEEDS_CSUM],
      [DIRECTION_OUTBOUND, true, FRAME_NEEDS_CSUM],
    ]);
    expect(packetsOf(writer).map((packet) => packet.comments)).toEqual([['flags 1'], []]);
  });
});

describe('commentHeaderSplit', () => {
  const slots = newSlots();
  const ipv4 = { source: '10.0.0.1', destination: '10.0.0.2' };
  const ports = { sourcePort: 40000, destinationPort: 5201 };

  function commentOn(frame: Uint8Array, queue: number, gsoSize = 0): string {
    const slot = slots.store(frame);
    slots.queue[slot] = queue;
    slots.gsoType[slot] = gsoSize > 0 ? GSO_TCPV4 : 0;
    slots.gsoSize[slot] = gsoSize;
    const comment = commentHeaderSplit(DIRECTION_INBOUND, slots, slot);
    slots.release(slot);
    return comment;
  }

  it('says where headers end and payload begins', () => {
    const payload = new Uint8Array(1448);
    const segment = composeFrame({ ipv4, tcp: { ...ports, payload } });
    expect(commentOn(segment, 1)).toBe('queue 1, headers 54, payload 1448');
    expect(commentOn(segment, 0, 724)).toBe('queue 0, headers 54, payload 1448, gso 724');
    expect(commentOn(composeFrame({ ipv4, udp: { ...ports, payload: new Uint8Array(9) } }), 3)).toBe(
      'queue 3, headers 42, payload 9',
    );
  });

  it('says so when there is nothing to split', () => {
    expect(commentOn(composeFrame({ ipv4, tcp: ports }), 2)).toBe('queue 2, not split');
    expect(commentOn(composeFrame({ arp: { senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' } }), 0)).toBe(
      'queue 0, not split',
    );
    const fragment = composeFrame({ ipv4: { ...ipv4, protocol: 6, fragmentOffset: 8, payload: new Uint8Array(40) } });
    expect(commentOn(fragment, 0)).toBe('queue 0, not split');
    expect(commentOn(composeFrame({ ipv4, tcp: { ...ports, payload: new Uint8Array(8) } }).slice(0, 40), 0)).toBe(
      'queue 0, not split',
    );
    expect(commentOn(new Uint8Array(3), 0)).toBe('queue 0, not split');
  });
});
