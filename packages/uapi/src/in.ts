// IP and TCP numbers of include/uapi/linux/in.h, in6.h and tcp.h.

/** IP protocol numbers, which are also the levels of their socket options. */
export const IPPROTO = { IP: 0, ICMP: 1, TCP: 6, UDP: 17, IPV6: 41, ICMPV6: 58, RAW: 255, MPTCP: 262 } as const;

/** Socket options at level `IPPROTO.TCP`. */
export const TCP = {
  NODELAY: 1,
  MAXSEG: 2,
  CORK: 3,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  SYNCNT: 7,
  LINGER2: 8,
  DEFER_ACCEPT: 9,
  WINDOW_CLAMP: 10,
  INFO: 11,
  QUICKACK: 12,
  CONGESTION: 13,
  USER_TIMEOUT: 18,
  TIMESTAMP: 24,
  NOTSENT_LOWAT: 25,
  ZEROCOPY_RECEIVE: 35,
  INQ: 36,
} as const;
/** Control message of `TCP.INQ`: how many bytes wait in the receive queue. */
export const TCP_CM_INQ = 36;

/** Socket options at level `IPPROTO.UDP`, of include/uapi/linux/udp.h. */
export const UDP = { CORK: 1 } as const;

/** Socket options at level `IPPROTO.IP`. */
export const IP = { TOS: 1, TTL: 2, MTU_DISCOVER: 10, RECVERR: 11, MTU: 14 } as const;
/** Socket options at level `IPPROTO.IPV6`. */
export const IPV6 = { UNICAST_HOPS: 16, MTU: 24, RECVERR: 25, V6ONLY: 26, TCLASS: 67 } as const;

/** Connection states, in Linux's numbers. @kernel TCP_ESTABLISHED — include/net/tcp_states.h, 7.3 */
export const TCP_STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
  NEW_SYN_RECV: 12,
} as const;
