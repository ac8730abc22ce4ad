import type { InetAddress } from './inet-address.ts';

/**
 * Whether two bound addresses mean the same packets, in part at least: equal, or one of them any. `::` takes IPv4 in too, unless its socket has
 * IPV6_V6ONLY.
 *
 * @kernel inet_rcv_saddr_equal — net/ipv4/inet_connection_sock.c, 7.3
 */
export function sharesPackets(a: InetAddress, aV6only: boolean, b: InetAddress, bV6only: boolean): boolean {
  if (a.isV4 && b.isV4) return a.isAny || b.isAny || a.equals(b);
  if (a.isAny && !a.isV4) return !b.isV4 || !aV6only;
  if (b.isAny && !b.isV4) return !a.isV4 || !bV6only;
  return a.equals(b);
}
