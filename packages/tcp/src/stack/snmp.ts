/**
 * Counters with the names that `nstat` prints (`/proc/net/snmp` and `/proc/net/netstat`): one plain number field each, incremented where Linux increments
 * them. Not camelCased: people look them up by these names.
 *
 * @kernel snmp4_tcp_list — net/ipv4/proc.c, 7.3
 */
export class SnmpStats {
  IpInReceives: number = 0;
  IpInHdrErrors: number = 0;
  IpInAddrErrors: number = 0;
  IpInUnknownProtos: number = 0;
  IpInDiscards: number = 0;
  IpInDelivers: number = 0;
  IpOutRequests: number = 0;
  IpOutDiscards: number = 0;
  IpOutNoRoutes: number = 0;
  IpReasmReqds: number = 0;
  IpReasmFails: number = 0;
  IpFragFails: number = 0;
  IpOutTransmits: number = 0;

  IpExtInNoRoutes: number = 0;
  IpExtInTruncatedPkts: number = 0;
  IpExtInBcastPkts: number = 0;
  IpExtInMcastPkts: number = 0;
  IpExtInOctets: number = 0;
  IpExtOutOctets: number = 0;
  IpExtInCsumErrors: number = 0;

  Ip6InReceives: number = 0;
  Ip6InHdrErrors: number = 0;
  Ip6InTooBigErrors: number = 0;
  Ip6InNoRoutes: number = 0;
  Ip6InAddrErrors: number = 0;
  Ip6InUnknownProtos: number = 0;
  Ip6InTruncatedPkts: number = 0;
  Ip6InDiscards: number = 0;
  Ip6InDelivers: number = 0;
  Ip6OutRequests: number = 0;
  Ip6OutDiscards: number = 0;
  Ip6OutNoRoutes: number = 0;
  Ip6ReasmReqds: number = 0;
  Ip6ReasmFails: number = 0;
  Ip6InMcastPkts: number = 0;
  Ip6InOctets: number = 0;
  Ip6OutOctets: number = 0;
  Ip6OutTransmits: number = 0;

  IcmpInMsgs: number = 0;
  IcmpInErrors: number = 0;
  IcmpInCsumErrors: number = 0;
  IcmpInDestUnreachs: number = 0;
  IcmpInTimeExcds: number = 0;
  IcmpInEchos: number = 0;
  IcmpInEchoReps: number = 0;
  IcmpOutMsgs: number = 0;
  IcmpOutErrors: number = 0;
  IcmpOutDestUnreachs: number = 0;
  IcmpOutEchos: number = 0;
  IcmpOutEchoReps: number = 0;
  IcmpOutRateLimitGlobal: number = 0;

  Icmp6InMsgs: number = 0;
  Icmp6InErrors: number = 0;
  Icmp6InCsumErrors: number = 0;
  Icmp6InDestUnreachs: number = 0;
  Icmp6InPktTooBigs: number = 0;
  Icmp6InTimeExcds: number = 0;
  Icmp6InParmProblems: number = 0;
  Icmp6InEchos: number = 0;
  Icmp6InEchoReplies: number = 0;
  Icmp6InRouterAdvertisements: number = 0;
  Icmp6InNeighborSolicits: number = 0;
  Icmp6InNeighborAdvertisements: number = 0;
  Icmp6OutMsgs: number = 0;
  Icmp6OutErrors: number = 0;
  Icmp6OutDestUnreachs: number = 0;
  Icmp6OutParmProblems: number = 0;
  Icmp6OutEchos: number = 0;
  Icmp6OutEchoReplies: number = 0;
  Icmp6OutNeighborSolicits: number = 0;
  Icmp6OutNeighborAdvertisements: number = 0;

  UdpInDatagrams: number = 0;
  UdpNoPorts: number = 0;
  UdpInErrors: number = 0;
  UdpOutDatagrams: number = 0;
  UdpRcvbufErrors: number = 0;
  UdpSndbufErrors: number = 0;
  UdpInCsumErrors: number = 0;
  UdpMemErrors: number = 0;

  TcpActiveOpens: number = 0;
  TcpPassiveOpens: number = 0;
  TcpAttemptFails: number = 0;
  TcpEstabResets: number = 0;
  TcpCurrEstab: number = 0;
  TcpInSegs: number = 0;
  TcpOutSegs: number = 0;
  TcpRetransSegs: number = 0;
  TcpInErrs: number = 0;
  TcpOutRsts: number = 0;
  TcpInCsumErrors: number = 0;

