/**
 * When to acknowledge: the state behind delayed and quick ACKs. Decisions that need the whole sock are in ack.ts.
 *
 * @kernel icsk_ack — include/net/inet_connection_sock.h, 7.3
 */

/** An ACK is owed. @kernel ICSK_ACK_SCHED — include/net/inet_connection_sock.h, 7.3 */
export const ICSK_ACK_SCHED = 1;
/** The delayed-ACK timer runs. */
export const ICSK_ACK_TIMER = 2;
/** A segment shorter than the peer's MSS, or with PSH, arrived: the end of a write, probably. */
export const ICSK_ACK_PUSHED = 4;
/** Two of those. */
export const ICSK_ACK_PUSHED2 = 8;
/** At once, once. */
export const ICSK_ACK_NOW = 16;
/** A segment was refused for lack of memory: advertise a zero window. */
export const ICSK_ACK_NOMEM = 32;

/** @kernel TCP_ATO_MIN — include/net/tcp.h, 7.3 */
export const TCP_ATO_MIN_MS = 40;
export const TCP_DELACK_MIN_MS = 40;
export const TCP_DELACK_MAX_MS = 200;
/** Segments acknowledged one by one at the start of a connection. @kernel TCP_MAX_QUICKACKS — include/net/tcp.h, 7.3 */
export const TCP_MAX_QUICKACKS = 16;

/** Exchanges after which a conversation counts as interactive. @kernel TCP_PINGPONG_THRESH — include/net/inet_connection_sock.h, 7.3 */
export const TCP_PINGPONG_THRESH = 1;

export class AckControl {
  /** ICSK_ACK_* bits. */
  pending: number = 0;
  /** Quick ACKs left. */
  quick: number = 0;
  /** Above 0 the conversation is interactive and ACKs wait for data to ride on. */
  pingpong: number = 0;
  /** Delayed-ACK interval in ms, 0 until data arrived. */
  atoMs: number = 0;
  timeoutMs: number = 0;
  lrcvtimeMs: number = 0;
  lastSegSize: number = 0;
  /** Estimate of the peer's MSS. */
  rcvMss: number = 0;

  get scheduled(): boolean {
    return (this.pending & ICSK_ACK_SCHED) !== 0;
  }

  schedule(): void {
    this.pending |= ICSK_ACK_SCHED;
  }

  /** @kernel tcp_in_quickack_mode — net/ipv4/tcp_input.c, 7.3 */
  get quickMode(): boolean {
    return this.quick !== 0 && this.pingpong < TCP_PINGPONG_THRESH;
  }

  /** An ACK for `segments` left. @kernel tcp_dec_quickack_mode — include/net/tcp.h, 7.3 */
  spendQuick(): void {
    if (this.quick === 0) return;
    this.quick--;
    // Leaving quick mode deflates the interval.
    if (this.quick === 0) this.atoMs = TCP_ATO_MIN_MS;
  }

  /** Raises the quick budget to what half the window would take, at most `max`. @kernel tcp_incr_quickack — net/ipv4/tcp_input.c, 7.3 */
  raiseQuick(rcvWnd: number, max: number): void {
    let budget = this.rcvMss > 0 ? Math.trunc(rcvWnd / (2 * this.rcvMss)) : 0;
    if (budget === 0) budget = 2;
    budget = Math.min(budget, max);
    if (budget > this.quick) this.quick = budget;
  }

  /** @kernel tcp_enter_quickack_mode — net/ipv4/tcp_input.c, 7.3 */
  enterQuick(rcvWnd: number, max: number): void {
    this.raiseQuick(rcvWnd, max);
    this.pingpong = 0;
    this.atoMs = TCP_ATO_MIN_MS;
  }

  /** Learns the interval from the gap since the last data. @kernel tcp_event_data_recv — net/ipv4/tcp_input.c, 7.3 */
  onData(nowMs: number, rtoMs: number, rcvWnd: number): void {
    if (this.atoMs === 0) {
      this.raiseQuick(rcvWnd, TCP_MAX_QUICKACKS);
      this.atoMs = TCP_ATO_MIN_MS;
    } else {
      const gap = (nowMs - this.lrcvtimeMs) | 0;
      if (gap <= TCP_ATO_MIN_MS / 2) {
        this.atoMs = (this.atoMs >> 1) + TCP_ATO_MIN_MS / 2;
      } else if (gap < this.atoMs) {
        this.atoMs = Math.min((this.atoMs >> 1) + gap, rtoMs);
      } else if (gap > rtoMs) {
        // The sender idled long enough to start slowly again: help it.
        this.raiseQuick(rcvWnd, TCP_MAX_QUICKACKS);
      }
    }
    this.lrcvtimeMs = nowMs;
  }
}
