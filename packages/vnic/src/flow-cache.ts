import { type Dissection, ipv4, ipv6, L3_IPV4, L3_IPV6, L4_TCP, L4_UDP } from '@netmem/wire';

/** Flows remembered; a power of two. */
const ROWS = 64;
/** A row: what the frame must be, its ports, its addresses, and what was found out about it. */
const ROW_WORDS = 16;
const KIND = 0;
const PORTS = 1;
const ADDRESSES = 2;
const HASH = 10;
/** 0 in an empty row. */
const VERDICT = 11;

const IPV4_ADDRESS_WORDS = 2;
const IPV6_ADDRESS_WORDS = 8;
const NO_ROW = -1;

/**
 * Where the frames of the last flows went, so that neither rules nor hash are worked out for each frame of a train. What a flow rule can look at
 * is compared whole: a row that answers answers as rules and RSS would. Fragments, and what is neither TCP nor UDP, are never remembered.
 */
export class FlowCache {
  readonly #rows: Int32Array = new Int32Array(ROWS * ROW_WORDS);
  #row: number = NO_ROW;
  /** Of the frame that was last found or remembered. */
  queue: number = 0;
  /** As int32. */
  hash: number = 0;
  /** A flow rule chose the queue. */
  steered: boolean = false;

  /** Looks a frame up; true: {@link queue}, {@link hash} and {@link steered} are its. */
  find(view: DataView, frame: Dissection): boolean {
    const { l3, l4, l3At } = frame;
    this.#row = NO_ROW;
    if ((l4 !== L4_TCP && l4 !== L4_UDP) || frame.fragment || frame.malformed) return false;
    const four = l3 === L3_IPV4;
    if (!four && l3 !== L3_IPV6) return false;
    const rows = this.#rows;
    const ports = view.getInt32(frame.l4At);
    const row = ((ports ^ (ports >>> 16) ^ (ports >>> 8)) & (ROWS - 1)) * ROW_WORDS;
    this.#row = row;
    const trafficClass = four ? ipv4.trafficClass(view, l3At) : ipv6.trafficClass(view, l3At);
    const kind = (l3 << 16) | (l4 << 8) | trafficClass;
    const addressesAt = l3At + (four ? ipv4.SOURCE_AT : ipv6.SOURCE_AT);
    const words = four ? IPV4_ADDRESS_WORDS : IPV6_ADDRESS_WORDS;
    let same = rows[row + PORTS] === ports && rows[row + KIND] === kind && rows[row + VERDICT] !== 0;
    for (let i = 0; same && i < words; i++) same = rows[row + ADDRESSES + i] === view.getInt32(addressesAt + 4 * i);
    if (same) {
      const verdict = rows[row + VERDICT] - 1;
      this.queue = verdict >> 1;
      this.steered = (verdict & 1) !== 0;
      this.hash = rows[row + HASH];
      return true;
    }
    rows[row + PORTS] = ports;
    rows[row + KIND] = kind;
    for (let i = 0; i < words; i++) rows[row + ADDRESSES + i] = view.getInt32(addressesAt + 4 * i);
    rows[row + VERDICT] = 0;
    return false;
  }

  /** What was found out about the frame that {@link find} did not know; kept for the next of its flow. */
  remember(queue: number, hash: number, steered: boolean): void {
    this.queue = queue;
    this.hash = hash;
    this.steered = steered;
    const row = this.#row;
    if (row === NO_ROW) return;
    this.#rows[row + HASH] = hash;
    this.#rows[row + VERDICT] = ((queue << 1) | (steered ? 1 : 0)) + 1;
  }

  /** Rules or RSS have changed. */
  clear(): void {
    this.#rows.fill(0);
  }
}
