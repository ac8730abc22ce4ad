/** SO_TIMESTAMPING: what a socket asks to be told about when its packets came. Stamps of sent packets are not made: nothing here queues them. */
import type { SkBuff } from '@netmem/netdev';
import { EINVAL, EOPNOTSUPP, SOF_TIMESTAMPING, SOF_TIMESTAMPING_MASK } from '@netmem/uapi';
import type { InetCore } from './inet-core.ts';

const { OPT_ID, OPT_ID_TCP, OPT_STATS, OPT_TSONLY, BIND_PHC, OPT_RX_FILTER } = SOF_TIMESTAMPING;
const { RX_SOFTWARE, SOFTWARE, RX_HARDWARE, RAW_HARDWARE } = SOF_TIMESTAMPING;

const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

/** Places in a pair of stamps: the host's clock, the device's. */
export const STAMP_SOFTWARE = 0;
export const STAMP_HARDWARE = 1;

/** What of a socket is concerned. */
export interface StampedSock {
  readonly stack: InetCore;
  readonly state: number;
  readonly boundDevice: number;
  /** `SOF_TIMESTAMPING` bits. @kernel sk_tsflags — include/net/sock.h, 7.3 */
  tsFlags: number;
}

/**
 * Changes what a socket asks for.
 *
 * @param stream - It is a TCP socket.
 * @returns 0; -EINVAL bits that are none, or that do not go together; -EOPNOTSUPP a clock was named on a socket that is bound to no device.
 * @kernel sock_set_timestamping — net/core/sock.c, 7.3 (partial: devices have no virtual clocks, and no key is kept for sent packets)
 */
export function setTimestamping(sock: StampedSock, flags: number, stream: boolean): number {
  if ((flags & ~SOF_TIMESTAMPING_MASK) !== 0) return -EINVAL;
  if ((flags & OPT_ID_TCP) !== 0 && (flags & OPT_ID) === 0) return -EINVAL;
  if (stream && (flags & OPT_ID) !== 0 && (sock.tsFlags & OPT_ID) === 0) {
    if (sock.state === TCP_CLOSE || sock.state === TCP_LISTEN) return -EINVAL;
  }
  if ((flags & OPT_STATS) !== 0 && (flags & OPT_TSONLY) === 0) return -EINVAL;
  if ((flags & BIND_PHC) !== 0) return sock.boundDevice === 0 ? -EOPNOTSUPP : -EINVAL;
  replaceFlags(sock, flags);
  return 0;
}

/** Sets the bits, and has the host stamp packets, or not, for this socket. Flags 0 when a socket goes. @kernel sock_enable_timestamp — net/core/sock.c, 7.3 */
export function replaceFlags(sock: Pick<StampedSock, 'stack' | 'tsFlags'>, flags: number): void {
  const wanted = (sock.tsFlags & RX_SOFTWARE) !== 0;
  const wants = (flags & RX_SOFTWARE) !== 0;
  sock.tsFlags = flags;
  if (wants && !wanted) sock.stack.network.enableTimestamps();
  if (wanted && !wants) sock.stack.network.disableTimestamps();
}

/** Takes a packet's stamps. False: it has none. @kernel tcp_update_recv_tstamps — net/ipv4/tcp.c, 7.3 */
export function readStamps(skb: SkBuff, stamps: Float64Array): boolean {
  if (skb.tstampNs === 0 && skb.hwtstampNs === 0) return false;
  stamps[STAMP_SOFTWARE] = skb.tstampNs;
  stamps[STAMP_HARDWARE] = skb.hwtstampNs;
  return true;
}

/** `to` carries on with the bytes of `from`, and with its stamps where it has any. @kernel tcp_try_coalesce — net/ipv4/tcp_input.c, 7.3 */
export function inheritStamps(to: SkBuff, from: SkBuff): void {
  if (from.tstampNs === 0 && from.hwtstampNs === 0) return;
  to.tstampNs = from.tstampNs;
  to.hwtstampNs = from.hwtstampNs;
}

/**
 * Leaves of a pair of stamps those that the socket asked to see; the others become 0.
 *
 * @returns whether anything is left.
 * @kernel tcp_recv_timestamp — net/ipv4/tcp.c, 7.3
 */
export function selectStamps(tsFlags: number, stamps: Float64Array): boolean {
  const anyFilter = (tsFlags & OPT_RX_FILTER) === 0;
  const software = (tsFlags & SOFTWARE) !== 0 && (anyFilter || (tsFlags & RX_SOFTWARE) !== 0);
  const hardware = (tsFlags & RAW_HARDWARE) !== 0 && (anyFilter || (tsFlags & RX_HARDWARE) !== 0);
  if (!software) stamps[STAMP_SOFTWARE] = 0;
  if (!hardware) stamps[STAMP_HARDWARE] = 0;
  return stamps[STAMP_SOFTWARE] !== 0 || stamps[STAMP_HARDWARE] !== 0;
}