  TcpExtSyncookiesFailed: number = 0;
  TcpExtEmbryonicRsts: number = 0;
  TcpExtPruneCalled: number = 0;
  TcpExtRcvPruned: number = 0;
  TcpExtOfoPruned: number = 0;
  TcpExtOutOfWindowIcmps: number = 0;
  TcpExtLockDroppedIcmps: number = 0;
  TcpExtTW: number = 0;
  TcpExtTWRecycled: number = 0;
  TcpExtTWKilled: number = 0;
  TcpExtPAWSActive: number = 0;
  TcpExtPAWSEstab: number = 0;
  TcpExtPAWSOldAck: number = 0;
  TcpExtPAWSTimewait: number = 0;
  TcpExtDelayedACKs: number = 0;
  TcpExtDelayedACKLocked: number = 0;
  TcpExtDelayedACKLost: number = 0;
  TcpExtListenOverflows: number = 0;
  TcpExtListenDrops: number = 0;
  TcpExtTCPHPHits: number = 0;
  TcpExtTCPPureAcks: number = 0;
  TcpExtTCPHPAcks: number = 0;
  TcpExtTCPRenoRecovery: number = 0;
  TcpExtTCPSackRecovery: number = 0;
  TcpExtTCPSACKReneging: number = 0;
  TcpExtTCPLostRetransmit: number = 0;
  TcpExtTCPRenoFailures: number = 0;
  TcpExtTCPRenoRecoveryFail: number = 0;
  TcpExtTCPSackRecoveryFail: number = 0;
  TcpExtTCPSackFailures: number = 0;
  TcpExtTCPLossFailures: number = 0;
  TcpExtTCPFastRetrans: number = 0;
  TcpExtTCPSlowStartRetrans: number = 0;
  TcpExtTCPTimeouts: number = 0;
  TcpExtTCPLossUndo: number = 0;
  TcpExtTCPFullUndo: number = 0;
  TcpExtTCPPartialUndo: number = 0;
  TcpExtTCPDSACKUndo: number = 0;
  TcpExtTCPLossProbes: number = 0;
  TcpExtTCPLossProbeRecovery: number = 0;
  TcpExtTCPSACKReorder: number = 0;
  TcpExtTCPRenoReorder: number = 0;
  TcpExtTCPTSReorder: number = 0;
  TcpExtTCPBacklogDrop: number = 0;
  TcpExtTCPRcvCollapsed: number = 0;
  TcpExtTCPDSACKOldSent: number = 0;
  TcpExtTCPDSACKOfoSent: number = 0;
  TcpExtTCPDSACKRecv: number = 0;
  TcpExtTCPDSACKOfoRecv: number = 0;
  TcpExtTCPAbortOnData: number = 0;
  TcpExtTCPAbortOnClose: number = 0;
  TcpExtTCPAbortOnMemory: number = 0;
  TcpExtTCPAbortOnTimeout: number = 0;
  TcpExtTCPAbortOnLinger: number = 0;
  TcpExtTCPAbortFailed: number = 0;
  TcpExtTCPSACKDiscard: number = 0;
  TcpExtTCPDSACKIgnoredOld: number = 0;
  TcpExtTCPDSACKIgnoredNoUndo: number = 0;
  TcpExtTCPSpuriousRTOs: number = 0;
  TcpExtTCPSackShifted: number = 0;
  TcpExtTCPTimeWaitOverflow: number = 0;
  TcpExtTCPDeferAcceptDrop: number = 0;
  TcpExtTCPReqQFullDrop: number = 0;
  TcpExtTCPRetransFail: number = 0;
  TcpExtTCPRcvCoalesce: number = 0;
  TcpExtTCPOFOQueue: number = 0;
  TcpExtTCPOFODrop: number = 0;
  TcpExtTCPOFOMerge: number = 0;
  TcpExtTCPChallengeACK: number = 0;
  TcpExtTCPSYNChallenge: number = 0;
  TcpExtTCPSpuriousRtxHostQueues: number = 0;
  TcpExtTCPAutoCorking: number = 0;
  TcpExtTCPFromZeroWindowAdv: number = 0;
  TcpExtTCPToZeroWindowAdv: number = 0;
  TcpExtTCPWantZeroWindowAdv: number = 0;
  TcpExtTCPSynRetrans: number = 0;
  TcpExtTCPOrigDataSent: number = 0;
  TcpExtTCPHystartTrainDetect: number = 0;
  TcpExtTCPHystartTrainCwnd: number = 0;
  TcpExtTCPHystartDelayDetect: number = 0;
  TcpExtTCPHystartDelayCwnd: number = 0;
  TcpExtTCPACKSkippedSynRecv: number = 0;
  TcpExtTCPACKSkippedPAWS: number = 0;
  TcpExtTCPACKSkippedSeq: number = 0;
  TcpExtTCPACKSkippedFinWait2: number = 0;
  TcpExtTCPACKSkippedTimeWait: number = 0;
  TcpExtTCPACKSkippedChallenge: number = 0;
  TcpExtTCPWinProbe: number = 0;
  TcpExtTCPKeepAlive: number = 0;
  TcpExtTCPDelivered: number = 0;
  TcpExtTCPAckCompressed: number = 0;
  TcpExtTCPZeroWindowDrop: number = 0;
  TcpExtTCPRcvQDrop: number = 0;
  TcpExtTCPDSACKRecvSegs: number = 0;
  TcpExtTCPDSACKIgnoredDubious: number = 0;
  TcpExtTCPBeyondWindow: number = 0;
  TcpExtTCPRcvPruned: number = 0;
  TcpExtTWSkipped: number = 0;

  /** The counters that are not 0, by name, in the order above. */
  nonZero(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, value] of Object.entries(this)) {
      if (typeof value === 'number' && value !== 0) found[name] = value;
    }
    return found;
  }
}
