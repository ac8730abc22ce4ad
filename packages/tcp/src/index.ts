/**
 * IP, TCP and sockets over device memory: recvmsg with MSG_SOCK_DEVMEM, SCM_DEVMEM_DMABUF tokens and DONTNEED.
 *
 * @packageDocumentation
 */
// protocol half
export { InetAddress } from './stack/inet-address.ts';
export { InetCore, type InetCoreOptions } from './stack/inet-core.ts';
export { type SockListener, type TcpInfo, TcpSock } from './tcp/tcp-sock.ts';
export * from './tcp/tcp-states.ts';
export { UdpSock } from './udp/udp-sock.ts';
// socket half
