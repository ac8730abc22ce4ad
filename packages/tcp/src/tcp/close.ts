/** The user's side of ending: shutdown(2), close(2), connect(AF_UNSPEC). @kernel tcp_close — net/ipv4/tcp.c, 7.3 */
import { ECONNRESET, EINVAL, ENOTCONN } from '@netmem/uapi';
import { abortSock, destroySock, doneSock, needsReset, purgeReceiveQueues, sendActiveReset, setState } from './done.ts';
import { sendFin } from './output.ts';
import { CB_END_SEQ, CB_FLAGS } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCPHDR_FIN,
} from './tcp-states.ts';
import { purgeWriteQueues } from './write-queue.ts';

/** How long an orphan waits for the peer's FIN. @kernel tcp_fin_time — include/net/tcp.h, 7.3 */
export function finTimeoutMs(sk: TcpSock): number {
  const wanted = sk.linger2Ms > 0 ? sk.linger2Ms : sk.stack.sysctl.tcpFinTimeoutMs;
  return Math.max(wanted, (sk.rtt.rtoMs << 2) - (sk.rtt.rtoMs >> 1));
}

/** Moves to the state that follows the user's close. @returns whether a FIN is due. @kernel tcp_close_state — net/ipv4/tcp.c, 7.3 */
function closeState(sk: TcpSock): boolean {
  if (sk.state === TCP_ESTABLISHED || sk.state === TCP_SYN_RECV) {
    setState(sk, TCP_FIN_WAIT1);
    return true;
  }
  if (sk.state === TCP_CLOSE_WAIT) {
    setState(sk, TCP_LAST_ACK);
    return true;
  }
  if (sk.state === TCP_SYN_SENT) setState(sk, TCP_CLOSE);
  return false;
}

/** No more will be sent. @kernel tcp_shutdown — net/ipv4/tcp.c, 7.3 */
export function shutdownSend(sk: TcpSock): void {
  if (sk.state !== TCP_ESTABLISHED && sk.state !== TCP_CLOSE_WAIT && sk.state !== TCP_SYN_SENT) return;
  if (closeState(sk)) sendFin(sk);
}

/** @see TcpSock.shutdown */
export function shutdownSock(sk: TcpSock, how: number): number {
  if (how !== 0 && how !== 1 && how !== 2) return -EINVAL;
  const mask = how + 1;
  let result = 0;
  if (sk.state === TCP_LISTEN) {
    if ((mask & RCV_SHUTDOWN) !== 0) result = disconnectSock(sk);
  } else if (sk.state === TCP_SYN_SENT) {
    result = disconnectSock(sk);
  } else {
    if (sk.state === TCP_CLOSE) result = -ENOTCONN;
    sk.shutdownMask |= mask;
    if ((mask & SEND_SHUTDOWN) !== 0) shutdownSend(sk);
  }
  sk.listener?.stateChanged(sk);
  return result;
}

/** @see TcpSock.close */
export function closeSock(sk: TcpSock, lingerNs: number): void {
  if (sk.dead) return;
  sk.shutdownMask = SHUTDOWN_MASK;
  if (sk.state === TCP_LISTEN) {
    sk.stack.tcp.stopListening(sk);
    setState(sk, TCP_CLOSE);
    sk.dead = true;
    destroySock(sk);
    return;
  }
  const unread = hasUnread(sk);
  purgeReceiveQueues(sk);
  const stats = sk.stack.stats;
  if (sk.state !== TCP_CLOSE) {
    if (unread) {
      // The peer must know that its data were not read (RFC 2525, 2.17).
      stats.TcpExtTCPAbortOnClose++;
      sendActiveReset(sk);
      setState(sk, TCP_CLOSE);
    } else if (lingerNs === 0) {
      stats.TcpExtTCPAbortOnData++;
      disconnectSock(sk);
    } else if (closeState(sk)) {
      sendFin(sk);
    }
  }
  orphan(sk);
}

