/** TCP states and flags with Linux's numbers. @kernel TCP_ESTABLISHED — include/net/tcp_states.h, 7.3 */
export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;
/** A half-open connection in the listener's SYN queue. */
export const TCP_NEW_SYN_RECV = 12;

const NAMES = [
  '?',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
];

/** The state's name without its prefix, as `ss` and a person say it. */
export function tcpStateName(state: number): string {
  return NAMES[state] ?? '?';
}

/** Bits of `TcpSock.shutdownMask`. @kernel RCV_SHUTDOWN — include/net/sock.h, 7.3 */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;
export const SHUTDOWN_MASK = 3;

/** TCP header flags as they stand in byte 13. @kernel TCPHDR_FIN — include/net/tcp.h, 7.3 */
export const TCPHDR_FIN = 0x01;
export const TCPHDR_SYN = 0x02;
export const TCPHDR_RST = 0x04;
export const TCPHDR_PSH = 0x08;
export const TCPHDR_ACK = 0x10;
export const TCPHDR_URG = 0x20;
export const TCPHDR_ECE = 0x40;
export const TCPHDR_CWR = 0x80;
