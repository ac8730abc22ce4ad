/**
 * The internet stack of a host and its sockets: IP, ICMP, UDP, TCP, and `recvmsg` with MSG_SOCK_DEVMEM, its tokens and SO_DEVMEM_DONTNEED.
 *
 * Sockets speak in two voices. The faithful one, `stack.sockets`, has Linux's calls, flags, errnos and byte-exact control messages. The comfortable
 * one, `createListener` and `connect`, has promises, iterators and `using`, and throws `KernelError`. Both work on the same descriptors. Nothing waits
 * by itself: calls answer at once, and promises settle while somebody runs the machine.
 *
 * Its TCP is Linux 7.3's: CUBIC or Reno (`TCP_CONGESTION`, `sysctl.tcpCongestionControl`), SACK and D-SACK, loss detection by time with tail loss
 * probes, F-RTO, reductions taken back when they were for nothing, ECN, timestamps, keepalive, the counters of `nstat`.
 *
 * Use it on a network device of `@netmem/netdev` (or on lo, as below) to receive TCP into memory that no CPU reads, or simply to talk TCP to anybody.
 *
 * It is *not* a driver and no control plane: binding memory to a queue is `@netmem/dmabuf`, and `@netmem/lab` wires whole hosts. It routes nothing for
 * others, reassembles no IP fragments, and sends from device memory not at all.
 *
 * @example
 * ```ts
 * import { Machine } from '@netmem/machine';
 * import { Network } from '@netmem/netdev';
 * import { connect, createListener, InetStack } from '@netmem/tcp';
 *
 * const machine = new Machine();
 * const stack = new InetStack(new Network({ machine }));
 *
 * async function receive(): Promise<number> {
 *   await using listener = createListener(stack, { port: 5201 });
 *   await using connection = await listener.accept();
 *   let bytes = 0;
 *   for await (using batch of connection!.frags()) {
 *     for (let i = 0; i < batch.count; i++) {
 *       // batch.token[i] > 0: bytes offset[i] … offset[i] + size[i] of dma-buf dmabufId[i]; else the same of batch.linear
 *     }
 *     bytes += batch.bytes;
 *   }
 *   return bytes;
 * }
 *
 * async function send(): Promise<void> {
 *   await using connection = await connect(stack, { address: '127.0.0.1', port: 5201 });
 *   await connection.write(new Uint8Array(100_000));
 * }
 *
 * let done = false;
 * const work = Promise.all([receive(), send()]).finally(() => {
 *   done = true;
 * });
 * while (!done) {
 *   machine.run(); // packets, timers that are due
 *   await null; // promises
 * }
 * const [received] = await work;
 * console.log(received); // 100000
 * ```
 *
 * @packageDocumentation
 */
// protocol half

export { InetAddress } from './stack/inet-address.ts';
export { InetCore, type InetCoreOptions, type RouteSpec } from './stack/inet-core.ts';
export { SnmpStats } from './stack/snmp.ts';
export { Sysctl } from './stack/sysctl.ts';
export { type SockListener, type TcpInfo, TcpSock } from './tcp/tcp-sock.ts';
export * from './tcp/tcp-states.ts';
export { UdpSock } from './udp/udp-sock.ts';

// socket half

export { type ConnectOptions, connect } from './connection/connect.ts';
export { Connection, type WaitOptions } from './connection/connection.ts';
export { FragBatch } from './connection/frag-batch.ts';
export type { FragsOptions } from './connection/frag-reader.ts';
export { createListener, Listener, type ListenOptions } from './connection/listener.ts';
export type { DevmemCounters } from './devmem/recvmsg-dmabuf.ts';
export { Msghdr } from './socket/msghdr.ts';
export { type AddressLike, Sockets } from './socket/sockets.ts';
export { InetStack } from './stack/inet-stack.ts';
