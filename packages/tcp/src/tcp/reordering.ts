/** Paths that deliver out of order: on those, duplicates prove less. */
import type { TcpSock } from './tcp-sock.ts';

/** Most segments that reordering is assumed to span. @kernel sysctl_tcp_max_reordering — net/ipv4/tcp_ipv4.c, 7.3 */
const MAX_REORDERING = 300;

/** End of the highest skb that was reported by SACK; what is acknowledged if there is none. @kernel tcp_highest_sack_seq — include/net/tcp.h, 7.3 */
export function highestSackSeq(sk: TcpSock): number {
  return sk.sackedOut === 0 ? sk.sndUna : sk.highestSackSeq;
}

/**
 * What was sent once arrived although something later was reported before it.
 *
 * @param low - where it starts.
 * @param byTimestamp - a timestamp told so.
 * @kernel tcp_check_sack_reordering — net/ipv4/tcp_input.c, 7.3
 */
export function checkSackReordering(sk: TcpSock, low: number, byTimestamp: boolean): void {
  const behind = (highestSackSeq(sk) - low) | 0;
  if (behind <= 0) return;
  const mss = Math.max(1, sk.mssCache);
  if (behind > sk.reordering * mss) sk.reordering = Math.min(Math.ceil(behind / mss), MAX_REORDERING);
  sk.reordSeen++;
  if (byTimestamp) sk.stack.stats.TcpExtTCPTSReorder++;
  else sk.stack.stats.TcpExtTCPSACKReorder++;
}

/** Without SACK, duplicate ACKs stand in for it: each says that one more segment arrived. @kernel tcp_add_reno_sack — net/ipv4/tcp_input.c, 7.3 */
export function addRenoSack(sk: TcpSock, duplicates: number): void {
  if (duplicates === 0) return;
  const before = sk.sackedOut;
  sk.sackedOut += duplicates;
  checkRenoReordering(sk, 0);
  const delivered = sk.sackedOut - before;
  if (delivered > 0) sk.delivered += delivered;
}

/** An ACK moved on over `acked` segments: all but the one that was missing had been counted. @kernel tcp_remove_reno_sacks — net/ipv4/tcp_input.c, 7.3 */
export function removeRenoSacks(sk: TcpSock, acked: number): void {
  if (acked > 0) {
    sk.delivered += Math.max(acked - sk.sackedOut, 1);
    sk.sackedOut = acked - 1 >= sk.sackedOut ? 0 : sk.sackedOut - (acked - 1);
  }
  checkRenoReordering(sk, acked);
}

/** @kernel tcp_reset_reno_sack — net/ipv4/tcp_input.c, 7.3 */
export function resetRenoSack(sk: TcpSock): void {
  sk.sackedOut = 0;
}

/** More duplicates than segments can be out: some were sent for what was only late. @kernel tcp_check_reno_reordering — net/ipv4/tcp_input.c, 7.3 */
function checkRenoReordering(sk: TcpSock, acked: number): void {
  if (!limitRenoSacked(sk)) return;
  sk.reordering = Math.min(sk.packetsOut + acked, MAX_REORDERING);
  sk.reordSeen++;
  sk.stack.stats.TcpExtTCPRenoReorder++;
}

/** @returns whether there were more than can be. @kernel tcp_limit_reno_sacked — net/ipv4/tcp_input.c, 7.3 */
function limitRenoSacked(sk: TcpSock): boolean {
  const holes = Math.min(Math.max(sk.lostOut, 1), sk.packetsOut);
  if (sk.sackedOut + holes <= sk.packetsOut) return false;
  sk.sackedOut = sk.packetsOut - holes;
  return true;
}
