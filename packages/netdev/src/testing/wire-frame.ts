import { TCP_DATA_SPLIT } from '@netmem/uapi';
import {
  checksumBytes,
  Dissection,
  dissect,
  finishChecksum,
  flowHash,
  ipv4,
  ipv6,
  L3_IPV4,
  L4_TCP,
  L4_UDP,
  L4_UNKNOWN,
  MICROSOFT_RSS_KEY,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
  Toeplitz,
  udp,
} from '@netmem/wire';
import type { HdsConfig } from '../device-options.ts';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, SKB_HEAD_BYTES, SKB_HEADROOM } from '../skb-constants.ts';
import type { SkBuff } from '../skbuff.ts';

/** What comes along with a frame that one device aggregated for another. */
export interface FrameMeta {
  /** Payload bytes per packet on a real wire; 0 for one packet. */
  gsoSize?: number;
  gsoType?: number;
}

const toeplitz = new Toeplitz(Uint8Array.from(MICROSOFT_RSS_KEY));

/** A frame on the wire, and what a device finds out about it. */
export class WireFrame {
  readonly bytes: Uint8Array;
  readonly meta: FrameMeta;
  readonly #headers: Dissection = new Dissection();
  readonly #view: DataView;

  /** @param bytes - Ethernet header on, without check sequence; copied. */
  constructor(bytes: Uint8Array, meta: FrameMeta = {}) {
    this.bytes = bytes.slice();
    this.meta = meta;
    this.#view = new DataView(this.bytes.buffer);
    dissect(this.#view, 0, this.bytes.length, this.#headers);
  }

  /**
   * Bytes that go before the split. A frame is split behind its TCP header when split is on and it is longer than the threshold; any other goes
   * into the linear area as far as it fits there.
   */
  splitAt(cfg: HdsConfig, byDefault: boolean): number {
    const on = cfg.hdsConfig === TCP_DATA_SPLIT.ENABLED || (cfg.hdsConfig === TCP_DATA_SPLIT.UNKNOWN && byDefault);
    if (on && this.#headers.l4 === L4_TCP && this.bytes.length >= cfg.hdsThresh) return this.#headers.payloadAt;
    return Math.min(this.bytes.length, SKB_HEAD_BYTES - SKB_HEADROOM);
  }

  /** Writes what the device knows to the skb: flow hash, checksum, aggregation. */
  annotate(skb: SkBuff): void {
    const headers = this.#headers;
    skb.hash = flowHash(toeplitz, this.bytes, headers) | 0;
    skb.l4Hash = headers.l4 === L4_TCP || headers.l4 === L4_UDP;
    skb.ipSummed = this.#isSumGood() ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
    skb.gsoSize = this.meta.gsoSize ?? 0;
    skb.gsoType = this.meta.gsoType ?? 0;
    if (skb.gsoSize > 0) {
      skb.gsoSegs = Math.ceil((this.bytes.length - headers.payloadAt) / skb.gsoSize);
    }
  }

  // No CPU can check a sum over unreadable payload: the device has to.
  #isSumGood(): boolean {
    const { l3, l3At, l4, l4At, l4Length, l4Protocol } = this.#headers;
    if (l4 === L4_UNKNOWN || (l4 !== L4_TCP && l4 !== L4_UDP)) return false;
    if (l4 === L4_UDP && udp.checksum(this.#view, l4At) === 0) return true;
    const pseudo =
      l3 === L3_IPV4
        ? pseudoHeaderSum4(this.#view, l3At + ipv4.SOURCE_AT, l3At + ipv4.DESTINATION_AT, l4Protocol, l4Length)
        : pseudoHeaderSum6(this.#view, l3At + ipv6.SOURCE_AT, l3At + ipv6.DESTINATION_AT, l4Protocol, l4Length);
    return finishChecksum(checksumBytes(this.bytes, l4At, l4Length, pseudo)) === 0;
  }
}
