/**
 * One neighbour: an IP address on a link and the hardware address that answers for it, with Linux's states (RFC 4861, 7.3, used for ARP too).
 *
 * ```
 *             packet to send                reply                  reachable time over        next packet       5 s without news
 *   NONE ───────────────────▶ INCOMPLETE ─────────▶ REACHABLE ─────────────────────▶ STALE ───────────────▶ DELAY ─────────────▶ PROBE ──▶ FAILED
 *                                 │ 3 probes, 1 s apart                                ▲ unsolicited news         confirmed: REACHABLE     3 probes
 *                                 └──────────────▶ FAILED
 * ```
 *
 * @kernel neighbour — include/net/neighbour.h, 7.3
 */
import type { Timer } from '@netmem/machine';
import { type NetDevice, SKB_DROP_REASON, type SkBuff, SkBuffQueue } from '@netmem/netdev';
import { EINVAL } from '@netmem/uapi';
import type { InetDevice } from '../stack/addresses.ts';
import type { InetAddress } from '../stack/inet-address.ts';
import type { NeighbourTable } from './neighbour-table.ts';

/** @kernel NUD_INCOMPLETE — include/uapi/linux/neighbour.h, 7.3 */
export const NUD_NONE = 0x00;
export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
/** Sends without asking. */
export const NUD_CONNECTED = 0xc2;
/** Has a hardware address. */
export const NUD_VALID = 0xde;
/** Its timer runs. */
export const NUD_IN_TIMER = 0x1b;

export class Neighbour {
  readonly table: NeighbourTable;
  readonly link: InetDevice;
  readonly address: InetAddress;
  state: number = NUD_NONE;
  /** Hardware address: first four bytes, last two. */
  macHigh: number = 0;
  macLow: number = 0;
  confirmedMs: number = 0;
  updatedMs: number = 0;
  usedMs: number = 0;
  probes: number = 0;
  /** Taken out of the table: whoever cached it looks again. */
  dead: boolean = false;
  /** Packets that wait for the address, at most `neighUnresQlenBytes` of truesize. */
  readonly queue: SkBuffQueue = new SkBuffQueue();
  queueBytes: number = 0;
  readonly timer: Timer;
  hashNext: Neighbour | null = null;

  constructor(table: NeighbourTable, link: InetDevice, address: InetAddress) {
    this.table = table;
    this.link = link;
    this.address = address;
    this.timer = table.stack.machine.clock.createTimer(() => this.#onTimer());
  }

  get dev(): NetDevice {
    return this.link.dev;
  }

  /** `aa:bb:cc:dd:ee:ff`, or null without one. */
  get mac(): string | null {
    if ((this.state & NUD_VALID) === 0) return null;
    const bytes = [24, 16, 8, 0].map((shift) => (this.macHigh >>> shift) & 0xff);
    bytes.push(this.macLow >>> 8, this.macLow & 0xff);
    return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  /**
   * Sends `skb` (network header at `data`) to this neighbour, now or when its address is known. Owns the skb.
   *
   * @returns what `Network.transmit` answers; 0 when it was queued; -EINVAL the neighbour failed.
   * @kernel neigh_resolve_output — net/core/neighbour.c, 7.3
   */
  output(skb: SkBuff, ethertype: number): number {
    if ((this.state & NUD_CONNECTED) === 0) {
      if ((this.state & NUD_VALID) === 0) return this.#wait(skb, ethertype);
      if (this.state === NUD_STALE) this.#enterDelay();
    }
    this.usedMs = this.table.stack.nowMs;
    return this.#transmit(skb, ethertype);
  }

  #transmit(skb: SkBuff, ethertype: number): number {
    const view = this.table.stack.view;
    const at = skb.push(14);
    view.setInt32(at, this.macHigh);
    view.setUint16(at + 4, this.macLow);
    view.setInt32(at + 6, this.link.macHigh);
    view.setUint16(at + 10, this.link.macLow);
    view.setUint16(at + 12, ethertype);
    skb.macHeader = at;
    skb.protocol = ethertype;
    skb.dev = this.link.dev;
    return this.table.stack.network.transmit(skb);
  }

  /** @kernel __neigh_event_send — net/core/neighbour.c, 7.3 */
  #wait(skb: SkBuff, ethertype: number): number {
    const stack = this.table.stack;
    this.usedMs = stack.nowMs;
    skb.protocol = ethertype;
    if (this.state !== NUD_INCOMPLETE) {
      if (stack.sysctl.neighMcastProbes === 0) {
        this.state = NUD_FAILED;
        this.updatedMs = stack.nowMs;
        skb.free(SKB_DROP_REASON.NEIGH_FAILED);
        return -EINVAL;
      }
      this.probes = 0;
      this.state = NUD_INCOMPLETE;
      this.updatedMs = stack.nowMs;
      this.#enqueue(skb);
      this.#probe();
      return 0;
    }
    this.#enqueue(skb);
    return 0;
  }

