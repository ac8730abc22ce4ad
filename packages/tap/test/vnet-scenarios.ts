/** Frames behind a virtio header: super-frames of TCP, and checksums left open. */
import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { FRAME_NEEDS_CSUM, FrameSlots, GSO_TCPV4, SUPER_FRAME_BYTES } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { composeFrame, type DecodedFrame, decodeFrame, foldChecksum, pseudoHeaderSum4, tcp } from '@netmem/wire';
import { type Tap, type TapOptions, TapPoll } from '../src/index.ts';
import {
  datagram,
  errorOf,
  open,
  PEER,
  receiveAll,
  type Scenarios,
  send,
  settle,
  texts,
  transmit,
  udpSocket,
} from './scenario-tools.ts';

const MSS = 1400;

function openVnet(options: Partial<TapOptions> = {}): Tap {
  const slots = new FrameSlots(new LinearMemory(8 << 20), { count: 64, slotBytes: SUPER_FRAME_BYTES });
  return open({ slots, vnetHeader: true, ...options });
}

/** The next frame of TCP with payload, or null after 200 ms; the caller owns the slot. */
function nextTcp(tap: Tap, accept: (frame: DecodedFrame) => boolean): { slot: number; frame: DecodedFrame } | null {
  const poll = new TapPoll([tap]);
  while (poll.wait(200)) {
    for (let slot = tap.receive(); slot !== 0; slot = tap.receive()) {
      const frame = decodeFrame(tap.slots.copyOf(slot));
      if (frame?.tcp !== undefined && accept(frame)) return { slot, frame };
      tap.slots.release(slot);
    }
  }
  return null;
}

/** A TCP segment to the kernel's client, and its offsets. */
function toClient(
  tap: Tap,
  clientPort: number,
  fields: { sequence: number; acknowledgment: number; flags: number; payload?: Uint8Array; mss?: number },
): Uint8Array<ArrayBuffer> {
  const { mss, ...rest } = fields;
  return composeFrame({
    ethernet: { source: PEER.mac, destination: tap.kernelMac },
    ipv4: { source: PEER.address, destination: '10.99.0.1' },
    tcp: {
      sourcePort: 5201,
      destinationPort: clientPort,
      window: 65_535,
      ...rest,
      ...(mss === undefined ? {} : { options: { mss } }),
    },
  });
}

interface Connection {
  socket: TcpSocket;
  clientPort: number;
  /** Next sequence numbers of the kernel's end and of ours. */
  kernel: number;
  ours: number;
}

/** Shakes hands with a socket of this very process, whose TCP is the kernel's. */
async function handshake(tap: Tap): Promise<Connection> {
  const socket = connect({ host: PEER.address, port: 5201, noDelay: true });
  const connected = once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 20));
  const syn = nextTcp(tap, (frame) => frame.tcp?.flags === tcp.SYN);
  if (syn?.frame.tcp === undefined) throw new Error('no SYN came');
  tap.slots.release(syn.slot);
  const clientPort = syn.frame.tcp.sourcePort;
  const kernel = (syn.frame.tcp.sequence + 1) >>> 0;
  transmit(
    tap,
    toClient(tap, clientPort, { sequence: 1000, acknowledgment: kernel, flags: tcp.SYN | tcp.ACK, mss: MSS }),
  );
  await connected;
  return { socket, clientPort, kernel, ours: 1001 };
}

