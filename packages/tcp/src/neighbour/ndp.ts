/** Neighbour discovery (RFC 4861): ARP's work for IPv6. No router discovery, no redirects, no duplicate address detection: addresses here are given, not found. @kernel ndisc_rcv — net/ipv6/ndisc.c, 7.3 */
import type { NetDevice, SkBuff } from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { icmpv6, ipv6, ndp } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { ipOutput } from '../stack/ip-output.ts';
import { allocPacket } from '../stack/packet.ts';
import { Dst } from '../stack/routes.ts';
import { fold, pseudoHeaderSum } from '../stack/transport-checksum.ts';
import { type Neighbour, NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_VALID } from './neighbour.ts';
import { NeighbourTable } from './neighbour-table.ts';

export class Ndp {
  readonly stack: InetCore;
  readonly table: NeighbourTable;
  readonly #target: InetAddress = new InetAddress();
  readonly #group: InetAddress = new InetAddress();
  readonly #source: InetAddress = new InetAddress();
  readonly #dst: Dst = new Dst();
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(16);
  readonly #bytesView: DataView = new DataView(this.#bytes.buffer);
  /** Messages that broke a rule of RFC 4861, 7.1. */
  malformed: number = 0;

  constructor(stack: InetCore) {
    this.stack = stack;
    this.table = new NeighbourTable(stack, (neighbour) => this.#solicit(neighbour));
  }

  /** A neighbour or router message with a good checksum, `skb.data` at it. Does not own the skb. */
  receive(skb: SkBuff): void {
    const view = this.stack.view;
    const at = skb.data;
    // Options must be linear to be read; messages are short.
    const readable = skb.mayPull(Math.min(skb.len, 256)) ? skb.headlen : 0;
    const hops = view.getUint8(skb.networkHeader + ipv6.HOP_LIMIT_AT);
    if (readable < skb.len || ndp.validateMessage(view, at, readable, hops) < 0) {
      this.malformed++;
      return;
    }
    const type = icmpv6.type(view, at);
    const dev = skb.dev as NetDevice;
    if (type === icmpv6.NEIGHBOUR_SOLICITATION) this.#onSolicitation(dev, at, readable);
    else if (type === icmpv6.NEIGHBOUR_ADVERTISEMENT) this.#onAdvertisement(dev, at, readable);
    else if (type === icmpv6.ROUTER_ADVERTISEMENT) this.stack.stats.Icmp6InRouterAdvertisements++;
  }

  /** @kernel ndisc_recv_ns — net/ipv6/ndisc.c, 7.3 */
  #onSolicitation(dev: NetDevice, at: number, length: number): void {
    const stack = this.stack;
    stack.stats.Icmp6InNeighborSolicits++;
    const view = stack.view;
    const sender = stack.rxSource;
    const option = ndp.linkLayerAddressAt(view, at, length, ndp.OPTION_SOURCE_LINK_LAYER);
    const probing = sender.isAny;
    // Somebody who has no address yet cannot name its hardware address (RFC 4861, 7.1.1).
    if (probing && (option !== 0 || !stack.rxDestination.isMulticast)) {
      this.malformed++;
      return;
    }
    this.#target.readV6(view, at + ndp.TARGET_AT);
    if (!stack.addresses.isLocal(this.#target)) return;
    if (probing) {
      this.#group.readV6(ALL_NODES, 0);
      this.#advertise(dev, this.#target, this.#group, ndp.FLAG_OVERRIDE);
      return;
    }
    if (option !== 0) {
      const entry = this.table.lookup(dev, sender);
      if (entry !== null) this.#learn(entry, option, NUD_STALE, true);
    }
    this.#group.copyFrom(sender);
    this.#advertise(dev, this.#target, this.#group, (ndp.FLAG_SOLICITED | ndp.FLAG_OVERRIDE) >>> 0);
  }

  /** @kernel ndisc_recv_na — net/ipv6/ndisc.c, 7.3 */
  #onAdvertisement(dev: NetDevice, at: number, length: number): void {
    const stack = this.stack;
    stack.stats.Icmp6InNeighborAdvertisements++;
    const view = stack.view;
    const flags = ndp.flags(view, at);
    const solicited = (flags & ndp.FLAG_SOLICITED) !== 0;
    if (solicited && stack.rxDestination.isMulticast) {
      this.malformed++;
      return;
    }
    this.#target.readV6(view, at + ndp.TARGET_AT);
    if (stack.addresses.isLocal(this.#target)) return;
    const entry = this.table.find(dev, this.#target);
    if (entry === null) return;
    const option = ndp.linkLayerAddressAt(view, at, length, ndp.OPTION_TARGET_LINK_LAYER);
    if (option === 0) {
      // Without an address it can only confirm one that is known.
      if ((entry.state & NUD_VALID) === 0 || entry.state === NUD_INCOMPLETE) return;
      if (solicited) entry.update(entry.macHigh, entry.macLow, NUD_REACHABLE, false);
      return;
    }
    this.#learn(entry, option, solicited ? NUD_REACHABLE : NUD_STALE, (flags & ndp.FLAG_OVERRIDE) !== 0);
  }

  #learn(entry: Neighbour, macAt: number, state: number, override: boolean): void {
    const view = this.stack.view;
    if ((view.getUint8(macAt) & 1) !== 0) return;
    entry.update(view.getInt32(macAt), view.getUint16(macAt + 4), state, override);
  }

  /** @kernel ndisc_solicit — net/ipv6/ndisc.c, 7.3 */
  #solicit(neighbour: Neighbour): void {
    const stack = this.stack;
    if (!stack.addresses.selectSource(neighbour.dev, neighbour.address, this.#source)) return;
    const unicast = (neighbour.state & NUD_VALID) !== 0;
    if (unicast) this.#group.copyFrom(neighbour.address);
    else solicitedNode(this.#group, neighbour.address);
    const skb = allocPacket(stack, ndp.NEIGHBOUR_BYTES + ndp.LINK_LAYER_OPTION_BYTES, ndp.NEIGHBOUR_BYTES);
    if (skb === null) return;
    neighbour.address.writeV6(this.#bytesView, 0);
    const pseudo = this.#pseudo(skb);
    ndp.writeNeighbourSolicitation(stack.view, skb.data, this.#bytes, neighbour.dev.address, pseudo);
    stack.stats.Icmp6OutNeighborSolicits++;
    this.#send(skb, neighbour.dev, unicast ? neighbour : null);
  }

  /** Unsolicited: tells everybody on the link who has `address` (RFC 4861, 7.2.6). */
  announce(dev: NetDevice, address: InetAddress): void {
    this.#group.readV6(ALL_NODES, 0);
    this.#advertise(dev, address, this.#group, ndp.FLAG_OVERRIDE);
  }

  #advertise(dev: NetDevice, target: InetAddress, _to: InetAddress, flags: number): void {
    const stack = this.stack;
    const skb = allocPacket(stack, ndp.NEIGHBOUR_BYTES + ndp.LINK_LAYER_OPTION_BYTES, ndp.NEIGHBOUR_BYTES);
    if (skb === null) return;
    this.#source.copyFrom(target);
    target.writeV6(this.#bytesView, 0);
    const pseudo = this.#pseudo(skb);
    ndp.writeNeighbourAdvertisement(stack.view, skb.data, this.#bytes, dev.address, flags, pseudo);
    stack.stats.Icmp6OutNeighborAdvertisements++;
    this.#send(skb, dev, null);
  }

  #pseudo(skb: SkBuff): number {
    return fold(pseudoHeaderSum(this.#source, this.#group, IPPROTO.ICMPV6) + skb.len);
  }

  #send(skb: SkBuff, dev: NetDevice, neighbour: Neighbour | null): void {
    const stack = this.stack;
    // Past the routing table: the device is known and the destination is on its link.
    this.#dst.dev = dev;
    this.#dst.neighbour = neighbour ?? this.table.lookup(dev, this.#group);
    skb.transportHeader = skb.data;
    stack.stats.Icmp6OutMsgs++;
    ipOutput(stack, skb, this.#dst, this.#source, this.#group, IPPROTO.ICMPV6, ndp.HOP_LIMIT, 0);
    this.#dst.clear();
  }
}

const ALL_NODES: DataView = new DataView(new ArrayBuffer(16));
ALL_NODES.setUint32(0, 0xff020000);
ALL_NODES.setUint32(12, 1);

/** ff02::1:ff and the last three bytes of `address` (RFC 4291, 2.7.1). */
function solicitedNode(out: InetAddress, address: InetAddress): void {
  out.w0 = 0xff020000 | 0;
  out.w1 = 0;
  out.w2 = 1;
  out.w3 = 0xff000000 | (address.w3 & 0xffffff);
}
