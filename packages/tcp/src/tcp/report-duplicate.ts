/** D-SACK (RFC 2883) as the receiver says it: what arrived twice goes into the next ACK, before the other blocks. */
import type { TcpSock } from './tcp-sock.ts';

/** `left … right` arrived twice. @kernel tcp_dsack_set — net/ipv4/tcp_input.c, 7.3 */
export function reportDuplicate(sk: TcpSock, left: number, right: number): void {
  if (!sk.options.sackOk || !sk.stack.sysctl.tcpDsack) return;
  if (((left - sk.rcvNxt) | 0) < 0) sk.stack.stats.TcpExtTCPDSACKOldSent++;
  else sk.stack.stats.TcpExtTCPDSACKOfoSent++;
  sk.rxSack.setDuplicate(left, right);
}

/** So did this, with the same segment: one block tells both, if they touch. @kernel tcp_dsack_extend — net/ipv4/tcp_input.c, 7.3 */
export function extendDuplicate(sk: TcpSock, left: number, right: number): void {
  if (sk.rxSack.hasDuplicate) sk.rxSack.extendDuplicate(left, right);
  else reportDuplicate(sk, left, right);
}