  #enqueue(skb: SkBuff): void {
    const limit = this.table.stack.sysctl.neighUnresQlenBytes;
    while (this.queueBytes + skb.truesize > limit) {
      const oldest = this.queue.pop();
      if (oldest === null) break;
      this.queueBytes -= oldest.truesize;
      this.table.unresDiscards++;
      oldest.free(SKB_DROP_REASON.NEIGH_FAILED);
    }
    this.queueBytes += skb.truesize;
    this.queue.push(skb);
  }

  #enterDelay(): void {
    const stack = this.table.stack;
    this.state = NUD_DELAY;
    this.updatedMs = stack.nowMs;
    this.#arm(stack.sysctl.neighDelayProbeMs);
  }

  #arm(ms: number): void {
    this.timer.mod(this.table.stack.machine.clock.nowNs + ms * 1e6);
  }

  #probe(): void {
    this.#arm(this.table.stack.sysctl.neighRetransMs);
    this.probes++;
    this.table.solicit(this);
  }

  /** Proof that the neighbour hears us: a TCP ACK moved on. @kernel dst_confirm — include/net/dst.h, 7.3 */
  confirm(): void {
    const now = this.table.stack.nowMs;
    if (this.confirmedMs !== now) this.confirmedMs = now;
  }

  /** @kernel neigh_timer_handler — net/core/neighbour.c, 7.3 */
  #onTimer(): void {
    if (this.dead || (this.state & NUD_IN_TIMER) === 0) return;
    const stack = this.table.stack;
    const sysctl = stack.sysctl;
    const now = stack.nowMs;
    const sinceConfirmed = (now - this.confirmedMs) | 0;
    if (this.state === NUD_REACHABLE) {
      if (sinceConfirmed < this.table.reachableMs) {
        this.#arm(this.table.reachableMs - sinceConfirmed);
      } else if (((now - this.usedMs) | 0) < sysctl.neighDelayProbeMs) {
        this.#enterDelay();
      } else {
        this.state = NUD_STALE;
        this.updatedMs = now;
      }
      return;
    }
    if (this.state === NUD_DELAY) {
      if (sinceConfirmed < sysctl.neighDelayProbeMs) {
        this.#reachable(now);
        return;
      }
      this.state = NUD_PROBE;
      this.updatedMs = now;
      this.probes = 0;
    }
    const most = this.state === NUD_PROBE ? sysctl.neighUcastProbes : sysctl.neighMcastProbes;
    if (this.probes >= most) this.#fail(now);
    else this.#probe();
  }

  #reachable(now: number): void {
    this.state = NUD_REACHABLE;
    this.updatedMs = now;
    this.#arm(this.table.reachableMs);
  }

  #fail(now: number): void {
    this.state = NUD_FAILED;
    this.updatedMs = now;
    this.table.resFailed++;
    this.#drop(true);
  }

  #drop(report: boolean): void {
    for (let skb = this.queue.pop(); skb !== null; skb = this.queue.pop()) {
      if (report) this.table.stack.reportLinkFailure(skb);
      skb.free(SKB_DROP_REASON.NEIGH_FAILED);
    }
    this.queueBytes = 0;
  }

  /**
   * News about the hardware address, from a packet or from the owner.
   *
   * @param state - NUD_REACHABLE (a solicited answer), NUD_STALE (heard of it) or NUD_PERMANENT.
   * @param override - whether a different address than the known one counts.
   * @kernel __neigh_update — net/core/neighbour.c, 7.3
   */
  update(macHigh: number, macLow: number, state: number, override: boolean): void {
    if (this.dead || (this.state & (NUD_NOARP | NUD_PERMANENT)) !== 0) {
      if (state !== NUD_PERMANENT) return;
    }
    const now = this.table.stack.nowMs;
    const old = this.state;
    const known = (old & NUD_VALID) !== 0;
    const same = known && this.macHigh === macHigh && this.macLow === macLow;
    let next = state;
    if (known && !same) {
      if (!override) {
        // Somebody else claims the address: keep ours and check soon.
        if (old === NUD_REACHABLE) {
          this.state = NUD_STALE;
          this.updatedMs = now;
        }
        return;
      }
    } else if (same && state === NUD_STALE && (old & NUD_CONNECTED) !== 0) {
      next = old;
    }
    if (!same) {
      this.macHigh = macHigh;
      this.macLow = macLow;
    }
    if (next === NUD_REACHABLE) this.confirmedMs = now;
    if (next !== old) {
      this.state = next;
      this.updatedMs = now;
      if (next === NUD_REACHABLE) this.#arm(this.table.reachableMs);
    }
    if (!known) this.#flush();
  }

  #flush(): void {
    this.queueBytes = 0;
    for (let skb = this.queue.pop(); skb !== null; skb = this.queue.pop()) this.#transmit(skb, skb.protocol);
  }

  /** Leaves the table. */
  kill(): void {
    this.dead = true;
    this.timer.del();
    this.#drop(false);
  }
}
