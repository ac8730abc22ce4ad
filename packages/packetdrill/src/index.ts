/**
 * Scripts in packetdrill's syntax, run on a virtual clock against any user-space TCP stack.
 *
 * A script is a list of lines with times: system calls and what they return, packets to inject (`<`), packets to expect (`>`), and assertions on
 * `tcp_info`. The runner plays the other side of the connection and the application at once, and says at which line the stack did something else, with
 * the packet that was expected, the one that came, and carets under what differs. The stack takes part through {@link PacketdrillHost}: a clock, a wire
 * and a few system calls.
 *
 * Use it to test when a stack retransmits, what it acknowledges, how it closes, and to keep what a bug taught. The syntax is packetdrill's own, so that a
 * script can be tried against a real kernel too.
 *
 * Of the language it knows TCP, UDP and ICMP over IPv4 and IPv6, the system calls of sockets, blocking ones included, and `%{ assert … }%` with a
 * small expression language of its own. Sequence numbers count from the initial ones, timestamps from the first, as in packetdrill. It does *not* know
 * encapsulation, Python, shell commands (a host may run what stands in back quotes), nor epoll, pipe and splice. Apart from that it differs in two
 * ways: `tolerance_percent` is 0 unless given, for a virtual clock has no jitter, and payload is a pattern that is checked, where packetdrill's is zeros.
 *
 * It is *not* a TCP stack, and it does not run without one.
 *
 * @example
 * ```ts
 * import { type PacketdrillHost, parseScript, runScript, type TransmittedFrame } from '@netmem/packetdrill';
 * import { composeFrame, decodeFrame } from '@netmem/wire';
 *
 * // A stack that can do one thing: it answers a ping, ten milliseconds late.
 * class Pong implements PacketdrillHost {
 *   nowNs = 0;
 *   readonly localMac = new Uint8Array([2, 0, 0, 0, 0, 1]);
 *   readonly sockets = {};
 *   readonly answers: TransmittedFrame[] = [];
 *   runUntil(timeNs: number): void {
 *     this.nowNs = this.answers[0] ? Math.max(this.nowNs, Math.min(timeNs, this.answers[0].timeNs)) : timeNs;
 *   }
 *   inject(frame: Uint8Array): void {
 *     const { ipv4, icmp } = decodeFrame(frame)!;
 *     const answer = { ipv4: { source: ipv4!.destination, destination: ipv4!.source }, icmp: { ...icmp, type: 0 } };
 *     this.answers.push({ bytes: composeFrame(answer), timeNs: this.nowNs + 10e6 });
 *   }
 *   takeTransmitted(): TransmittedFrame | null {
 *     const isDue = this.answers[0] !== undefined && this.answers[0].timeNs <= this.nowNs;
 *     return isDue ? this.answers.shift()! : null;
 *   }
 * }
 *
 * const ping = `
 *   0     < icmp echo_request id 7 [raw (56)]
 *   +0.01 > icmp echo_reply id 7 [raw (56)]
 *   +0    < icmp echo_request id 8 [raw (56)]
 *   +0.01 > [ttl 63] icmp echo_reply id 8 [raw (56)]`;
 * const result = runScript(parseScript(ping, 'ping.pkt'), new Pong());
 * console.log(result.failures[0]?.text);
 * // ping.pkt:5: another packet came than expected: IP header
 * //   script:   +0.01 > [ttl 63] icmp echo_reply id 8 [raw (56)]
 * //   expected: 0.020000 > [ttl 63] icmp echo_reply id 8 [raw (56)]
 * //   actual:   0.020000 > [ttl 64] icmp echo_reply id 8 [raw (56)]
 * //                        ^^^^^^^^
 * ```
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
export type {
  Assertion,
  BinaryOperator,
  CodeEvent,
  CodeExpression,
  CommandEvent,
  EchoedSpec,
  Expression,
  Field,
  IcmpSpec,
  IpSpec,
  Packet,
  PacketEvent,
  PortSpec,
  Position,
  Script,
  ScriptCommand,
  ScriptEvent,
  ScriptOption,
  SyscallEvent,
  TcpSpec,
  Time,
  UdpSpec,
} from './syntax/script.ts';
export type { TcpOption } from './syntax/tcp-option.ts';