export const VNET_SCENARIOS: Scenarios = {
  'super-frames from the kernel': async () => {
    using tap = openVnet();
    const { socket, kernel } = await handshake(tap);
    const sent = Uint8Array.from({ length: 9 * MSS + 100 }, (_, i) => i * 7 + (i >> 8));
    socket.write(sent);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { slots } = tap;
    const { view } = slots.region;
    const payload: Uint8Array[] = [];
    const facts: object[] = [];
    let next = kernel;
    for (let bytes = 0; bytes < sent.length; ) {
      const got = nextTcp(tap, ({ tcp: segment }) => (segment?.payload?.length ?? 0) > 0);
      if (got?.frame.tcp === undefined) throw new Error(`only ${bytes} bytes came`);
      const { slot } = got;
      const data = got.frame.tcp.payload ?? new Uint8Array(0);
      const at = slots.address(slot);
      const pseudo = pseudoHeaderSum4(view, at + 26, at + 30, 6, slots.length[slot] - 34);
      if (data.length > MSS) {
        facts.push({
          flags: slots.flags[slot],
          gsoType: slots.gsoType[slot],
          gsoSize: slots.gsoSize[slot],
          checksumStart: slots.checksumStart[slot],
          checksumOffset: slots.checksumOffset[slot],
          partial: view.getUint16(at + 34 + tcp.CHECKSUM_AT) === foldChecksum(pseudo),
          length: slots.length[slot] - data.length,
          inOrder: got.frame.tcp.sequence === next,
        });
      }
      next += data.length;
      bytes += data.length;
      payload.push(data);
      slots.release(slot);
    }
    socket.destroy();
    // How much the kernel puts into one frame depends on its pacing.
    const distinct = new Set(facts.map((fact) => JSON.stringify(fact)));
    return {
      frames: payload.length,
      facts: [...distinct].map((fact) => JSON.parse(fact)),
      same: Buffer.concat(payload).equals(Buffer.from(sent)),
      superFrames: tap.superFrames,
      inUse: slots.inUse,
    };
  },

  'super-frames to the kernel': async () => {
    using tap = openVnet();
    const { socket, clientPort, kernel, ours } = await handshake(tap);
    const payload = Uint8Array.from({ length: 20 * MSS + 100 }, (_, i) => i * 11 + (i >> 8));
    const frame = toClient(tap, clientPort, {
      sequence: ours,
      acknowledgment: kernel,
      flags: tcp.ACK | tcp.PSH,
      payload,
    });
    const slot = tap.slots.store(frame);
    const at = tap.slots.address(slot);
    const { view } = tap.slots.region;
    // Only the pseudo header is summed, and the segments are for the kernel to cut, or not.
    view.setUint16(
      at + 34 + tcp.CHECKSUM_AT,
      foldChecksum(pseudoHeaderSum4(view, at + 26, at + 30, 6, frame.length - 34)),
    );
    tap.slots.flags[slot] = FRAME_NEEDS_CSUM;
    tap.slots.checksumStart[slot] = 34;
    tap.slots.checksumOffset[slot] = tcp.CHECKSUM_AT;
    tap.slots.gsoType[slot] = GSO_TCPV4;
    tap.slots.gsoSize[slot] = MSS;
    tap.slots.headerLength[slot] = frame.length - payload.length;
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    const taken = tap.transmit(slot);
    for (let i = 0; i < 100 && parts.reduce((sum, part) => sum + part.length, 0) < payload.length; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    socket.destroy();
    return { taken, same: Buffer.concat(parts).equals(Buffer.from(payload)), stats: tap.stats, inUse: tap.slots.inUse };
  },

  'plain frames with a header': async () => {
    using tap = openVnet();
    settle(tap);
    const socket = await udpSocket(5000);
    const received: string[] = [];
    socket.on('message', (message) => received.push(message.toString()));
    transmit(tap, datagram(tap, 'whole'));
    const partial = datagram(tap, 'partial');
    const view = new DataView(partial.buffer);
    view.setUint16(40, pseudoHeaderSum4(view, 26, 30, 17, partial.length - 34));
    const slot = tap.slots.store(partial);
    tap.slots.flags[slot] = FRAME_NEEDS_CSUM;
    tap.slots.checksumStart[slot] = 34;
    tap.slots.checksumOffset[slot] = 6;
    tap.transmit(slot);
    while (received.length < 2) await once(socket, 'message');
    await send(socket, 'answer');
    const frames = receiveAll(tap, ({ udp }) => udp?.destinationPort === 9, 1);
    socket.close();
    return { received, answer: texts(frames), inUse: tap.slots.inUse };
  },

  'bad super-frames to the kernel': () => {
    using tap = openVnet();
    const frame = datagram(tap, 'x');
    const taken = [transmit(tap, frame, 0, 77), transmit(tap, frame, 0, GSO_TCPV4), transmit(tap, frame)];
    return { taken, stats: tap.stats, lastErrno: tap.lastErrno, linkUp: tap.linkUp, inUse: tap.slots.inUse };
  },

  'vnet settings': () => {
    const small = errorOf(() => open({ vnetHeader: true }));
    const slots = (headroomBytes: number): FrameSlots =>
      new FrameSlots(new LinearMemory(2 << 20), { count: 4, slotBytes: SUPER_FRAME_BYTES, headroomBytes });
    const noHeadroom = errorOf(() => open({ vnetHeader: true, slots: slots(8) }));
    using tap = open({ vnetHeader: true, slots: slots(10), mtu: 65_521 });
    return { small, noHeadroom, mtu: tap.mtu, beyond: errorOf(() => tap.setMtu(65_522)) };
  },
};
