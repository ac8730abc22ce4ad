/** What the timers of a sock do: retransmission and zero-window probes, delayed ACK, and the life of an orphan. @kernel tcp_write_timer_handler — net/ipv4/tcp_timer.c, 7.3 */
import type { Clock, Timer } from '@netmem/machine';
import { ICSK_ACK_TIMER, TCP_ATO_MIN_MS, TCP_PINGPONG_THRESH } from './ack-control.ts';
import { finTimeoutMs } from './close.ts';
import { TCP_CA_DISORDER, TCP_CA_LOSS, TCP_CA_RECOVERY } from './congestion.ts';
import { doneSock, sendActiveReset, writeError } from './done.ts';
import { packetsInFlight } from './in-flight.ts';
import { keepaliveTimeout, startKeepalive } from './keepalive.ts';
import { sendLossProbe } from './loss-probe.ts';
import { retransmitLost, retransmitSkb, sendFin, sendProbe0, TCP_RESOURCE_PROBE_MS } from './output.ts';
import { rackTimedOut } from './rack.ts';
import { enterLoss, enterRecovery } from './recovery.ts';
import { sendAck } from './segment.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_FIN_WAIT2, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT } from './tcp-states.ts';
import {
  ICSK_TIME_LOSS_PROBE,
  ICSK_TIME_PROBE0,
  ICSK_TIME_REO_TIMEOUT,
  ICSK_TIME_RETRANS,
  rearmRto,
  resetXmitTimer,
} from './xmit-timer.ts';

/** The timers of a new sock. */
export function createTimers(sk: TcpSock, clock: Clock): { retransmit: Timer; delack: Timer; sock: Timer } {
  return {
    retransmit: clock.createTimer(() => onRetransmitTimer(sk)),
    delack: clock.createTimer(() => onDelackTimer(sk)),
    sock: clock.createTimer(() => onSockTimer(sk)),
  };
}

function onRetransmitTimer(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN) return;
  const what = sk.pendingTimer;
  // The shorter two stay noted: the RTO that follows them began earlier.
  if (what === ICSK_TIME_RETRANS || what === ICSK_TIME_PROBE0) sk.pendingTimer = 0;
  if (what === ICSK_TIME_RETRANS) retransmitTimeout(sk);
  else if (what === ICSK_TIME_PROBE0) probeTimeout(sk);
  else if (what === ICSK_TIME_LOSS_PROBE) sendLossProbe(sk);
  else if (what === ICSK_TIME_REO_TIMEOUT) reorderTimeout(sk);
}

/** The reordering window of rack.ts is over. @kernel tcp_rack_reo_timeout — net/ipv4/tcp_recovery.c, 7.3 */
function reorderTimeout(sk: TcpSock): void {
  const before = packetsInFlight(sk);
  const lost = sk.lost;
  rackTimedOut(sk);
  if (packetsInFlight(sk) !== before) {
    if (sk.cong.state !== TCP_CA_RECOVERY) {
      enterRecovery(sk, false);
      sk.cong.reduce(1, sk.lost - lost, false, packetsInFlight(sk));
    }
    retransmitLost(sk);
  }
  if (sk.pendingTimer !== ICSK_TIME_RETRANS) rearmRto(sk);
}

/** @kernel tcp_retransmit_timer — net/ipv4/tcp_timer.c, 7.3 */
function retransmitTimeout(sk: TcpSock): void {
  const head = sk.rtxQueue.first;
  if (sk.packetsOut === 0 || head === null) return;
  const stats = sk.stack.stats;
  const opening = sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV;
  if (sk.sndWnd === 0 && !sk.dead && !opening) {
    // The peer shrank its window over what is in flight (it should not): probe with the oldest segment, as long as it answers.
    const patience = 2 * sk.stack.sysctl.tcpRtoMaxMs;
    const now = sk.stack.nowMs;
    const silent = ((now - sk.rcvTstampMs) | 0) > patience;
    if (silent && sk.retransStampMs !== 0 && ((now - sk.retransStampMs) | 0) > patience) {
      writeError(sk);
      return;
    }
    enterLoss(sk);
    retransmitSkb(sk, head, 1);
    sk.dst.clear();
    restart(sk);
    return;
  }
  // Progress starts the patience anew, also in the middle of a long recovery.
  if (sk.retransmits === 0) sk.rtoStampMs = sk.stack.nowMs;
  stats.TcpExtTCPTimeouts++;
  if (opening) stats.TcpExtTCPSynRetrans++;
  if (givesUp(sk)) {
    writeError(sk);
    return;
  }
  if (sk.retransmits === 0) countFailure(sk);
  enterLoss(sk);
  sk.retransmits++;
  sk.totalRto++;
  if (retransmitSkb(sk, head, 1) > 0) {
    // The device is full: that is no verdict on the path, try soon.
    resetXmitTimer(sk, ICSK_TIME_RETRANS, TCP_RESOURCE_PROBE_MS);
    return;
  }
  restart(sk);
}

/** The first timeout after progress: what did not keep it from coming? */
function countFailure(sk: TcpSock): void {
  const stats = sk.stack.stats;
  const { sackOk } = sk.options;
  const { state } = sk.cong;
  if (state === TCP_CA_RECOVERY) {
    if (sackOk) stats.TcpExtTCPSackRecoveryFail++;
    else stats.TcpExtTCPRenoRecoveryFail++;
  } else if (state === TCP_CA_LOSS) {
    stats.TcpExtTCPLossFailures++;
  } else if (state === TCP_CA_DISORDER || sk.sackedOut > 0) {
    if (sackOk) stats.TcpExtTCPSackFailures++;
    else stats.TcpExtTCPRenoFailures++;
  }
}

