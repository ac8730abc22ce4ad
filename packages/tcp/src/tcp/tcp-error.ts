/** ICMP errors about a connection. Most are only remembered: TCP tries on (RFC 5927 tells why). @kernel tcp_v4_err — net/ipv4/tcp_ipv4.c, 7.3 */
import { EMSGSIZE } from '@netmem/uapi';
import type { IcmpError } from '../icmp/icmp-errors.ts';
import { TCP_CA_LOSS } from './congestion.ts';
import { doneSock } from './done.ts';
import { markSkbLost } from './mark-lost.ts';
import { ensureRoute, syncMss } from './mss.ts';
import { pushPendingFrames, retransmitLost } from './output.ts';
import { CB_SEG_BYTES } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT } from './tcp-states.ts';
import { purgeWriteQueues } from './write-queue.ts';

export function onTcpError(sk: TcpSock, error: IcmpError): void {
  const stats = sk.stack.stats;
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN) return;
  // Only somebody who saw the segment knows a number in flight.
  const known = ((error.seq - sk.sndUna) | 0) >= 0 && ((error.seq - sk.sndNxt) | 0) <= 0;
  if (!known) {
    stats.TcpExtOutOfWindowIcmps++;
    return;
  }
  if (error.errno === EMSGSIZE) {
    if (error.mtu > 0) reduceMtu(sk, error);
    return;
  }
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) {
    sk.error = error.errno;
    purgeWriteQueues(sk);
    doneSock(sk);
    return;
  }
  sk.errorSoft = error.errno;
}

/**
 * Sends again at once what is too long for the path now. The window stays: not more is in the network than before, only in smaller pieces.
 *
 * @kernel tcp_simple_retransmit — net/ipv4/tcp_input.c, 7.3
 */
function simpleRetransmit(sk: TcpSock): void {
  const { cong } = sk;
  for (let skb = sk.rtxQueue.first; skb !== null; skb = skb.next) {
    if (Math.min(skb.len, skb.cb[CB_SEG_BYTES]) > sk.mssCache) markSkbLost(sk, skb);
  }
  if (sk.lostOut === 0) return;
  if (cong.state !== TCP_CA_LOSS) {
    cong.highSeq = sk.sndNxt;
    cong.ssthresh = cong.currentSsthresh;
    cong.priorSsthresh = 0;
    cong.undoValid = false;
    cong.setState(TCP_CA_LOSS);
  }
  retransmitLost(sk);
}

/** @kernel tcp_v4_mtu_reduced — net/ipv4/tcp_ipv4.c, 7.3 */
function reduceMtu(sk: TcpSock, error: IcmpError): void {
  const before = sk.pmtu;
  sk.stack.routes.updatePathMtu(sk.remoteAddress, error.mtu);
  if (ensureRoute(sk) < 0 || sk.dst.mtu >= before) return;
  syncMss(sk, sk.dst.mtu);
  simpleRetransmit(sk);
  pushPendingFrames(sk);
}
