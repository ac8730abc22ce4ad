import { closeSync } from 'node:fs';
import { type Libc, libc } from './libc.ts';
import { TapError } from './tap-error.ts';

const IFF_UP = 0x1;
const ETHTOOL_GLINK = 0x0a;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const ARPHRD_ETHER = 1;
const ATF_COM = 0x02;
const ATF_PERM = 0x04;

const REQUESTS = {
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
  SIOCSIFADDR: 0x8916,
  SIOCSIFNETMASK: 0x891c,
  SIOCGIFMTU: 0x8921,
  SIOCSIFMTU: 0x8922,
  SIOCGIFHWADDR: 0x8927,
  SIOCGIFINDEX: 0x8933,
  SIOCETHTOOL: 0x8946,
  SIOCSARP: 0x8955,
} as const;

/** Bytes of an interface's name, the closing 0 included. */
export const IFNAMSIZ = 16;
/** `struct ifreq`: a name and a union of 24 bytes. */
export const IFREQ_BYTES = 40;
const UNION_AT = IFNAMSIZ;
/** `struct arpreq`: protocol address, hardware address, flags, netmask, device. */
const ARPREQ_BYTES = 68;

/** A `struct ifreq` with its name filled in. */
export function ifreq(name: string): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_BYTES);
  new TextEncoder().encodeInto(name, request.subarray(0, IFNAMSIZ - 1));
  return request;
}

/** The name in a `struct ifreq`. */
export function nameIn(request: Uint8Array): string {
  const end = request.indexOf(0);
  return new TextDecoder().decode(request.subarray(0, end));
}

/** Settings of one of the kernel's network interfaces, by the requests that `ip` would otherwise be needed for. Made once; nothing here is for the data path. */
export class KernelInterface {
  readonly name: string;
  readonly #libc: Libc;
  #socket: number;

  /** @throws TapError when the kernel gives no socket. */
  constructor(name: string) {
    this.name = name;
    this.#libc = libc();
    this.#socket = this.#open(AF_INET);
  }

  #open(family: number): number {
    const fd = this.#libc.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new TapError(this.#libc.errno(), 'socket', family === AF_INET6 ? 'AF_INET6' : 'AF_INET');
    return fd;
  }

  #request(request: keyof typeof REQUESTS, argument: Uint8Array, fd: number = this.#socket): void {
    if (this.#libc.ioctl(fd, REQUESTS[request], argument) < 0) {
      throw new TapError(this.#libc.errno(), request, this.name);
    }
  }

  #get(request: keyof typeof REQUESTS): DataView {
    const argument = ifreq(this.name);
    this.#request(request, argument);
    return new DataView(argument.buffer, UNION_AT);
  }

  /**
   * Whether the interface is up and has a carrier. Asked of its driver: the flag IFF_RUNNING follows up to a second later, because the kernel's link
   * watch collects changes.
   */
  linkUp(): boolean {
    // struct ethtool_value: command, answer.
    const value = new Uint32Array([ETHTOOL_GLINK, 0]);
    const argument = ifreq(this.name);
    new DataView(argument.buffer).setBigUint64(UNION_AT, this.#libc.addressOf(value), true);
    this.#request('SIOCETHTOOL', argument);
    return value[1] !== 0;
  }

  #flags(): number {
    return this.#get('SIOCGIFFLAGS').getUint16(0, true);
  }

  index(): number {
    return this.#get('SIOCGIFINDEX').getInt32(0, true);
  }

  mtu(): number {
    return this.#get('SIOCGIFMTU').getInt32(0, true);
  }

  /** Six bytes. */
  hardwareAddress(): Uint8Array {
    const reply = this.#get('SIOCGIFHWADDR');
    return new Uint8Array(reply.buffer, UNION_AT + 2, 6);
  }

  setUp(up: boolean): void {
    const flags = this.#flags();
    const argument = ifreq(this.name);
    new DataView(argument.buffer).setUint16(UNION_AT, up ? flags | IFF_UP : flags & ~IFF_UP, true);
    this.#request('SIOCSIFFLAGS', argument);
  }

  setMtu(mtu: number): void {
    const argument = ifreq(this.name);
    new DataView(argument.buffer).setInt32(UNION_AT, mtu, true);
    this.#request('SIOCSIFMTU', argument);
  }

  /** Gives the interface its IPv4 address, in place of the one it had. @param address - uint32; `netmask` likewise. */
  setAddress4(address: number, netmask: number): void {
    const argument = ifreq(this.name);
    writeSockaddr4(argument, UNION_AT, address);
    this.#request('SIOCSIFADDR', argument);
    writeSockaddr4(argument, UNION_AT, netmask);
    this.#request('SIOCSIFNETMASK', argument);
  }

  /** Adds an IPv6 address. */
  addAddress6(address: Uint8Array, prefixLength: number): void {
    // struct in6_ifreq: address, prefix length, interface index.
    const argument = new Uint8Array(24);
    const view = new DataView(argument.buffer);
    argument.set(address);
    view.setUint32(16, prefixLength, true);
    view.setInt32(20, this.index(), true);
    const fd = this.#open(AF_INET6);
    try {
      this.#request('SIOCSIFADDR', argument, fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Tells the kernel for good that an IPv4 address is at an Ethernet address, so that it does not ask by ARP. */
  addNeighbour4(address: number, mac: Uint8Array): void {
    const argument = new Uint8Array(ARPREQ_BYTES);
    const view = new DataView(argument.buffer);
    writeSockaddr4(argument, 0, address);
    view.setUint16(16, ARPHRD_ETHER, true);
    argument.set(mac, 18);
    view.setInt32(32, ATF_COM | ATF_PERM, true);
    new TextEncoder().encodeInto(this.name, argument.subarray(52, 52 + IFNAMSIZ - 1));
    this.#request('SIOCSARP', argument);
  }

  close(): void {
    if (this.#socket < 0) return;
    closeSync(this.#socket);
    this.#socket = -1;
  }
}

function writeSockaddr4(to: Uint8Array, at: number, address: number): void {
  const view = new DataView(to.buffer, to.byteOffset);
  // Numbers of the host are little-endian on every platform that koffi has a Linux binary for; the address is in network order.
  view.setUint16(at, AF_INET, true);
  view.setUint16(at + 2, 0);
  view.setUint32(at + 4, address);
}
