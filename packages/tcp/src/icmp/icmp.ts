/** ICMP for IPv4: answers echo, reports unreachable ports, and hands errors to the sockets they concern. @kernel icmp_rcv — net/ipv4/icmp.c, 7.3 */
import { PACKET_HOST, SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { EHOSTUNREACH, EMSGSIZE, ENOBUFS, IPPROTO } from '@netmem/uapi';
import { icmp, ipv4 } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { ipOutput, resolve } from '../stack/ip-output.ts';
import { allocPacket, clearPacket, storePacket } from '../stack/packet.ts';
import { RateLimit } from '../stack/rate-limit.ts';
import { Dst } from '../stack/routes.ts';
import { transportChecksumOk } from '../stack/transport-checksum.ts';
import { fromUnreachCode, IcmpError, readInnerPacket } from './icmp-errors.ts';

/** Of the packet that failed, this much is sent back; IP and ICMP headers included it makes 576 bytes (RFC 1812, 4.3.2.3). */
const QUOTED_BYTES = 548;
/** Header bytes of an echo that are kept linear. */
const LINEAR_BYTES = 8;

export class Icmp {
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

  /** `skb.data` at the ICMP header; addresses in `stack.rxSource` and `rxDestination`. */
  receive(skb: SkBuff): void {
    const stats = this.stack.stats;
    stats.IcmpInMsgs++;
    if (!skb.mayPull(icmp.HEADER_BYTES)) {
      stats.IcmpInErrors++;
      skb.free(SKB_DROP_REASON.HDR_TRUNC);
      return;
    }
    // The length is not part of ICMP's sum: take it out of what the check will add.
    const withoutLength = ~((skb.len & 0xffff) + (skb.len >>> 16)) & 0xffff;
    if (!transportChecksumOk(skb, withoutLength)) {
      stats.IcmpInCsumErrors++;
      stats.IcmpInErrors++;
      skb.free(SKB_DROP_REASON.IP_CSUM);
      return;
    }
    const type = icmp.type(this.stack.view, skb.data);
    if (type === icmp.ECHO_REQUEST) this.#echo(skb);
    else if (type === icmp.ECHO_REPLY) this.#echoReply(skb);
    else if (type === icmp.DESTINATION_UNREACHABLE) this.#unreachable(skb);
    else if (type === icmp.TIME_EXCEEDED) this.#timeExceeded(skb);
    skb.consume();
  }

  #echo(skb: SkBuff): void {
    const stack = this.stack;
    stack.stats.IcmpInEchos++;
    // Never answer to a group: that is how floods are amplified (icmp_echo_ignore_broadcasts).
    if (stack.sysctl.icmpEchoIgnoreAll || skb.pktType !== PACKET_HOST) return;
    const reply = allocPacket(stack, skb.len, LINEAR_BYTES);
    if (reply === null) return;
    const rest = stack.view.getUint32(skb.data + icmp.REST_AT);
    if (storePacket(reply, LINEAR_BYTES, skb, LINEAR_BYTES, skb.len - LINEAR_BYTES) < 0) {
      reply.free();
      return;
    }
    this.#source.copyFrom(stack.rxDestination);
    this.#target.copyFrom(stack.rxSource);
    stack.stats.IcmpOutEchoReps++;
    this.#send(reply, icmp.ECHO_REPLY, 0, rest, ipv4.trafficClass(stack.view, skb.networkHeader));
  }

  #echoReply(skb: SkBuff): void {
    this.stack.stats.IcmpInEchoReps++;
    const view = this.stack.view;
    this.onEchoReply?.(
      this.stack.rxSource,
      icmp.identifier(view, skb.data),
      icmp.sequence(view, skb.data),
      skb.len - icmp.HEADER_BYTES,
    );
  }

  #unreachable(skb: SkBuff): void {
    const stats = this.stack.stats;
    stats.IcmpInDestUnreachs++;
    const view = this.stack.view;
    const error = this.#error;
    const code = icmp.code(view, skb.data);
    if (!fromUnreachCode(error, code)) {
      stats.IcmpInErrors++;
      return;
    }
    error.mtu = error.errno === EMSGSIZE ? icmp.nextHopMtu(view, skb.data) : 0;
    this.#deliver(skb);
  }

  #timeExceeded(skb: SkBuff): void {
    this.stack.stats.IcmpInTimeExcds++;
    this.#error.errno = EHOSTUNREACH;
    this.#error.fatal = false;
    this.#error.mtu = 0;
    this.#deliver(skb);
  }

  #deliver(skb: SkBuff): void {
    // The quoted packet may lie in fragments; what cannot be read is not believed.
    if (!skb.mayPull(icmp.HEADER_BYTES + ipv4.MIN_HEADER_BYTES + 8)) {
      this.stack.stats.IcmpInErrors++;
      return;
    }
    const at = skb.data + icmp.HEADER_BYTES;
    if (!readInnerPacket(this.stack.view, at, skb.headlen - icmp.HEADER_BYTES, this.#error)) {
      this.stack.stats.IcmpInErrors++;
      return;
    }
    this.stack.deliverError(this.#error);
  }

  /**
   * Tells the sender of `skb` (its `networkHeader` set, its addresses in `stack.rxSource` and `rxDestination`) that it was not delivered. Does not own the skb.
   *
   * @kernel __icmp_send — net/ipv4/icmp.c, 7.3
   */
  sendUnreachable(skb: SkBuff, code: number, rest: number): void {
    const stack = this.stack;
    const source = stack.rxSource;
    if (skb.pktType !== PACKET_HOST || !source.isV4 || source.w3 === 0) return;
    if (stack.addresses.isBroadcast4(source.w3) || source.isMulticast) return;
    if (!this.#limit.allow(stack.nowMs)) {
      stack.stats.IcmpOutRateLimitGlobal++;
      return;
    }
    const quoted = Math.min(skb.tail - skb.networkHeader, QUOTED_BYTES);
    const reply = allocPacket(stack, icmp.HEADER_BYTES + quoted, LINEAR_BYTES);
    if (reply === null) return;
    this.#source.copyFrom(stack.rxDestination);
    this.#target.copyFrom(source);
    const pulled = skb.data - skb.networkHeader;
    skb.push(pulled);
    storePacket(reply, LINEAR_BYTES, skb, 0, quoted);
    skb.pull(pulled);
    stack.stats.IcmpOutDestUnreachs++;
    this.#send(reply, icmp.DESTINATION_UNREACHABLE, code, rest);
  }

  /** Sends an echo request. @returns 0, -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS */
  sendEcho(target: InetAddress, identifier: number, sequence: number, payloadBytes: number): number {
    const stack = this.stack;
    const result = resolve(stack, target, 0, this.#dst);
    if (result < 0) return result;
    const request = allocPacket(stack, icmp.HEADER_BYTES + payloadBytes, LINEAR_BYTES);
    if (request === null) return -ENOBUFS;
    clearPacket(stack, request);
    this.#target.copyFrom(target);
    this.#source.copyFrom(this.#dst.source);
    stack.stats.IcmpOutEchos++;
    return this.#send(request, icmp.ECHO_REQUEST, 0, ((identifier << 16) | sequence) >>> 0);
  }

  #send(skb: SkBuff, type: number, code: number, rest: number, tos: number = 0): number {
    const stack = this.stack;
    const result = resolve(stack, this.#target, 0, this.#dst);
    if (result < 0) {
      stack.stats.IpOutNoRoutes++;
      skb.free(SKB_DROP_REASON.IP_OUTNOROUTES);
      return result;
    }
    const view = stack.view;
    view.setUint8(skb.data, type);
    view.setUint8(skb.data + icmp.CODE_AT, code);
    view.setUint16(skb.data + icmp.CHECKSUM_AT, 0);
    view.setUint32(skb.data + icmp.REST_AT, rest);
    view.setUint16(skb.data + icmp.CHECKSUM_AT, ~skb.checksum(0, skb.len, 0) & 0xffff);
    skb.transportHeader = skb.data;
    stack.stats.IcmpOutMsgs++;
    return ipOutput(stack, skb, this.#dst, this.#source, this.#target, IPPROTO.ICMP, -1, tos);
  }
}
