import {
  arp,
  composeFrame,
  ethernet,
  formatAddress6,
  formatMac,
  icmpv6,
  ipv6,
  MAC_BYTES,
  ndp,
  parseAddress6,
} from '@netmem/wire';
import type { ScriptNetwork } from './host.ts';

/**
 * The answer to an ARP request or a neighbour solicitation for the gateway or the remote address; null when the frame is neither. It saves
 * every host the trouble of a neighbour table filled beforehand.
 */
export function answerNeighbour(frame: Uint8Array, network: ScriptNetwork): Uint8Array | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < ethernet.HEADER_BYTES) return null;
  const type = ethernet.type(view, 0);
  if (type === ethernet.TYPE_ARP) return answerArp(view, frame.length, network);
  return type === ethernet.TYPE_IPV6 ? answerSolicitation(view, frame, network) : null;
}

function answerArp(
  view: DataView,
  length: number,
  { gatewayAddress, remoteAddress, remoteMac }: ScriptNetwork,
): Uint8Array | null {
  const request = arp.decode(view, ethernet.HEADER_BYTES, length - ethernet.HEADER_BYTES);
  if (request === null || request.operation !== arp.REQUEST) return null;
  if (request.targetAddress !== gatewayAddress && request.targetAddress !== remoteAddress) return null;
  return composeFrame({
    ethernet: { source: formatMac(remoteMac), destination: request.senderMac },
    arp: {
      operation: arp.REPLY,
      senderMac: formatMac(remoteMac),
      senderAddress: request.targetAddress,
      targetMac: request.senderMac,
      targetAddress: request.senderAddress,
    },
  });
}

function answerSolicitation(view: DataView, frame: Uint8Array, network: ScriptNetwork): Uint8Array | null {
  const at = ethernet.HEADER_BYTES;
  const { gatewayAddress, remoteAddress, remoteMac } = network;
  if (ipv6.validateHeader(view, at, frame.length - at) < 0 || ipv6.nextHeader(view, at) !== ipv6.NEXT_ICMPV6)
    return null;
  const icmpAt = at + ipv6.HEADER_BYTES;
  if (ipv6.payloadLength(view, at) < ndp.NEIGHBOUR_BYTES) return null;
  if (icmpv6.type(view, icmpAt) !== icmpv6.NEIGHBOUR_SOLICITATION) return null;
  const target = frame.slice(icmpAt + ndp.TARGET_AT, icmpAt + ndp.TARGET_AT + ipv6.ADDRESS_BYTES);
  const asked = formatAddress6(target);
  const isOurs = [gatewayAddress, remoteAddress].some(
    (address) => formatAddress6(parseAddress6(address) ?? target) === asked,
  );
  const asker = formatAddress6(frame, at + ipv6.SOURCE_AT);
  // Somebody who asks from no address checks whether the target is free: it is, if it is not ours.
  if (!isOurs || asker === '::') return null;
  const body = new Uint8Array(ipv6.ADDRESS_BYTES + 2 + MAC_BYTES);
  body.set(target);
  body.set([ndp.OPTION_TARGET_LINK_LAYER, 1], ipv6.ADDRESS_BYTES);
  body.set(remoteMac, ipv6.ADDRESS_BYTES + 2);
  return composeFrame({
    ethernet: { source: formatMac(remoteMac), destination: formatMac(frame, ethernet.SOURCE_AT) },
    ipv6: { source: asked, destination: asker, hopLimit: ndp.HOP_LIMIT },
    icmpv6: { type: icmpv6.NEIGHBOUR_ADVERTISEMENT, code: 0, rest: ndp.FLAG_SOLICITED + ndp.FLAG_OVERRIDE, body },
  });
}
