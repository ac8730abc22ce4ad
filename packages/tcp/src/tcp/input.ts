/** A segment for a sock that is not in plain ESTABLISHED: the state machine of RFC 9293, 3.10.7. @kernel tcp_rcv_state_process — net/ipv4/tcp_input.c, 7.3 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { parseTcpOptions } from '@netmem/wire';
import { ackSndCheck } from './ack.ts';
import { FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT } from './ack-state.ts';
import { ACK_OK, tcpAck } from './acked.ts';
import { sendChallengeAck } from './challenge.ts';
import { finTimeoutMs, shutdownSend } from './close.ts';
import { doneSock, resetReceived, setState } from './done.ts';
import { initTransfer } from './establish.ts';
import { fastPathOn } from './fast-path.ts';
import { initializeRcvMss } from './mss.ts';
import { TCPOLEN_TSTAMP_ALIGNED } from './options.ts';
import { dataQueue } from './receive.ts';
import { dataSndCheck } from './send-space.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import { receiveInSynSent } from './syn-sent.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
  TCPHDR_URG,
} from './tcp-states.ts';
import { receiveUrgent } from './urgent-input.ts';
import { takeTimestamps, validateIncoming } from './validate.ts';

const TCP_HEADER = 20;

/**
 * Takes in a segment, `skb.data` at the TCP header, control words filled. Owns the skb unless it returns true.
 *
 * @returns true: the caller must answer with RST and free the skb.
 */
export function receiveStateProcess(sk: TcpSock, skb: SkBuff): boolean {
  if (sk.state === TCP_CLOSE) {
    skb.free(SKB_DROP_REASON.TCP_CLOSE);
    return false;
  }
  const stack = sk.stack;
  const word = stack.view.getInt32(skb.data + 12);
  const header = (word >>> 28) << 2;
  const window = word & 0xffff;
  const flags = skb.cb[CB_FLAGS];
  const parsed = stack.tcp.parsed;
  parseTcpOptions(stack.view, skb.data + TCP_HEADER, header - TCP_HEADER, parsed);
  if (sk.state === TCP_SYN_SENT) return receiveInSynSent(sk, skb, window, parsed);
  if ((flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) === 0) {
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
    return false;
  }
  takeTimestamps(sk, parsed);
  if (!validateIncoming(sk, skb, window)) {
    skb.free(SKB_DROP_REASON.TCP_INVALID_SEQUENCE);
    return false;
  }
  if ((flags & TCPHDR_ACK) === 0) {
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
    return false;
  }
  const options = sk.options.sackOk ? parsed : null;
  const acked = tcpAck(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK, window, options);
  if (acked !== ACK_OK) {
    // In SYN_RECV an ACK that does not fit is somebody else's: reset.
    if (sk.state === TCP_SYN_RECV) return true;
    if (acked < 0) {
      sendChallengeAck(sk);
      skb.free(SKB_DROP_REASON.TCP_FLAGS);
      return false;
    }
  }
  if (!afterAck(sk, skb, window, acked === ACK_OK)) {
    skb.consume();
    return false;
  }
  if (sk.state === TCP_CLOSE) {
    // The ACK closed it in a way that the peer must hear of.
    return true;
  }
  if ((flags & TCPHDR_URG) !== 0) receiveUrgent(sk, skb, header);
  return segmentText(sk, skb, header);
}

/** What the ACK means to the state. @returns false: the sock is finished with this segment. */
function afterAck(sk: TcpSock, skb: SkBuff, window: number, accepted: boolean): boolean {
  const allSent = sk.sndUna === sk.writeSeq;
  if (sk.state === TCP_SYN_RECV) {
    if (accepted) establish(sk, skb, window);
  } else if (sk.state === TCP_FIN_WAIT1) {
    if (allSent) return finAcked(sk, skb);
  } else if (sk.state === TCP_CLOSING) {
    if (allSent) {
      sk.stack.tcp.timeWait(sk, TCP_TIME_WAIT, 0);
      return false;
    }
  } else if (sk.state === TCP_LAST_ACK) {
    if (allSent) {
      doneSock(sk);
      return false;
    }
  }
  return true;
}

