/**
 * Congestion control: slow start and congestion avoidance of RFC 5681, the states that Linux puts around them, and the proportional rate reduction of
 * RFC 6937 during recovery. The scoreboard (scoreboard.ts) decides what is lost; this decides how much may be in flight.
 *
 * @kernel tcp_reno_cong_avoid — net/ipv4/tcp_cong.c, 7.3
 */

/** @kernel tcp_ca_state — include/uapi/linux/tcp.h, 7.3 */
export const TCP_CA_OPEN = 0;
/** Duplicate ACKs or SACKs were seen, not enough to call it loss. */
export const TCP_CA_DISORDER = 1;
/** The window is being reduced for another reason than loss: a local drop. */
export const TCP_CA_CWR = 2;
/** Fast recovery. */
export const TCP_CA_RECOVERY = 3;
/** After a retransmission timeout. */
export const TCP_CA_LOSS = 4;

/** RFC 6928. @kernel TCP_INIT_CWND — include/net/tcp.h, 7.3 */
export const TCP_INIT_CWND = 10;
/** @kernel TCP_INFINITE_SSTHRESH — include/net/tcp.h, 7.3 */
export const TCP_INFINITE_SSTHRESH = 0x7fffffff;

export class NewReno {
  state: number = TCP_CA_OPEN;
  /** Congestion window and threshold, in segments. */
  cwnd: number = TCP_INIT_CWND;
  ssthresh: number = TCP_INFINITE_SSTHRESH;
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
  prrDelivered: number = 0;
  prrOut: number = 0;
  /** The window, not the application, held data back; else it must not grow (RFC 7661). */
  cwndLimited: boolean = false;
  maxPacketsOut: number = 0;
  cwndUsageSeq: number = 0;
  cwndUsedMs: number = 0;
  cwndStampMs: number = 0;

  get inSlowStart(): boolean {
    return this.cwnd < this.ssthresh;
  }

  /** The window is under the control of PRR. */
  get inReduction(): boolean {
    return this.state === TCP_CA_CWR || this.state === TCP_CA_RECOVERY;
  }

  /** ssthresh after a loss: half the window, at least two (RFC 5681, 3.1, equation 4, with cwnd for the flight size as Linux has it). */
  ssthreshAfterLoss(): number {
    return Math.max(this.cwnd >> 1, 2);
  }

  /** Threshold to come back to if the coming reduction is taken back. @kernel tcp_current_ssthresh — include/net/tcp.h, 7.3 */
  get currentSsthresh(): number {
    return this.inReduction ? this.ssthresh : Math.max(this.ssthresh, (this.cwnd >> 1) + (this.cwnd >> 2));
  }

  /** `acked` segments were newly acknowledged. @kernel tcp_reno_cong_avoid — net/ipv4/tcp_cong.c, 7.3 */
  onAcked(acked: number): void {
    if (!this.isCwndLimited()) return;
    let left = acked;
    if (this.inSlowStart) {
      const grown = Math.min(this.cwnd + left, this.ssthresh);
      left -= grown - this.cwnd;
      this.cwnd = Math.min(grown, this.cwndClamp);
      if (left === 0) return;
    }
    if (this.cwndCnt >= this.cwnd) {
      this.cwndCnt = 0;
      this.cwnd++;
    }
    this.cwndCnt += left;
    if (this.cwndCnt >= this.cwnd) {
      const add = Math.trunc(this.cwndCnt / this.cwnd);
      this.cwndCnt -= add * this.cwnd;
      this.cwnd += add;
    }
    this.cwnd = Math.min(this.cwnd, this.cwndClamp);
  }

  /** @kernel tcp_is_cwnd_limited — include/net/tcp.h, 7.3 */
  isCwndLimited(): boolean {
    if (this.cwndLimited) return true;
    return this.inSlowStart && this.cwnd < 2 * this.maxPacketsOut;
  }

  /** After sending: was the window the limit? @kernel tcp_cwnd_validate — net/ipv4/tcp_output.c, 7.3 */
  validate(limited: boolean, packetsOut: number, sndUna: number, sndNxt: number, nowMs: number): void {
    if (((sndUna - this.cwndUsageSeq) | 0) >= 0 || limited || (!this.cwndLimited && packetsOut > this.maxPacketsOut)) {
      this.cwndLimited = limited;
      this.maxPacketsOut = packetsOut;
      this.cwndUsageSeq = sndNxt;
    }
    if (this.isCwndLimited()) {
      this.cwndUsedMs = 0;
      this.cwndStampMs = nowMs;
    } else if (packetsOut > this.cwndUsedMs) {
      this.cwndUsedMs = packetsOut;
    }
  }

  /** Starts recovery or CWR: what PRR counts from. @kernel tcp_init_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
  initReduction(sndNxt: number): void {
    this.highSeq = sndNxt;
    this.cwndCnt = 0;
    this.priorCwnd = this.cwnd;
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.ssthresh = this.ssthreshAfterLoss();
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

  /** @kernel tcp_end_cwnd_reduction — net/ipv4/tcp_input.c, 7.3 */
  endReduction(nowMs: number): void {
    if (this.ssthresh < TCP_INFINITE_SSTHRESH && (this.state === TCP_CA_CWR || this.state === TCP_CA_RECOVERY)) {
      this.cwnd = this.ssthresh;
      this.cwndStampMs = nowMs;
    }
  }

  /** A local queue dropped a segment. @kernel tcp_enter_cwr — net/ipv4/tcp_input.c, 7.3 */
  enterCwr(sndNxt: number): void {
    if (this.state >= TCP_CA_CWR) return;
    this.undoValid = false;
    this.initReduction(sndNxt);
    this.state = TCP_CA_CWR;
  }

  /** Whether a timeout at `sndUna` begins a new recovery: once per window of data, a second timeout inside the same does not halve again. */
  isNewLoss(sndUna: number, firstTimeout: boolean): boolean {
    if (this.state <= TCP_CA_DISORDER || ((sndUna - this.highSeq) | 0) >= 0) return true;
    return this.state === TCP_CA_LOSS && firstTimeout;
  }

  /** A retransmission timeout: back to slow start from one segment. @kernel tcp_enter_loss — net/ipv4/tcp_input.c, 7.3 */
  enterLoss(sndNxt: number, inFlight: number, newLoss: boolean, nowMs: number): void {
    if (newLoss) {
      this.priorSsthresh = this.currentSsthresh;
      this.priorCwnd = this.cwnd;
      this.ssthresh = this.ssthreshAfterLoss();
    }
    this.cwnd = inFlight + 1;
    this.cwndCnt = 0;
    this.cwndStampMs = nowMs;
    this.state = TCP_CA_LOSS;
    this.highSeq = sndNxt;
  }

  /** Restart after idling: halve for every RTO gone, not below the initial window. @kernel tcp_cwnd_restart — net/ipv4/tcp_output.c, 7.3 */
  restartAfterIdle(idleMs: number, rtoMs: number, nowMs: number): void {
    const restart = Math.min(TCP_INIT_CWND, this.cwnd);
    this.ssthresh = Math.max(this.ssthresh, (this.cwnd >> 1) + (this.cwnd >> 2));
    let left = idleMs - rtoMs;
    while (left > 0 && this.cwnd > restart) {
      this.cwnd >>= 1;
      left -= rtoMs;
    }
    this.cwnd = Math.max(this.cwnd, restart);
    this.cwndStampMs = nowMs;
    this.cwndUsedMs = 0;
  }
}
