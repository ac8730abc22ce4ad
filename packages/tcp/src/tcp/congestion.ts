/**
 * How much may be in flight: window and threshold, the states that Linux puts around them, and the proportional rate reduction of RFC 6937 during
 * recovery. The scoreboard (scoreboard.ts) decides what is lost; how fast the window grows and how far it falls an algorithm decides (newreno.ts,
 * cubic.ts).
 *
 * @kernel tcp_cong_control — net/ipv4/tcp_input.c, 7.3
 */
import type { CongestionControl } from './congestion-control.ts';
import { Reno } from './newreno.ts';

/** @kernel tcp_ca_state — include/uapi/linux/tcp.h, 7.3 */
export const TCP_CA_OPEN = 0;
/** Duplicate ACKs or SACKs were seen, not enough to call it loss. */
export const TCP_CA_DISORDER = 1;
/** The window is being reduced for another reason than loss: a local drop, a router's mark. */
export const TCP_CA_CWR = 2;
/** Fast recovery. */
export const TCP_CA_RECOVERY = 3;
/** After a retransmission timeout. */
export const TCP_CA_LOSS = 4;

/** RFC 6928. @kernel TCP_INIT_CWND — include/net/tcp.h, 7.3 */
export const TCP_INIT_CWND = 10;
/** @kernel TCP_INFINITE_SSTHRESH — include/net/tcp.h, 7.3 */
export const TCP_INFINITE_SSTHRESH = 0x7fffffff;

export class Congestion {
  /** The algorithm in charge. */
  control: CongestionControl;
  /** The user chose it by TCP_CONGESTION: connections of a listener get it too. @kernel icsk_ca_setsockopt — include/net/inet_connection_sock.h, 7.3 */
  chosen: boolean = false;
  /** Changed by `setState` alone. */
  state: number = TCP_CA_OPEN;
  /** Congestion window and threshold, in segments. */
  cwnd: number = TCP_INIT_CWND;
  ssthresh: number = TCP_INFINITE_SSTHRESH;
  /** Segments acknowledged since congestion avoidance grew the window last. */
  cwndCnt: number = 0;
  readonly cwndClamp: number = 0x7fffffff;
  /** Recovery ends when this is acknowledged. */
  highSeq: number = 0;
  priorCwnd: number = 0;
  priorSsthresh: number = 0;
  /** For undo.ts: a recovery can be taken back; sndUna when it began; retransmissions not yet known to be superfluous, -1 none sent. */
  undoValid: boolean = false;
  undoMarker: number = 0;
  undoRetrans: number = 0;
  /** A timeout may have been for nothing: the next ACKs tell (RFC 5682). */
  frto: boolean = false;
  prrDelivered: number = 0;
  prrOut: number = 0;
  /** The window, not the application, held data back; else it must not grow (RFC 7661). */
  cwndLimited: boolean = false;
  maxPacketsOut: number = 0;
  cwndUsageSeq: number = 0;
  /** Most segments that were out while the application was the limit. */
  cwndUsed: number = 0;
  cwndStampMs: number = 0;

  constructor() {
    this.control = new Reno(this);
  }

  /** For another connection, with the same algorithm. */
  reset(): void {
    this.cwnd = TCP_INIT_CWND;
    this.ssthresh = TCP_INFINITE_SSTHRESH;
    this.cwndCnt = 0;
    this.undoValid = false;
    this.frto = false;
    this.cwndLimited = false;
    this.maxPacketsOut = 0;
    this.setState(TCP_CA_OPEN);
  }

  /** @kernel tcp_set_ca_state — include/net/tcp.h, 7.3 */
  setState(state: number): void {
    this.control.setState(state);
    this.state = state;
  }

  /** @kernel tcp_in_slow_start — include/net/tcp.h, 7.3 */
  get inSlowStart(): boolean {
    return this.cwnd < this.ssthresh;
  }

  /** The window is under the control of PRR. @kernel tcp_in_cwnd_reduction — include/net/tcp.h, 7.3 */
  get inReduction(): boolean {
    return this.state === TCP_CA_CWR || this.state === TCP_CA_RECOVERY;
  }

  /** Threshold to come back to if the coming reduction is taken back. @kernel tcp_current_ssthresh — include/net/tcp.h, 7.3 */
  get currentSsthresh(): number {
    return this.inReduction ? this.ssthresh : Math.max(this.ssthresh, (this.cwnd >> 1) + (this.cwnd >> 2));
  }

