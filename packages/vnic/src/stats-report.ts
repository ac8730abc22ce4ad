import type { Region } from '@netmem/region';
import {
  NIC_RX_STATS,
  STAT_RX_DROPS_INVALID_CHECKSUM,
  STAT_RX_DROPS_PACKET_OVER_MRU,
  STAT_RX_NO_BUFFERS_POSTED,
  STAT_RX_QUEUE_DROP_CNT,
  STATS_REPORT,
  STATS_REPORT_ENTRY,
  writeU64be,
} from './abi/index.ts';
import { STATS_INTERVAL_MAX_MS, STATS_INTERVAL_MIN_MS } from './choices.ts';
import type { DeviceClock, DeviceDma } from './host.ts';
import type { RxQueue } from './rx-queue.ts';

const ENTRY_BYTES = STATS_REPORT_ENTRY.$.sizeBytes;
const NS_PER_MS = 1_000_000;

/**
 * The card's half of the stats report: four entries for every existing receive queue, at the very end of the area that the
 * driver gave. Written when it is attached and then at the driver's interval.
 */
export class StatsReport {
  readonly #dma: DeviceDma;
  readonly #clock: DeviceClock;
  readonly #queues: readonly RxQueue[];
  readonly #entries: Region;
  readonly #wake: () => void;
  #address = 0;
  #length = 0;
  #intervalNs = 0;
  #nextNs = 0;
  #attached = false;
  /** One wake-up at a time: attaching again and again must not pile them up. */
  #waking = false;

  /** @param entries - Scratch memory for all queues' entries. */
  constructor(dma: DeviceDma, clock: DeviceClock, queues: readonly RxQueue[], entries: Region) {
    this.#dma = dma;
    this.#clock = clock;
    this.#queues = queues;
    this.#entries = entries;
    // Nothing else here: a clock's callback does no DMA, and the run that follows schedules the next one.
    this.#wake = () => {
      this.#waking = false;
    };
  }

  attach(address: number, length: number, intervalMs: number): void {
    this.#address = address;
    this.#length = length;
    this.#intervalNs = Math.min(Math.max(intervalMs, STATS_INTERVAL_MIN_MS), STATS_INTERVAL_MAX_MS) * NS_PER_MS;
    this.#attached = true;
    this.#nextNs = this.#clock.nowNs + this.#intervalNs;
    this.#schedule();
  }

  detach(): void {
    this.#attached = false;
  }

  /** Writes when the interval is over. Costs a branch when nothing is attached. */
  run(): void {
    if (!this.#attached) return;
    const now = this.#clock.nowNs;
    if (now >= this.#nextNs) {
      this.#nextNs = now + this.#intervalNs;
      this.write();
    }
    this.#schedule();
  }

  /** Writes now. An area without room for the card's half is left alone. @returns false, and detached, when it cannot be reached. */
  write(): boolean {
    let entry = 0;
    for (const queue of this.#queues) {
      if (!queue.active) continue;
      const { stats, id } = queue;
      this.#put(entry, STAT_RX_QUEUE_DROP_CNT, id, stats.dropped);
      this.#put(entry + 1, STAT_RX_NO_BUFFERS_POSTED, id, stats.noBuffers);
      this.#put(entry + 2, STAT_RX_DROPS_PACKET_OVER_MRU, id, stats.overMru);
      this.#put(entry + 3, STAT_RX_DROPS_INVALID_CHECKSUM, id, stats.badChecksum);
      entry += NIC_RX_STATS;
    }
    const bytes = entry * ENTRY_BYTES;
    if (bytes === 0 || this.#length < STATS_REPORT.$.sizeBytes + bytes) return true;
    const reached = this.#dma.write(this.#address + this.#length - bytes, this.#entries, 0, bytes) === bytes;
    if (!reached) this.detach();
    return reached;
  }

  #put(entry: number, name: number, queue: number, value: number): void {
    const { view, base } = this.#entries;
    const at = base + entry * ENTRY_BYTES;
    view.setUint32(at + STATS_REPORT_ENTRY.statName, name);
    view.setUint32(at + STATS_REPORT_ENTRY.queueId, queue);
    writeU64be(view, at + STATS_REPORT_ENTRY.value, value);
  }

  #schedule(): void {
    if (!this.#attached || this.#waking) return;
    this.#waking = true;
    this.#clock.schedule(this.#nextNs, this.#wake);
  }
}
