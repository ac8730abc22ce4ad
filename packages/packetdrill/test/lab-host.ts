import { createHost, type Host } from '@netmem/lab';
import { LinearMemory, regionOf } from '@netmem/region';
import { InetAddress, Msghdr, type Sockets } from '@netmem/tcp';
import { EAFNOSUPPORT, EINVAL, Extack, SO, SOL_SOCKET } from '@netmem/uapi';
import {
  type HostMessage,
  type HostSockets,
  type HostTcpInfo,
  type PacketdrillHost,
  PortWire,
  type ScriptNetwork,
  type SocketAddress,
  type TransmittedFrame,
} from '../src/index.ts';

const RAM_BYTES = 16 * 2 ** 20;
const MEMORY_BYTES = 64 * 2 ** 20;
const AF_INET = 2;
const AF_INET6 = 10;
const SIOCINQ = 0x541b;
const SIOCOUTQ = 0x5411;
const SIOCOUTQNSD = 0x894b;
/** Scripts count from here, so that a stack that takes the time 0 for "never" does not see it. */
const START_NS = 1e9;
/** Longer than any orphan tries. */
const GIVE_UP_NS = 1000e9;

/** One host of the lab whose cable ends in a script: card, driver, net core and TCP on a virtual clock. */
export class LabHost implements PacketdrillHost {
  #host: Host | null = null;
  #wire: PortWire | null = null;
  readonly #fds: Set<number> = new Set();
  #address = '';
  readonly localMac: Uint8Array = new Uint8Array([0x02, 0x6c, 0x61, 0x62, 0x00, 0x01]);

