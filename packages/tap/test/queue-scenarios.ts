/** An interface with several queues. */
import { composeFrame, decodeFrame } from '@netmem/wire';
import { TapPoll } from '../src/index.ts';
import { errorOf, open, PEER, type Scenarios, send, settle, udpSocket } from './scenario-tools.ts';

export const QUEUE_SCENARIOS: Scenarios = {
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
};
