import { CaptureError } from './capture-error.ts';
import type { CapturedPacket, CaptureInterface, CaptureReader, CaptureSection } from './captured-packet.ts';
import { OptionCursor } from './option-cursor.ts';
import {
  BLOCK_INTERFACE,
  BLOCK_OVERHEAD,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
  BODY_AT,
  BYTE_ORDER_MAGIC,
  DEFAULT_TSRESOL,
  EPB_FLAGS,
  EPB_QUEUE,
  FLAGS_DIRECTION_MASK,
  IF_DESCRIPTION,
  IF_NAME,
  IF_TSOFFSET,
  IF_TSRESOL,
  INTERFACE_BYTES,
  OPT_COMMENT,
  PACKET_BYTES,
  padded,
  SECTION_BYTES,
  SHB_HARDWARE,
  SHB_OS,
  SHB_USERAPPL,
  SIMPLE_PACKET_BYTES,
  VERSION_MAJOR,
} from './pcapng-format.ts';
import { splitTicks, ticksPerSecond } from './timestamp.ts';

/** Reads pcapng: see `openCapture`. */
export class PcapngReader implements CaptureReader {
  readonly format = 'pcapng' as const;
  skippedBlocks: number = 0;
  section: CaptureSection | null = null;
  interfaces: CaptureInterface[] = [];
  offset: number = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #littleEndian = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  *[Symbol.iterator](): Generator<CapturedPacket, void, undefined> {
    for (let packet = this.read(); packet !== null; packet = this.read()) yield packet;
  }

  read(): CapturedPacket | null {
    while (this.offset < this.#bytes.length) {
      const at = this.offset;
      const length = this.#blockLength(at);
      const packet = this.#readBlock(at, length);
      // Only now: an error leaves the reader where it is.
      this.offset = at + length;
      if (packet !== null) return packet;
    }
    return null;
  }

  /** Bytes of the whole block, checked: it lies in the file, and its two lengths agree. */
  #blockLength(at: number): number {
    const left = this.#bytes.length - at;
    if (left < BLOCK_OVERHEAD) throw new CaptureError(`${left} bytes are no block`, at);
    const isSection = this.#view.getUint32(at, true) === BLOCK_SECTION;
    if (isSection) this.#littleEndian = this.#isLittleEndian(at);
    else if (this.section === null) throw new CaptureError('the first block is no section header', at);
    const length = this.#view.getUint32(at + 4, this.#littleEndian);
    if (length < BLOCK_OVERHEAD || length % 4 !== 0) throw new CaptureError(`a block cannot have ${length} bytes`, at);
    if (length > left) throw new CaptureError(`block of ${length} bytes ends after the file`, at);
    const behind = this.#view.getUint32(at + length - 4, this.#littleEndian);
    if (behind !== length) throw new CaptureError(`block of ${length} bytes says ${behind} at its end`, at);
    return length;
  }

  #isLittleEndian(at: number): boolean {
    if (this.#view.getUint32(at + BODY_AT, true) === BYTE_ORDER_MAGIC) return true;
    if (this.#view.getUint32(at + BODY_AT, false) === BYTE_ORDER_MAGIC) return false;
    throw new CaptureError('a section header without byte-order magic', at);
  }

  #readBlock(at: number, length: number): CapturedPacket | null {
    const body = at + BODY_AT;
    const end = at + length - 4;
    switch (this.#view.getUint32(at, this.#littleEndian)) {
      case BLOCK_SECTION:
        this.#readSection(at, body, end);
        return null;
      case BLOCK_INTERFACE:
        this.#readInterface(at, body, end);
        return null;
      case BLOCK_PACKET:
        return this.#readPacket(at, body, end);
      case BLOCK_SIMPLE_PACKET:
        return this.#readSimplePacket(at, body, end);
      default:
        this.skippedBlocks++;
        return null;
    }
  }

  #readSection(at: number, body: number, end: number): void {
    if (end - body < SECTION_BYTES) throw new CaptureError('a section header that is too short', at);
    const major = this.#view.getUint16(body + 4, this.#littleEndian);
    if (major !== VERSION_MAJOR) throw new CaptureError(`pcapng version ${major}`, at);
    const texts = new Map<number, string>();
    const comments: string[] = [];
    const options = this.#options(body + SECTION_BYTES, end);
    while (options.next()) {
      if (options.code === OPT_COMMENT) comments.push(options.text());
      else if (options.code >= SHB_HARDWARE && options.code <= SHB_USERAPPL) texts.set(options.code, options.text());
    }
    this.interfaces = [];
    this.section = {
      littleEndian: this.#littleEndian,
      hardware: texts.get(SHB_HARDWARE) ?? '',
      os: texts.get(SHB_OS) ?? '',
      application: texts.get(SHB_USERAPPL) ?? '',
      comments,
    };
  }

  #readInterface(at: number, body: number, end: number): void {
    if (end - body < INTERFACE_BYTES) throw new CaptureError('an interface description that is too short', at);
    let name = '';
    let description = '';
    let tsresol = DEFAULT_TSRESOL;
    let epochSeconds = 0;
    const comments: string[] = [];
    const options = this.#options(body + INTERFACE_BYTES, end);
    while (options.next()) {
      if (options.code === OPT_COMMENT) comments.push(options.text());
      else if (options.code === IF_NAME) name = options.text();
      else if (options.code === IF_DESCRIPTION) description = options.text();
      else if (options.code === IF_TSRESOL) tsresol = options.uint8();
      else if (options.code === IF_TSOFFSET) epochSeconds = options.int64();
    }
    this.interfaces.push({
      id: this.interfaces.length,
      name,
      description,
      comments,
      linkType: this.#view.getUint16(body, this.#littleEndian),
      snapLength: this.#view.getUint32(body + 4, this.#littleEndian),
      ticksPerSecond: ticksPerSecond(tsresol),
      epochSeconds,
    });
  }

  #readPacket(at: number, body: number, end: number): CapturedPacket {
    const littleEndian = this.#littleEndian;
    const view = this.#view;
    if (end - body < PACKET_BYTES) throw new CaptureError('a packet block that is too short', at);
    const from = this.#interface(view.getUint32(body, littleEndian), at);
    const captured = view.getUint32(body + 12, littleEndian);
    const dataAt = body + PACKET_BYTES;
    if (captured > end - dataAt) throw new CaptureError(`a packet of ${captured} bytes in a block with less`, at);
    let flags = 0;
    let queue: number | null = null;
    const comments: string[] = [];
    const options = this.#options(dataAt + padded(captured), end);
    while (options.next()) {
      if (options.code === OPT_COMMENT) comments.push(options.text());
      else if (options.code === EPB_FLAGS) flags = options.uint32();
      else if (options.code === EPB_QUEUE) queue = options.uint32();
    }
    const high = view.getUint32(body + 4, littleEndian);
    const low = view.getUint32(body + 8, littleEndian);
    return {
      interface: from,
      ...splitTicks(high, low, from.ticksPerSecond, from.epochSeconds),
      data: this.#bytes.subarray(dataAt, dataAt + captured),
      originalLength: view.getUint32(body + 16, littleEndian),
      flags,
      direction: flags & FLAGS_DIRECTION_MASK,
      queue,
      comments,
      offset: at,
    };
  }

  /** Such a packet belongs to interface 0, says nothing but its bytes, and is as long as the snap length allows. */
  #readSimplePacket(at: number, body: number, end: number): CapturedPacket {
    if (end - body < SIMPLE_PACKET_BYTES) throw new CaptureError('a simple packet block that is too short', at);
    const from = this.#interface(0, at);
    const originalLength = this.#view.getUint32(body, this.#littleEndian);
    const dataAt = body + SIMPLE_PACKET_BYTES;
    const captured = from.snapLength > 0 ? Math.min(originalLength, from.snapLength) : originalLength;
    if (captured > end - dataAt) throw new CaptureError(`a packet of ${captured} bytes in a block with less`, at);
    return {
      interface: from,
      timestampNs: 0,
      seconds: from.epochSeconds,
      nanoseconds: 0,
      data: this.#bytes.subarray(dataAt, dataAt + captured),
      originalLength,
      flags: 0,
      direction: 0,
      queue: null,
      comments: [],
      offset: at,
    };
  }

  #interface(id: number, at: number): CaptureInterface {
    const found = this.interfaces[id];
    if (found === undefined) throw new CaptureError(`a packet of interface ${id}, which is not described`, at);
    return found;
  }

  #options(at: number, end: number): OptionCursor {
    return new OptionCursor(this.#bytes, this.#view, this.#littleEndian, at, end);
  }
}
