/**
 * CUBIC (RFC 9438): after a loss the window grows back as a cubic function of the time gone, fast at first, flat around the window of the loss, then fast
 * again; never slower than Reno would.
 *
 * @kernel bictcp_update — net/ipv4/tcp_cubic.c, 7.3
 */
import { TCP_CA_LOSS } from './congestion.ts';
import type { CongestionAlgorithm, CongestionControl } from './congestion-control.ts';
import { cubicRoot } from './cubic-root.ts';
import { Hystart } from './hystart.ts';
import type { TcpSock } from './tcp-sock.ts';

/** A window falls to 717/1024, about 0.7, of what it was. @kernel BICTCP_BETA_SCALE — net/ipv4/tcp_cubic.c, 7.3 */
const BICTCP_BETA_SCALE = 1024;
const BETA = 717;
/** Time is counted in 1/1024 s. @kernel BICTCP_HZ — net/ipv4/tcp_cubic.c, 7.3 */
const BICTCP_HZ = 1024;
/** The constant C of the cubic function is 41/1024, about 0.4 over ten. @kernel bic_scale — net/ipv4/tcp_cubic.c, 7.3 */
const BIC_SCALE = 41;
const CUBE_RTT_SCALE = BIC_SCALE * 10;
const TWO_TO_40 = 2 ** 40;
/** 1/C with the time unit cubed, rounded down: K is the cube root of this times the segments to win back. */
const CUBE_FACTOR = Math.floor(TWO_TO_40 / (BIC_SCALE * 10));
/** Segments to win back that the product with `CUBE_FACTOR` can hold. The kernel was tested to a million. */
const MAX_DISTANCE = 2 ** 21;
/** Eighths of a window that Reno needs per segment of growth, with CUBIC's milder reduction. */
const BETA_SCALE = Math.trunc(Math.trunc((8 * (BICTCP_BETA_SCALE + BETA)) / 3) / (BICTCP_BETA_SCALE - BETA));
/** The function is looked at no oftener than this while the window stays. */
const UPDATE_INTERVAL_MS = Math.trunc(1000 / 32);
/** Round trips this soon after a loss are those of a queue that drains. */
const SETTLE_MS = 1000;

/** @kernel bictcp — net/ipv4/tcp_cubic.c, 7.3 */
export class Cubic implements CongestionControl {
  readonly name: string = 'cubic';
  readonly hystart: Hystart = new Hystart();
  readonly #sk: TcpSock;
  /** Acknowledged segments that the window grows by one for. */
  cnt: number = 0;
  /** Window at the last loss, less if it had not come back to the one before; 0 none yet. */
  lastMaxCwnd: number = 0;
  lastCwnd: number = 0;
  lastTimeMs: number = 0;
  /** Plateau of the function, and time from the start of the epoch to it, 1/1024 s. */
  originPoint: number = 0;
  k: number = 0;
  /** Least round trip, µs; 0 not known. */
  delayMinUs: number = 0;
  /** An epoch begins with the first growth after a loss. */
  inEpoch: boolean = false;
  epochStartMs: number = 0;
  ackCnt: number = 0;
  /** The window that Reno would have. */
  tcpCwnd: number = 0;

  constructor(sk: TcpSock) {
    this.#sk = sk;
  }

  /** @kernel cubictcp_init — net/ipv4/tcp_cubic.c, 7.3 */
  init(): void {
    this.#reset();
    this.hystart.reset(this.#sk);
  }

  /** @kernel bictcp_reset — net/ipv4/tcp_cubic.c, 7.3 */
  #reset(): void {
    this.cnt = 0;
    this.lastMaxCwnd = 0;
    this.lastCwnd = 0;
    this.lastTimeMs = 0;
    this.originPoint = 0;
    this.k = 0;
    this.delayMinUs = 0;
    this.inEpoch = false;
    this.epochStartMs = 0;
    this.ackCnt = 0;
    this.tcpCwnd = 0;
    this.hystart.found = false;
  }

  /** With fast convergence: who lost before it came back to its old window leaves room for others. @kernel cubictcp_recalc_ssthresh — net/ipv4/tcp_cubic.c, 7.3 */
  ssthresh(): number {
    const { cwnd } = this.#sk.cong;
    this.inEpoch = false;
    this.lastMaxCwnd =
      cwnd < this.lastMaxCwnd ? Math.trunc((cwnd * (BICTCP_BETA_SCALE + BETA)) / (2 * BICTCP_BETA_SCALE)) : cwnd;
    return Math.max(Math.trunc((cwnd * BETA) / BICTCP_BETA_SCALE), 2);
  }

