/**
 * Scripts in packetdrill's syntax, run on a virtual clock against any user-space TCP stack.
 *
 * @packageDocumentation
 */
export { PacketdrillError } from './packetdrill-error.ts';
export type { Failure } from './run/failure.ts';
export type {
  HostMessage,
  HostSockets,
  HostTcpInfo,
  PacketdrillHost,
  ScriptNetwork,
  SocketAddress,
  TransmittedFrame,
} from './run/host.ts';
export { PortWire, type PortWireOptions } from './run/port-wire.ts';
export { type Result, type RunOptions, runScript } from './run/run-script.ts';
export { parseScript } from './syntax/parse-script.ts';
export { printScript } from './syntax/print-script.ts';
export type * from './syntax/script.ts';
export type { TcpOption } from './syntax/tcp-option.ts';
