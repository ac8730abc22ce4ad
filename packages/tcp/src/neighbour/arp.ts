/** ARP (RFC 826): asks for and answers with Ethernet addresses for IPv4. @kernel arp_process — net/ipv4/arp.c, 7.3 */
import {
  type NetDevice,
  PACKET_HOST,
  PACKET_LOOPBACK,
  PACKET_OTHERHOST,
  type PacketHandler,
  type SkBuff,
} from '@netmem/netdev';
import { ETH_P } from '@netmem/uapi';
import { arp } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { type Neighbour, NUD_REACHABLE, NUD_STALE, NUD_VALID } from './neighbour.ts';
import { NeighbourTable } from './neighbour-table.ts';

const BROADCAST: Uint8Array = new Uint8Array(6).fill(0xff);
const NO_MAC: Uint8Array = new Uint8Array(6);

export class Arp implements PacketHandler {
  readonly stack: InetCore;
  readonly table: NeighbourTable;
  readonly #scratch: InetAddress = InetAddress.v4(0);
  readonly #mac: Uint8Array = new Uint8Array(6);
  /** Packets that were no IPv4-over-Ethernet ARP. */
  malformed: number = 0;

  constructor(stack: InetCore) {
    this.stack = stack;
    this.table = new NeighbourTable(stack, (neighbour) => this.#solicit(neighbour));
  }

  /** @kernel arp_rcv — net/ipv4/arp.c, 7.3 */
  receive(skb: SkBuff): void {
    const ok = skb.pktType !== PACKET_OTHERHOST && skb.pktType !== PACKET_LOOPBACK && skb.mayPull(arp.PACKET_BYTES);
    if (!ok || arp.validatePacket(this.stack.view, skb.data, skb.headlen) < 0) {
      if (skb.pktType !== PACKET_OTHERHOST) this.malformed++;
      skb.free();
      return;
    }
    this.#process(skb, skb.dev as NetDevice);
    skb.consume();
  }

  #process(skb: SkBuff, dev: NetDevice): void {
    const view = this.stack.view;
    const at = skb.data;
    const operation = arp.operation(view, at);
    const sender = arp.senderAddress(view, at) | 0;
    const target = arp.targetAddress(view, at) | 0;
    if (operation !== arp.REQUEST && operation !== arp.REPLY) return;
    // Groups and loopback are never asked for.
    if (target >>> 28 === 0xe || target >>> 24 === 127) return;
    const forUs = this.stack.addresses.isLocal4(target);
    if (sender === 0) {
      // Duplicate address detection (RFC 5227): defend ours.
      if (operation === arp.REQUEST && forUs) this.#reply(dev, target, sender, at + arp.SENDER_MAC_AT);
      return;
    }
    if (sender >>> 28 === 0xe || this.stack.addresses.isBroadcast4(sender)) return;
    if (this.stack.addresses.isLocal4(sender)) return;
    this.#scratch.setV4(sender);
    if (operation === arp.REQUEST && forUs) {
      const entry = this.table.lookup(dev, this.#scratch);
      if (entry !== null) this.#learn(entry, at + arp.SENDER_MAC_AT, NUD_STALE, true);
      this.#reply(dev, target, sender, at + arp.SENDER_MAC_AT);
      return;
    }
    // Not asked for: a known neighbour's news count, a stranger's do not (arp_accept 0).
    const entry = this.table.find(dev, this.#scratch);
    if (entry === null) return;
    const solicited = operation === arp.REPLY && skb.pktType === PACKET_HOST;
    const locked = ((this.stack.nowMs - entry.updatedMs) | 0) < this.stack.sysctl.neighLocktimeMs;
    const gratuitous = sender === target;
    this.#learn(entry, at + arp.SENDER_MAC_AT, solicited ? NUD_REACHABLE : NUD_STALE, !locked || gratuitous);
  }

  #learn(entry: Neighbour, macAt: number, state: number, override: boolean): void {
    const view = this.stack.view;
    // A group address answers for nobody.
    if ((view.getUint8(macAt) & 1) !== 0) return;
    const known = (entry.state & NUD_VALID) !== 0;
    entry.update(view.getInt32(macAt), view.getUint16(macAt + 4), state, override || !known);
  }

  #reply(dev: NetDevice, address: number, target: number, targetMacAt: number): void {
    const bytes = this.stack.memory.bytes;
    for (let i = 0; i < 6; i++) this.#mac[i] = bytes[targetMacAt + i];
    this.#send(dev, arp.REPLY, address, target, this.#mac, this.#mac);
  }

  /** @kernel arp_solicit — net/ipv4/arp.c, 7.3 */
  #solicit(neighbour: Neighbour): void {
    const source = this.#scratch;
    if (!this.stack.addresses.selectSource(neighbour.dev, neighbour.address, source)) return;
    let destination = BROADCAST;
    if ((neighbour.state & NUD_VALID) !== 0) {
      this.#unpack(neighbour);
      destination = this.#mac;
    }
    this.#send(neighbour.dev, arp.REQUEST, source.w3, neighbour.address.w3, destination, NO_MAC);
  }

  /** A gratuitous request: tells everybody on the link who has `address` (RFC 5227, 3). */
  announce(dev: NetDevice, address: InetAddress): void {
    this.#send(dev, arp.REQUEST, address.w3, address.w3, BROADCAST, NO_MAC);
  }

  #unpack(neighbour: Neighbour): void {
    for (let i = 0; i < 4; i++) this.#mac[i] = (neighbour.macHigh >>> (24 - 8 * i)) & 0xff;
    this.#mac[4] = neighbour.macLow >>> 8;
    this.#mac[5] = neighbour.macLow & 0xff;
  }

  #send(dev: NetDevice, op: number, from: number, to: number, destination: Uint8Array, targetMac: Uint8Array): void {
    const skb = this.stack.network.skbs.alloc(dev);
    if (skb === null) return;
    const view = this.stack.view;
    const at = skb.put(14 + arp.PACKET_BYTES);
    const bytes = this.stack.memory.bytes;
    for (let i = 0; i < 6; i++) {
      bytes[at + i] = destination[i];
      bytes[at + 6 + i] = dev.address[i];
    }
    view.setUint16(at + 12, ETH_P.ARP);
    arp.writePacket(view, at + 14, op, dev.address, from >>> 0, targetMac, to >>> 0);
    skb.macHeader = at;
    skb.networkHeader = at + 14;
    skb.protocol = ETH_P.ARP;
    this.stack.network.transmit(skb);
  }
}