/** The handshake is complete on the side that was asked. */
function establish(sk: TcpSock, skb: SkBuff, window: number): void {
  sk.copiedSeq = sk.rcvNxt;
  setState(sk, TCP_ESTABLISHED);
  sk.sndWnd = window << sk.options.sndWscale;
  sk.maxWindow = Math.max(sk.maxWindow, sk.sndWnd);
  sk.sndWl1 = skb.cb[CB_SEQ];
  if (sk.options.tstampOk) sk.advmss -= TCPOLEN_TSTAMP_ALIGNED;
  // Our SYN|ACK arrived: it is in no queue.
  sk.delivered++;
  initTransfer(sk);
  sk.lsndTimeMs = sk.stack.nowMs;
  initializeRcvMss(sk);
  fastPathOn(sk);
  sk.listener?.stateChanged(sk);
  sk.listener?.writable(sk);
  if ((sk.shutdownMask & SEND_SHUTDOWN) !== 0) shutdownSend(sk);
}

/** Our FIN is acknowledged. @returns false: what is left is a TIME_WAIT. */
function finAcked(sk: TcpSock, skb: SkBuff): boolean {
  setState(sk, TCP_FIN_WAIT2);
  sk.shutdownMask |= SEND_SHUTDOWN;
  sk.dst.neighbour?.confirm();
  if (!sk.dead) {
    sk.listener?.stateChanged(sk);
    return true;
  }
  const fin = (skb.cb[CB_FLAGS] & TCPHDR_FIN) !== 0 ? 1 : 0;
  const hasData = skb.cb[CB_END_SEQ] !== skb.cb[CB_SEQ] && ((skb.cb[CB_END_SEQ] - fin - sk.rcvNxt) | 0) > 0;
  if (sk.linger2Ms < 0 || hasData) {
    // Nobody will read it.
    sk.stack.stats.TcpExtTCPAbortOnData++;
    doneSock(sk);
    return true;
  }
  const timeout = finTimeoutMs(sk);
  const most = sk.stack.sysctl.tcpTimewaitMs;
  if (timeout > most) {
    sk.sockTimer.mod(sk.stack.clock.nowNs + (timeout - most) * 1e6);
    return true;
  }
  if (fin === 1) {
    // Usually it is taken in below at once; out of order it may take a while, not for ever.
    sk.sockTimer.mod(sk.stack.clock.nowNs + timeout * 1e6);
    return true;
  }
  sk.stack.tcp.timeWait(sk, TCP_FIN_WAIT2, timeout);
  return false;
}

/** Data and FIN. @returns true: answer with RST. */
function segmentText(sk: TcpSock, skb: SkBuff, header: number): boolean {
  const state = sk.state;
  const cb = skb.cb;
  const closing = state === TCP_CLOSE_WAIT || state === TCP_CLOSING || state === TCP_LAST_ACK;
  if (closing && ((cb[CB_SEQ] - sk.rcvNxt) | 0) >= 0) {
    // Behind the peer's FIN there is nothing.
    skb.consume();
    dataSndCheck(sk);
    ackSndCheck(sk);
    return false;
  }
  if (state !== TCP_ESTABLISHED && (sk.shutdownMask & RCV_SHUTDOWN) !== 0) {
    const fin = (cb[CB_FLAGS] & TCPHDR_FIN) !== 0 ? 1 : 0;
    if (cb[CB_END_SEQ] !== cb[CB_SEQ] && ((cb[CB_END_SEQ] - fin - sk.rcvNxt) | 0) > 0) {
      sk.stack.stats.TcpExtTCPAbortOnData++;
      resetReceived(sk);
      return true;
    }
  }
  dataQueue(sk, skb, header);
  if (sk.state !== TCP_CLOSE) {
    dataSndCheck(sk);
    ackSndCheck(sk);
  }
  return false;
}
