/**
 * A fixed piece of work that uses a machine roughly as a packet's way does and none of our packages: objects out of a pool, columns of integers, header
 * fields, a payload that moves. Half of its time goes to memory that no cache holds and half to memory that one does, which is the mix that follows a
 * packet's cost best when neighbours take caches and bandwidth away (tried out on a shared machine: 5 % apart, where times are 20 %).
 *
 * What a packet costs is told in units of it, so that a slow or busy machine is not taken for slow code. Changing it makes every recorded ratio of the path
 * worthless.
 */
const POOL = 1024;
const PAYLOAD_BYTES = 1460;
const HEADER_BYTES = 54;
const SLOT_BYTES = 2048;
const COLUMN_READS = 48;
/** Times that the near ground is worked on for once on the far one. */
const NEAR_TIMES = 3;

class Packet {
  at = 0;
  length = 0;
  sequence = 0;
  flags = 0;
  hash = 0;
  next: Packet | null = null;
}

/** Packets, columns and memory of a size. */
class Ground {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #half: number;
  readonly #columns: Int32Array;
  readonly #columnMask: number;
  #free: Packet | null = null;
  #at = 0;
  #seed = 1;

  /** Both are powers of two. */
  constructor(memoryBytes: number, columnEntries: number) {
    this.#memory = new Uint8Array(memoryBytes);
    this.#view = new DataView(this.#memory.buffer);
    this.#half = memoryBytes >> 1;
    this.#columnMask = columnEntries - 1;
    this.#columns = Int32Array.from({ length: columnEntries }, (_, i) => (i * 7919) & (columnEntries - 1));
    for (let i = 0; i < POOL; i++) this.#give(new Packet());
  }

  /** A packet's worth of work. */
  work(): number {
    const packet = this.#free as Packet;
    this.#free = packet.next;
    this.#at = (this.#at + SLOT_BYTES) & (this.#half - 1);
    packet.at = this.#at;
    this.#writeHeader(packet);
    this.#memory.copyWithin(this.#half + this.#at, this.#at, this.#at + PAYLOAD_BYTES);
    const sink = this.#readHeader(packet, this.#half + this.#at) ^ this.#walk(packet.hash);
    this.#give(packet);
    return sink;
  }

  #give(packet: Packet): void {
    packet.next = this.#free;
    this.#free = packet;
  }

  #writeHeader(packet: Packet): void {
    this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) | 0;
    packet.sequence = this.#seed;
    packet.length = PAYLOAD_BYTES;
    packet.hash = (this.#seed >>> 8) & this.#columnMask;
    for (let i = 0; i < HEADER_BYTES; i += 4) this.#view.setInt32(packet.at + i, packet.sequence + i);
  }

  #readHeader(packet: Packet, at: number): number {
    let sum = 0;
    for (let i = 0; i < HEADER_BYTES; i += 2) sum += this.#view.getUint16(at + i);
    packet.flags = sum & 0x3f;
    return sum;
  }

  #walk(start: number): number {
    let at = start;
    for (let i = 0; i < COLUMN_READS; i++) at = this.#columns[at] as number;
    return at;
  }
}

/** One of them per process. */
export class Yardstick {
  readonly #far: Ground = new Ground(16 * 2 ** 20, 1 << 14);
  readonly #near: Ground = new Ground(2 ** 20, 1 << 12);

  /** Does so many units; what it returns keeps the optimiser from dropping them. */
  run(units: number): number {
    let sink = 0;
    for (let i = 0; i < units; i++) {
      sink = (sink + this.#far.work()) | 0;
      for (let n = 0; n < NEAR_TIMES; n++) sink = (sink + this.#near.work()) | 0;
    }
    return sink;
  }
}
