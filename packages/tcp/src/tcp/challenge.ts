/**
 * Answers to segments that may be an attacker's (RFC 5961): an ACK that the true peer understands, not more often than the limits allow.
 *
 * @kernel tcp_send_challenge_ack — net/ipv4/tcp_input.c, 7.3
 */
import { isTooSoon, stampNow } from '../stack/rate-limit.ts';
import { sendAck } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';

/** Sends a challenge ACK if the sock's and the host's limits allow. */
export function sendChallengeAck(sk: TcpSock): void {
  const stack = sk.stack;
  const now = stack.nowMs;
  if (isTooSoon(sk.lastChallengeMs, now, stack.sysctl.tcpInvalidRatelimitMs)) {
    stack.stats.TcpExtTCPACKSkippedChallenge++;
    return;
  }
  if (!stack.tcp.challengeLimit.allow(now)) return;
  sk.lastChallengeMs = stampNow(now);
  stack.stats.TcpExtTCPChallengeACK++;
  sendAck(sk);
}

/**
 * Whether an ACK for an out-of-window segment must wait: two ends with different ideas would answer each other for ever.
 *
 * @kernel tcp_oow_rate_limited — net/ipv4/tcp_input.c, 7.3
 */
export function oowRateLimited(sk: TcpSock, hasData: boolean): boolean {
  // A segment with data is no part of an ACK loop.
  if (hasData) return false;
  const now = sk.stack.nowMs;
  if (isTooSoon(sk.lastOowAckMs, now, sk.stack.sysctl.tcpInvalidRatelimitMs)) return true;
  sk.lastOowAckMs = stampNow(now);
  return false;
}
