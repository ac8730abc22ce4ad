import type { EchoedSpec, IcmpSpec, IpSpec, Packet, PortSpec, TcpSpec } from './script.ts';
import { printFlags } from './tcp-flags.ts';
import { printOption } from './tcp-option.ts';

const TWO_32 = 2 ** 32;

/** `1:1001(1000)`. */
export function printSequence(sequence: number, length: number): string {
  return `${sequence}:${(sequence + length) % TWO_32}(${length})`;
}

/** `[ect0, ttl 64]`. */
export function printIp(ip: IpSpec): string {
  const fields: string[] = [];
  if (ip.ecn !== undefined) fields.push(ip.ecn);
  if (ip.tos !== undefined) fields.push(`tos 0x${ip.tos.toString(16)}`);
  if (ip.ttl !== undefined) fields.push(`ttl ${ip.ttl}`);
  if (ip.flowLabel !== undefined) fields.push(`flowlabel 0x${ip.flowLabel.toString(16)}`);
  return `[${fields.join(', ')}]`;
}

/** `40000 > 8080`. */
export function printPorts(ports: PortSpec): string {
  return `${ports.source} > ${ports.destination}`;
}

/** What an ICMP message quotes, in its brackets. */
export function printEchoed(echoed: EchoedSpec): string {
  if (echoed.protocol === 'tcp') return `[${printSequence(echoed.sequence, echoed.length)}]`;
  return `[${echoed.protocol} (${echoed.length})]`;
}

/** A packet as a script writes it. */
export function printPacket(packet: Packet): string {
  const parts = [packet.direction === 'in' ? '<' : '>'];
  if (packet.ip !== null) parts.push(printIp(packet.ip));
  if (packet.protocol === 'udp') parts.push('udp');
  if (packet.ports !== null) parts.push(printPorts(packet.ports));
  if (packet.protocol === 'tcp') parts.push(...tcpParts(packet));
  else if (packet.protocol === 'icmp') parts.push(...icmpParts(packet));
  else parts.push(`(${packet.length})`);
  return parts.join(' ');
}

function tcpParts(packet: TcpSpec): string[] {
  const parts = [printFlags(packet.flags), printSequence(packet.sequence, packet.length)];
  if (packet.ack !== null) parts.push(`ack ${packet.ack}`);
  if (packet.window !== null) parts.push(`win ${packet.window}`);
  if (packet.urgent !== null) parts.push(`urg ${packet.urgent}`);
  if (packet.options === null) parts.push('<...>');
  else if (packet.options.length > 0) parts.push(`<${packet.options.map(printOption).join(',')}>`);
  return parts;
}

function icmpParts(packet: IcmpSpec): string[] {
  const parts = ['icmp', packet.type];
  if (packet.code !== null) parts.push(packet.code);
  if (packet.mtu !== null) parts.push(`mtu ${packet.mtu}`);
  if (packet.id !== null) parts.push(`id ${packet.id}`);
  if (packet.echoed !== null) parts.push(printEchoed(packet.echoed));
  return parts;
}
