/**
 * What the tests do inside a network namespace of their own. Run as a child: `node scenarios.ts NAME` prints the scenario's result as JSON.
 */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readlinkSync, writeSync } from 'node:fs';
import { connect, type Socket as TcpSocket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FRAME_NEEDS_CSUM, FrameSlots, GSO_TCPV4, SUPER_FRAME_BYTES } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import {
  arp,
  composeFrame,
  type DecodedFrame,
  decodeFrame,
  ethernet,
  foldChecksum,
  pseudoHeaderSum4,
  tcp,
} from '@netmem/wire';
import { openTap, type Tap, TapError, type TapOptions, TapPoll } from '../src/index.ts';
import { libc } from '../src/libc.ts';

const PEER = { address: '10.99.0.2', mac: '02:00:00:00:00:02' };

function open(options: Partial<TapOptions> = {}, slotCount = 64): Tap {
  const slots = new FrameSlots(new LinearMemory(4 << 20), { count: slotCount });
  return openTap({ slots, name: 'tap0', addresses: ['10.99.0.1/24'], neighbours: [PEER], ...options });
}

/** Frames that come within 200 ms of each other and match; the kernel's own chatter (router solicitations and such) does not. */
function receiveAll(tap: Tap, accept: (frame: DecodedFrame) => boolean, enough = Infinity): DecodedFrame[] {
  const poll = new TapPoll([tap]);
  const frames: DecodedFrame[] = [];
  while (frames.length < enough && poll.wait(200)) {
    for (let slot = tap.receive(); slot !== 0; slot = tap.receive()) {
      const frame = decodeFrame(tap.slots.copyOf(slot));
      tap.slots.release(slot);
      if (frame !== null && accept(frame)) frames.push(frame);
    }
  }
  return frames;
}

/** Takes what the kernel sends of its own accord, until it is quiet. */
const settle = (tap: Tap): void => void receiveAll(tap, () => false);

async function udpSocket(port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port);
  await once(socket, 'listening');
  return socket;
}

function send(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(text, 9, PEER.address, (error) => (error === null ? resolve() : reject(error)));
  });
}

function transmit(tap: Tap, frame: Uint8Array, flags = 0, gsoType = 0): boolean {
  const slot = tap.slots.store(frame);
  tap.slots.flags[slot] = flags;
  tap.slots.gsoType[slot] = gsoType;
  return tap.transmit(slot);
}

function datagram(tap: Tap, text: string): Uint8Array<ArrayBuffer> {
  return composeFrame({
    ethernet: { source: PEER.mac, destination: tap.kernelMac },
    ipv4: { source: PEER.address, destination: '10.99.0.1' },
    udp: { sourcePort: 9, destinationPort: 5000, payload: new TextEncoder().encode(text) },
  });
}

function errorOf(action: () => unknown): { code: string; errno: number; syscall: string; message: string } | null {
  try {
    action();
    return null;
  } catch (error) {
    if (!(error instanceof TapError)) throw error;
    return { code: error.code, errno: error.errno, syscall: error.syscall, message: error.message };
  }
}

const texts = (frames: DecodedFrame[]): string[] => frames.map(({ udp }) => new TextDecoder().decode(udp?.payload));

/** RTM_DELLINK for an interface: what `ip link del` sends. */
function deleteInterface(index: number): void {
  const message = new Uint8Array(32);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, 17, true);
  view.setUint16(6, 1, true);
  view.setInt32(20, index, true);
  const socket = libc().socket(16, 3, 0);
  writeSync(socket, message);
  closeSync(socket);
}

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

