/** Plain frames, settings and errors. */
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FRAME_NEEDS_CSUM, FrameSlots, GSO_TCPV4 } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { arp, composeFrame, decodeFrame, ethernet, pseudoHeaderSum4 } from '@netmem/wire';
import { openTap, TapPoll } from '../src/index.ts';
import {
  datagram,
  deleteInterface,
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

export const PLAIN_SCENARIOS: Scenarios = {
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

  pause: async () => {
    using tap = open();
    settle(tap);
    const poll = new TapPoll([tap]);
    const start = process.hrtime.bigint();
    poll.pause(20_000_000);
    const pausedMs = Number(process.hrtime.bigint() - start) / 1e6;
    const socket = await udpSocket();
    await send(socket, 'x');
    // Nobody is woken by the frame, and it is there afterwards.
    poll.pause(1_000_000);
    const ready = poll.wait(0);
    socket.close();
    const refused = [-1, 1e9, Number.NaN].map((ns) => {
      try {
        poll.pause(ns);
        return '';
      } catch (error) {
        return (error as Error).constructor.name;
      }
    });
    return { pausedMs, ready, refused };
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
