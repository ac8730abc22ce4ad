import {
  completeChecksum,
  FRAME_DATA_VALID,
  FRAME_NEEDS_CSUM,
  type FrameSlots,
  GSO_NONE,
  type Port,
} from '@netmem/link';
import type { Region } from '@netmem/region';
import { Dissection, dissect, type InternetChecksum, tcp } from '@netmem/wire';
import {
  packetType,
  RX_COMPLETION_DESCRIPTOR_DONE,
  RX_COMPLETION_L3_L4_PROCESSED,
  RX_COMPLETION_RXDID,
} from './abi/index.ts';
import { RSC_TIMEOUT_NS, RX_FRAME_BYTES_MIN, RX_UNIT_BYTES } from './choices.ts';
import type { FlowCache } from './flow-cache.ts';
import type { FlowTable } from './flow-table.ts';
import { splitLength } from './header-split.ts';
import type { NicHost } from './host.ts';
import { PendingSet } from './pending-set.ts';
import { CUT_TEMPLATE_BYTES, ReceivedSuperFrame } from './received-super-frame.ts';
import { mergeablePayload } from './rsc-rules.ts';
import type { Rss } from './rss.ts';
import { CHECKSUM_ERRORS, checkChecksums } from './rx-checksum.ts';
import { WORD2_HEADER_OVERFLOW, WORD2_TS_VALID } from './rx-completion-ring.ts';
import type { RxQueue } from './rx-queue.ts';
import type { DeviceStats } from './stats.ts';
import { fillChecksum } from './tx-checksum.ts';

const WORD0_IPV6_EX_ADD = 1 << 9;
const WORD0_PACKET_TYPE_SHIFT = 16;

/** Not a segment of a super-frame: a packet as it came from the wire. */
const UNMERGED = 0;

/** What placement needs of the card. */
export interface PlacementContext {
  readonly host: NicHost;
  readonly port: Port;
  readonly rss: Rss;
  readonly rules: FlowTable;
  readonly flows: FlowCache;
  readonly rx: readonly RxQueue[];
  readonly checksum: InternetChecksum;
  readonly device: DeviceStats;
  readonly dropBadChecksum: boolean;
  /** Every packet is given the time it came at. */
  readonly stampPackets: boolean;
  readonly linkUp: boolean;
  /** Longest frame that is received, by MTU. */
  readonly frameBytesMax: number;
  /** Carves scratch memory; only while the card is built. */
  carve(lengthBytes: number): Region;
}

/**
 * The receive path: takes frames from the port, decides the queue (flow rules before RSS), checks checksums, and hands the
 * frame to its queue. Frames that cannot be delivered are dropped and counted; nothing waits but packets that are being
 * merged.
 */
export class RxPlacement {
  readonly #card: PlacementContext;
  readonly #slots: FrameSlots;
  readonly #frame: Dissection = new Dissection();
  readonly #cutter: ReceivedSuperFrame;
  /** Queues that frames were placed on in this round, or that have an open packet. */
  readonly #busy: PendingSet;
  /** What the third word of every completion has. */
  readonly #status: number;

  constructor(card: PlacementContext) {
    this.#card = card;
    this.#slots = card.port.slots;
    this.#busy = new PendingSet(card.rx.length);
    this.#status = RX_COMPLETION_DESCRIPTOR_DONE | (card.stampPackets ? WORD2_TS_VALID : 0);
    this.#cutter = new ReceivedSuperFrame(card.carve(CUT_TEMPLATE_BYTES), card.checksum);
  }

