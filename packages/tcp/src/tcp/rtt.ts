/**
 * Round-trip time and retransmission timeout: RFC 6298 in the integer form that Linux uses. `srttUs` is kept times 8, `mdevUs` times 4, so that the
 * shifts lose nothing.
 *
 * @kernel tcp_rtt_estimator — net/ipv4/tcp_input.c, 7.3
 */

/** RTO before the first sample. @kernel TCP_TIMEOUT_INIT — include/net/tcp.h, 7.3 */
export const TCP_TIMEOUT_INIT_MS = 1000;
/** RTO when a SYN had to be sent again: the path may be that slow (RFC 6298, 5.7). @kernel TCP_TIMEOUT_FALLBACK — include/net/tcp.h, 7.3 */
export const TCP_TIMEOUT_FALLBACK_MS = 3000;
/** The least RTT is forgotten after this time. @kernel sysctl_tcp_min_rtt_wlen — net/ipv4/tcp_ipv4.c, 7.3 */
export const MIN_RTT_WINDOW_MS = 300_000;

const TICK_US = 1000;
const MAX_SAMPLE_US = (1 << 27) - 1;

export class RttEstimator {
  /** Smoothed RTT in µs, times 8; 0 no sample yet. */
  srttUs: number = 0;
  mdevUs: number = TCP_TIMEOUT_INIT_MS * 1000;
  mdevMaxUs: number = 0;
  rttvarUs: number = 0;
  rttSeq: number = 0;
  /** Current RTO, already backed off. */
  rtoMs: number = TCP_TIMEOUT_INIT_MS;
  /** Least RTT of the last five minutes; -1 none. */
  minRttUs: number = -1;
  minRttAtMs: number = 0;
  readonly minMs: number;
  readonly maxMs: number;

  constructor(minMs: number, maxMs: number) {
    this.minMs = minMs;
    this.maxMs = maxMs;
  }

  /** Takes one measurement in µs. The variance may shrink once per round trip: `sndUna` and `sndNxt` tell when one is over. */
  sample(rttUs: number, sndUna: number, sndNxt: number): void {
    // Times 8 it must stay an int32; the RTO ends at two minutes anyway.
    let m = Math.min(rttUs, MAX_SAMPLE_US);
    if (this.srttUs === 0) {
      this.srttUs = Math.max(1, m << 3);
      this.mdevUs = m << 1;
      this.rttvarUs = Math.max(this.mdevUs, this.minMs * 1000);
      this.mdevMaxUs = this.rttvarUs;
      this.rttSeq = sndNxt;
      return;
    }
    m -= this.srttUs >> 3;
    this.srttUs = Math.max(1, this.srttUs + m);
    if (m < 0) {
      m = -m - (this.mdevUs >> 2);
      // A sudden fall must not raise the RTO: take only an eighth of it.
      if (m > 0) m >>= 3;
    } else {
      m -= this.mdevUs >> 2;
    }
    this.mdevUs += m;
    if (this.mdevUs > this.mdevMaxUs) {
      this.mdevMaxUs = this.mdevUs;
      if (this.mdevMaxUs > this.rttvarUs) this.rttvarUs = this.mdevMaxUs;
    }
    if (((this.rttSeq - sndUna) | 0) < 0) {
      if (this.mdevMaxUs < this.rttvarUs) this.rttvarUs -= (this.rttvarUs - this.mdevMaxUs) >> 2;
      this.rttSeq = sndNxt;
      this.mdevMaxUs = this.minMs * 1000;
    }
  }

  /** Computes the RTO from the estimate, without backoff. @kernel tcp_set_rto — net/ipv4/tcp_input.c, 7.3 */
  setRto(): void {
    const ms = Math.ceil(((this.srttUs >> 3) + this.rttvarUs) / 1000);
    this.rtoMs = Math.min(ms, this.maxMs);
  }

  /** @kernel tcp_update_rtt_min — net/ipv4/tcp_input.c, 7.3 */
  updateMin(rttUs: number, nowMs: number): void {
    // What took no time at all took a tick.
    const us = rttUs === 0 ? TICK_US : rttUs;
    if (this.minRttUs < 0 || us <= this.minRttUs || ((nowMs - this.minRttAtMs) | 0) > MIN_RTT_WINDOW_MS) {
      this.minRttUs = us;
      this.minRttAtMs = nowMs;
    }
  }

  /** Doubles the RTO after a timeout. */
  backOff(): void {
    this.rtoMs = Math.min(this.rtoMs << 1, this.maxMs);
  }
}
