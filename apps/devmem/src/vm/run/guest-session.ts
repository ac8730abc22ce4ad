/** One guest with all that belongs to it: its card behind a socket, the cable, the machine at the other end, the console. */
import type { Port } from '@netmem/link';
import { EventLoopPump, serveVfioUser, type VfioUserServer } from '@netmem/vfio-user';
import { createNic, type Nic, type NicEvent } from '@netmem/vnic';
import { CardFaults } from '../../faults/card-faults.ts';
import { type ConsoleEvent, ConsoleReader } from '../guest/console.ts';
import { type QemuEnd, QemuProcess } from '../guest/qemu-process.ts';
import { RunFolder, type SharedFolder } from '../guest/run-folder.ts';
import type { VmOptions } from '../options.ts';
import { PeerMachine } from '../peer/peer-machine.ts';
import { Transfers } from '../peer/transfers.ts';
import type { GuestKit } from '../setup/prepare.ts';

export const GUEST_ADDRESS = '10.99.0.2';
export const PEER_ADDRESS = '10.99.0.1';

/** What a guest is started for. */
export interface GuestTask {
  /** The script that init runs. */
  readonly start: string;
  /** Further files, by their path in the guest. */
  readonly files: ReadonlyMap<string, string>;
  /** Further shell variables for it. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** What the guest finds as /share; null for nothing. */
  readonly share: SharedFolder | null;
  /** RAM that the guest needs beyond what the user said. */
  readonly extraMemoryMiB: number;
  readonly superFrames: boolean;
  readonly mayReboot: boolean;
}

/** Who wants to know. */
export interface GuestWatcher {
  /** All that the console shows, before it is cut into lines. */
  output?(text: string): void;
  /** A line of the console for us. */
  event(event: ConsoleEvent): void;
  /** A line of the console for people. */
  text(line: string): void;
  /** Something about the card, rare. */
  card(event: NicEvent): void;
}

/** A running guest; {@link GuestSession.start} makes one, and {@link close} ends all of it, in any case. */
export class GuestSession {
  readonly peer: PeerMachine;
  readonly transfers: Transfers;
  readonly server: VfioUserServer<Nic>;
  readonly pump: EventLoopPump;
  readonly qemu: QemuProcess;
  readonly faults: CardFaults;
  /** Settles when QEMU has ended. */
  readonly ended: Promise<QemuEnd>;
  readonly #folder: RunFolder;

  private constructor(
    parts: Pick<GuestSession, 'peer' | 'transfers' | 'server' | 'pump' | 'qemu' | 'faults' | 'ended'>,
    folder: RunFolder,
  ) {
    this.peer = parts.peer;
    this.transfers = parts.transfers;
    this.server = parts.server;
    this.pump = parts.pump;
    this.qemu = parts.qemu;
    this.faults = parts.faults;
    this.ended = parts.ended;
    this.#folder = folder;
  }

  /**
   * @param wrap - Stands between cable and card, to look at what passes.
   * @throws VfioUserError when the card cannot be served.
   */
  static async start(
    kit: GuestKit,
    options: VmOptions,
    task: GuestTask,
    watcher: GuestWatcher,
    wrap: (port: Port, peer: PeerMachine) => Port,
  ): Promise<GuestSession> {
    const { queues, mtu, seed, cable, bytes } = options;
    const faults = new CardFaults(options.faults, seed);
    const { superFrames } = task;
    const peer = new PeerMachine({ address: PEER_ADDRESS, seed, mtu, superFrames, cable });
    const settings = { GUEST_ADDRESS, PEER_ADDRESS, BYTES: bytes, SEED: seed, QUEUES: queues, ...task.settings };
    const memoryMiB = options.memoryMiB + task.extraMemoryMiB;
    const { start, files, share } = task;
    const folder = new RunFolder(memoryMiB, kit.initramfs, { settings, start, files, share });
    const nowNs = (): number => Math.round(performance.now() * 1e6);
    let failed: (error: Error) => void = () => {};
    const failure = new Promise<never>((_, reject) => {
      failed = reject;
    });
    const pump = new EventLoopPump({ nowNs, onError: (error) => failed(error as Error) });
    try {
      // First in every round: the card comes before the machine that the clock belongs to, and its frames shall not be sent in the past.
      pump.join({
        step() {
          peer.clock.refresh();
          return false;
        },
      });
      const port = wrap(faults.wrapPort(peer.guestPort, peer.clock), peer);
      const server = await serveVfioUser({
        path: folder.socketPath,
        memory: folder.memoryFile,
        pump,
        nowNs,
        makeFunction: (host) =>
          createNic(faults.wrapNicHost(host), {
            ...{ port, memory: peer.memory, seed },
            ...{ maxQueues: Math.max(queues, 2), defaultQueues: queues },
            // A kernel that is given such a packet in device memory warns, because it cannot look at the payload to find out.
            badChecksum: 'drop',
          }),
        onEvent: (event) => watcher.card(event),
        onError: (error) => failed(error),
      });
      faults.attach(server.function);
      pump.join(peer);
      const transfers = new Transfers(peer.host, () => pump.wake());
      const qemu = new QemuProcess({
        qemu: kit.qemu,
        kernel: kit.kernel.image,
        files: folder,
        memoryMiB,
        cpus: options.cpus,
        mayReboot: task.mayReboot,
      });
      const console = new ConsoleReader(
        (event) => watcher.event(event),
        (line) => watcher.text(line),
      );
      qemu.onOutput = (text) => {
        watcher.output?.(text);
        console.push(text);
      };
      const ended = Promise.race([qemu.ended, failure]).finally(() => console.end());
      // Whoever closes the session before it ended does not wait for this.
      ended.catch(() => {});
      return new GuestSession({ peer, transfers, server, pump, qemu, faults, ended }, folder);
    } catch (error) {
      pump.stop();
      folder.remove();
      throw error;
    }
  }

  /** Does what the guest asks for on its console: a stream, a pulled plug, a reset that the card wants. Other words are passed over. */
  request({ word, rest }: ConsoleEvent): void {
    const card = this.server.function;
    const [port = 0, bytes = 0, seed = 0] = rest.split(' ').map(Number);
    if (word === 'send') this.transfers.send(GUEST_ADDRESS, port, bytes, seed);
    else if (word === 'reset') card.requestReset('the guest asked for it');
    else if (word === 'unplug') card.setLinkUp(false);
    else if (word === 'plug') card.setLinkUp(true);
    this.pump.wake();
  }

  /** Ends the guest if it runs still, and takes everything down. Returns what the peer's audit found. */
  async close(): Promise<readonly string[]> {
    this.qemu.kill();
    await this.qemu.ended;
    await this.server.close();
    await this.transfers.close();
    this.pump.stop();
    const findings = await this.peer.close();
    this.#folder.remove();
    return findings;
  }
}
