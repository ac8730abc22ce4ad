/** Values of `TcpSock.urgData`; the low byte is the urgent byte itself. @kernel TCP_URG_VALID — include/net/tcp.h, 7.3 */
export const TCP_URG_VALID = 0x0100;
export const TCP_URG_NOTYET = 0x0200;
export const TCP_URG_READ = 0x0400;