  /**
   * Receives frames for at most `budget` units of work, begun ones finished: one for each frame, and another for every
   * RX_UNIT_BYTES, so that a driver gets to refill its ring as often whatever the size of frames.
   *
   * @returns units done, and merged packets closed.
   */
  run(budget: number): number {
    const { port } = this.#card;
    let done = 0;
    let drained = false;
    while (done < budget) {
      const slot = port.receive();
      if (slot === 0) {
        drained = true;
        break;
      }
      done += 1 + Math.trunc(this.#slots.length[slot] / RX_UNIT_BYTES);
      this.#accept(slot);
      this.#slots.release(slot);
    }
    return done + this.#finish(drained);
  }

  /**
   * Completes packets that wait for segments, all of them when the link has nothing more, else those that wait too long; and
   * shows every queue's driver what was completed in this round.
   */
  #finish(drained: boolean): number {
    const { rx, host } = this.#card;
    let closed = 0;
    for (let left = this.#busy.count; left > 0; left--) {
      const queue = rx[this.#busy.take()];
      const { merge } = queue;
      if (merge.open && (drained || host.clock.nowNs - merge.openedNs >= RSC_TIMEOUT_NS)) {
        merge.close();
        closed++;
      }
      if (merge.open) this.#busy.add(queue.id);
      queue.flush();
    }
    return closed;
  }

  #accept(slot: number): void {
    const card = this.#card;
    const { device } = card;
    const region = this.#slots.region;
    const length = this.#slots.length[slot];
    device.rxFrames++;
    device.rxBytes += length;
    if (!card.linkUp) {
      device.rxLinkDown++;
      return;
    }
    if (length < RX_FRAME_BYTES_MIN) {
      device.rxRunts++;
      return;
    }
    const at = this.#slots.address(slot);
    const frame = this.#frame;
    dissect(region.view, at, length, frame);
    const { flows } = card;
    if (!flows.find(region.view, frame)) this.#steer(region);
    if (flows.steered) device.rxSteered++;
    const { hash } = flows;
    // Both sources of ids are checked when the driver writes them, so an id is always within the array.
    const queue = card.rx[flows.queue];
    if (!queue.active) {
      device.rxNoQueue++;
      return;
    }
    if (queue.stopped) {
      queue.stats.stopped++;
      return;
    }
    this.#busy.add(queue.id);
    if (card.stampPackets) queue.stamp = card.host.clock.nowNs | 0;
    if (this.#slots.gsoType[slot] !== GSO_NONE) {
      this.#acceptSuperFrame(slot, at, length, queue, hash);
      return;
    }
    if (length > card.frameBytesMax) {
      queue.stats.overMru++;
      return;
    }
    const flags = this.#slots.flags[slot];
    if ((flags & FRAME_NEEDS_CSUM) !== 0 && !queue.enableRsc) this.#finishChecksum(slot);
    const vouched = (flags & (FRAME_NEEDS_CSUM | FRAME_DATA_VALID)) !== 0;
    const checked = checkChecksums(region.view, frame, card.checksum, vouched);
    if (card.dropBadChecksum && (checked & CHECKSUM_ERRORS) !== 0) {
      queue.stats.badChecksum++;
      return;
    }
    if (queue.enableRsc && this.#merge(region, at, length, queue, checked, hash)) return;
    this.#deliver(region, at, length, queue, checked, hash, UNMERGED);
  }

  /** Decides where the frame goes: flow rules before RSS. */
  #steer(region: Region): void {
    const { flows, rss, rules } = this.#card;
    const hash = rss.hash(region.bytes, this.#frame) | 0;
    const ruled = rules.count > 0 ? rules.match(region.view, this.#frame) : -1;
    flows.remember(ruled >= 0 ? ruled : rss.queueOf(hash), hash, ruled >= 0);
  }

  /** Puts the frame that is in `#frame` on a queue by itself. False: it was dropped. */
  #deliver(
    region: Region,
    at: number,
    length: number,
    queue: RxQueue,
    checked: number,
    hash: number,
    segmentBytes: number,
  ): boolean {
    const frame = this.#frame;
    let headerLength = 0;
    let overflow = 0;
    if (queue.headerBufferBytes > 0) {
      headerLength = splitLength(frame, at);
      if (headerLength > queue.headerBufferBytes) {
        headerLength = 0;
        overflow = WORD2_HEADER_OVERFLOW;
      }
    }
    const word0 = firstWord(frame);
    const word2 = this.#status | checked;
    return queue.deliver(region, at - region.base, length, headerLength, word0, word2, overflow, hash, segmentBytes);
  }

  /** Takes the frame into the queue's open packet, or opens one with it. False: it goes by itself, and nothing is open. */
  #merge(region: Region, at: number, length: number, queue: RxQueue, checked: number, hash: number): boolean {
    const frame = this.#frame;
    const { merge } = queue;
    const payload = checked === RX_COMPLETION_L3_L4_PROCESSED ? mergeablePayload(region.view, frame, at + length) : 0;
    if (merge.open) {
      if (payload > 0 && merge.append(region, at, frame, payload, hash)) return true;
      merge.close();
    }
    // What is pushed must not wait.
    if (payload === 0 || (region.view.getUint8(frame.l4At + tcp.FLAGS_AT) & tcp.PSH) !== 0) return false;
    const word2 = this.#status | checked;
    return merge.begin(region, at, frame, payload, firstWord(frame), word2, hash, this.#card.host.clock.nowNs);
  }

  /**
   * A frame of many segments, which only a virtual link carries. A queue that merges gets it as one packet, as if it had
   * merged the segments itself; for others it is cut.
   */
  #acceptSuperFrame(slot: number, at: number, length: number, queue: RxQueue, hash: number): void {
    const card = this.#card;
    const { region } = this.#slots;
    const frame = this.#frame;
    const segmentBytes = this.#slots.gsoSize[slot];
    const headerLength = splitLength(frame, at);
    if (headerLength === 0 || segmentBytes === 0) {
      card.device.rxNotSegmentable++;
      return;
    }
    const payload = at + length - frame.payloadAt;
    if (headerLength + Math.min(segmentBytes, payload) > card.frameBytesMax) {
      queue.stats.overMru++;
      return;
    }
    queue.merge.close();
    // Nobody has made a checksum that could be checked.
    const checked = checkChecksums(region.view, frame, card.checksum, true);
    const whole = queue.enableRsc && checked === RX_COMPLETION_L3_L4_PROCESSED && payload > segmentBytes;
    if (whole && mergeablePayload(region.view, frame, at + length) > 0) {
      if (!this.#deliver(region, at, length, queue, checked, hash, segmentBytes)) return;
      queue.stats.rscPackets++;
      queue.stats.rscSegments += Math.ceil(payload / segmentBytes);
      return;
    }
    this.#cut(region, at, headerLength, payload, segmentBytes, queue, hash);
  }

  #cut(
    region: Region,
    at: number,
    headerLength: number,
    payload: number,
    segmentBytes: number,
    queue: RxQueue,
    hash: number,
  ): void {
    const { device, checksum } = this.#card;
    const cutter = this.#cutter;
    if (!cutter.begin(region, at, headerLength, payload, segmentBytes)) {
      device.rxNotSegmentable++;
      return;
    }
    device.rxCut++;
    while (!queue.stopped && cutter.next()) {
      dissect(region.view, cutter.at, cutter.length, this.#frame);
      const checked = checkChecksums(region.view, this.#frame, checksum, true);
      this.#deliver(region, cutter.at, cutter.length, queue, checked, hash, UNMERGED);
    }
  }

  /** Does what the sender's card would have done before the frame went on a wire. */
  #finishChecksum(slot: number): void {
    const { view } = this.#slots.region;
    if (!fillChecksum(view, this.#frame, this.#card.checksum)) completeChecksum(this.#slots, slot);
  }
}

function firstWord(frame: Dissection): number {
  return (
    RX_COMPLETION_RXDID |
    (frame.ipv6ExtAdd ? WORD0_IPV6_EX_ADD : 0) |
    (packetType(frame.l3, frame.l4) << WORD0_PACKET_TYPE_SHIFT)
  );
}