  get host(): Host {
    if (this.#host === null) throw new Error('the host is not set up');
    return this.#host;
  }

  get nowNs(): number {
    return this.host.machine.clock.nowNs;
  }

  setUp(network: ScriptNetwork): void {
    this.#address = network.localAddress;
    const memory = new LinearMemory(MEMORY_BYTES);
    const wire = new PortWire({ memory, mtu: network.mtu });
    this.#wire = wire;
    this.#host = createHost({
      name: 'scripted',
      port: wire.port,
      memory,
      ramBytes: RAM_BYTES,
      mac: this.localMac,
      mtu: network.mtu,
      addresses: [`${network.localAddress}/${network.prefixLength}`],
      ringEntries: 512,
      maxNetIovs: 4096,
    });
    const { stack, device, machine } = this.#host;
    const routed = stack.addRoute({ destination: 'default', gateway: network.gatewayAddress, dev: device });
    if (routed < 0) throw new Error(`the route to ${network.gatewayAddress} was refused: ${routed}`);
    machine.run({ timeoutNs: START_NS, until: () => false });
    wire.port.takeAll();
  }

  runUntil(timeNs: number): void {
    const { machine } = this.host;
    machine.run();
    if (this.#wire?.hasTransmitted === true) return;
    const next = Math.min(machine.clock.nextExpiryNs, timeNs);
    if (next <= machine.clock.nowNs) return;
    machine.clock.jumpTo(next);
    machine.run();
  }

  inject(frame: Uint8Array): void {
    this.#wire?.inject(frame);
  }

  takeTransmitted(): TransmittedFrame | null {
    return this.#wire?.takeTransmitted(this.nowNs) ?? null;
  }

  readonly sockets: HostSockets = {
    socket: (family, type, protocol) => this.#opened(this.#sockets.socket(family, type, protocol)),
    bind: (fd, address) => this.#withAddress(address, (parsed, port) => this.#sockets.bind(fd, parsed, port)),
    listen: (fd, backlog) => this.#sockets.listen(fd, backlog),
    accept: (fd, flags) => this.#opened(this.#sockets.accept(fd, flags)),
    connect: (fd, address) => this.#withAddress(address, (parsed, port) => this.#sockets.connect(fd, parsed, port)),
    recvmsg: (fd, message, flags) => this.#receive(fd, message, flags),
    sendmsg: (fd, message, flags) => this.#send(fd, message, flags),
    setsockopt: (fd, level, name, value, length) => this.#sockets.setsockopt(fd, level, name, value, length),
    getsockopt: (fd, level, name, value) => this.#sockets.getsockopt(fd, level, name, value),
    shutdown: (fd, how) => this.#sockets.shutdown(fd, how),
    close: (fd) => {
      this.#fds.delete(fd);
      return this.#sockets.close(fd);
    },
    poll: (fd) => this.#sockets.poll(fd),
    ioctl: (fd, request, value) => this.#ioctl(fd, request, value),
    getsockname: (fd) => {
      const name = this.#sockets.getsockname(fd);
      return name === null ? null : { family: familyOf(name.address), address: String(name.address), port: name.port };
    },
  };

  tcpInfo(fd: number): HostTcpInfo | null {
    const info = this.#sockets.tcpSock(fd)?.info();
    if (info === undefined) return null;
    return Object.fromEntries(Object.entries(info).map(([name, value]) => [memberName(name), value]));
  }

  /** `sysctl -w key=value …` for the stack's own, and `devmem bind BYTES PORT`: device memory on queue 1, with PORT steered there. */
  command(text: string): boolean {
    const [program, ...words] = text.split(/\s+/);
    if (program === 'sysctl') return words.filter((word) => !word.startsWith('-')).every((word) => this.#sysctl(word));
    if (program !== 'devmem' || words[0] !== 'bind') return false;
    const { ethtool, device } = this.host;
    this.host.setDataSplit(true);
    if (ethtool.setFeatures(device, { 'rx-ntuple-filter': true }, new Extack()) < 0) return false;
    this.host.setRssEqual(1);
    this.host.bind({ bytes: Number(words[1]) });
    this.host.steer(this.#address, Number(words[2]), 1);
    return true;
  }

  /** Closes everything, waits until the protocol has given up on a silent peer, and takes the host down; returns what is still held. */
  finish(): readonly string[] {
    const linger = new Uint8Array(8);
    linger[0] = 1;
    for (const fd of this.#fds) {
      this.#sockets.setsockopt(fd, SOL_SOCKET, SO.LINGER, linger);
      this.#sockets.close(fd);
    }
    this.host.machine.run({ until: () => false, timeoutNs: GIVE_UP_NS });
    this.#wire?.port.takeAll();
    return this.host.close();
  }

  get #sockets(): Sockets {
    return this.host.stack.sockets;
  }

  #opened(fd: number): number {
    if (fd >= 0) this.#fds.add(fd);
    return fd;
  }

  #withAddress(address: SocketAddress, call: (parsed: InetAddress, port: number) => number): number {
    if (address.family !== AF_INET && address.family !== AF_INET6) return -EAFNOSUPPORT;
    const parsed = InetAddress.parse(address.address);
    return parsed === null ? -EINVAL : call(parsed, address.port);
  }

  #receive(fd: number, message: HostMessage, flags: number): number {
    const { control } = message;
    const header = new Msghdr(message.iov.map(regionOf), control === null ? null : regionOf(control));
    const result = this.#sockets.recvmsg(fd, header, flags);
    message.controlLength = header.controlLength;
    message.flags = header.flags;
    const { name, port } = header;
    message.name = name === null ? null : { family: familyOf(name), address: String(name), port };
    return result;
  }

  #send(fd: number, message: HostMessage, flags: number): number {
    const { control, name } = message;
    const header = new Msghdr(message.iov.map(regionOf), control === null ? null : regionOf(control));
    header.controlLength = message.controlLength;
    if (name !== null) {
      header.name = InetAddress.parse(name.address);
      header.port = name.port;
    }
    return this.#sockets.sendmsg(fd, header, flags);
  }

  #ioctl(fd: number, request: number, value: Int32Array): number {
    const sock = this.#sockets.tcpSock(fd);
    if (sock === null) return -EINVAL;
    if (request === SIOCINQ) value[0] = sock.rcvNxt - sock.copiedSeq;
    else if (request === SIOCOUTQ) value[0] = sock.writeSeq - sock.sndUna;
    else if (request === SIOCOUTQNSD) value[0] = sock.writeSeq - sock.sndNxt;
    else return -EINVAL;
    return 0;
  }

  #sysctl(assignment: string): boolean {
    const [key = '', value = ''] = assignment.split('=');
    const name = key.replace(/^net\.(?:ipv4|core)\./, '').replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
    const table = this.host.stack.sysctl as unknown as Record<string, number | boolean>;
    const number = Number(value);
    if (Number.isNaN(number)) return false;
    for (const [own, given] of [
      [name, number],
      [`${name}Ms`, /_(?:timeout|time|intvl)$/.test(key) ? number * 1000 : number],
    ] as const) {
      const current = table[own];
      if (current === undefined) continue;
      table[own] = typeof current === 'boolean' ? given !== 0 : given;
      return true;
    }
    return false;
  }
}

function familyOf(address: InetAddress): number {
  return address.isV4 ? AF_INET : AF_INET6;
}

/** `sndCwnd` is `tcpi_snd_cwnd`; Linux's names do not carry the unit that ours end in. */
function memberName(name: string): string {
  const bare = name.replace(/(?:Us|Ms)$/, '');
  return `tcpi_${bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}
