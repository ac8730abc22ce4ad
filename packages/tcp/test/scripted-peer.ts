import type { Machine } from '@netmem/machine';
import type { Network } from '@netmem/netdev';
import { createPacketDriver, createTestNetwork, type PacketDriver } from '@netmem/netdev/testing';
import { AF_INET } from '@netmem/uapi';
import { ethernet, ipv4, parseAddress4, pseudoHeaderSum4, type TcpFields, tcp } from '@netmem/wire';
import { InetAddress } from '../src/stack/inet-address.ts';
import { InetCore } from '../src/stack/inet-core.ts';
import { TcpSock } from '../src/tcp/tcp-sock.ts';
import { check } from './two-hosts.ts';

/** What the script sends; ports, addresses and checksums are filled in, the window is 65535 unless it is given. */
export type Segment = Partial<Omit<TcpFields, 'sourcePort' | 'destinationPort'>>;

const HOST_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const HOST_ADDRESS = '10.0.0.1';
export const PEER_ADDRESS = '10.0.0.2';

export const { FIN, SYN, RST, PSH, ACK, URG, ECE, CWR } = tcp;

/** One host under test, 10.0.0.1, and a test that plays everybody else, frame by frame. */
export class ScriptedPeer {
  readonly machine: Machine;
  readonly network: Network;
  readonly stack: InetCore;
  readonly driver: PacketDriver;
  /** Frames that the host sent, oldest first; taken by `take`. */
  readonly sent: Uint8Array[] = [];
  /** The host's and the script's port. */
  hostPort = 80;
  peerPort = 40000;
  peerAddress: string = PEER_ADDRESS;

  constructor(options: { gro?: boolean; introduce?: boolean; seed?: number; mtu?: number } = {}) {
    const { machine, network } = createTestNetwork({
      machine: { ramBytes: 16 << 20 },
      network: { maxSkbs: 2048 },
    });
    this.machine = machine;
    this.network = network;
    this.driver = createPacketDriver(network, {
      address: Uint8Array.of(2, 0, 0, 0, 0, 1),
      gro: options.gro ?? false,
      mtu: options.mtu ?? 1500,
      onTransmit: (frame) => this.sent.push(frame),
    });
    this.stack = new InetCore(network, options.seed === undefined ? {} : { seed: options.seed });
    this.driver.netdev.open();
    this.stack.addAddress(this.driver.netdev, `${HOST_ADDRESS}/24`);
    this.stack.addAddress(this.driver.netdev, 'fd00::1/64');
    if (options.introduce !== false) {
      for (const last of [2, 3, 4]) {
        check(this.stack.addNeighbour(this.driver.netdev, `10.0.0.${last}`, `02:00:00:00:00:0${last}`));
      }
      check(this.stack.addNeighbour(this.driver.netdev, 'fd00::2', PEER_MAC));
    }
  }

  /** Takes segmentation and checksums away from the device: every segment leaves as one frame. */
  withoutOffloads(): this {
    const { netdev } = this.driver;
    netdev.lock.lock();
    netdev.wantedFeatures = 0;
    netdev.updateFeatures();
    netdev.lock.unlock();
    return this;
  }

  /** A listener of the host. */
  listen(backlog: number = 16): TcpSock {
    const sock = TcpSock.create(this.stack, AF_INET);
    // As servers do: a TIME_WAIT must not keep the port from them.
    sock.reuseAddress = true;
    check(sock.bind(InetAddress.any(AF_INET), this.hostPort));
    check(sock.listen(backlog));
    return sock;
  }

  /** Hands a frame to the host and lets it work; no time passes. */
  inject(frame: Uint8Array): void {
    this.driver.inject(0, frame);
    this.machine.run();
  }

  /** Sends one IPv4 packet to the host. */
  sendIp(protocol: number, payload: Uint8Array, fields: Partial<ipv4.Ipv4Fields> = {}): void {
    const packet = ipv4.encode({
      source: this.peerAddress,
      destination: HOST_ADDRESS,
      protocol,
      timeToLive: 64,
      payload,
      ...fields,
    });
    this.inject(ethernet.encode({ destination: HOST_MAC, source: PEER_MAC, type: 0x0800, payload: packet }));
  }

