import { createServer, type Server, type Socket } from 'node:net';
import type { GuestTransport } from './device-session.ts';
import { EventLoopPump, type Pumped } from './event-loop-pump.ts';
import { openFileMemory } from './file-memory.ts';
import type { GuestMemory } from './guest-memory.ts';
import { listenAt } from './socket-path.ts';
import type { VfioUserStats } from './stats.ts';
import {
  createVfioUserDevice,
  type PciFunction,
  type VfioUserDevice,
  type VfioUserDeviceOptions,
} from './vfio-user-device.ts';

/** How long a connection that was closed may take to send what was left. */
const LINGER_MS = 1000;

/** What a server is made from. */
export interface VfioUserServerOptions<F extends PciFunction = PciFunction>
  extends Omit<VfioUserDeviceOptions<F>, 'openMemory'> {
  /** Where to listen: the `socket.path` that the guest's hypervisor is given. A folder that only you may enter is best. */
  readonly path: string;
  /** The file that is the RAM of the guest (`memory-backend-file,mem-path=…`), or what opens its RAM. Opened anew for each guest. */
  readonly memory: string | (() => GuestMemory);
  /** The pump that runs the device, shared with what the device talks to. Default: one of its own. */
  readonly pump?: EventLoopPump;
}

/** A device on a UNIX socket. Made by {@link serveVfioUser}. */
export class VfioUserServer<F extends PciFunction = PciFunction> implements Pumped {
  readonly path: string;
  readonly device: VfioUserDevice<F>;
  /** What runs the device; join whatever shall run with it. */
  readonly pump: EventLoopPump;
  readonly #ownsPump: boolean;
  readonly #server: Server;
  #socket: Socket | null = null;

  /** Use {@link serveVfioUser}. */
  constructor(options: VfioUserServerOptions<F>) {
    const { memory } = options;
    this.path = options.path;
    this.device = createVfioUserDevice({
      ...options,
      openMemory: typeof memory === 'string' ? () => openFileMemory(memory) : memory,
    });
    this.#ownsPump = options.pump === undefined;
    this.pump = options.pump ?? new EventLoopPump(options.nowNs === undefined ? {} : { nowNs: options.nowNs });
    this.device.onWork = () => this.pump.wake();
    this.#server = createServer((socket) => this.#accept(socket));
    // A connection that could not be taken (no descriptor left) is the client's loss; listening has its own error.
    this.#server.on('error', ({ message }) => this.device.note({ kind: 'guest-refused', detail: message }));
  }

  /** The function that was made. */
  get function(): F {
    return this.device.function;
  }

  get stats(): VfioUserStats {
    return this.device.stats;
  }

  /** Whether a guest is connected. */
  get connected(): boolean {
    return this.device.connected;
  }

  /** When the device has something to do by itself, in its time. */
  get nextDeadlineNs(): number {
    return this.device.nextDeadlineNs;
  }

  /** One round of the device, for whoever runs it without the pump. True: there may be more to do. */
  step(): boolean {
    return this.device.step();
  }

  /** Something outside happened that the device should look at: frames at its port, a plug pulled. */
  wake(): void {
    this.pump.wake();
  }

  /** @internal */
  async listen(): Promise<void> {
    await listenAt(this.#server, this.path);
    this.pump.join(this);
  }

  /** Lets go of the guest, removes the socket, and stops. */
  async close(): Promise<void> {
    this.pump.leave(this);
    if (this.#ownsPump) this.pump.stop();
    this.#socket?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(socket: Socket): void {
    let congested = false;
    const transport: GuestTransport = {
      send: (bytes) => {
        if (socket.writable && !socket.write(bytes)) {
          congested = true;
          // What a guest does not read is not answered any more: neither side grows.
          socket.pause();
        }
      },
      close: () => {
        socket.destroySoon();
        socket.setTimeout(LINGER_MS, () => socket.destroy());
      },
      get congested(): boolean {
        return congested;
      },
    };
    const session = this.device.connect(transport);
    socket.on('error', () => socket.destroy());
    if (session === null) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on('data', (chunk) => session.receive(chunk as Uint8Array));
    socket.on('drain', () => {
      congested = false;
      session.resume();
      if (!congested) socket.resume();
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null;
      session.close(null);
    });
  }
}

/**
 * Offers a device to virtual machines at a UNIX socket, one after the other, and runs it from the event loop.
 *
 * @throws VfioUserError `EADDRINUSE` when another server listens at the path, `ENAMETOOLONG` when the path is too long,
 *   `ENOENT` without a folder, `EACCES` without permission. @throws RangeError when the function cannot be offered.
 */
export async function serveVfioUser<F extends PciFunction>(
  options: VfioUserServerOptions<F>,
): Promise<VfioUserServer<F>> {
  const server = new VfioUserServer(options);
  await server.listen();
  return server;
}
