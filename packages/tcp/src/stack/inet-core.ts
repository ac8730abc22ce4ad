/**
 * The protocol half of a host's internet stack: addresses, routes, neighbours, IP, ICMP, UDP, TCP. `InetStack` is this plus sockets; protocol code and
 * the socket layer both name only InetCore, which keeps the import graph without cycles.
 */
import type { Clock, Machine, Random } from '@netmem/machine';
import type { NetDevice, NetdevEvent, Network, SkBuff } from '@netmem/netdev';
import type { LinearMemory, Region } from '@netmem/region';
import { EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOBUFS, ETH_P, IPPROTO } from '@netmem/uapi';
import { parseMac } from '@netmem/wire';
import { Icmp } from '../icmp/icmp.ts';
import { IcmpError, readInnerPacket } from '../icmp/icmp-errors.ts';
import { Icmpv6 } from '../icmp/icmpv6.ts';
import { Ipv4Input } from '../ipv4/ipv4-input.ts';
import { Ipv6Input } from '../ipv6/ipv6-input.ts';
import { Arp } from '../neighbour/arp.ts';
import { Ndp } from '../neighbour/ndp.ts';
import { NUD_PERMANENT } from '../neighbour/neighbour.ts';
import { InetGro } from '../tcp/gro.ts';
import { TcpProtocol } from '../tcp/tcp-protocol.ts';
import { Udp } from '../udp/udp.ts';
import { AddressTable } from './addresses.ts';
import { InetAddress } from './inet-address.ts';
import { covers, RouteTable } from './routes.ts';
import { SnmpStats } from './snmp.ts';
import { Sysctl } from './sysctl.ts';

export interface InetCoreOptions {
  hostname?: string;
  /** Seed of this stack's randomness; default: drawn from the machine's. */
  seed?: number;
}

/** `addRoute`'s route. Addresses as text; `destination` with its prefix length, `default` for both families' 0/0 by the gateway's family. */
export interface RouteSpec {
  destination: string;
  gateway?: string;
  dev: NetDevice;
  source?: string;
  metric?: number;
  mtu?: number;
}

export class InetCore {
  readonly network: Network;
  readonly machine: Machine;
  readonly memory: LinearMemory;
  /** The machine's memory as one region, so that linear addresses are offsets in it. */
  readonly ram: Region;
  readonly view: DataView;
  readonly clock: Clock;
  readonly random: Random;
  readonly hostname: string;
  readonly sysctl: Sysctl = new Sysctl();
  readonly stats: SnmpStats = new SnmpStats();
  readonly addresses: AddressTable;
  readonly routes: RouteTable;
  readonly arp: Arp;
  readonly ndp: Ndp;
  readonly icmp: Icmp;
  readonly icmp6: Icmpv6;
  readonly udp: Udp;
  readonly tcp: TcpProtocol;
  /** Addresses of the packet that is being received. */
  readonly rxSource: InetAddress = new InetAddress();
  readonly rxDestination: InetAddress = new InetAddress();
  readonly #linkError: IcmpError = new IcmpError();
  #ipId: number;

  constructor(network: Network, options: InetCoreOptions = {}) {
    this.network = network;
    this.machine = network.machine;
    this.memory = this.machine.memory;
    this.view = this.memory.view;
    this.ram = { bytes: this.memory.bytes, view: this.memory.view, base: 0, length: this.memory.capacityBytes };
    this.clock = this.machine.clock;
    this.hostname = options.hostname ?? this.machine.name;
    this.random = this.machine.random.fork(options.seed === undefined ? 'inet' : `inet-${options.seed}`);
    this.#ipId = this.random.below(65536);
    this.addresses = new AddressTable(network.loopback);
    this.routes = new RouteTable(this.addresses, network.loopback);
    this.arp = new Arp(this);
    this.ndp = new Ndp(this);
    this.icmp = new Icmp(this);
    this.icmp6 = new Icmpv6(this);
    this.udp = new Udp(this);
    this.tcp = new TcpProtocol(this);
    network.addPacketType(ETH_P.IP, new Ipv4Input(this));
    network.addPacketType(ETH_P.IPV6, new Ipv6Input(this));
    network.addPacketType(ETH_P.ARP, this.arp);
    network.addOffload(ETH_P.IP, new InetGro(this, 4));
    network.addOffload(ETH_P.IPV6, new InetGro(this, 6));
    network.subscribe((event, dev) => this.#onDevice(event, dev));
    if (network.loopback !== null) {
      this.addAddress(network.loopback, '127.0.0.1/8');
      this.addAddress(network.loopback, '::1/128');
    }
  }

  /** Milliseconds, int32, wraps: only differences mean something. @kernel tcp_jiffies32 — include/net/tcp.h, 7.3 */
  get nowMs(): number {
    return (this.clock.nowNs / 1e6) | 0;
  }

  /** Microseconds, int32, wraps after 71 minutes. */
  get nowUs(): number {
    return (this.clock.nowNs / 1e3) | 0;
  }

  /** The next `count` IPv4 identifications: returns the first. */
  takeIpIds(count: number): number {
    const id = this.#ipId;
    this.#ipId = (id + count) & 0xffff;
    return id;
  }

  /**
   * Gives an address to a device, with the route to its subnet.
   *
   * @param address - `10.0.0.2/24` or `2001:db8::2/64`; without a length it is a host of its own.
   * @returns 0; -EINVAL cannot be read, or is no unicast address; -EEXIST the host has it.
   */
  addAddress(dev: NetDevice, address: string): number {
    const parsed = parsePrefix(address);
    if (parsed === null || parsed.address.isMulticast || parsed.address.isAny) return -EINVAL;
    if (!parsed.address.isV4 && !parsed.address.isLinkLocal && dev !== this.network.loopback) this.enableIpv6(dev);
    return this.#assign(dev, parsed.address, parsed.length);
  }

  /** Gives a device its link-local address (RFC 4291, appendix A). Done by the first IPv6 address. @returns 0; -EEXIST */
  enableIpv6(dev: NetDevice): number {
    const record = this.addresses.device(dev);
    if (record.linkLocal !== null) return -EEXIST;
    const mac = dev.address;
    const address = new InetAddress();
    address.w0 = 0xfe800000 | 0;
    address.w2 = ((mac[0] ^ 2) << 24) | (mac[1] << 16) | (mac[2] << 8) | 0xff;
    address.w3 = 0xfe000000 | (mac[3] << 16) | (mac[4] << 8) | mac[5];
    record.linkLocal = address;
    return this.#assign(dev, address, 64);
  }

  #assign(dev: NetDevice, address: InetAddress, length: number): number {
    if (!this.addresses.add(dev, address, length)) return -EEXIST;
    const destination = address.clone();
    this.routes.add({ destination, prefixLength: length, gateway: null, dev, source: null, metric: 0, mtu: 0 });
    return 0;
  }

