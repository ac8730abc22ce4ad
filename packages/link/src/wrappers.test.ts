import { LinearMemory } from '@netmem/region';
import { composeFrame, ndp, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import {
  createCable,
  createScriptedPort,
  describeFrame,
  FRAME_NEEDS_CSUM,
  FrameSlots,
  GSO_TCPV4,
  injectFaults,
  tracePort,
} from './index.ts';

const newSlots = (): FrameSlots => new FrameSlots(new LinearMemory(1 << 20), { count: 8 });

describe('createScriptedPort', () => {
  it('hands out what was pushed, with its metadata, and keeps what was transmitted', () => {
    const slots = newSlots();
    const port = createScriptedPort(slots, { mtu: 9000 });
    expect(port.mtu).toBe(9000);
    expect(port.push(Uint8Array.of(1, 2, 3), { flags: FRAME_NEEDS_CSUM, checksumStart: 34, queue: 2 })).toBe(true);
    expect(port.pending).toBe(1);
    const slot = port.receive();
    expect([...slots.copyOf(slot)]).toEqual([1, 2, 3]);
    expect([slots.flags[slot], slots.checksumStart[slot], slots.queue[slot]]).toEqual([1, 34, 2]);
    expect(port.receive()).toBe(0);
    port.transmit(slot);
    expect(port.transmitted).toBe(1);
    expect([...port.take()!]).toEqual([1, 2, 3]);
    expect(port.take()).toBeNull();
    expect(slots.inUse).toBe(0);
    expect(port.stats).toMatchObject({ rxFrames: 1, rxBytes: 3, txFrames: 1, txBytes: 3 });
  });

  it('keeps order, gives whole slots, and takes everything at once', () => {
    const slots = newSlots();
    const port = createScriptedPort(slots);
    for (const byte of [1, 2, 3]) port.transmit(slots.store(Uint8Array.of(byte)));
    const first = port.takeSlot();
    expect([...slots.copyOf(first)]).toEqual([1]);
    slots.release(first);
    expect(port.takeAll().map((frame) => frame[0])).toEqual([2, 3]);
    expect(slots.inUse).toBe(0);
  });

  it('can be full, unplugged, or out of slots', () => {
    const slots = newSlots();
    const port = createScriptedPort(slots);
    const slot = slots.store(Uint8Array.of(1));
    port.refuse(2);
    expect([port.transmit(slot), port.transmit(slot), port.transmit(slot)]).toEqual([false, false, true]);
    port.linkUp = false;
    expect(port.transmit(slots.store(Uint8Array.of(1)))).toBe(true);
    expect(port.stats).toMatchObject({ txFrames: 1, txDropped: 1 });
    for (let i = 0; i < 7; i++) expect(port.push(Uint8Array.of(i))).toBe(true);
    expect(port.push(Uint8Array.of(9))).toBe(false);
    expect(port.stats.rxDropped).toBe(1);
  });
});

describe('tracePort', () => {
  it('shows every frame and changes nothing', () => {
    const slots = newSlots();
    const inner = createScriptedPort(slots);
    const seen: string[] = [];
    const port = tracePort(inner, (event, its, slot) => {
      expect(its).toBe(slots);
      seen.push(`${event} ${its.region.bytes[its.address(slot)]}`);
    });
    inner.push(Uint8Array.of(7));
    const slot = port.receive();
    expect(port.receive()).toBe(0);
    inner.refuse(1);
    expect(port.transmit(slot)).toBe(false);
    expect(port.transmit(slot)).toBe(true);
    expect(seen).toEqual(['receive 7', 'transmit 7', 'refused 7', 'transmit 7']);
    expect([port.slots, port.mtu, port.linkUp, port.stats]).toEqual([slots, inner.mtu, true, inner.stats]);
  });
});

describe('wrappers', () => {
  it('take super-frames exactly when the port inside does', () => {
    for (const superFrames of [undefined, false, true]) {
      const inner = createCable(newSlots(), null, superFrames === undefined ? {} : { superFrames }).a;
      expect(tracePort(inner, () => {}).superFrames).toBe(superFrames === true);
      expect(injectFaults(inner, { rules: [] }).superFrames).toBe(superFrames === true);
    }
    expect(createCable(newSlots(), null, { superFrames: true, loss: 0.5 }).b.superFrames).toBe(true);
    expect(createScriptedPort(newSlots()).superFrames).toBe(false);
    expect(createScriptedPort(newSlots(), { superFrames: true }).superFrames).toBe(true);
  });
});

describe('describeFrame', () => {
  const slots = newSlots();
  const ipv4 = { source: '10.0.0.1', destination: '10.0.0.2' };
  const ipv6 = { source: 'fd00::1', destination: 'fd00::2' };
  const ports = { sourcePort: 40000, destinationPort: 5201 };
  const ethernet = { source: '02:00:00:00:00:01', destination: '02:00:00:00:00:02' };

  function lineOf(frame: Uint8Array, gsoSize = 0): string {
    const slot = slots.store(frame);
    slots.gsoType[slot] = gsoSize > 0 ? GSO_TCPV4 : 0;
    slots.gsoSize[slot] = gsoSize;
    const line = describeFrame(slots, slot);
    slots.release(slot);
    return line;
  }

  it.each([
    [
      composeFrame({
        ipv4,
        tcp: {
          ...ports,
          sequence: 5,
          acknowledgment: 6,
          window: 7,
          flags: tcp.PSH | tcp.ACK,
          payload: new Uint8Array(8),
        },
      }),
      '10.0.0.1.40000 > 10.0.0.2.5201: Flags [P.], seq 5, ack 6, win 7, length 8',
    ],
    [
      composeFrame({ ipv6, tcp: { ...ports, sequence: 5, flags: tcp.SYN, window: 7 } }),
      'fd00::1.40000 > fd00::2.5201: Flags [S], seq 5, win 7, length 0',
    ],
    [
      composeFrame({ ipv4, udp: { ...ports, payload: new Uint8Array(3) } }),
      '10.0.0.1.40000 > 10.0.0.2.5201: UDP, length 3',
    ],
    [composeFrame({ ipv4, icmp: { type: 8 } }), '10.0.0.1 > 10.0.0.2: ICMP type 8 code 0, length 8'],
    [
      composeFrame({ ipv6, icmpv6: { type: 135, body: new Uint8Array(ndp.NEIGHBOUR_BYTES - 8) } }),
      'fd00::1 > fd00::2: ICMP type 135 code 0, length 24',
    ],
    [
      composeFrame({ ipv4: { ...ipv4, protocol: 47, payload: new Uint8Array(4) } }),
      '10.0.0.1 > 10.0.0.2: protocol 47, length 4',
    ],
    [
      composeFrame({ ipv4: { ...ipv4, protocol: 6, fragmentOffset: 8, payload: new Uint8Array(4) } }),
      '10.0.0.1 > 10.0.0.2: fragment of protocol 6, length 4',
    ],
    [
      composeFrame({ arp: { senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' } }),
      'ARP, who has 10.0.0.2, tell 10.0.0.1',
    ],
    [
      composeFrame({ arp: { operation: 2, senderAddress: '10.0.0.1', senderMac: '02:00:00:00:00:01' } }),
      'ARP, 10.0.0.1 is at 02:00:00:00:00:01',
    ],
    [
      composeFrame({ ethernet: { ...ethernet, type: 0x88cc, payload: new Uint8Array(6) } }),
      '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88cc, length 20',
    ],
    [new Uint8Array(5), '5 bytes, too short for Ethernet'],
  ])('%#: says what the frame is', (frame, expected) => {
    expect(lineOf(frame)).toBe(expected);
  });

  it('adds what is wrong or unusual', () => {
    const frame = composeFrame({ ethernet, ipv4, tcp: { ...ports, payload: new Uint8Array(8) } });
    expect(lineOf(frame, 1448)).toMatch(/length 8, gso 1448$/);
    expect(lineOf(frame.slice(0, 40))).toBe(
      '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x0800, length 40, malformed',
    );
    frame[46] = 0x10;
    expect(lineOf(frame)).toMatch(/protocol 6, length 28, malformed$/);
  });
});
