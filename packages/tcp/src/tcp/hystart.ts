/**
 * HyStart: leaves slow start before the first loss, when a train of ACKs is as long as half a round trip, or round trips have become longer.
 *
 * @kernel hystart_update — net/ipv4/tcp_cubic.c, 7.3
 */
import type { TcpSock } from './tcp-sock.ts';

/** Smaller windows say nothing. @kernel hystart_low_window — net/ipv4/tcp_cubic.c, 7.3 */
const HYSTART_LOW_WINDOW = 16;
/** ACKs no further apart than this belong to one train. @kernel hystart_ack_delta_us — net/ipv4/tcp_cubic.c, 7.3 */
const HYSTART_ACK_DELTA_US = 2000;
/** Round trips to look at before judging them. @kernel HYSTART_MIN_SAMPLES — net/ipv4/tcp_cubic.c, 7.3 */
const HYSTART_MIN_SAMPLES = 8;
/** A round trip must have grown by an eighth, within these limits. @kernel HYSTART_DELAY_THRESH — net/ipv4/tcp_cubic.c, 7.3 */
const HYSTART_DELAY_MIN_US = 4000;
const HYSTART_DELAY_MAX_US = 16_000;
/** Bytes of a super-segment, which a path may hold back to send at once. */
const GSO_MAX_BYTES = 65536;
/** @kernel sysctl_tcp_pacing_ss_ratio — net/ipv4/tcp_ipv4.c, 7.3 */
const PACING_SS_RATIO = 2;
const PACING_CA_RATIO = 1.2;

export class Hystart {
  /** Slow start was ended, once per connection and timeout. */
  found: boolean = false;
  /** When this round trip began, and the last ACK of its train came, µs. */
  roundStartUs: number = 0;
  lastAckUs: number = 0;
  /** The round is over when more than this is acknowledged. */
  endSeq: number = 0;
  /** Least round trip of this round, µs, and the samples it is of. */
  currRttUs: number = 0;
  sampleCount: number = 0;

  /** A round begins. @kernel bictcp_hystart_reset — net/ipv4/tcp_cubic.c, 7.3 */
  reset(sk: TcpSock): void {
    this.roundStartUs = sk.stack.nowUs;
    this.lastAckUs = this.roundStartUs;
    this.endSeq = sk.sndNxt;
    this.currRttUs = 0x7fffffff;
    this.sampleCount = 0;
  }

  /**
   * An ACK during slow start.
   *
   * @param delayUs - its round trip.
   * @param delayMinUs - least round trip of the connection.
   */
  update(sk: TcpSock, delayUs: number, delayMinUs: number): void {
    if (((sk.sndUna - this.endSeq) | 0) > 0) this.reset(sk);
    if (sk.cong.cwnd < HYSTART_LOW_WINDOW) return;
    const stats = sk.stack.stats;
    const nowUs = sk.stack.nowUs;
    if (((nowUs - this.lastAckUs) | 0) <= HYSTART_ACK_DELTA_US) {
      this.lastAckUs = nowUs;
      const threshold = (delayMinUs + ackDelayUs(sk)) >>> 1;
      if (((nowUs - this.roundStartUs) | 0) > threshold) {
        stats.TcpExtTCPHystartTrainDetect++;
        stats.TcpExtTCPHystartTrainCwnd += sk.cong.cwnd;
        this.#leaveSlowStart(sk);
      }
    }
    if (delayUs < this.currRttUs) this.currRttUs = delayUs;
    if (this.sampleCount < HYSTART_MIN_SAMPLES) {
      this.sampleCount++;
      return;
    }
    const slack = Math.min(Math.max(delayMinUs >>> 3, HYSTART_DELAY_MIN_US), HYSTART_DELAY_MAX_US);
    if (this.currRttUs > delayMinUs + slack) {
      stats.TcpExtTCPHystartDelayDetect++;
      stats.TcpExtTCPHystartDelayCwnd += sk.cong.cwnd;
      this.#leaveSlowStart(sk);
    }
  }

  #leaveSlowStart(sk: TcpSock): void {
    this.found = true;
    sk.cong.ssthresh = sk.cong.cwnd;
  }
}

/** How much a train may be stretched by segments that are held back to travel together: four super-segments at the sender's rate, a millisecond at most. @kernel hystart_ack_delay — net/ipv4/tcp_cubic.c, 7.3 */
function ackDelayUs(sk: TcpSock): number {
  const bytesPerUs = pacingBytesPerUs(sk);
  return bytesPerUs === 0 ? 0 : Math.min(1000, Math.trunc((GSO_MAX_BYTES * 4) / bytesPerUs));
}

/** The rate that a window a round trip makes, with room to grow. Nothing is paced by it here. @kernel tcp_update_pacing_rate — net/ipv4/tcp_input.c, 7.3 */
function pacingBytesPerUs(sk: TcpSock): number {
  const { cwnd, ssthresh } = sk.cong;
  const ratio = cwnd < ssthresh >> 1 ? PACING_SS_RATIO : PACING_CA_RATIO;
  const bytes = sk.mssCache * Math.max(cwnd, sk.packetsOut) * ratio;
  return (bytes * 8) / Math.max(sk.rtt.srttUs, 1);
}
