import { CaptureError } from './capture-error.ts';
import type { CapturedPacket, CaptureInterface, CaptureReader } from './captured-packet.ts';

/** Times in microseconds. */
export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
/** Times in nanoseconds. */
export const MAGIC_NANOSECONDS = 0xa1b23c4d;

const HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const VERSION_MAJOR = 2;
const NANOSECONDS_PER_SECOND = 1e9;
/** The upper half of the last word says whether frames end with a check sequence. */
const LINKTYPE_MASK = 0xffff;

/** Reads the older pcap format, with times in micro- or nanoseconds: see `openCapture`. */
export class PcapReader implements CaptureReader {
  readonly format = 'pcap' as const;
  readonly section = null;
  readonly skippedBlocks = 0;
  readonly interfaces: readonly CaptureInterface[];
  offset: number = HEADER_BYTES;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly #nanosecondsPerTick: number;

  /** @throws CaptureError when the file has no whole header, or one of another format or version. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = byteOrder(this.#view);
    if (order === null) throw new CaptureError('neither pcapng nor pcap', 0);
    if (bytes.length < HEADER_BYTES) throw new CaptureError(`${bytes.length} bytes are no pcap header`, 0);
    this.#littleEndian = order;
    const major = this.#view.getUint16(4, order);
    if (major !== VERSION_MAJOR) throw new CaptureError(`pcap version ${major}`, 0);
    const isNanoseconds = this.#view.getUint32(0, order) === MAGIC_NANOSECONDS;
    this.#nanosecondsPerTick = isNanoseconds ? 1 : 1000;
    this.interfaces = [
      {
        id: 0,
        name: '',
        description: '',
        comments: [],
        linkType: this.#view.getUint32(20, order) & LINKTYPE_MASK,
        snapLength: this.#view.getUint32(16, order),
        ticksPerSecond: isNanoseconds ? 1_000_000_000n : 1_000_000n,
        epochSeconds: 0,
      },
    ];
  }

  *[Symbol.iterator](): Generator<CapturedPacket, void, undefined> {
    for (let packet = this.read(); packet !== null; packet = this.read()) yield packet;
  }

  read(): CapturedPacket | null {
    const at = this.offset;
    const left = this.#bytes.length - at;
    if (left === 0) return null;
    if (left < RECORD_HEADER_BYTES) throw new CaptureError(`${left} bytes are no packet`, at);
    const captured = this.#view.getUint32(at + 8, this.#littleEndian);
    const dataAt = at + RECORD_HEADER_BYTES;
    if (captured > left - RECORD_HEADER_BYTES) {
      throw new CaptureError(`a packet of ${captured} bytes ends after the file`, at);
    }
    this.offset = dataAt + captured;
    // Some writers let the fraction run past a second.
    const fraction = this.#view.getUint32(at + 4, this.#littleEndian) * this.#nanosecondsPerTick;
    const seconds = this.#view.getUint32(at, this.#littleEndian) + Math.floor(fraction / NANOSECONDS_PER_SECOND);
    const nanoseconds = fraction % NANOSECONDS_PER_SECOND;
    return {
      interface: this.interfaces[0] as CaptureInterface,
      timestampNs: seconds * NANOSECONDS_PER_SECOND + nanoseconds,
      seconds,
      nanoseconds,
      data: this.#bytes.subarray(dataAt, dataAt + captured),
      originalLength: this.#view.getUint32(at + 12, this.#littleEndian),
      flags: 0,
      direction: 0,
      queue: null,
      comments: [],
      offset: at,
    };
  }
}

/** Whether a pcap file starts here: true little-endian, false big-endian, null neither. */
function byteOrder(view: DataView): boolean | null {
  if (view.byteLength < 4) return null;
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS) return littleEndian;
  }
  return null;
}
