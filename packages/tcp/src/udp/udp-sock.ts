/**
 * One UDP socket: what Linux calls udp_sock. The protocol half owns it; the socket half takes datagrams from `receiveQueue` with `dequeue()`, copies from
 * the skb (`skb.data`, `skb.len`: payload only; source in the UDP_CB_* words), then calls `consume(skb)`. The listener rule of TcpSock holds here too.
 *
 * @kernel udp_sock — include/linux/udp.h, 7.3
 */
import { type SkBuff, SkBuffQueue } from '@netmem/netdev';
import type { Region } from '@netmem/region';
import { EOPNOTSUPP } from '@netmem/uapi';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import type { SockListener } from '../tcp/tcp-sock.ts';

/** Source address words of a queued datagram (IPv4 mapped), then source port, interface index, TTL or hop limit. */
export const UDP_CB_SADDR = 0;
export const UDP_CB_SPORT = 4;
export const UDP_CB_IFINDEX = 5;
export const UDP_CB_HOPS = 6;
/** Destination address words. */
export const UDP_CB_DADDR = 8;

export class UdpSock {
  readonly stack: InetCore;
  readonly family: number;
  /** TCP_ESTABLISHED 1 when connected, TCP_CLOSE 7 else, as in Linux. */
  state: number = 7;
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
  rcvbuf: number = 0;
  sndbuf: number = 0;
  reuseAddress: boolean = false;
  reusePort: boolean = false;
  v6only: boolean = false;
  boundDevice: number = 0;
  ttl: number = -1;
  tos: number = 0;
  listener: SockListener | null = null;
  userData: object | null = null;

  private constructor(stack: InetCore, family: number) {
    this.stack = stack;
    this.family = family;
    this.localAddress = InetAddress.any(family);
    this.remoteAddress = InetAddress.any(family);
  }

  static create(stack: InetCore, family: number): UdpSock {
    return new UdpSock(stack, family);
  }

  /** @returns 0; -EINVAL already bound; -EADDRNOTAVAIL; -EADDRINUSE. Port 0 picks one. */
  bind(_address: InetAddress, _port: number): number {
    return -EOPNOTSUPP;
  }

  /** @returns 0; -ENETUNREACH, -EHOSTUNREACH; -EAGAIN no free port */
  connect(_address: InetAddress, _port: number): number {
    return -EOPNOTSUPP;
  }

  disconnect(): number {
    return 0;
  }

  /**
   * One datagram. @param to null: the connected peer.
   * @returns length; -EDESTADDRREQ not connected and no address; -EMSGSIZE over 65507 bytes or the path's MTU; -ENETUNREACH; -EPIPE; -ENOBUFS; -error pending
   */
  sendFrom(
    _region: Region,
    _at: number,
    _length: number,
    _flags: number,
    _to: InetAddress | null,
    _toPort: number,
  ): number {
    return -EOPNOTSUPP;
  }

  /** Oldest datagram, unlinked but still charged; null none. */
  dequeue(): SkBuff | null {
    return null;
  }

  /** Uncharges and frees a dequeued datagram. */
  consume(_skb: SkBuff): void {}

  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error === 0 ? 0 : -error;
  }

  shutdown(_how: number): number {
    return -EOPNOTSUPP;
  }

  close(): void {}
}
