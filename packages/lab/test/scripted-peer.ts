// A TCP sender that puts exactly the segments on the wire that a test asks for.

import type { Machine } from '@netmem/machine';
import { SKB_GSO_TCPV4 } from '@netmem/netdev';
import type { FrameMeta, PacketDriver } from '@netmem/netdev/testing';
import { composeFrame, decodeFrame, formatMac, type TcpFields, tcp } from '@netmem/wire';

export const PEER_MAC = '02:00:00:00:00:99';

/** Payload byte at a position of a connection's stream. */
export function payloadByte(position: number): number {
  return position & 0xff;
}

/** The other host of a test: knows one host's addresses, and answers nothing by itself. */
export class ScriptedPeer {
  readonly #machine: Machine;
  readonly #hostAddress: string;
  readonly #address: string;
  #driver: PacketDriver | null = null;
  readonly #connections = new Map<number, ScriptedConnection>();
  #nextPort = 40_000;

  constructor(machine: Machine, address: string, hostAddress: string) {
    this.#machine = machine;
    this.#address = address;
    this.#hostAddress = hostAddress;
  }

  /** Where its frames go. */
  plugInto(driver: PacketDriver): void {
    this.#driver = driver;
  }

  /** What the host's device sends: the `onTransmit` of its driver. */
  heard(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (frame?.tcp !== undefined) this.#connections.get(frame.tcp.destinationPort)?.heard(frame.tcp);
  }

  /** Opens a connection with the three-way handshake; `run` pumps the host. */
  connect(port: number): ScriptedConnection {
    const connection = new ScriptedConnection(this, this.#nextPort++, port);
    this.#connections.set(connection.port, connection);
    connection.handshake(() => this.#machine.run());
    return connection;
  }

  /** @internal */
  send(fields: Partial<TcpFields>, meta: FrameMeta): void {
    const driver = this.#driver;
    if (driver === null) throw new Error('the peer is not plugged in');
    const frame = composeFrame({
      ethernet: { source: PEER_MAC, destination: formatMac(driver.netdev.address, 0) },
      ipv4: { source: this.#address, destination: this.#hostAddress },
      tcp: { window: 65_535, ...fields },
    });
    if (!driver.inject(0, frame, meta)) throw new Error('the device took no frame');
  }
}

/** One connection of a {@link ScriptedPeer}. Frames wait at the device until the machine runs. */
export class ScriptedConnection {
  /** The peer's port. */
  readonly port: number;
  readonly #peer: ScriptedPeer;
  readonly #hostPort: number;
  #sequence = 0x1000_0000;
  #acknowledged = 0;
  #sent = 0;
  /** Whether {@link fin} was sent. */
  ended = false;
  /** Flags of every segment heard from the host. */
  readonly flagsHeard: number[] = [];

  constructor(peer: ScriptedPeer, port: number, hostPort: number) {
    this.#peer = peer;
    this.port = port;
    this.#hostPort = hostPort;
  }

  /** @internal */
  handshake(run: () => void): void {
    this.#segment({ flags: tcp.SYN, options: { mss: 1460 } });
    this.#sequence++;
    run();
    if (this.flagsHeard[0] !== (tcp.SYN | tcp.ACK)) throw new Error(`no SYN-ACK but ${this.flagsHeard}`);
    this.acknowledge();
    run();
  }

  /** One segment of payload, longer than the MTU if need be: what a device that aggregates would deliver. */
  data(length: number, mss: number = 1448): void {
    const payload = Uint8Array.from({ length }, (_, i) => payloadByte(this.#sent + i));
    const meta = length > mss ? { gsoSize: mss, gsoType: SKB_GSO_TCPV4 } : {};
    this.#segment({ flags: tcp.ACK | tcp.PSH, payload }, meta);
    this.#sequence = (this.#sequence + length) >>> 0;
    this.#sent += length;
  }

  /** The end of the stream. */
  fin(): void {
    this.ended = true;
    this.#segment({ flags: tcp.ACK | tcp.FIN });
    this.#sequence = (this.#sequence + 1) >>> 0;
  }

  /** Acknowledges all that was heard. */
  acknowledge(): void {
    this.#segment({ flags: tcp.ACK });
  }

  /** @internal */
  heard(segment: TcpFields): void {
    this.flagsHeard.push(segment.flags);
    const phantom = (segment.flags & (tcp.SYN | tcp.FIN)) === 0 ? 0 : 1;
    this.#acknowledged = (segment.sequence + segment.payload.length + phantom) >>> 0;
  }

  #segment(fields: Partial<TcpFields>, meta: FrameMeta = {}): void {
    this.#peer.send(
      {
        sourcePort: this.port,
        destinationPort: this.#hostPort,
        sequence: this.#sequence,
        acknowledgment: this.#acknowledged,
        ...fields,
      },
      meta,
    );
  }
}
