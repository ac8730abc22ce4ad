/**
 * One UDP socket: what Linux calls udp_sock. The protocol half owns it; the socket half takes datagrams from `receiveQueue` with `dequeue()`, copies from
 * the skb (`skb.data`, `skb.len`: payload only; source in the UDP_CB_* words), then calls `consume(skb)`. The listener rule of TcpSock holds here too.
 *
 * @kernel udp_sock — include/linux/udp.h, 7.3
 */
import { CHECKSUM_PARTIAL, SKB_DROP_REASON, type SkBuff, SkBuffQueue } from '@netmem/netdev';
import type { Region } from '@netmem/region';
import {
  AF_INET,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EPIPE,
  IPPROTO,
  MSG_MORE,
} from '@netmem/uapi';
import { udp } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { ipOutput, isFresh, resolve } from '../stack/ip-output.ts';
import { allocPacket, storeRegion } from '../stack/packet.ts';
import { Dst } from '../stack/routes.ts';
import type { SockListener } from '../stack/sock-listener.ts';
import { replaceFlags } from '../stack/timestamping.ts';
import { fold, pseudoHeaderSum } from '../stack/transport-checksum.ts';
import { CorkedDatagram } from './udp-cork.ts';

/** Source address words of a queued datagram (IPv4 mapped), then source port, interface index, TTL or hop limit. */
export const UDP_CB_SADDR = 0;
export const UDP_CB_SPORT = 4;
export const UDP_CB_IFINDEX = 5;
export const UDP_CB_HOPS = 6;
/** Destination address words. */
export const UDP_CB_DADDR = 8;

/** Most payload of a datagram: 65535 less the headers. */
const MAX_PAYLOAD4 = 65507;
const MAX_PAYLOAD6 = 65527;

const TCP_ESTABLISHED = 1;
const TCP_CLOSE = 7;

export class UdpSock {
  readonly stack: InetCore;
  readonly family: number;
  /** TCP_ESTABLISHED 1 when connected, TCP_CLOSE 7 else, as in Linux. */
  state: number = TCP_CLOSE;
  readonly receiveQueue: SkBuffQueue = new SkBuffQueue();
  rmemAlloc: number = 0;
  wmemAlloc: number = 0;
  shutdownMask: number = 0;
  /** Pending error, positive errno (ECONNREFUSED from an ICMP port unreachable). */
  error: number = 0;
  readonly localAddress: InetAddress;
  localPort: number = 0;
  readonly remoteAddress: InetAddress;
  remotePort: number = 0;
  napiId: number = 0;
  /** SO_BUSY_POLL in microseconds, SO_PREFER_BUSY_POLL, SO_BUSY_POLL_BUDGET: see `BusyPollChoice`. */
  llUsec: number;
  preferBusyPoll: boolean = false;
  busyPollBudget: number = 0;
  rcvbuf: number;
  sndbuf: number;
  reuseAddress: boolean = false;
  reusePort: boolean = false;
  v6only: boolean = false;
  boundDevice: number = 0;
  ttl: number = -1;
  hopLimit: number = -1;
  tos: number = 0;
  /** SO_TIMESTAMPING, as in TcpSock. */
  tsFlags: number = 0;
  tstampNew: boolean = false;
  listener: SockListener | null = null;
  userData: object | null = null;
  /** Next in the port table. Protocol half only. */
  hashNext: UdpSock | null = null;
  #boundAddress: boolean = false;
  #boundPort: boolean = false;
  /** UDP_CORK: gather until it is turned off. */
  cork: boolean = false;
  #corked: CorkedDatagram | null = null;
  readonly #dst: Dst = new Dst();

  private constructor(stack: InetCore, family: number) {
    this.stack = stack;
    this.family = family;
    this.localAddress = InetAddress.any(family);
    this.remoteAddress = InetAddress.any(family);
    this.llUsec = stack.sysctl.busyRead;
    this.rcvbuf = stack.sysctl.rmemDefault;
    this.sndbuf = stack.sysctl.wmemDefault;
  }

  static create(stack: InetCore, family: number): UdpSock {
    return new UdpSock(stack, family);
  }