/** The user is gone; the protocol goes on alone or ends. */
function orphan(sk: TcpSock): void {
  sk.dead = true;
  if (sk.state === TCP_FIN_WAIT2) {
    if (sk.linger2Ms < 0) {
      sk.stack.stats.TcpExtTCPAbortOnLinger++;
      sendActiveReset(sk);
      setState(sk, TCP_CLOSE);
    } else {
      const timeout = finTimeoutMs(sk);
      const most = sk.stack.sysctl.tcpTimewaitMs;
      if (timeout > most) {
        sk.sockTimer.mod(sk.stack.clock.nowNs + (timeout - most) * 1e6);
      } else {
        sk.stack.tcp.timeWait(sk, TCP_FIN_WAIT2, timeout);
        return;
      }
    }
  }
  if (sk.state === TCP_CLOSE) destroySock(sk);
}

/** Whether bytes (a FIN is none) wait that nobody read. */
function hasUnread(sk: TcpSock): boolean {
  const last = sk.receiveQueue.last;
  if (last === null) return false;
  const fin = (last.cb[CB_FLAGS] & TCPHDR_FIN) !== 0 ? 1 : 0;
  return ((last.cb[CB_END_SEQ] - fin - sk.copiedSeq) | 0) > 0;
}

/** @see TcpSock.disconnect */
export function disconnectSock(sk: TcpSock): number {
  const old = sk.state;
  if (old === TCP_LISTEN) {
    sk.stack.tcp.stopListening(sk);
  } else if (needsReset(old) || (sk.sndNxt !== sk.writeSeq && old !== TCP_CLOSE && old !== TCP_SYN_SENT)) {
    sendActiveReset(sk);
    sk.error = ECONNRESET;
  } else if (old === TCP_SYN_SENT) {
    sk.error = ECONNRESET;
  }
  if (old !== TCP_CLOSE) setState(sk, TCP_CLOSE);
  sk.retransmitTimer.del();
  sk.delackTimer.del();
  sk.sockTimer.del();
  sk.pendingTimer = 0;
  purgeReceiveQueues(sk);
  purgeWriteQueues(sk);
  resetState(sk);
  if (!sk.boundPort) sk.stack.tcp.unbind(sk);
  sk.listener?.stateChanged(sk);
  return 0;
}

/** Everything that belonged to the connection, so that the sock can be used again. */
function resetState(sk: TcpSock): void {
  if (!sk.boundAddress) sk.localAddress.setAny(sk.family);
  sk.remoteAddress.setAny(sk.family);
  sk.remotePort = 0;
  if (!sk.dead) sk.shutdownMask = 0;
  sk.done = false;
  sk.rtt.srttUs = 0;
  sk.rtt.minRttUs = -1;
  sk.ack.pending = 0;
  sk.ack.quick = 0;
  sk.ack.atoMs = 0;
  sk.ack.pingpong = 0;
  sk.rxSack.clear();
  sk.options.hasTsRecent = false;
  sk.options.tsRecent = 0;
  sk.retransmits = 0;
  sk.totalRetrans = 0;
  sk.totalRto = 0;
  sk.retransStampMs = 0;
  sk.tlpHighSeq = 0;
  sk.delivered = 0;
  sk.dsackDups = 0;
  sk.reordSeen = 0;
  sk.reordering = sk.stack.sysctl.tcpReordering;
  sk.rack.reset();
  sk.cong.reset();
  sk.probesOut = 0;
  sk.sndWnd = 0;
  sk.predFlags = 0;
  sk.urgData = 0;
  sk.bytesAcked = 0;
  sk.bytesReceived = 0;
  sk.bytesSent = 0;
  sk.bytesRetrans = 0;
  sk.wnd.rttUs = 0;
  sk.wnd.rttTimeUs = 0;
  sk.dst.clear();
}

/** Gives up a connection that lost its user. */
export function abandon(sk: TcpSock): void {
  sk.dead = true;
  if (sk.state === TCP_CLOSE) doneSock(sk);
  else abortSock(sk, ECONNRESET);
}
