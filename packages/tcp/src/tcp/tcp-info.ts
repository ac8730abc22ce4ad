/** What getsockopt(TCP_INFO) tells. */
import { ipHeaderBytes } from './mss.ts';
import type { TcpSock } from './tcp-sock.ts';

const TCPI_OPT_TIMESTAMPS = 1;
const TCPI_OPT_SACK = 2;
const TCPI_OPT_WSCALE = 4;

/** What `getsockopt(TCP_INFO)` reports, in the units of struct tcp_info. @kernel tcp_get_info — net/ipv4/tcp.c, 7.3 */
export interface TcpInfo {
  state: number;
  caState: number;
  retransmits: number;
  probes: number;
  backoff: number;
  /** TCPI_OPT_TIMESTAMPS 1, SACK 2, WSCALE 4. */
  options: number;
  sndWscale: number;
  rcvWscale: number;
  rtoUs: number;
  atoUs: number;
  sndMss: number;
  rcvMss: number;
  unacked: number;
  sacked: number;
  lost: number;
  retrans: number;
  lastDataSentMs: number;
  lastDataRecvMs: number;
  lastAckRecvMs: number;
  pmtu: number;
  rcvSsthresh: number;
  rttUs: number;
  rttvarUs: number;
  sndSsthresh: number;
  sndCwnd: number;
  advmss: number;
  reordering: number;
  rcvRttUs: number;
  rcvSpace: number;
  totalRetrans: number;
  bytesAcked: number;
  bytesReceived: number;
  bytesSent: number;
  bytesRetrans: number;
  segsOut: number;
  segsIn: number;
  dataSegsIn: number;
  dataSegsOut: number;
  notsentBytes: number;
  minRttUs: number;
  rcvOoopack: number;
  sndWnd: number;
  rcvWnd: number;
  /** Segments delivered, copies that were superfluous included. */
  delivered: number;
  /** Segments that D-SACKs reported, and times that reordering was seen. */
  dsackDups: number;
  reordSeen: number;
  /** Retransmission timeouts. */
  totalRto: number;
}

/** A snapshot of a sock. */
export function fillInfo(sk: TcpSock): TcpInfo {
  const { rtt, cong, wnd, ack, options } = sk;
  const now = sk.stack.nowMs;
  return {
    state: sk.state,
    caState: cong.state,
    retransmits: sk.retransmits,
    probes: sk.probesOut,
    backoff: sk.backoff,
    options:
      (options.tstampOk ? TCPI_OPT_TIMESTAMPS : 0) |
      (options.sackOk ? TCPI_OPT_SACK : 0) |
      (options.wscaleOk ? TCPI_OPT_WSCALE : 0),
    sndWscale: options.sndWscale,
    rcvWscale: wnd.rcvWscale,
    rtoUs: rtt.rtoMs * 1000,
    atoUs: ack.atoMs * 1000,
    sndMss: sk.mssCache,
    rcvMss: ack.rcvMss,
    unacked: sk.packetsOut,
    sacked: sk.sackedOut,
    lost: sk.lostOut,
    retrans: sk.retransOut,
    lastDataSentMs: (now - sk.lsndTimeMs) | 0,
    lastDataRecvMs: (now - ack.lrcvtimeMs) | 0,
    lastAckRecvMs: (now - sk.rcvTstampMs) | 0,
    pmtu: sk.pmtu === 0 ? sk.mssCache + ipHeaderBytes(sk) + sk.headerLength : sk.pmtu,
    rcvSsthresh: wnd.ssthresh,
    rttUs: rtt.srttUs >> 3,
    rttvarUs: rtt.mdevUs >> 2,
    sndSsthresh: cong.ssthresh,
    sndCwnd: cong.cwnd,
    advmss: sk.advmss,
    reordering: sk.reordering,
    rcvRttUs: wnd.rttUs >> 3,
    rcvSpace: wnd.spaceBytes,
    totalRetrans: sk.totalRetrans,
    bytesAcked: sk.bytesAcked,
    bytesReceived: sk.bytesReceived,
    bytesSent: sk.bytesSent,
    bytesRetrans: sk.bytesRetrans,
    segsOut: sk.segsOut,
    segsIn: sk.segsIn,
    dataSegsIn: sk.dataSegsIn,
    dataSegsOut: sk.dataSegsOut,
    notsentBytes: Math.max(0, (sk.writeSeq - sk.sndNxt) | 0),
    minRttUs: Math.max(0, rtt.minRttUs),
    rcvOoopack: sk.rcvOoopack,
    sndWnd: sk.sndWnd,
    rcvWnd: wnd.rcvWnd,
    delivered: sk.delivered,
    dsackDups: sk.dsackDups,
    reordSeen: sk.reordSeen,
    totalRto: sk.totalRto,
  };
}