  /** One more for each that was acknowledged, up to the threshold. @returns what is left of `acked` beyond it. @kernel tcp_slow_start — net/ipv4/tcp_cong.c, 7.3 */
  slowStart(acked: number): number {
    const grown = Math.min(this.cwnd + acked, this.ssthresh);
    const left = acked - (grown - this.cwnd);
    this.cwnd = Math.min(grown, this.cwndClamp);
    return left;
  }

  /** One more for every `every` acknowledged. @kernel tcp_cong_avoid_ai — net/ipv4/tcp_cong.c, 7.3 */
  congAvoidAi(every: number, acked: number): void {
    // Credits from a time when more were needed count for one only.
    if (this.cwndCnt >= every) {
      this.cwndCnt = 0;
      this.cwnd++;
    }
    this.cwndCnt += acked;
    if (this.cwndCnt >= every) {
      const add = Math.trunc(this.cwndCnt / every);
      this.cwndCnt -= add * every;
      this.cwnd += add;
    }
    this.cwnd = Math.min(this.cwnd, this.cwndClamp);
  }

  /** @kernel tcp_is_cwnd_limited — include/net/tcp.h, 7.3 */
  isCwndLimited(): boolean {
    if (this.cwndLimited) return true;
    return this.inSlowStart && this.cwnd < 2 * this.maxPacketsOut;
  }

  /** Starts recovery or CWR: what PRR counts from. */
  initReduction(sndNxt: number): void {
    this.highSeq = sndNxt;
    this.cwndCnt = 0;
    this.priorCwnd = this.cwnd;
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.ssthresh = this.control.ssthresh();
  }

  /** PRR: what an ACK that delivered `delivered` segments lets out. @kernel tcp_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
  reduce(delivered: number, newlyLost: number, sndUnaAdvanced: boolean, inFlight: number): void {
    if (delivered <= 0 || this.priorCwnd === 0) return;
    const delta = this.ssthresh - inFlight;
    this.prrDelivered += delivered;
    let send: number;
    if (delta < 0) {
      send = Math.ceil((this.ssthresh * this.prrDelivered) / this.priorCwnd) - this.prrOut;
    } else {
      send = Math.max(this.prrDelivered - this.prrOut, delivered);
      if (sndUnaAdvanced && newlyLost === 0) send++;
      send = Math.min(delta, send);
    }
    // The first retransmission leaves at once.
    this.cwnd = inFlight + Math.max(send, this.prrOut > 0 ? 0 : 1);
  }

  /** The window is what the threshold says, unless the reduction was taken back. @kernel tcp_end_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
  endReduction(nowMs: number): void {
    if (this.ssthresh < TCP_INFINITE_SSTHRESH && (this.state === TCP_CA_CWR || this.undoValid)) {
      this.cwnd = this.ssthresh;
      this.cwndStampMs = nowMs;
    }
  }

  /** Whether a timeout at `sndUna` begins a new recovery: once per window of data, a second timeout inside the same does not reduce again. */
  isNewLoss(sndUna: number, firstTimeout: boolean): boolean {
    if (this.state <= TCP_CA_DISORDER || ((sndUna - this.highSeq) | 0) >= 0) return true;
    return this.state === TCP_CA_LOSS && firstTimeout;
  }

  /** A retransmission timeout that begins a new recovery: what an undo comes back to. */
  rememberForUndo(): void {
    this.priorSsthresh = this.currentSsthresh;
    this.priorCwnd = this.cwnd;
    this.ssthresh = this.control.ssthresh();
  }

  /** A retransmission timeout: back to slow start from one segment. @kernel tcp_enter_loss — net/ipv4/tcp_input.c, 7.3 */
  enterLoss(sndNxt: number, inFlight: number, nowMs: number): void {
    this.cwnd = inFlight + 1;
    this.cwndCnt = 0;
    this.cwndStampMs = nowMs;
    this.setState(TCP_CA_LOSS);
    this.highSeq = sndNxt;
  }

  /** Restart after idling: halve for every RTO gone, not below the initial window. @kernel tcp_cwnd_restart — net/ipv4/tcp_output.c, 7.3 */
  restartAfterIdle(idleMs: number, rtoMs: number, nowMs: number): void {
    const restart = Math.min(TCP_INIT_CWND, this.cwnd);
    this.ssthresh = this.currentSsthresh;
    let left = idleMs - rtoMs;
    while (left > 0 && this.cwnd > restart) {
      this.cwnd >>= 1;
      left -= rtoMs;
    }
    this.cwnd = Math.max(this.cwnd, restart);
    this.cwndStampMs = nowMs;
    this.cwndUsed = 0;
  }
}
