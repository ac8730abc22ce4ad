/** D-SACK (RFC 2883) as the sender hears it: something arrived twice, so it was sent again for nothing. */
import type { TcpOptions } from '@netmem/wire';
import { type AckState, FLAG_DSACK_TLP, FLAG_DSACKING_ACK } from './ack-state.ts';
import type { TcpSock } from './tcp-sock.ts';
import { countDuplicates } from './undo.ts';

/**
 * Whether the first SACK block is a D-SACK, and one to believe: below the ACK, or inside the second block.
 *
 * @param priorUna - what was acknowledged before this ACK.
 * @kernel tcp_check_dsack — net/ipv4/tcp_input.c, 7.3
 */
export function checkDsack(sk: TcpSock, options: TcpOptions, ack: number, priorUna: number, state: AckState): boolean {
  const stats = sk.stack.stats;
  const left = options.sackLeft[0] | 0;
  const right = options.sackRight[0] | 0;
  if (((left - ack) | 0) < 0) {
    stats.TcpExtTCPDSACKRecv++;
  } else {
    if (options.sackCount < 2) return false;
    const outside = ((right - options.sackRight[1]) | 0) > 0 || ((left - options.sackLeft[1]) | 0) < 0;
    if (outside) return false;
    stats.TcpExtTCPDSACKOfoRecv++;
  }
  const segments = dsackSeen(sk, left, right, state);
  if (segments === 0) {
    stats.TcpExtTCPDSACKIgnoredDubious++;
    return false;
  }
  stats.TcpExtTCPDSACKRecvSegs += segments;
  // About what was forgotten already. What is still queued the scoreboard counts, segment by segment.
  if (((right - priorUna) | 0) <= 0) countDuplicates(sk, right, segments);
  return true;
}

/** @returns segments that arrived twice; 0: more than can be, or more than were sent again (the network made copies). @kernel tcp_dsack_seen — net/ipv4/tcp_input.c, 7.3 */
function dsackSeen(sk: TcpSock, left: number, right: number, state: AckState): number {
  const bytes = (right - left) | 0;
  if (bytes <= 0 || bytes > sk.maxWindow) return 0;
  let segments = 1;
  if (bytes > sk.mssCache) segments = Math.ceil(bytes / sk.mssCache);
  else if (sk.tlpHighSeq !== 0 && sk.tlpHighSeq === right) state.flag |= FLAG_DSACK_TLP;
  sk.dsackDups += segments;
  if (sk.dsackDups > sk.totalRetrans) return 0;
  // A probe leaves by the clock: that it was superfluous says nothing about reordering.
  if (sk.reordSeen > 0 && !state.has(FLAG_DSACK_TLP)) sk.rack.dsackSeen = true;
  state.flag |= FLAG_DSACKING_ACK;
  state.sackDelivered += segments;
  return segments;
}