  /** Sends a segment from the script's port to the host's. */
  send(segment: Segment): void {
    this.sendIp(6, this.encode(segment));
  }

  /** The TCP bytes of a segment, checksum good. */
  encode(segment: Segment): Uint8Array {
    const fields = { window: 65535, ...segment, sourcePort: this.peerPort, destinationPort: this.hostPort };
    const length = tcp.encode(fields).length;
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, parseAddress4(this.peerAddress)!);
    view.setUint32(4, parseAddress4(HOST_ADDRESS)!);
    return tcp.encode(fields, pseudoHeaderSum4(view, 0, 4, 6, length));
  }

  /** The TCP segments that the host sent since the last call, all to the script. */
  take(): TcpFields[] {
    const segments: TcpFields[] = [];
    for (const frame of this.sent.splice(0)) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      if (ethernet.type(view, 0) !== 0x0800 || ipv4.protocol(view, 14) !== 6) continue;
      const header = ipv4.headerLength(view, 14);
      const total = ipv4.totalLength(view, 14);
      const segment = tcp.decode(view, 14 + header, total - header);
      if (segment === null) throw new Error('the host sent a malformed segment');
      segments.push(segment);
    }
    return segments;
  }

  /** The one segment that the host sent since the last call. */
  takeOne(): TcpFields {
    const segments = this.take();
    if (segments.length !== 1) throw new Error(`${segments.length} segments: ${segments.map(show).join(', ')}`);
    return segments[0];
  }

  /** Lets `ns` of virtual time pass. */
  pass(ns: number): void {
    const end = this.machine.clock.nowNs + ns;
    this.machine.run({ until: () => this.machine.clock.nowNs >= end, timeoutNs: ns });
    if (this.machine.clock.nowNs < end) this.machine.clock.advance(end - this.machine.clock.nowNs);
  }

  /** Opens a connection to the host's listener: peer's numbers start at `isn`. */
  establish(options: EstablishOptions = {}): Established {
    const listener = options.listener ?? this.listen();
    const isn = options.isn ?? 1000;
    this.take();
    this.send({
      flags: options.synFlags ?? SYN,
      sequence: isn,
      window: 65535,
      options: options.options ?? { mss: 1460 },
    });
    const synAck = this.takeOne();
    if (options.rttNs !== undefined) this.pass(options.rttNs);
    const peer = { seq: (isn + 1) >>> 0, ack: (synAck.sequence + 1) >>> 0 };
    const timestamp = options.options?.timestamp;
    const withTime =
      timestamp === undefined
        ? {}
        : { options: { timestamp: { value: timestamp.value, echo: synAck.options.timestamp!.value } } };
    this.send({
      flags: ACK,
      sequence: peer.seq,
      acknowledgment: peer.ack,
      window: options.window ?? 65535,
      ...withTime,
    });
    const sock = listener.acceptDequeue();
    if (sock === null) throw new Error('not established');
    if (options.listener === undefined) listener.close();
    this.take();
    return { sock, synAck, ...peer };
  }
}

/** Options of {@link ScriptedPeer.establish}. */
export interface EstablishOptions {
  isn?: number;
  window?: number;
  options?: TcpFields['options'];
  listener?: TcpSock;
  /** Flags of the script's SYN. Default SYN alone. */
  synFlags?: number;
  /** Time between SYN|ACK and ACK: the first round trip that the host measures. Default 0. */
  rttNs?: number;
}

/** A connection whose peer is the script. */
export interface Established {
  sock: TcpSock;
  synAck: TcpFields;
  /** The script's next sequence number, and what it acknowledges next. */
  seq: number;
  ack: number;
}

/** A segment in short: `SA seq=1 ack=2 len=0`. */
export function show(segment: TcpFields): string {
  const letters = ['F', 'S', 'R', 'P', 'A', 'U'].filter((_, i) => (segment.flags & (1 << i)) !== 0).join('');
  return `${letters} seq=${segment.sequence} ack=${segment.acknowledgment} len=${segment.payload.length}`;
}