const scenarios: Record<string, () => unknown> = {
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

  'a flow follows its queue': async () => {
    using tap = open({ queues: 4 });
    settle(tap);
    const moved: boolean[] = [];
    const first = new Set<number>();
    for (let flow = 0; flow < 6; flow++) {
      const socket = await udpSocket(5000 + flow);
      const arrivedOn = async (): Promise<number[]> => {
        const poll = new TapPoll([tap]);
        const queues: number[] = [];
        for (let i = 0; i < 8; i++) await send(socket, `${i}`);
        while (queues.length < 8 && poll.wait(200)) {
          for (let slot = tap.receive(); slot !== 0; slot = tap.receive()) {
            const frame = decodeFrame(tap.slots.copyOf(slot));
            if (frame?.udp?.sourcePort === 5000 + flow) queues.push(tap.slots.queue[slot]);
            tap.slots.release(slot);
          }
        }
        return queues;
      };
      const before = await arrivedOn();
      first.add(before[0]);
      const wanted = (before[0] + 1 + (flow % 3)) % 4;
      const frame = composeFrame({
        ethernet: { source: PEER.mac, destination: tap.kernelMac },
        ipv4: { source: PEER.address, destination: '10.99.0.1' },
        udp: { sourcePort: 9, destinationPort: 5000 + flow, payload: new Uint8Array(10) },
      });
      const slot = tap.slots.store(frame);
      tap.slots.queue[slot] = wanted;
      tap.transmit(slot);
      const after = await arrivedOn();
      moved.push(after.length === 8 && after.every((queue) => queue === wanted));
      socket.close();
    }
    return {
      moved,
      queues: tap.queues,
      fds: new Set([0, 1, 2, 3].map((queue) => tap.queueFd(queue))).size,
      inUse: tap.slots.inUse,
    };
  },

  'queues take turns': async () => {
    using tap = open({ queues: 2 }, 256);
    settle(tap);
    const sockets = [await udpSocket(5000), await udpSocket(5001)];
    for (const queue of [0, 1]) {
      const frame = composeFrame({
        ethernet: { source: PEER.mac, destination: tap.kernelMac },
        ipv4: { source: PEER.address, destination: '10.99.0.1' },
        udp: { sourcePort: 9, destinationPort: 5000 + queue, payload: new Uint8Array(10) },
      });
      const slot = tap.slots.store(frame);
      // Beyond the last queue it starts again at the first.
      tap.slots.queue[slot] = queue + 2;
      tap.transmit(slot);
    }
    for (let i = 0; i < 80; i++) for (const socket of sockets) await send(socket, `${i}`);
    const order: number[] = [];
    const seen: Record<number, string[]> = { 5000: [], 5001: [] };
    for (let slot = tap.receive(); slot !== 0; slot = tap.receive()) {
      const frame = decodeFrame(tap.slots.copyOf(slot));
      if (frame?.udp?.destinationPort === 9) {
        order.push(tap.slots.queue[slot]);
        seen[frame.udp.sourcePort].push(new TextDecoder().decode(frame.udp.payload));
      }
      tap.slots.release(slot);
    }
    for (const socket of sockets) socket.close();
    let longest = 0;
    for (let i = 0, run = 0; i < order.length; i++) {
      run = i > 0 && order[i] === order[i - 1] ? run + 1 : 1;
      longest = Math.max(longest, run);
    }
    return { count: order.length, longest, seen };
  },

  'queue errors': () => {
    const many = errorOf(() => open({ queues: 257 }));
    const none = errorOf(() => open({ queues: 0 }));
    using tap = open({ queues: 2, name: 'tap%d' });
    const busy = errorOf(() => open({ name: tap.name }));
    tap.close();
    return { many, none, busy, closed: [tap.queueFd(0), tap.queueFd(1), tap.receive()] };
  },

  namespace: () => {
    using tap = open();
    return {
      namespace: readlinkSync('/proc/self/ns/net'),
      interfaces: Object.keys(networkInterfaces()),
      name: tap.name,
    };
  },

  'from the kernel': async () => {
    using tap = open();
    settle(tap);
    const idle = tap.receive();
    const socket = await udpSocket();
    for (const text of ['one', 'two', 'three']) await send(socket, text);
    const frames = receiveAll(tap, ({ udp }) => udp?.destinationPort === 9);
    socket.close();
    const { source, destination } = frames[0].ethernet;
    const ipv4 = { source: frames[0].ipv4?.source, destination: frames[0].ipv4?.destination };
    return {
      idle,
      texts: texts(frames),
      ethernet: { source, destination },
      kernelMac: tap.kernelMac,
      ipv4,
      inUse: tap.slots.inUse,
      rxFrames: tap.stats.rxFrames,
    };
  },

  'to the kernel': async () => {
    using tap = open();
    const socket = await udpSocket(5000);
    const received: string[] = [];
    socket.on('message', (message) => received.push(message.toString()));
    const whole = datagram(tap, 'whole');
    transmit(tap, whole);
    // The same datagram with its checksum left to others: the port finishes it, or the kernel would drop it.
    const partial = datagram(tap, 'partial');
    const view = new DataView(partial.buffer);
    view.setUint16(40, pseudoHeaderSum4(view, 26, 30, 17, partial.length - 34));
    const slot = tap.slots.store(partial);
    tap.slots.flags[slot] = FRAME_NEEDS_CSUM;
    tap.slots.checksumStart[slot] = 34;
    tap.slots.checksumOffset[slot] = 6;
    tap.transmit(slot);
    // Damaged on the way: the kernel drops it.
    const damaged = datagram(tap, 'damaged');
    damaged[45] ^= 1;
    transmit(tap, damaged);
    transmit(tap, datagram(tap, 'last'));
    while (received.length < 3) await once(socket, 'message');
    socket.close();
    return { received, stats: tap.stats, inUse: tap.slots.inUse };
  },

  arp: async () => {
    using tap = open({ neighbours: [] });
    const socket = await udpSocket();
    await send(socket, 'who has it?');
    const [request] = receiveAll(tap, (frame) => frame.arp?.targetAddress === PEER.address, 1);
    const asked = request.arp;
    const answer = composeFrame({
      ethernet: { source: PEER.mac, destination: asked?.senderMac ?? '' },
      arp: {
        operation: arp.REPLY,
        senderMac: PEER.mac,
        senderAddress: PEER.address,
        targetMac: asked?.senderMac ?? '',
        targetAddress: asked?.senderAddress ?? '',
      },
    });
    transmit(tap, answer);
    const frames = receiveAll(tap, ({ udp }) => udp?.destinationPort === 9, 1);
    socket.close();
    return { broadcast: request.ethernet.destination, texts: texts(frames), to: frames[0].ethernet.destination };
  },

  syn: async () => {
    using tap = open();
    const socket = connect({ host: PEER.address, port: 5201 });
    socket.on('error', () => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [frame] = receiveAll(tap, ({ tcp }) => tcp?.destinationPort === 5201, 1);
    socket.destroy();
    return { flags: frame.tcp?.flags, options: frame.tcp?.options, window: frame.tcp?.window };
  },

  poll: async () => {
    using tap = open();
    settle(tap);
    const poll = new TapPoll([tap]);
    // The kernel speaks on its own on a new interface (router solicitations, late on a busy machine): wait for silence.
    let empty = true;
    let waitedMs = 0;
    for (let round = 0; empty && round < 50; round++) {
      settle(tap);
      const start = process.hrtime.bigint();
      empty = poll.wait(30);
      waitedMs = Number(process.hrtime.bigint() - start) / 1e6;
    }
    const socket = await udpSocket();
    await send(socket, 'x');
    const ready = poll.wait(1000);
    const looked = poll.wait(0);
    socket.close();
    let endless = '';
    try {
      poll.wait(Infinity);
    } catch (error) {
      endless = (error as Error).constructor.name;
    }
    return { empty, waitedMs, ready, looked, endless };
  },

  'without slots': async () => {
    using tap = open({}, 2);
    settle(tap);
    const socket = await udpSocket();
    for (const text of ['one', 'two', 'three']) await send(socket, text);
    const slots = [tap.receive(), tap.receive(), tap.receive()];
    tap.slots.release(slots[0]);
    const later = tap.receive();
    const text = new TextDecoder().decode(decodeFrame(tap.slots.copyOf(later))?.udp?.payload);
    socket.close();
    return { slots, text };
  },

  'link state': () => {
    using tap = open();
    const states = [tap.linkUp];
    tap.setCarrier(false);
    states.push(tap.linkUp);
    tap.setCarrier(true);
    states.push(tap.linkUp);
    tap.setUp(false);
    states.push(tap.linkUp);
    const taken = transmit(tap, datagram(tap, 'nobody hears this'));
    return { states, taken, dropped: tap.stats.txDropped, lastErrno: tap.lastErrno, inUse: tap.slots.inUse };
  },

  'not sendable': () => {
    using tap = open();
    const frame = datagram(tap, 'x');
    const taken = [
      transmit(tap, frame, 0, GSO_TCPV4),
      transmit(tap, frame, FRAME_NEEDS_CSUM),
      transmit(tap, frame.slice(0, 10)),
    ];
    // The middle one's checksum field would be at 0: inside the frame, so it goes out; the kernel refuses the short one.
    return { taken, stats: tap.stats, lastErrno: tap.lastErrno, linkUp: tap.linkUp, inUse: tap.slots.inUse };
  },

  settings: () => {
    const slots = new FrameSlots(new LinearMemory(4 << 20), { count: 16, slotBytes: 10_000 });
    using tap = openTap({ slots, mtu: 9000, addresses: ['10.99.0.1/30', 'fd00:99::1/64'] });
    const addresses = (networkInterfaces()[tap.name] ?? []).map(({ cidr }) => cidr);
    const largest = errorOf(() => tap.setMtu(9983));
    tap.addAddress('10.98.0.1/16');
    const changed = (networkInterfaces()[tap.name] ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ cidr }) => cidr);
    return { name: tap.name, mtu: tap.mtu, addresses, largest, changed, index: tap.index, linkUp: tap.linkUp };
  },

  errors: () => {
    using tap = open();
    const result = {
      busy: errorOf(() => open()),
      name: errorOf(() => open({ name: 'sixteen-bytes-xx' })),
      slash: errorOf(() => open({ name: 'a/b' })),
      notATap: errorOf(() => open({ name: 'lo' })),
      smallMtu: errorOf(() => tap.setMtu(20)),
      largeMtu: errorOf(() => tap.setMtu(2031)),
      address: errorOf(() => tap.addAddress('10.99.0.300/24')),
      network: errorOf(() => tap.addAddress('224.0.0.1/24')),
      neighbourAddress: errorOf(() => tap.addNeighbour('fd00::1', PEER.mac)),
      neighbourMac: errorOf(() => tap.addNeighbour(PEER.address, 'here')),
      badStart: errorOf(() => open({ name: 'tap1', addresses: ['nowhere'] })),
    };
    return { ...result, left: Object.keys(networkInterfaces()).filter((name) => name === 'tap1') };
  },

  closed: () => {
    const tap = open();
    tap.close();
    tap.close();
    const taken = transmit(tap, new Uint8Array(60));
    const gone = errorOf(() => tap.refresh());
    return {
      received: tap.receive(),
      taken,
      dropped: tap.stats.txDropped,
      linkUp: tap.linkUp,
      inUse: tap.slots.inUse,
      gone,
    };
  },

  deleted: () => {
    using tap = open();
    settle(tap);
    deleteInterface(tap.index);
    const poll = errorOf(() => new TapPoll([tap]).wait(1000));
    const received = tap.receive();
    const taken = transmit(tap, new Uint8Array(60));
    return { poll, received, taken, linkUp: tap.linkUp, inUse: tap.slots.inUse, lastErrno: tap.lastErrno };
  },

  frames: () => {
    // The kernel takes any EtherType; nothing comes back, and nothing is kept.
    using tap = open();
    settle(tap);
    const frame = ethernet.encode({
      destination: tap.kernelMac,
      source: PEER.mac,
      type: 0x88b5,
      payload: new Uint8Array(46),
    });
    let taken = 0;
    for (let i = 0; i < 1000; i++) taken += transmit(tap, frame) ? 1 : 0;
    return { taken, stats: tap.stats, inUse: tap.slots.inUse };
  },
};

console.log(JSON.stringify(await scenarios[process.argv[2]]()));
