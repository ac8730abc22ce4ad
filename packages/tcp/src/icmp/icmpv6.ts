/** ICMPv6: answers echo, reports unreachable ports, hands errors to sockets and neighbour messages to NDP. @kernel icmpv6_rcv — net/ipv6/icmp.c, 7.3 */
import { PACKET_HOST, SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { EHOSTUNREACH, EMSGSIZE, ENOBUFS, EPROTO, IPPROTO } from '@netmem/uapi';
import { icmpv6, ipv6 } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { ipOutput, resolve } from '../stack/ip-output.ts';
import { allocPacket, clearPacket, storePacket } from '../stack/packet.ts';
import { RateLimit } from '../stack/rate-limit.ts';
import { Dst } from '../stack/routes.ts';
import { fold, pseudoHeaderSum, transportChecksumOk } from '../stack/transport-checksum.ts';
import { fromUnreach6Code, IcmpError, readInnerPacket } from './icmp-errors.ts';

/** An error quotes as much as fits the least MTU (RFC 4443, 2.4): 1280 less IPv6 and ICMPv6 headers. */
const QUOTED_BYTES = 1232;
const LINEAR_BYTES = 8;

export class Icmpv6 {
  readonly stack: InetCore;
  readonly #limit: RateLimit;
  readonly #dst: Dst = new Dst();
  readonly #error: IcmpError = new IcmpError();
  readonly #source: InetAddress = new InetAddress();
  readonly #target: InetAddress = new InetAddress();
  /** Called for every echo reply: sender, identifier, sequence, payload bytes. */
  onEchoReply: ((from: InetAddress, identifier: number, sequence: number, bytes: number) => void) | null = null;

  constructor(stack: InetCore) {
    this.stack = stack;
    this.#limit = new RateLimit(stack.sysctl.icmpMsgsPerSec, stack.sysctl.icmpMsgsBurst);
  }

  receive(skb: SkBuff): void {
    const stack = this.stack;
    const stats = stack.stats;
    stats.Icmp6InMsgs++;
    if (!skb.mayPull(icmpv6.HEADER_BYTES)) {
      stats.Icmp6InErrors++;
      skb.free(SKB_DROP_REASON.HDR_TRUNC);
      return;
    }
    if (!transportChecksumOk(skb, pseudoHeaderSum(stack.rxSource, stack.rxDestination, IPPROTO.ICMPV6))) {
      stats.Icmp6InCsumErrors++;
      stats.Icmp6InErrors++;
      skb.free(SKB_DROP_REASON.IP_CSUM);
      return;
    }
    const type = icmpv6.type(stack.view, skb.data);
    if (type === icmpv6.ECHO_REQUEST) this.#echo(skb);
    else if (type === icmpv6.ECHO_REPLY) this.#echoReply(skb);
    else if (type >= icmpv6.ROUTER_SOLICITATION && type <= icmpv6.NEIGHBOUR_ADVERTISEMENT) stack.ndp.receive(skb);
    else if (type < icmpv6.ECHO_REQUEST) this.#error6(skb, type);
    skb.consume();
  }

  #echo(skb: SkBuff): void {
    const stack = this.stack;
    stack.stats.Icmp6InEchos++;
    if (stack.sysctl.icmpEchoIgnoreAll) return;
    const reply = allocPacket(stack, skb.len, LINEAR_BYTES);
    if (reply === null) return;
    const rest = stack.view.getUint32(skb.data + icmpv6.REST_AT);
    if (storePacket(reply, LINEAR_BYTES, skb, LINEAR_BYTES, skb.len - LINEAR_BYTES) < 0) {
      reply.free();
      return;
    }
    this.#target.copyFrom(stack.rxSource);
    this.#target.scopeId = this.#target.isLinkLocal ? (skb.dev?.ifindex ?? 0) : 0;
    stack.stats.Icmp6OutEchoReplies++;
    this.#send(reply, icmpv6.ECHO_REPLY, 0, rest, skb.pktType === PACKET_HOST ? stack.rxDestination : null);
  }

  #echoReply(skb: SkBuff): void {
    this.stack.stats.Icmp6InEchoReplies++;
    const view = this.stack.view;
    this.onEchoReply?.(
      this.stack.rxSource,
      icmpv6.identifier(view, skb.data),
      icmpv6.sequence(view, skb.data),
      skb.len - icmpv6.HEADER_BYTES,
    );
  }

  #error6(skb: SkBuff, type: number): void {
    const stats = this.stack.stats;
    const error = this.#error;
    const view = this.stack.view;
    error.mtu = 0;
    error.fatal = false;
    if (type === icmpv6.DESTINATION_UNREACHABLE) {
      stats.Icmp6InDestUnreachs++;
      fromUnreach6Code(error, icmpv6.code(view, skb.data));
    } else if (type === icmpv6.PACKET_TOO_BIG) {
      stats.Icmp6InPktTooBigs++;
      error.errno = EMSGSIZE;
      error.mtu = icmpv6.nextHopMtu(view, skb.data);
    } else if (type === icmpv6.TIME_EXCEEDED) {
      stats.Icmp6InTimeExcds++;
      error.errno = EHOSTUNREACH;
    } else if (type === icmpv6.PARAMETER_PROBLEM) {
      stats.Icmp6InParmProblems++;
      error.errno = EPROTO;
      error.fatal = true;
    } else {
      return;
    }
    if (!skb.mayPull(icmpv6.HEADER_BYTES + ipv6.HEADER_BYTES + 8)) {
      stats.Icmp6InErrors++;
      return;
    }
    const at = skb.data + icmpv6.HEADER_BYTES;
    if (readInnerPacket(view, at, skb.headlen - icmpv6.HEADER_BYTES, error)) this.stack.deliverError(error);
    else stats.Icmp6InErrors++;
  }

  /** As `Icmp.sendUnreachable`. @kernel icmp6_send — net/ipv6/icmp.c, 7.3 */
  sendUnreachable(skb: SkBuff, code: number): void {
    if (this.#report(skb, icmpv6.DESTINATION_UNREACHABLE, code, 0)) this.stack.stats.Icmp6OutDestUnreachs++;
  }

  /** The next header that led to `skb.data` is not known. */
  sendParameterProblem(skb: SkBuff, code: number): void {
    const pointer = ipv6.NEXT_HEADER_AT;
    if (this.#report(skb, icmpv6.PARAMETER_PROBLEM, code, pointer)) this.stack.stats.Icmp6OutParmProblems++;
  }

  #report(skb: SkBuff, type: number, code: number, rest: number): boolean {
    const stack = this.stack;
    const source = stack.rxSource;
    if (skb.pktType !== PACKET_HOST || source.isAny) return false;
    if (!this.#limit.allow(stack.nowMs)) return false;
    const quoted = Math.min(skb.tail - skb.networkHeader, QUOTED_BYTES);
    const reply = allocPacket(stack, icmpv6.HEADER_BYTES + quoted, LINEAR_BYTES);
    if (reply === null) return false;
    this.#target.copyFrom(source);
    this.#target.scopeId = source.isLinkLocal ? (skb.dev?.ifindex ?? 0) : 0;
    const pulled = skb.data - skb.networkHeader;
    skb.push(pulled);
    storePacket(reply, LINEAR_BYTES, skb, 0, quoted);
    skb.pull(pulled);
    this.#send(reply, type, code, rest, stack.rxDestination);
    return true;
  }

  /** Sends an echo request. @returns 0, -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS */
  sendEcho(target: InetAddress, identifier: number, sequence: number, payloadBytes: number): number {
    const request = allocPacket(this.stack, icmpv6.HEADER_BYTES + payloadBytes, LINEAR_BYTES);
    if (request === null) return -ENOBUFS;
    clearPacket(this.stack, request);
    this.#target.copyFrom(target);
    this.stack.stats.Icmp6OutEchos++;
    return this.#send(request, icmpv6.ECHO_REQUEST, 0, ((identifier << 16) | sequence) >>> 0, null);
  }

  #send(skb: SkBuff, type: number, code: number, rest: number, source: InetAddress | null): number {
    const stack = this.stack;
    const result = resolve(stack, this.#target, 0, this.#dst);
    if (result < 0) {
      stack.stats.Ip6OutNoRoutes++;
      skb.free(SKB_DROP_REASON.IP_OUTNOROUTES);
      return result;
    }
    this.#source.copyFrom(source ?? this.#dst.source);
    const view = stack.view;
    view.setUint8(skb.data, type);
    view.setUint8(skb.data + icmpv6.CODE_AT, code);
    view.setUint16(skb.data + icmpv6.CHECKSUM_AT, 0);
    view.setUint32(skb.data + icmpv6.REST_AT, rest);
    const pseudo = pseudoHeaderSum(this.#source, this.#target, IPPROTO.ICMPV6);
    const sum = skb.checksum(0, skb.len, fold(pseudo + skb.len));
    view.setUint16(skb.data + icmpv6.CHECKSUM_AT, ~sum & 0xffff);
    skb.transportHeader = skb.data;
    stack.stats.Icmp6OutMsgs++;
    return ipOutput(stack, skb, this.#dst, this.#source, this.#target, IPPROTO.ICMPV6, -1, 0);
  }
}
