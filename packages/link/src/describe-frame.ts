import {
  arp,
  Dissection,
  dissect,
  ethernet,
  formatAddress4,
  formatAddress6,
  formatMac,
  icmp,
  ipv4,
  ipv6,
  L3_IPV4,
  L3_IPV6,
  L4_ICMP,
  L4_TCP,
  L4_UDP,
  tcp,
  udp,
} from '@netmem/wire';
import type { FrameSlots } from './frame-slots.ts';

const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [tcp.SYN, 'S'],
  [tcp.FIN, 'F'],
  [tcp.RST, 'R'],
  [tcp.PSH, 'P'],
  [tcp.ACK, '.'],
  [tcp.URG, 'U'],
  [tcp.ECE, 'E'],
  [tcp.CWR, 'W'],
];

/**
 * One line about a frame, in the manner of tcpdump: `10.0.0.1.40000 > 10.0.0.2.5201: Flags [P.], seq 1, ack 1, win 512, length 1448`.
 * For people; its form may change.
 */
export function describeFrame(slots: FrameSlots, slot: number): string {
  const at = slots.address(slot);
  const { view, bytes } = slots.region;
  const frame = new Dissection();
  dissect(view, at, slots.length[slot], frame);
  const text = describeLayer3(view, bytes, frame);
  const gso = slots.gsoType[slot] === 0 ? '' : `, gso ${slots.gsoSize[slot]}`;
  if (text !== null) return `${text}${gso}${frame.malformed ? ', malformed' : ''}`;
  if (slots.length[slot] < ethernet.HEADER_BYTES) return `${slots.length[slot]} bytes, too short for Ethernet`;
  const type = frame.etherType.toString(16).padStart(4, '0');
  const macs = `${formatMac(bytes, at + ethernet.SOURCE_AT)} > ${formatMac(bytes, at + ethernet.DESTINATION_AT)}`;
  return `${macs}, ethertype 0x${type}, length ${slots.length[slot]}${frame.malformed ? ', malformed' : ''}`;
}

function describeLayer3(view: DataView, bytes: Uint8Array, frame: Dissection): string | null {
  if (frame.etherType === ethernet.TYPE_ARP && arp.validatePacket(view, frame.l3At, frame.l4Length) === 0) {
    const sender = formatAddress4(arp.senderAddress(view, frame.l3At));
    const target = formatAddress4(arp.targetAddress(view, frame.l3At));
    if (arp.operation(view, frame.l3At) === arp.REQUEST) return `ARP, who has ${target}, tell ${sender}`;
    return `ARP, ${sender} is at ${formatMac(bytes, frame.l3At + arp.SENDER_MAC_AT)}`;
  }
  if (frame.l4Protocol < 0) return null;
  if (frame.l3 === L3_IPV4) {
    const from = formatAddress4(ipv4.source(view, frame.l3At));
    return describeLayer4(view, frame, from, formatAddress4(ipv4.destination(view, frame.l3At)));
  }
  if (frame.l3 !== L3_IPV6) return null;
  const from = formatAddress6(bytes, frame.l3At + ipv6.SOURCE_AT);
  return describeLayer4(view, frame, from, formatAddress6(bytes, frame.l3At + ipv6.DESTINATION_AT));
}

function describeLayer4(view: DataView, frame: Dissection, from: string, to: string): string {
  const at = frame.l4At;
  const payload = frame.l4At + frame.l4Length - frame.payloadAt;
  if (frame.l4 === L4_TCP) {
    const pair = `${from}.${tcp.sourcePort(view, at)} > ${to}.${tcp.destinationPort(view, at)}`;
    const flags = tcp.flags(view, at);
    const letters = FLAG_LETTERS.map(([bit, letter]) => ((flags & bit) === 0 ? '' : letter)).join('');
    const ack = (flags & tcp.ACK) === 0 ? '' : `, ack ${tcp.acknowledgment(view, at)}`;
    const window = tcp.window(view, at);
    return `${pair}: Flags [${letters}], seq ${tcp.sequence(view, at)}${ack}, win ${window}, length ${payload}`;
  }
  if (frame.l4 === L4_UDP) {
    return `${from}.${udp.sourcePort(view, at)} > ${to}.${udp.destinationPort(view, at)}: UDP, length ${payload}`;
  }
  if (frame.l4 === L4_ICMP) {
    return `${from} > ${to}: ICMP type ${icmp.type(view, at)} code ${icmp.code(view, at)}, length ${frame.l4Length}`;
  }
  const what = frame.fragment ? `fragment of protocol ${frame.l4Protocol}` : `protocol ${frame.l4Protocol}`;
  return `${from} > ${to}: ${what}, length ${frame.l4Length}`;
}
