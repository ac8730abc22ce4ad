/** Header prediction (RFC 1323's appendix): what the next segment's header looks like if nothing special happens. @kernel tcp_fast_path_on — include/net/tcp.h, 7.3 */
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_ACK } from './tcp-states.ts';

/** Header word 3 (length, flags, window) without the reserved bits and PSH. @kernel TCP_HP_BITS — net/ipv4/tcp_input.c, 7.3 */
export const TCP_HP_BITS: number = ~0x0f080000;

/** Expects plain ACK segments with the options and window of now. */
export function fastPathOn(sk: TcpSock): void {
  sk.predFlags = (sk.headerLength << 26) | (TCPHDR_ACK << 16) | (sk.sndWnd >> sk.options.sndWscale);
}

/** Turns it on if nothing waits that needs the slow path. @kernel tcp_fast_path_check — include/net/tcp.h, 7.3 */
export function fastPathCheck(sk: TcpSock): void {
  if (sk.ofo.length === 0 && sk.wnd.rcvWnd > 0 && sk.rmemAlloc < sk.rcvbuf && sk.urgData === 0) fastPathOn(sk);
}
