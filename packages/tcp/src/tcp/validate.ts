/** Which segments of a synchronised connection are believed: timestamps, sequence numbers, RST and SYN by RFC 5961. @kernel tcp_validate_incoming — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import type { TcpOptions } from '@netmem/wire';
import { enterQuickAck } from './ack.ts';
import { oowRateLimited, sendChallengeAck } from './challenge.ts';
import { resetReceived } from './done.ts';
import { isDisorderedAck, pawsReject } from './paws.ts';
import { reportDuplicate } from './report-duplicate.ts';
import { sendAck } from './segment.ts';
import { CB_ACK_SEQ, CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
} from './tcp-states.ts';

/** Takes the segment's timestamps, if the connection uses them, into `sk.options`. */
export function takeTimestamps(sk: TcpSock, parsed: TcpOptions): void {
  const options = sk.options;
  options.sawTstamp = options.tstampOk && parsed.hasTimestamp;
  if (!options.sawTstamp) return;
  options.rcvTsval = parsed.tsVal | 0;
  options.rcvTsecr = parsed.tsEcr === 0 ? 0 : (parsed.tsEcr - options.tsOffset) | 0;
}

/**
 * Looks at a segment whose options `takeTimestamps` has taken in. Answers it when it is wrong; does not own the skb.
 *
 * @param window - the window field.
 * @returns true: go on. False: drop it (the sock may be closed now).
 */
export function validateIncoming(sk: TcpSock, skb: SkBuff, window: number): boolean {
  const flags = skb.cb[CB_FLAGS];
  const rst = (flags & TCPHDR_RST) !== 0;
  const stats = sk.stack.stats;
  const options = sk.options;
  // 1: PAWS. A reset is looked at all the same.
  if (options.sawTstamp && pawsReject(options, rst, sk.stack.nowMs) && !rst) {
    stats.TcpExtPAWSEstab++;
    if (isDisorderedAck(options, isReplay(sk, skb, window), sk.rtt.rtoMs)) stats.TcpExtPAWSOldAck++;
    else if (oowRateLimited(sk, hasData(skb))) stats.TcpExtTCPACKSkippedPAWS++;
    else sendDuplicateAck(sk, skb);
    return false;
  }
  // 2: sequence number.
  if (!isAcceptable(sk, skb)) {
    if (rst) {
      if (isResetAfterFin(sk, skb)) resetReceived(sk);
    } else if ((flags & TCPHDR_SYN) !== 0) {
      synChallenge(sk);
    } else if (oowRateLimited(sk, hasData(skb))) {
      stats.TcpExtTCPACKSkippedSeq++;
    } else {
      sendDuplicateAck(sk, skb);
    }
    return false;
  }
  // 3: RST, only at exactly the expected number (RFC 5961, 3.2).
  if (rst) {
    if (skb.cb[CB_SEQ] === sk.rcvNxt || isResetAfterFin(sk, skb) || matchesSackEdge(sk, skb)) resetReceived(sk);
    else sendChallengeAck(sk);
    return false;
  }
  // 4: SYN never (RFC 5961, 4.2), except the other half of a simultaneous open.
  if ((flags & TCPHDR_SYN) !== 0) {
    const crossed = sk.state === TCP_SYN_RECV && (flags & TCPHDR_ACK) !== 0 && ((skb.cb[CB_SEQ] + 1) | 0) === sk.rcvNxt;
    if (crossed) return true;
    synChallenge(sk);
    return false;
  }
  return true;
}

function hasData(skb: SkBuff): boolean {
  return skb.cb[CB_SEQ] !== skb.cb[CB_END_SEQ] && (skb.cb[CB_FLAGS] & TCPHDR_SYN) === 0;
}

function isReplay(sk: TcpSock, skb: SkBuff, window: number): boolean {
  const cb = skb.cb;
  const pureAck = cb[CB_SEQ] === cb[CB_END_SEQ] && (cb[CB_FLAGS] & TCPHDR_ACK) !== 0 && cb[CB_SEQ] === sk.rcvNxt;
  return pureAck && cb[CB_ACK_SEQ] === sk.sndUna && window << sk.options.sndWscale === sk.sndWnd;
}

/** Any byte within the largest window that was offered; the end may only pass it when nothing is queued, or by a FIN. @kernel tcp_sequence — net/ipv4/tcp_input.c, 7.3 */
function isAcceptable(sk: TcpSock, skb: SkBuff): boolean {
  const seq = skb.cb[CB_SEQ];
  const end = skb.cb[CB_END_SEQ];
  if (((end - sk.wnd.rcvWup) | 0) < 0) return false;
  const limit = (sk.rcvNxt + sk.wnd.promised(sk.rcvNxt)) | 0;
  if (((end - limit) | 0) <= 0) return true;
  const fin = (skb.cb[CB_FLAGS] & TCPHDR_FIN) !== 0 ? 1 : 0;
  if (((end - fin - limit) | 0) <= 0) return true;
  if (((seq - limit) | 0) > 0 || sk.receiveQueue.length > 0) {
    sk.stack.stats.TcpExtTCPBeyondWindow++;
    return false;
  }
  return true;
}

/** Some hosts reset right behind their FIN with its number: after a FIN that is harmless to believe. @kernel tcp_reset_check — net/ipv4/tcp_input.c, 7.3 */
function isResetAfterFin(sk: TcpSock, skb: SkBuff): boolean {
  if (skb.cb[CB_SEQ] !== ((sk.rcvNxt - 1) | 0)) return false;
  return sk.state === TCP_CLOSE_WAIT || sk.state === TCP_LAST_ACK || sk.state === TCP_CLOSING;
}

/** With a hole in what arrived, the peer's reset stands behind the last segment it sent. */
function matchesSackEdge(sk: TcpSock, skb: SkBuff): boolean {
  const sack = sk.rxSack;
  if (!sk.options.sackOk || sack.count === 0) return false;
  let edge = sack.right[0];
  for (let i = 1; i < sack.count; i++) if (((sack.right[i] - edge) | 0) > 0) edge = sack.right[i];
  return skb.cb[CB_SEQ] === edge;
}

function synChallenge(sk: TcpSock): void {
  sk.stack.stats.TcpInErrs++;
  sk.stack.stats.TcpExtTCPSYNChallenge++;
  sendChallengeAck(sk);
}

/** Repeats what is acknowledged; data that was here already means that the peer missed it. @kernel tcp_send_dupack — net/ipv4/tcp_input.c, 7.3 */
function sendDuplicateAck(sk: TcpSock, skb: SkBuff): void {
  const seq = skb.cb[CB_SEQ];
  let end = skb.cb[CB_END_SEQ];
  if (end !== seq && ((seq - sk.rcvNxt) | 0) < 0) {
    sk.stack.stats.TcpExtDelayedACKLost++;
    enterQuickAck(sk);
    if (((end - sk.rcvNxt) | 0) > 0) end = sk.rcvNxt;
    reportDuplicate(sk, seq, end);
  }
  sendAck(sk);
}
