/** What the scenarios share: a TAP as most of them want it, and ways to send and receive. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { composeFrame, type DecodedFrame, decodeFrame } from '@netmem/wire';
import { openTap, type Tap, TapError, type TapOptions, TapPoll } from '../src/index.ts';
import { libc } from '../src/libc.ts';

/** What a scenario returns comes back as JSON. */
export type Scenarios = Record<string, () => unknown>;

export const PEER: { readonly address: string; readonly mac: string } = {
  address: '10.99.0.2',
  mac: '02:00:00:00:00:02',
};

export function open(options: Partial<TapOptions> = {}, slotCount = 64): Tap {
  const slots = new FrameSlots(new LinearMemory(4 << 20), { count: slotCount });
  return openTap({ slots, name: 'tap0', addresses: ['10.99.0.1/24'], neighbours: [PEER], ...options });
}

/** Frames that come within 200 ms of each other and match; the kernel's own chatter (router solicitations and such) does not. */
export function receiveAll(tap: Tap, accept: (frame: DecodedFrame) => boolean, enough = Infinity): DecodedFrame[] {
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
export const settle = (tap: Tap): void => void receiveAll(tap, () => false);

export async function udpSocket(port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port);
  await once(socket, 'listening');
  return socket;
}

export function send(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(text, 9, PEER.address, (error) => (error === null ? resolve() : reject(error)));
  });
}

export function transmit(tap: Tap, frame: Uint8Array, flags = 0, gsoType = 0): boolean {
  const slot = tap.slots.store(frame);
  tap.slots.flags[slot] = flags;
  tap.slots.gsoType[slot] = gsoType;
  return tap.transmit(slot);
}

export function datagram(tap: Tap, text: string): Uint8Array<ArrayBuffer> {
  return composeFrame({
    ethernet: { source: PEER.mac, destination: tap.kernelMac },
    ipv4: { source: PEER.address, destination: '10.99.0.1' },
    udp: { sourcePort: 9, destinationPort: 5000, payload: new TextEncoder().encode(text) },
  });
}

export function errorOf(
  action: () => unknown,
): { code: string; errno: number; syscall: string; message: string } | null {
  try {
    action();
    return null;
  } catch (error) {
    if (!(error instanceof TapError)) throw error;
    return { code: error.code, errno: error.errno, syscall: error.syscall, message: error.message };
  }
}

export const texts = (frames: readonly DecodedFrame[]): string[] =>
  frames.map(({ udp }) => new TextDecoder().decode(udp?.payload));

/** RTM_DELLINK for an interface: what `ip link del` sends. */
export function deleteInterface(index: number): void {
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