  /**
   * @returns 0; -EINVAL an address cannot be read or the gateway is of another family; -ENETUNREACH the gateway is not on the device's link.
   */
  addRoute(spec: RouteSpec): number {
    const gateway = spec.gateway === undefined ? null : InetAddress.parse(spec.gateway);
    const source = spec.source === undefined ? null : InetAddress.parse(spec.source);
    if ((spec.gateway !== undefined && gateway === null) || (spec.source !== undefined && source === null))
      return -EINVAL;
    const text = spec.destination === 'default' ? (gateway?.isV4 === false ? '::/0' : '0.0.0.0/0') : spec.destination;
    const parsed = parsePrefix(text);
    if (parsed === null || (gateway !== null && gateway.isV4 !== parsed.address.isV4)) return -EINVAL;
    if (gateway !== null && !this.#onLink(spec.dev, gateway)) return -ENETUNREACH;
    this.routes.add({
      destination: parsed.address,
      prefixLength: parsed.length,
      gateway,
      dev: spec.dev,
      source,
      metric: spec.metric ?? 0,
      mtu: spec.mtu ?? 0,
    });
    return 0;
  }

  #onLink(dev: NetDevice, gateway: InetAddress): boolean {
    return this.routes.routes.some((route) => route.dev === dev && route.gateway === null && covers(route, gateway));
  }

  /** A permanent neighbour. @returns 0; -EINVAL an address cannot be read; -ENOBUFS the table is full. */
  addNeighbour(dev: NetDevice, address: string, mac: string): number {
    const parsed = InetAddress.parse(address);
    const bytes = parseMac(mac);
    if (parsed === null || bytes === null) return -EINVAL;
    const table = parsed.isV4 ? this.arp.table : this.ndp.table;
    const entry = table.lookup(dev, parsed);
    if (entry === null) return -ENOBUFS;
    const high = (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
    entry.update(high, (bytes[4] << 8) | bytes[5], NUD_PERMANENT, true);
    return 0;
  }

  /** Sends one echo request; `icmp.onEchoReply` (or `icmp6`) hears of the answer. @returns 0; -EINVAL, -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS */
  ping(address: string, sequence: number = 1, payloadBytes: number = 56): number {
    const target = InetAddress.parse(address);
    if (target === null) return -EINVAL;
    const icmp = target.isV4 ? this.icmp : this.icmp6;
    return icmp.sendEcho(target, 0x6e6d, sequence, payloadBytes);
  }

  /** An ICMP error about a packet of ours. */
  deliverError(error: IcmpError): void {
    if (error.protocol === IPPROTO.TCP) this.tcp.onError(error);
    else if (error.protocol === IPPROTO.UDP) this.udp.onError(error);
  }

  /** A neighbour did not answer: `skb` (network header at `data`) could not be sent. @kernel ipv4_link_failure — net/ipv4/route.c, 7.3 */
  reportLinkFailure(skb: SkBuff): void {
    const error = this.#linkError;
    if (!readInnerPacket(this.view, skb.data, skb.headlen, error)) return;
    error.errno = EHOSTUNREACH;
    error.fatal = false;
    error.mtu = 0;
    this.deliverError(error);
  }

  #onDevice(event: NetdevEvent, dev: NetDevice): void {
    const record = this.addresses.devices[dev.ifindex];
    if (record === undefined || record.dev !== dev) return;
    if (event === 'change-address') record.refreshMac();
    if (event === 'down' || event === 'unregister') {
      this.arp.table.removeDevice(record, event === 'down');
      this.ndp.table.removeDevice(record, event === 'down');
    }
    if (event === 'unregister') {
      this.routes.remove((route) => route.dev === dev);
      this.addresses.removeDevice(dev);
    }
    this.routes.invalidate();
  }

  /** What is still alive, each as a sentence; empty when every socket is closed. TIME_WAIT is no leak. */
  audit(): string[] {
    return [...this.tcp.audit(), ...this.udp.audit()];
  }
}

function parsePrefix(text: string): { address: InetAddress; length: number } | null {
  const slash = text.indexOf('/');
  const address = InetAddress.parse(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const most = address.isV4 ? 32 : 128;
  const length = slash < 0 ? most : Number(text.slice(slash + 1));
  return Number.isInteger(length) && length >= 0 && length <= most && slash !== text.length - 1
    ? { address, length }
    : null;
}
