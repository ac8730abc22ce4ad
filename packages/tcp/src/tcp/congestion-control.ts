/** What a congestion control algorithm is to the rest of TCP. */
import type { TcpSock } from './tcp-sock.ts';

/**
 * One algorithm at work on one connection. It may write `cwnd`, `ssthresh` and `cwndCnt` of the connection's `cong`, and keeps what else it needs itself.
 *
 * @kernel tcp_congestion_ops — include/net/tcp.h, 7.3 (partial: no cong_control, no cwnd_event but the first transmission)
 */
export interface CongestionControl {
  readonly name: string;
  /** The connection begins, or this algorithm takes it over: forget everything. */
  init(): void;
  /** The threshold, in segments, after a loss at the present window. */
  ssthresh(): number;
  /** `acked` segments (1 or more) were delivered in order: grow. */
  congAvoid(acked: number): void;
  /** The window, in segments, after a reduction that was for nothing. */
  undoCwnd(): number;
  /** `state` (TCP_CA_*) follows `cong.state`. */
  setState(state: number): void;
  /** Data leave after nothing was in flight; `lsndTimeMs` still tells when the last left. */
  txStart(): void;
  /** `acked` segments are acknowledged; the newest of all delivered took `rttUs`, -1 not measured. */
  pktsAcked(acked: number, rttUs: number): void;
}

/** An algorithm by its name. */
export interface CongestionAlgorithm {
  readonly name: string;
  create(sk: TcpSock): CongestionControl;
}
