/** How many segments are where. */
import type { TcpSock } from './tcp-sock.ts';

/** Segments that have left the network: arrived, or presumed lost. @kernel tcp_left_out — include/net/tcp.h, 7.3 */
export function leftOut(sk: TcpSock): number {
  return sk.sackedOut + sk.lostOut;
}

/** Segments in the network, as far as this end can tell. @kernel tcp_packets_in_flight — include/net/tcp.h, 7.3 */
export function packetsInFlight(sk: TcpSock): number {
  return sk.packetsOut - leftOut(sk) + sk.retransOut;
}
