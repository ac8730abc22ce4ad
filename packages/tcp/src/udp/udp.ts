/** UDP: finds the socket for a datagram, and sends. @kernel udp_rcv — net/ipv4/udp.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { EMSGSIZE, IPPROTO } from '@netmem/uapi';
import { icmp, icmpv6, udp } from '@netmem/wire';
import type { IcmpError } from '../icmp/icmp-errors.ts';
import type { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { sharesPackets } from '../stack/same-address.ts';
import { pseudoHeaderSum, transportChecksumOk } from '../stack/transport-checksum.ts';
import { UDP_CB_DADDR, UDP_CB_HOPS, UDP_CB_IFINDEX, UDP_CB_SADDR, UDP_CB_SPORT, type UdpSock } from './udp-sock.ts';

const BUCKETS = 256;

export class Udp {
  readonly stack: InetCore;
  /** Bound sockets by local port modulo 256, chained by `hashNext`. */
  readonly #buckets: (UdpSock | null)[] = new Array(BUCKETS).fill(null);

  constructor(stack: InetCore) {
    this.stack = stack;
  }

  /** `skb.data` at the UDP header. Owns the skb. @kernel __udp4_lib_rcv — net/ipv4/udp.c, 7.3 */
  receive(skb: SkBuff): void {
    const stack = this.stack;
    const stats = stack.stats;
    const view = stack.view;
    if (!skb.mayPull(udp.HEADER_BYTES) || udp.validateHeader(view, skb.data, skb.len) < 0) {
      stats.UdpInErrors++;
      skb.free(SKB_DROP_REASON.HDR_TRUNC);
      return;
    }
    const length = udp.length(view, skb.data);
    if (skb.len > length) skb.trim(length);
    const source = stack.rxSource;
    const unsummed = udp.checksum(view, skb.data) === 0;
    // IPv6 has no header checksum: there a datagram without its own is not believed (RFC 8200, 8.1).
    const bad = unsummed ? !source.isV4 : !transportChecksumOk(skb, this.#pseudo());
    if (bad) {
      stats.UdpInCsumErrors++;
      stats.UdpInErrors++;
      skb.free(SKB_DROP_REASON.UDP_CSUM);
      return;
    }
    const sourcePort = udp.sourcePort(view, skb.data);
    const sock = this.lookup(
      stack.rxDestination,
      udp.destinationPort(view, skb.data),
      source,
      sourcePort,
      skb.dev?.ifindex ?? 0,
    );
    if (sock === null) {
      stats.UdpNoPorts++;
      if (source.isV4) stack.icmp.sendUnreachable(skb, icmp.CODE_PORT_UNREACHABLE, 0);
      else stack.icmp6.sendUnreachable(skb, icmpv6.CODE_PORT_UNREACHABLE);
      skb.free(SKB_DROP_REASON.NO_SOCKET);
      return;
    }
    this.#queue(sock, skb, source, sourcePort);
  }

  #pseudo(): number {
    return pseudoHeaderSum(this.stack.rxSource, this.stack.rxDestination, IPPROTO.UDP);
  }

  #queue(sock: UdpSock, skb: SkBuff, source: InetAddress, sourcePort: number): void {
    const stats = this.stack.stats;
    if (sock.rmemAlloc + skb.truesize > sock.rcvbuf) {
      stats.UdpRcvbufErrors++;
      stats.UdpInErrors++;
      skb.free(SKB_DROP_REASON.SOCKET_RCVBUFF);
      return;
    }
    const cb = skb.cb;
    cb[UDP_CB_SADDR] = source.w0;
    cb[UDP_CB_SADDR + 1] = source.w1;
    cb[UDP_CB_SADDR + 2] = source.w2;
    cb[UDP_CB_SADDR + 3] = source.w3;
    cb[UDP_CB_SPORT] = sourcePort;
    cb[UDP_CB_IFINDEX] = skb.dev?.ifindex ?? 0;
    cb[UDP_CB_HOPS] = this.stack.view.getUint8(skb.networkHeader + (source.isV4 ? 8 : 7));
    const destination = this.stack.rxDestination;
    cb[UDP_CB_DADDR] = destination.w0;
    cb[UDP_CB_DADDR + 1] = destination.w1;
    cb[UDP_CB_DADDR + 2] = destination.w2;
    cb[UDP_CB_DADDR + 3] = destination.w3;
    skb.pull(udp.HEADER_BYTES);
    sock.napiId = skb.napiId;
    sock.rmemAlloc += skb.truesize;
    sock.receiveQueue.push(skb);
    stats.UdpInDatagrams++;
    sock.listener?.readable(sock);
  }

  /**
   * The socket that fits best: a connected one before one bound to the address before a wildcard.
   *
   * @kernel __udp4_lib_lookup — net/ipv4/udp.c, 7.3
   */
  lookup(
    local: InetAddress,
    localPort: number,
    remote: InetAddress,
    remotePort: number,
    ifindex: number,
  ): UdpSock | null {
    let best: UdpSock | null = null;
    let bestScore = -1;
    for (let sock = this.#buckets[localPort & (BUCKETS - 1)]; sock !== null; sock = sock.hashNext) {
      const score = sock.localPort === localPort ? scoreOf(sock, local, remote, remotePort, ifindex) : -1;
      if (score > bestScore) {
        best = sock;
        bestScore = score;
      }
    }
    return best;
  }

  /** Whether `sock` may not have this address and port. @kernel udp_lib_lport_inuse — net/ipv4/udp.c, 7.3 */
  conflicts(sock: UdpSock, address: InetAddress, port: number): boolean {
    for (let other = this.#buckets[port & (BUCKETS - 1)]; other !== null; other = other.hashNext) {
      if (other === sock || other.localPort !== port) continue;
      if (other.boundDevice !== 0 && sock.boundDevice !== 0 && other.boundDevice !== sock.boundDevice) continue;
      if (sock.reuseAddress && other.reuseAddress) continue;
      if (sock.reusePort && other.reusePort) continue;
      if (sharesPackets(other.localAddress, other.v6only, address, sock.v6only)) return true;
    }
    return false;
  }

  insert(sock: UdpSock): void {
    const bucket = sock.localPort & (BUCKETS - 1);
    sock.hashNext = this.#buckets[bucket];
    this.#buckets[bucket] = sock;
  }

  remove(sock: UdpSock): void {
    const bucket = sock.localPort & (BUCKETS - 1);
    let at = this.#buckets[bucket];
    if (at === sock) {
      this.#buckets[bucket] = sock.hashNext;
    } else {
      while (at !== null && at.hashNext !== sock) at = at.hashNext;
      if (at === null) return;
      at.hashNext = sock.hashNext;
    }
    sock.hashNext = null;
  }

  /** @kernel __udp4_lib_err — net/ipv4/udp.c, 7.3 */
  onError(error: IcmpError): void {
    const sock = this.lookup(error.local, error.localPort, error.remote, error.remotePort, 0);
    if (sock === null) return;
    if (error.errno === EMSGSIZE && error.mtu > 0) this.stack.routes.updatePathMtu(error.remote, error.mtu);
    // Only a connected socket can know which of its datagrams is meant.
    if (sock.remotePort === 0 || !(error.fatal || error.errno === EMSGSIZE)) return;
    sock.error = error.errno;
    sock.listener?.stateChanged(sock);
  }

  audit(): string[] {
    const found: string[] = [];
    for (const first of this.#buckets) {
      for (let sock = first; sock !== null; sock = sock.hashNext) {
        found.push(`udp socket on port ${sock.localPort} is open`);
      }
    }
    return found;
  }
}

/** -1: not for this socket. @kernel compute_score — net/ipv4/udp.c, 7.3 */
function scoreOf(sock: UdpSock, local: InetAddress, remote: InetAddress, remotePort: number, ifindex: number): number {
  let score = 0;
  if (sock.boundDevice !== 0) {
    if (ifindex !== 0 && sock.boundDevice !== ifindex) return -1;
    score += 4;
  }
  if (sock.family === 2 ? !local.isV4 : local.isV4 && sock.v6only) return -1;
  if (!sock.localAddress.isAny) {
    if (!sock.localAddress.equals(local)) return -1;
    score += 4;
  }
  if (sock.remotePort !== 0) {
    if (sock.remotePort !== remotePort || !sock.remoteAddress.equals(remote)) return -1;
    score += 8;
  }
  return score;
}
