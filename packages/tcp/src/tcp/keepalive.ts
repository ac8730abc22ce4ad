/**
 * SO_KEEPALIVE: a peer that was silent for long is asked whether it is still there, and given up if it does not answer.
 *
 * @kernel tcp_keepalive_timer — net/ipv4/tcp_timer.c, 7.3
 */
import { EINVAL } from '@netmem/uapi';
import { sendActiveReset, writeError } from './done.ts';
import { TCP_RESOURCE_PROBE_MS, writeWakeup } from './output.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT } from './tcp-states.ts';

/** Most that the options take, seconds and probes. @kernel MAX_TCP_KEEPIDLE — include/net/tcp.h, 7.3 */
const MAX_TCP_KEEPIDLE_S = 32_767;
const MAX_TCP_KEEPINTVL_S = 32_767;
const MAX_TCP_KEEPCNT = 127;

/** Silence before the first probe. @kernel keepalive_time_when — include/net/tcp.h, 7.3 */
export function keepaliveTimeMs(sk: TcpSock): number {
  return sk.keepaliveTimeMs > 0 ? sk.keepaliveTimeMs : sk.stack.sysctl.tcpKeepaliveTimeMs;
}

/** Time between probes. @kernel keepalive_intvl_when — include/net/tcp.h, 7.3 */
export function keepaliveIntvlMs(sk: TcpSock): number {
  return sk.keepaliveIntvlMs > 0 ? sk.keepaliveIntvlMs : sk.stack.sysctl.tcpKeepaliveIntvlMs;
}

/** Probes without an answer that are enough. @kernel keepalive_probes — include/net/tcp.h, 7.3 */
export function keepaliveProbes(sk: TcpSock): number {
  return sk.keepaliveProbes > 0 ? sk.keepaliveProbes : sk.stack.sysctl.tcpKeepaliveProbes;
}

/** Time since anything was heard. @kernel keepalive_time_elapsed — include/net/tcp.h, 7.3 */
function elapsedMs(sk: TcpSock): number {
  const now = sk.stack.nowMs;
  return Math.min((now - sk.ack.lrcvtimeMs) >>> 0, (now - sk.rcvTstampMs) >>> 0);
}

function resetTimer(sk: TcpSock, ms: number): void {
  sk.sockTimer.mod(sk.stack.clock.nowNs + ms * 1e6);
}

/** The connection begins: the peer may be silent from now on. */
export function startKeepalive(sk: TcpSock): void {
  if (sk.keepalive) resetTimer(sk, keepaliveTimeMs(sk));
}

/** SO_KEEPALIVE. @kernel tcp_set_keepalive — net/ipv4/tcp_timer.c, 7.3 */
export function setKeepalive(sk: TcpSock, on: boolean): void {
  const before = sk.keepalive;
  sk.keepalive = on;
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN) return;
  if (!on) sk.sockTimer.del();
  else if (!before) resetTimer(sk, keepaliveTimeMs(sk));
}

/** TCP_KEEPIDLE, s. @returns 0; -EINVAL not 1 … 32767. @kernel tcp_sock_set_keepidle_locked — net/ipv4/tcp.c, 7.3 */
export function setKeepidle(sk: TcpSock, seconds: number): number {
  if (seconds < 1 || seconds > MAX_TCP_KEEPIDLE_S) return -EINVAL;
  sk.keepaliveTimeMs = seconds * 1000;
  if (sk.keepalive && sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) {
    resetTimer(sk, Math.max(0, sk.keepaliveTimeMs - elapsedMs(sk)));
  }
  return 0;
}

/** TCP_KEEPINTVL, s. @returns 0; -EINVAL not 1 … 32767. @kernel tcp_sock_set_keepintvl — net/ipv4/tcp.c, 7.3 */
export function setKeepintvl(sk: TcpSock, seconds: number): number {
  if (seconds < 1 || seconds > MAX_TCP_KEEPINTVL_S) return -EINVAL;
  sk.keepaliveIntvlMs = seconds * 1000;
  return 0;
}

/** TCP_KEEPCNT. @returns 0; -EINVAL not 1 … 127. @kernel tcp_sock_set_keepcnt — net/ipv4/tcp.c, 7.3 */
export function setKeepcnt(sk: TcpSock, probes: number): number {
  if (probes < 1 || probes > MAX_TCP_KEEPCNT) return -EINVAL;
  sk.keepaliveProbes = probes;
  return 0;
}

/** The timer fired, and it was not for the life of an orphan. */
export function keepaliveTimeout(sk: TcpSock): void {
  if (!sk.keepalive || sk.state === TCP_SYN_SENT) return;
  const timeMs = keepaliveTimeMs(sk);
  // What is out asks already, and has timeouts of its own.
  if (sk.packetsOut > 0 || sk.writeQueue.first !== null) {
    resetTimer(sk, timeMs);
    return;
  }
  const silentMs = elapsedMs(sk);
  if (silentMs < timeMs) {
    resetTimer(sk, timeMs - silentMs);
    return;
  }
  const enough =
    sk.userTimeoutMs > 0 ? silentMs >= sk.userTimeoutMs && sk.probesOut > 0 : sk.probesOut >= keepaliveProbes(sk);
  if (enough) {
    sendActiveReset(sk);
    writeError(sk);
    return;
  }
  if (writeWakeup(sk, true) <= 0) {
    sk.probesOut++;
    resetTimer(sk, keepaliveIntvlMs(sk));
  } else {
    // Lost on the way out: that says nothing about the peer, so try again soon.
    resetTimer(sk, TCP_RESOURCE_PROBE_MS);
  }
}