  /** @kernel cubictcp_cong_avoid — net/ipv4/tcp_cubic.c, 7.3 */
  congAvoid(acked: number): void {
    const { cong } = this.#sk;
    if (!cong.isCwndLimited()) return;
    let left = acked;
    if (cong.inSlowStart) {
      left = cong.slowStart(left);
      if (left === 0) return;
    }
    this.#update(cong.cwnd, left);
    cong.congAvoidAi(this.cnt, left);
  }

  /** Sets `cnt` for the present window. */
  #update(cwnd: number, acked: number): void {
    const now = this.#sk.stack.nowMs;
    this.ackCnt += acked;
    if (this.lastCwnd === cwnd && ((now - this.lastTimeMs) | 0) <= UPDATE_INTERVAL_MS) return;
    // The function of the time changes at most once a millisecond; Reno's window with every ACK.
    if (!this.inEpoch || now !== this.lastTimeMs) this.#follow(cwnd, acked, now);
    this.#befriend(cwnd);
    // At most half a segment for each that is acknowledged.
    this.cnt = Math.max(this.cnt, 2);
  }

  /** Where the cubic function wants to be one round trip from now, and so how fast to go there. */
  #follow(cwnd: number, acked: number, now: number): void {
    this.lastCwnd = cwnd;
    this.lastTimeMs = now;
    if (!this.inEpoch) this.#beginEpoch(cwnd, acked, now);
    const aheadMs = ((now - this.epochStartMs) | 0) + Math.ceil(this.delayMinUs / 1000);
    const t = Math.trunc((aheadMs * BICTCP_HZ) / 1000);
    const offset = Math.abs(t - this.k);
    const delta = Math.floor((CUBE_RTT_SCALE * offset * offset * offset) / TWO_TO_40);
    const target = t < this.k ? this.originPoint - delta : this.originPoint + delta;
    this.cnt = target > cwnd ? Math.trunc(cwnd / (target - cwnd)) : 100 * cwnd;
    // No loss yet: nothing to be careful about.
    if (this.lastMaxCwnd === 0 && this.cnt > 20) this.cnt = 20;
  }

  #beginEpoch(cwnd: number, acked: number, now: number): void {
    this.inEpoch = true;
    this.epochStartMs = now;
    this.ackCnt = acked;
    this.tcpCwnd = cwnd;
    if (this.lastMaxCwnd <= cwnd) {
      this.k = 0;
      this.originPoint = cwnd;
    } else {
      this.k = cubicRoot(CUBE_FACTOR * Math.min(this.lastMaxCwnd - cwnd, MAX_DISTANCE));
      this.originPoint = this.lastMaxCwnd;
    }
  }

  /** Not slower than Reno. */
  #befriend(cwnd: number): void {
    const every = (cwnd * BETA_SCALE) >>> 3;
    if (every > 0 && this.ackCnt > every) {
      const grown = Math.trunc((this.ackCnt - 1) / every);
      this.ackCnt -= grown * every;
      this.tcpCwnd += grown;
    }
    if (this.tcpCwnd > cwnd) this.cnt = Math.min(this.cnt, Math.trunc(cwnd / (this.tcpCwnd - cwnd)));
  }

  undoCwnd(): number {
    const { cong } = this.#sk;
    return Math.max(cong.cwnd, cong.priorCwnd);
  }

  /** @kernel cubictcp_state — net/ipv4/tcp_cubic.c, 7.3 */
  setState(state: number): void {
    if (state !== TCP_CA_LOSS) return;
    this.#reset();
    this.hystart.reset(this.#sk);
  }

  /** Time in which the application sent nothing does not count. @kernel cubictcp_cwnd_event_tx_start — net/ipv4/tcp_cubic.c, 7.3 */
  txStart(): void {
    if (!this.inEpoch) return;
    const sk = this.#sk;
    const now = sk.stack.nowMs;
    const idle = (now - sk.lsndTimeMs) | 0;
    if (idle <= 0) return;
    this.epochStartMs = (this.epochStartMs + idle) | 0;
    if (((this.epochStartMs - now) | 0) > 0) this.epochStartMs = now;
  }

  /** @kernel cubictcp_acked — net/ipv4/tcp_cubic.c, 7.3 */
  pktsAcked(_acked: number, rttUs: number): void {
    if (rttUs < 0) return;
    const sk = this.#sk;
    if (this.inEpoch && ((sk.stack.nowMs - this.epochStartMs) | 0) < SETTLE_MS) return;
    const delay = Math.max(rttUs, 1);
    if (this.delayMinUs === 0 || this.delayMinUs > delay) this.delayMinUs = delay;
    if (!this.hystart.found && sk.cong.inSlowStart) this.hystart.update(sk, delay, this.delayMinUs);
  }
}

export const CUBIC: CongestionAlgorithm = { name: 'cubic', create: (sk) => new Cubic(sk) };
