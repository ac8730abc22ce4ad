import { ENOENT, KernelError } from '@netmem/uapi';

/**
 * The knobs under `/proc/sys/net` that this stack honours, with Linux's defaults. Plain values, read where they are used; a host's owner may write them
 * before opening sockets.
 */
export class Sysctl {
  /** Receive buffer: least, default, most. The default of `most` was raised to 32 MiB in Linux 6.17; 6 MiB, its value before, fits a simulated machine. @kernel sysctl_tcp_rmem — net/ipv4/tcp.c, 7.3 */
  tcpRmemMin: number = 4096;
  tcpRmemDefault: number = 131072;
  tcpRmemMax: number = 6291456;
  tcpWmemMin: number = 4096;
  tcpWmemDefault: number = 16384;
  tcpWmemMax: number = 4194304;
  /** Limits of SO_RCVBUF and SO_SNDBUF. @kernel sysctl_rmem_max — net/core/sock.c, 7.3 */
  /** 4 MiB since Linux 6.17; 212,992 before. */
  rmemMax: number = 4_194_304;
  wmemMax: number = 4_194_304;
  rmemDefault: number = 212992;
  wmemDefault: number = 212992;
  tcpModerateRcvbuf: boolean = true;
  tcpWindowScaling: boolean = true;
  tcpTimestamps: boolean = true;
  tcpSack: boolean = true;
  tcpDsack: boolean = true;
  /** 0 never, 1 ask for it and answer, 2 answer who asks. */
  tcpEcn: number = 2;
  tcpSynRetries: number = 6;
  /** SYNs that are repeated every second before the interval doubles; they come on top of `tcpSynRetries`. */
  tcpSynLinearTimeouts: number = 4;
  tcpSynackRetries: number = 5;
  tcpRetries1: number = 3;
  tcpRetries2: number = 15;
  tcpOrphanRetries: number = 8;
  /** How long an orphan waits in FIN_WAIT2. */
  tcpFinTimeoutMs: number = 60_000;
  /** TIME_WAIT. A constant in Linux (TCP_TIMEWAIT_LEN); a knob here so that a program may end sooner. */
  tcpTimewaitMs: number = 60_000;
  /** Bytes not sent yet above which a socket is not writable; without limit by default. */
  tcpNotsentLowat: number = 0xffffffff;
  /** SO_KEEPALIVE: silence before the first probe, time between probes, probes without an answer. */
  tcpKeepaliveTimeMs: number = 7_200_000;
  tcpKeepaliveIntvlMs: number = 75_000;
  tcpKeepaliveProbes: number = 9;
  tcpMaxTwBuckets: number = 16_384;
  /** 0 off, 1 always, 2 (Linux's default) only for loopback. A connection from the same host and port with a later timestamp replaces a TIME_WAIT. */
  tcpTwReuse: number = 1;
  tcpAbortOnOverflow: boolean = false;
  tcpReordering: number = 3;
  /** 3: tail loss probes. 0: none. */
  tcpEarlyRetrans: number = 3;
  /** Whether a timeout may turn out to be for nothing by the ACKs of new data (RFC 5682); 0 never. */
  tcpFrto: number = 2;
  /** Algorithms that there are. @kernel proc_tcp_available_congestion_control — net/ipv4/sysctl_net_ipv4.c, 7.3 */
  readonly tcpAvailableCongestionControl: readonly string[] = ['reno', 'cubic'];
  #tcpCongestionControl: string = 'cubic';
  tcpLimitOutputBytes: number = 4_194_304;
  /** Least time between two ACKs in answer to the same sock's invalid segments. @kernel sysctl_tcp_invalid_ratelimit — net/ipv4/tcp_ipv4.c, 7.3 */
  tcpInvalidRatelimitMs: number = 500;
  /** Challenge ACKs a second, for the whole host. Linux's default is without limit since 6.0; 1000, its value before, because the peers here are strangers. */
  tcpChallengeAckLimit: number = 1000;
  tcpRtoMinMs: number = 200;
  tcpRtoMaxMs: number = 120_000;
  tcpNoMetricsSave: boolean = true;
  tcpSlowStartAfterIdle: boolean = true;
  tcpMinSndMss: number = 48;
  somaxconn: number = 4096;
  /** SO_BUSY_POLL of new sockets, in microseconds. @kernel sysctl_net_busy_read — net/core/sock.c, 7.3 */
  busyRead: number = 0;
  /** Other than 0: `poll` lets sockets busy poll, too. @kernel sysctl_net_busy_poll — net/core/sock.c, 7.3 */
  busyPoll: number = 0;
  /** Half-open connections a listener may have at a time, whatever its backlog. */
  tcpMaxSynBacklog: number = 1024;
  ipDefaultTtl: number = 64;
  ipLocalPortMin: number = 32768;
  ipLocalPortMax: number = 60999;
  /** ICMP errors sent a second for the whole host. @kernel sysctl_icmp_msgs_per_sec — net/ipv4/icmp.c, 7.3 */
  icmpMsgsPerSec: number = 1000;
  icmpMsgsBurst: number = 50;
  icmpEchoIgnoreAll: boolean = false;
  /** Neighbour tables: bytes of waiting packets per unresolved neighbour, entries, probes, times. @kernel neigh_parms — net/ipv4/arp.c, 7.3 */
  neighUnresQlenBytes: number = 212_992;
  neighMaxEntries: number = 1024;
  neighMcastProbes: number = 3;
  neighUcastProbes: number = 3;
  neighRetransMs: number = 1000;
  neighReachableMs: number = 30_000;
  neighDelayProbeMs: number = 5000;
  neighGcStaleMs: number = 60_000;
  neighLocktimeMs: number = 1000;

  /**
   * The algorithm of sockets that do not choose their own by TCP_CONGESTION.
   *
   * @throws KernelError ENOENT when it is set to one that there is not; the old one stays.
   * @kernel proc_tcp_congestion_control — net/ipv4/sysctl_net_ipv4.c, 7.3
   */
  get tcpCongestionControl(): string {
    return this.#tcpCongestionControl;
  }

  set tcpCongestionControl(name: string) {
    if (!this.tcpAvailableCongestionControl.includes(name)) {
      const known = this.tcpAvailableCongestionControl.join(', ');
      throw new KernelError(ENOENT, 'write', `net.ipv4.tcp_congestion_control is one of ${known}, not '${name}'`);
    }
    this.#tcpCongestionControl = name;
  }
}