  /** @returns 0; -EINVAL already bound; -EAFNOSUPPORT; -EADDRNOTAVAIL; -EADDRINUSE. Port 0 picks one. @kernel __inet_bind — net/ipv4/af_inet.c, 7.3 */
  bind(address: InetAddress, port: number): number {
    const addresses = this.stack.addresses;
    if (this.family === AF_INET && !address.isV4) return -EAFNOSUPPORT;
    const known = addresses.isLocal(address) || address.isMulticast || addresses.isBroadcast4(address.w3);
    if (!address.isAny && !known) return -EADDRNOTAVAIL;
    if (this.localPort !== 0) return -EINVAL;
    const result = this.#takePort(address, port);
    if (result < 0) return result;
    this.localAddress.copyFrom(address);
    this.#boundAddress = !address.isAny;
    this.#boundPort = port !== 0;
    return 0;
  }

  #takePort(address: InetAddress, port: number): number {
    const table = this.stack.udp;
    let chosen = port;
    if (port === 0) {
      const { ipLocalPortMin, ipLocalPortMax } = this.stack.sysctl;
      const range = ipLocalPortMax - ipLocalPortMin + 1;
      const first = this.stack.random.below(range);
      for (let i = 0; i < range && chosen === 0; i++) {
        const candidate = ipLocalPortMin + ((first + i) % range);
        if (!table.conflicts(this, address, candidate)) chosen = candidate;
      }
      if (chosen === 0) return -EADDRINUSE;
    } else if (table.conflicts(this, address, port)) {
      return -EADDRINUSE;
    }
    this.localPort = chosen;
    table.insert(this);
    return 0;
  }

  /** @returns 0; -EAFNOSUPPORT; -ENETUNREACH, -EHOSTUNREACH; -EAGAIN no free port. @kernel __ip4_datagram_connect — net/ipv4/datagram.c, 7.3 */
  connect(address: InetAddress, port: number): number {
    if (this.family === AF_INET && !address.isV4) return -EAFNOSUPPORT;
    const result = resolve(this.stack, address, this.boundDevice, this.#dst);
    if (result < 0) return result;
    if (this.localPort === 0 && this.#takePort(this.localAddress, 0) < 0) return -EAGAIN;
    if (this.localAddress.isAny) this.localAddress.copyFrom(this.#dst.source);
    this.remoteAddress.copyFrom(address);
    this.remotePort = port;
    this.state = TCP_ESTABLISHED;
    return 0;
  }

  /** AF_UNSPEC connect. @kernel __udp_disconnect — net/ipv4/udp.c, 7.3 */
  disconnect(): number {
    this.state = TCP_CLOSE;
    this.remoteAddress.copyFrom(InetAddress.any(this.family));
    this.remotePort = 0;
    if (!this.#boundAddress) this.localAddress.copyFrom(InetAddress.any(this.family));
    if (!this.#boundPort && this.localPort !== 0) {
      this.stack.udp.remove(this);
      this.localPort = 0;
    }
    this.#dst.clear();
    return 0;
  }

  /**
   * One datagram, or with MSG_MORE or UDP_CORK a piece of one. @param to - null: the connected peer.
   *
   * @returns length; in this order -EMSGSIZE longer than a length field can say; -EDESTADDRREQ not connected and no address; -EINVAL port 0;
   * -ENETUNREACH, -EHOSTUNREACH; -EMSGSIZE longer than the path's MTU (this stack sends no fragments); -EAGAIN no free port; -error pending; -EPIPE
   * shut; -ENOBUFS.
   * @kernel udp_sendmsg — net/ipv4/udp.c, 7.3
   */
  sendFrom(region: Region, at: number, length: number, flags: number, to: InetAddress | null, toPort: number): number {
    if (length > 0xffff) return -EMSGSIZE;
    const more = this.cork || (flags & MSG_MORE) !== 0;
    const begun = this.#corked;
    // Where a datagram goes its first piece said.
    if (begun !== null) return this.#append(begun, region, at, length, more);
    if (to === null && this.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    const target = to ?? this.remoteAddress;
    const port = to === null ? this.remotePort : toPort;
    if (port === 0) return -EINVAL;
    if (this.family === AF_INET && !target.isV4) return -EAFNOSUPPORT;
    if (length > (target.isV4 ? MAX_PAYLOAD4 : MAX_PAYLOAD6)) return -EMSGSIZE;
    const cached = to === null && isFresh(this.stack, this.#dst);
    if (!cached) {
      const result = resolve(this.stack, target, this.boundDevice, this.#dst);
      if (result < 0) return result;
    }
    if (this.#isTooLong(length, target)) return -EMSGSIZE;
    if (this.localPort === 0 && this.#takePort(this.localAddress, 0) < 0) return -EAGAIN;
    // Only where Linux allocates memory does it look whether the socket may still send.
    const pending = this.takeError();
    if (pending < 0) return pending;
    if ((this.shutdownMask & 2) !== 0) return -EPIPE;
    if (!more) return this.#transmit(region, at, length, target, port);
    this.#corked = new CorkedDatagram(target, port);
    return this.#append(this.#corked, region, at, length, true);
  }

  #isTooLong(length: number, target: InetAddress): boolean {
    return length + udp.HEADER_BYTES + (target.isV4 ? 20 : 40) > this.#dst.mtu;
  }

  /** One piece more of a datagram; the last one sends it. What becomes too long is forgotten. */
  #append(corked: CorkedDatagram, region: Region, at: number, length: number, more: boolean): number {
    if (this.#isTooLong(corked.length + length, corked.target)) {
      this.#corked = null;
      return -EMSGSIZE;
    }
    corked.append(region, at, length);
    if (more) return length;
    const result = this.pushPending();
    return result < 0 ? result : length;
  }

  /**
   * Sends what was gathered, if anything was.
   *
   * @returns bytes sent; -ENETUNREACH, -EHOSTUNREACH the route is gone; -EMSGSIZE it has become too narrow; -ENOBUFS.
   * @kernel udp_push_pending_frames — net/ipv4/udp.c, 7.3
   */
  pushPending(): number {
    const corked = this.#corked;
    if (corked === null) return 0;
    this.#corked = null;
    if (!isFresh(this.stack, this.#dst)) {
      const result = resolve(this.stack, corked.target, this.boundDevice, this.#dst);
      if (result < 0) return result;
    }
    if (this.#isTooLong(corked.length, corked.target)) return -EMSGSIZE;
    return this.#transmit(corked.region, 0, corked.length, corked.target, corked.port);
  }

  #transmit(region: Region, at: number, length: number, target: InetAddress, port: number): number {
    const stack = this.stack;
    const source = this.localAddress.isAny || this.localAddress.isMulticast ? this.#dst.source : this.localAddress;
    const total = length + udp.HEADER_BYTES;
    const skb = allocPacket(stack, total, udp.HEADER_BYTES);
    if (skb === null) {
      stack.stats.UdpSndbufErrors++;
      return -ENOBUFS;
    }
    storeRegion(stack, skb, udp.HEADER_BYTES, region, at, length);
    udp.writeHeader(stack.view, skb.data, this.localPort, port, total);
    skb.transportHeader = skb.data;
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data;
    skb.csumOffset = udp.CHECKSUM_AT;
    const pseudo = fold(pseudoHeaderSum(source, target, IPPROTO.UDP) + total);
    stack.view.setUint16(skb.data + udp.CHECKSUM_AT, pseudo);
    stack.stats.UdpOutDatagrams++;
    const ttl = target.isV4 ? this.ttl : this.hopLimit;
    const result = ipOutput(stack, skb, this.#dst, source, target, IPPROTO.UDP, ttl, this.tos);
    return result < 0 ? result : length;
  }

  /** Oldest datagram, unlinked but still charged; null none. */
  dequeue(): SkBuff | null {
    return this.receiveQueue.pop();
  }

  /** Uncharges and frees a dequeued datagram. */
  consume(skb: SkBuff): void {
    this.rmemAlloc -= skb.truesize;
    skb.consume();
  }

  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error === 0 ? 0 : -error;
  }

  /** @param how - SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. @returns 0; -EINVAL; -ENOTCONN not connected (it is shut all the same, as in Linux). */
  shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
    this.shutdownMask |= how + 1;
    this.listener?.stateChanged(this);
    return this.state === TCP_ESTABLISHED ? 0 : -ENOTCONN;
  }

  close(): void {
    this.#corked = null;
    if (this.localPort !== 0) {
      this.stack.udp.remove(this);
      this.localPort = 0;
    }
    for (let skb = this.receiveQueue.pop(); skb !== null; skb = this.receiveQueue.pop()) {
      skb.free(SKB_DROP_REASON.NOT_SPECIFIED);
    }
    this.rmemAlloc = 0;
    replaceFlags(this, 0);
    const listener = this.listener;
    this.listener = null;
    listener?.destroyed(this);
  }
}
