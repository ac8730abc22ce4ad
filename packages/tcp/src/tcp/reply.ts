/**
 * Segments that belong to no sock: resets for strangers, ACKs of TIME_WAIT and half-open connections, SYN|ACKs.
 *
 * @kernel tcp_v4_send_reset — net/ipv4/tcp_ipv4.c, 7.3
 */
import type { SkBuff } from '@netmem/netdev';
import { ENOBUFS, IPPROTO } from '@netmem/uapi';
import { type TcpOptions, tcpOptionsLength, writeTcpOptions } from '@netmem/wire';
import type { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { ipOutput, resolve } from '../stack/ip-output.ts';
import { allocPacket } from '../stack/packet.ts';
import { Dst } from '../stack/routes.ts';
import { pseudoHeaderSum } from '../stack/transport-checksum.ts';
import { finishHeader } from './segment.ts';
import { CB_END_SEQ } from './skb-cb.ts';
import { TCPHDR_ACK, TCPHDR_RST } from './tcp-states.ts';

const TCP_HEADER = 20;

/** Everything a bare segment says. Kept by whoever sends, filled per segment. */
export class BareSegment {
  seq: number = 0;
  ack: number = 0;
  flags: number = 0;
  /** For the header field, scaled already; what is more than that holds counts as the most. */
  window: number = 0;
  tos: number = 0;
  oif: number = 0;
  readonly dst: Dst = new Dst();
}

/**
 * Sends one bare segment.
 *
 * @param options - what to put into the header; null for none.
 * @returns 0; 1 dropped by the device; -ENOBUFS, -ENETUNREACH, -EHOSTUNREACH.
 */
export function sendBare(
  stack: InetCore,
  bare: BareSegment,
  local: InetAddress,
  localPort: number,
  remote: InetAddress,
  remotePort: number,
  options: TcpOptions | null,
): number {
  const result = resolve(stack, remote, bare.oif, bare.dst);
  if (result < 0) return result;
  const skb = allocPacket(stack, 0, 0);
  if (skb === null) return -ENOBUFS;
  const view = stack.view;
  const header = TCP_HEADER + (options === null ? 0 : tcpOptionsLength(options));
  const at = skb.push(header);
  view.setInt32(at, (localPort << 16) | remotePort);
  view.setInt32(at + 4, bare.seq);
  view.setInt32(at + 8, bare.ack);
  view.setInt32(at + 12, (header << 26) | (bare.flags << 16) | Math.min(bare.window, 65535));
  view.setInt32(at + 16, 0);
  if (options !== null) writeTcpOptions(view, at + TCP_HEADER, options);
  finishHeader(view, skb, pseudoHeaderSum(local, remote, IPPROTO.TCP));
  stack.stats.TcpOutSegs++;
  return ipOutput(stack, skb, bare.dst, local, remote, IPPROTO.TCP, -1, bare.tos);
}

/**
 * Answers the segment in hand (`skb` at its TCP header, addresses in `stack.rxSource` and `rxDestination`) with RST, as RFC 9293, 3.10.7.1 asks. A reset is
 * never answered. Does not own the skb.
 */
export function sendReset(stack: InetCore, bare: BareSegment, skb: SkBuff): void {
  const view = stack.view;
  const at = skb.transportHeader;
  const flags = view.getUint8(at + 13);
  if ((flags & TCPHDR_RST) !== 0) return;
  if (stack.rxDestination.isMulticast || stack.addresses.isBroadcast4(stack.rxDestination.w3)) return;
  bare.window = 0;
  bare.tos = 0;
  bare.oif = stack.rxSource.isLinkLocal ? (skb.dev?.ifindex ?? 0) : 0;
  if ((flags & TCPHDR_ACK) !== 0) {
    bare.seq = view.getInt32(at + 8);
    bare.ack = 0;
    bare.flags = TCPHDR_RST;
  } else {
    bare.seq = 0;
    // Counts SYN and FIN as well.
    bare.ack = skb.cb[CB_END_SEQ];
    bare.flags = TCPHDR_RST | TCPHDR_ACK;
  }
  stack.stats.TcpOutRsts++;
  const ports = view.getInt32(at);
  sendBare(stack, bare, stack.rxDestination, ports & 0xffff, stack.rxSource, ports >>> 16, null);
}
