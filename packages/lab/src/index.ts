/**
 * A whole Linux host in one call, and two of them on a cable: machine, card, driver, net core, ethtool, devmem and sockets, wired.
 *
 * Use it in tests of an application that receives device memory, in experiments, and as the shortest way to see every part work together.
 * Each part stays reachable with its own types: `pair.host.ethtool`, `pair.host.driver`, `pair.host.stack` …
 *
 * It holds no logic of its own: what a host does is in the packages below, this one only wires them.
 *
 * @example
 * ```ts
 * import { createPair } from '@netmem/lab';
 * import { connect, createListener } from '@netmem/tcp';
 *
 * const pair = createPair({ host: { dmabuf: { bytes: 1 << 20 } } });
 * pair.host.steer('10.0.0.1', 5201, 1);
 *
 * async function receive(): Promise<number> {
 *   let bytes = 0;
 *   const listener = createListener(pair.host.stack, { port: 5201 });
 *   for await (const connection of listener) {
 *     for await (using batch of connection.frags()) bytes += batch.bytes;
 *     await connection.close();
 *     break;
 *   }
 *   await listener.close();
 *   return bytes;
 * }
 *
 * async function send(): Promise<void> {
 *   const connection = await connect(pair.peer.stack, { address: '10.0.0.1', port: 5201 });
 *   await connection.write(new Uint8Array(100_000));
 *   await connection.close();
 * }
 *
 * const [received] = await pair.drive(Promise.all([receive(), send()]));
 * console.log(received); // 100000
 * pair.run({ until: () => false, timeoutNs: 120e9 }); // the last FIN, and TIME_WAIT
 * console.log(pair.close()); // []
 * ```
 *
 * @packageDocumentation
 */
export { auditHost } from './audit.ts';
export { drive } from './drive.ts';
export { type BoundMemory, createHost, Host } from './host.ts';
export { type HostSize, hostMemoryBytes } from './host-memory.ts';
export type { DmabufOptions, ExporterName, HostOptions, PairOptions } from './host-options.ts';
export { createPair, type Pair } from './pair.ts';
