/** Congestion control of RFC 5681: one segment more a round trip, half the window after a loss. */
import type { Congestion } from './congestion.ts';
import type { CongestionAlgorithm, CongestionControl } from './congestion-control.ts';

/** @kernel tcp_reno — net/ipv4/tcp_cong.c, 7.3 */
export class Reno implements CongestionControl {
  readonly name: string = 'reno';
  readonly #cong: Congestion;

  constructor(cong: Congestion) {
    this.#cong = cong;
  }

  init(): void {
    // Window and threshold are all there is.
  }

  /** Half the window, at least two (RFC 5681, 3.1, equation 4, with the window for the flight size as Linux has it). @kernel tcp_reno_ssthresh — net/ipv4/tcp_cong.c, 7.3 */
  ssthresh(): number {
    return Math.max(this.#cong.cwnd >> 1, 2);
  }

  /** @kernel tcp_reno_cong_avoid — net/ipv4/tcp_cong.c, 7.3 */
  congAvoid(acked: number): void {
    const cong = this.#cong;
    if (!cong.isCwndLimited()) return;
    let left = acked;
    if (cong.inSlowStart) {
      left = cong.slowStart(left);
      if (left === 0) return;
    }
    cong.congAvoidAi(cong.cwnd, left);
  }

  /** @kernel tcp_reno_undo_cwnd — net/ipv4/tcp_cong.c, 7.3 */
  undoCwnd(): number {
    return Math.max(this.#cong.cwnd, this.#cong.priorCwnd);
  }

  setState(): void {
    // The same in every state.
  }

  txStart(): void {
    // Idling changes nothing but the window, and that the sender sees to.
  }

  pktsAcked(): void {
    // Round trips do not matter.
  }
}

export const RENO: CongestionAlgorithm = { name: 'reno', create: (sk) => new Reno(sk.cong) };