function restart(sk: TcpSock): void {
  // The first SYNs come every second: a listener that just starts should not wait for the fourth power of two.
  if (sk.state !== TCP_SYN_SENT || sk.totalRto > sk.stack.sysctl.tcpSynLinearTimeouts) {
    sk.backoff++;
    sk.rtt.backOff();
  }
  resetXmitTimer(sk, ICSK_TIME_RETRANS, clampToUserTimeout(sk));
}

/** The RTO, or what is left of TCP_USER_TIMEOUT. @kernel tcp_clamp_rto_to_user_timeout — net/ipv4/tcp_timer.c, 7.3 */
function clampToUserTimeout(sk: TcpSock): number {
  if (sk.userTimeoutMs === 0 || sk.retransmits === 0) return sk.rtt.rtoMs;
  const left = sk.userTimeoutMs - ((sk.stack.nowMs - sk.rtoStampMs) | 0);
  return Math.min(sk.rtt.rtoMs, Math.max(left, 1));
}

/** Whether it was tried long enough. @kernel tcp_write_timeout — net/ipv4/tcp_timer.c, 7.3 */
function givesUp(sk: TcpSock): boolean {
  const sysctl = sk.stack.sysctl;
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) {
    const limit = sk.synRetries > 0 ? sk.synRetries : sysctl.tcpSynRetries;
    if (sk.userTimeoutMs > 0 && ((sk.stack.nowMs - sk.synSentMs) | 0) >= sk.userTimeoutMs) return true;
    return sk.retransmits >= limit + (sk.state === TCP_SYN_SENT ? sysctl.tcpSynLinearTimeouts : 0);
  }
  // Perhaps another route works.
  if (sk.retransmits >= sysctl.tcpRetries1) sk.dst.clear();
  let limit = sysctl.tcpRetries2;
  if (sk.dead) limit = sk.rtt.rtoMs < sysctl.tcpRtoMaxMs ? sysctl.tcpOrphanRetries : 0;
  if (sk.userTimeoutMs > 0) {
    return sk.retransmits > 0 && ((sk.stack.nowMs - sk.rtoStampMs) | 0) >= sk.userTimeoutMs;
  }
  return hasTimedOut(sk, limit);
}

/** As much time passed as `boundary` retransmissions with doubling from the least RTO would take. @kernel retransmits_timed_out — net/ipv4/tcp_timer.c, 7.3 */
function hasTimedOut(sk: TcpSock, boundary: number): boolean {
  if (sk.retransmits === 0) return false;
  const { tcpRtoMinMs, tcpRtoMaxMs } = sk.stack.sysctl;
  const doublings = 31 - Math.clz32(Math.trunc(tcpRtoMaxMs / tcpRtoMinMs));
  const linear = Math.max(0, boundary - doublings);
  const timeout = (2 * 2 ** Math.min(boundary, doublings) - 1) * tcpRtoMinMs + linear * tcpRtoMaxMs;
  return ((sk.stack.nowMs - sk.rtoStampMs) | 0) >= timeout;
}

/** @kernel tcp_probe_timer — net/ipv4/tcp_timer.c, 7.3 */
function probeTimeout(sk: TcpSock): void {
  if (sk.packetsOut > 0 || sk.writeQueue.first === null) {
    sk.probesOut = 0;
    return;
  }
  const sysctl = sk.stack.sysctl;
  // A peer that answers may keep its window shut as long as it likes; an orphan's patience is limited.
  const limit = sk.dead ? sysctl.tcpOrphanRetries : sysctl.tcpRetries2;
  if (sk.probesOut >= limit) writeError(sk);
  else sendProbe0(sk);
}

/** @kernel tcp_delack_timer_handler — net/ipv4/tcp_timer.c, 7.3 */
function onDelackTimer(sk: TcpSock): void {
  const ack = sk.ack;
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN || (ack.pending & ICSK_ACK_TIMER) === 0) return;
  const left = (ack.timeoutMs - sk.stack.nowMs) | 0;
  if (left > 0) {
    sk.delackTimer.mod(sk.stack.clock.nowNs + left * 1e6);
    return;
  }
  ack.pending &= ~ICSK_ACK_TIMER;
  if (!ack.scheduled) return;
  if (ack.pingpong < TCP_PINGPONG_THRESH) {
    // Delayed ACK missed: inflate the interval.
    ack.atoMs = Math.min(ack.atoMs << 1, sk.rtt.rtoMs);
  } else {
    // It waited for an answer that did not come: no longer interactive.
    ack.pingpong = 0;
    ack.atoMs = TCP_ATO_MIN_MS;
  }
  sendAck(sk);
  sk.stack.stats.TcpExtDelayedACKs++;
}

/** Orphans in FIN_WAIT2, a FIN that found no memory, and keepalive share a timer, as in the kernel. */
function onSockTimer(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN) return;
  if (sk.finPending) {
    sendFin(sk);
    if (!sk.finPending) startKeepalive(sk);
  } else if (sk.state === TCP_FIN_WAIT2 && sk.dead) {
    orphanTimeout(sk);
  } else {
    keepaliveTimeout(sk);
  }
}

/** An orphan waited long enough for the peer's FIN: as long again without a sock, or not at all. */
function orphanTimeout(sk: TcpSock): void {
  const left = finTimeoutMs(sk) - sk.stack.sysctl.tcpTimewaitMs;
  if (sk.linger2Ms >= 0 && left > 0) {
    sk.stack.tcp.timeWait(sk, TCP_FIN_WAIT2, left);
    return;
  }
  sendActiveReset(sk);
  doneSock(sk);
}
