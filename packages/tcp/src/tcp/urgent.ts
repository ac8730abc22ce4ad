/** Flags of `TcpSock.urgData` beside the byte itself. @kernel TCP_URG_VALID — include/net/tcp.h, 7.3 */
export const TCP_URG_VALID = 0x0100;
/** An urgent pointer came; its byte has not. */
export const TCP_URG_NOTYET = 0x0200;
/** The byte was read with MSG_OOB. */
export const TCP_URG_READ = 0x0400;
