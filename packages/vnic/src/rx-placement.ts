import { FRAME_DATA_VALID, FRAME_NEEDS_CSUM, type FrameSlots, type Port } from '@netmem/link';
import { Dissection, dissect, type InternetChecksum } from '@netmem/wire';
import { packetType, RX_COMPLETION_DESCRIPTOR_DONE, RX_COMPLETION_RXDID } from './abi/index.ts';
import { RX_FRAME_BYTES_MIN } from './choices.ts';
import type { FlowTable } from './flow-table.ts';
import { splitLength } from './header-split.ts';
import type { Rss } from './rss.ts';
import { CHECKSUM_ERRORS, checkChecksums } from './rx-checksum.ts';
import { type RxQueue, WORD2_HEADER_OVERFLOW } from './rx-queue.ts';
import type { DeviceStats } from './stats.ts';

const WORD0_IPV6_EX_ADD = 1 << 9;
const WORD0_PACKET_TYPE_SHIFT = 16;

/** What placement needs of the card. */
export interface PlacementContext {
  readonly port: Port;
  readonly rss: Rss;
  readonly rules: FlowTable;
  readonly rx: readonly RxQueue[];
  readonly checksum: InternetChecksum;
  readonly device: DeviceStats;
  readonly dropBadChecksum: boolean;
  readonly linkUp: boolean;
  /** Longest frame that is received, by MTU. */
  readonly frameBytesMax: number;
}

/**
 * The receive path: takes frames from the port, decides the queue (flow rules before RSS), checks checksums, and hands the
 * frame to its queue. Frames that cannot be delivered are dropped and counted; nothing waits.
 */
export class RxPlacement {
  readonly #card: PlacementContext;
  readonly #slots: FrameSlots;
  readonly #frame: Dissection = new Dissection();

  constructor(card: PlacementContext) {
    this.#card = card;
    this.#slots = card.port.slots;
  }

  /** Receives at most `budget` frames; returns how many. */
  run(budget: number): number {
    const { port } = this.#card;
    let done = 0;
    while (done < budget) {
      const slot = port.receive();
      if (slot === 0) break;
      done++;
      this.#accept(slot);
      this.#slots.release(slot);
    }
    return done;
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
    const hash = card.rss.hash(region.bytes, frame);
    let queueId = card.rules.count > 0 ? card.rules.match(region.view, frame) : -1;
    if (queueId >= 0) device.rxSteered++;
    else queueId = card.rss.queueOf(hash);
    // Both sources of ids are checked when the driver writes them, so an id is always within the array.
    const queue = card.rx[queueId];
    if (!queue.active) {
      device.rxNoQueue++;
      return;
    }
    if (queue.stopped) {
      queue.stats.stopped++;
      return;
    }
    if (length > card.frameBytesMax) {
      queue.stats.overMru++;
      return;
    }
    const vouched = (this.#slots.flags[slot] & (FRAME_NEEDS_CSUM | FRAME_DATA_VALID)) !== 0;
    const checked = checkChecksums(region.view, frame, card.checksum, vouched);
    if (card.dropBadChecksum && (checked & CHECKSUM_ERRORS) !== 0) {
      queue.stats.badChecksum++;
      return;
    }
    let headerLength = 0;
    let overflow = 0;
    if (queue.headerBufferBytes > 0) {
      headerLength = splitLength(frame, at);
      if (headerLength > queue.headerBufferBytes) {
        headerLength = 0;
        overflow = WORD2_HEADER_OVERFLOW;
      }
    }
    const word0 =
      RX_COMPLETION_RXDID |
      (frame.ipv6ExtAdd ? WORD0_IPV6_EX_ADD : 0) |
      (packetType(frame.l3, frame.l4) << WORD0_PACKET_TYPE_SHIFT);
    const word2 = RX_COMPLETION_DESCRIPTOR_DONE | checked;
    queue.deliver(region, at - region.base, length, headerLength, word0, word2, overflow, hash);
  }
}
