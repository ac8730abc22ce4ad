import { type CapturedPacket, LINKTYPE_ETHERNET } from './captured-packet.ts';
import { ChunkList } from './chunk-list.ts';
import {
  BLOCK_INTERFACE,
  BLOCK_OVERHEAD,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BODY_AT,
  BYTE_ORDER_MAGIC,
  EPB_FLAGS,
  EPB_QUEUE,
  FLAGS_DIRECTION_MASK,
  IF_DESCRIPTION,
  IF_NAME,
  IF_TSOFFSET,
  IF_TSRESOL,
  INTERFACE_BYTES,
  OPT_COMMENT,
  OPT_END,
  OPTION_HEADER_BYTES,
  OPTION_MAX_BYTES,
  PACKET_BYTES,
  padded,
  SECTION_BYTES,
  SHB_HARDWARE,
  SHB_OS,
  SHB_USERAPPL,
  TSRESOL_NANOSECONDS,
  VERSION_MAJOR,
  VERSION_MINOR,
} from './pcapng-format.ts';
import { highWord, lowWord, ticksOf } from './timestamp.ts';

/** What the file says about itself. */
export interface PcapngWriterOptions {
  hardware?: string;
  os?: string;
  application?: string;
  comment?: string;
}

/** What the file says about an interface. */
export interface InterfaceOptions {
  /** `if_name`, such as `eth0`. */
  name?: string;
  /** `if_description`. */
  description?: string;
  comment?: string;
  /** Default {@link LINKTYPE_ETHERNET}. */
  linkType?: number;
  /** Bytes that are kept of each packet; 0, the default, keeps all. */
  snapLength?: number;
  /** Seconds from 1970 to the interface's time 0 (`if_tsoffset`), so that a virtual clock can show real dates. Default 0. */
  epochSeconds?: number;
}

/** A packet to write: one that was read from another file will do. */
export interface PacketToWrite extends Partial<Omit<CapturedPacket, 'data'>> {
  data: Uint8Array;
}

/** Flags and queue of a packet, and the end of its options. */
const FIXED_OPTIONS_BYTES = 2 * (OPTION_HEADER_BYTES + 4) + OPTION_HEADER_BYTES;
/** UTF-8 takes at most so many bytes for each unit of a JavaScript string. */
const MAX_UTF8_BYTES = 3;
const INT64_BYTES = 8;
const UINT32_MAX = 0xffff_ffff;

/**
 * Writes a pcapng file into memory: one section, little-endian, times in nanoseconds. Wireshark, tshark and tcpdump read it.
 *
 * The bytes are kept until {@link PcapngWriter.take} hands them out; an app calls it now and then and appends what it gets to a file.
 */
export class PcapngWriter {
  readonly #chunks: ChunkList = new ChunkList();
  readonly #encoder: TextEncoder = new TextEncoder();
  readonly #snapLengths: number[] = [];
  readonly #epochSeconds: number[] = [];
  #packets = 0;
  #taken = 0;

  constructor(options: PcapngWriterOptions = {}) {
    const start = this.#begin(BLOCK_SECTION, SECTION_BYTES, [
      options.hardware,
      options.os,
      options.application,
      options.comment,
    ]);
    const { view, at } = this.#chunks;
    view.setUint32(at, BYTE_ORDER_MAGIC, true);
    view.setUint16(at + 4, VERSION_MAJOR, true);
    view.setUint16(at + 6, VERSION_MINOR, true);
    // The section's length: all ones for "read until the next one".
    view.setBigInt64(at + 8, -1n, true);
    this.#chunks.at += SECTION_BYTES;
    this.#putText(SHB_HARDWARE, options.hardware);
    this.#putText(SHB_OS, options.os);
    this.#putText(SHB_USERAPPL, options.application);
    this.#putText(OPT_COMMENT, options.comment);
    this.#finish(start);
  }

  /** Packets written. */
  get packets(): number {
    return this.#packets;
  }

  /** Interfaces added. */
  get interfaces(): number {
    return this.#snapLengths.length;
  }

  /** Bytes of the file so far, those taken included. */
  get bytesWritten(): number {
    return this.#taken + this.#chunks.length;
  }

  /**
   * Adds an interface, and returns its number for packets.
   *
   * @throws RangeError when link type, snap length or epoch is no integer in range.
   */
  addInterface(options: InterfaceOptions = {}): number {
    const linkType = options.linkType ?? LINKTYPE_ETHERNET;
    const snapLength = options.snapLength ?? 0;
    const epochSeconds = options.epochSeconds ?? 0;
    assertInteger('linkType', linkType, 0, 0xffff);
    assertInteger('snapLength', snapLength, 0, UINT32_MAX);
    assertInteger('epochSeconds', epochSeconds, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const texts = [options.name, options.description, options.comment];
    const start = this.#begin(BLOCK_INTERFACE, INTERFACE_BYTES + 2 * OPTION_HEADER_BYTES + 4 + INT64_BYTES, texts);
    const chunks = this.#chunks;
    chunks.view.setUint16(chunks.at, linkType, true);
    chunks.view.setUint16(chunks.at + 2, 0, true);
    chunks.view.setUint32(chunks.at + 4, snapLength, true);
    chunks.at += INTERFACE_BYTES;
    this.#putText(IF_NAME, options.name);
    this.#putText(IF_DESCRIPTION, options.description);
    this.#putOptionHeader(IF_TSRESOL, 1);
    chunks.view.setUint32(chunks.at, TSRESOL_NANOSECONDS, true);
    chunks.at += 4;
    if (epochSeconds !== 0) {
      this.#putOptionHeader(IF_TSOFFSET, INT64_BYTES);
      chunks.view.setBigInt64(chunks.at, BigInt(epochSeconds), true);
      chunks.at += INT64_BYTES;
    }
    this.#putText(OPT_COMMENT, options.comment);
    this.#finish(start);
    this.#epochSeconds.push(epochSeconds);
    return this.#snapLengths.push(snapLength) - 1;
  }

  /**
   * Writes a packet. Its time is `seconds` and `nanoseconds` since 1970 where given, else `timestampNs` from the interface's time 0,
   * else 0. `originalLength` is that of the data unless it is given. What goes beyond the interface's snap length is cut.
   *
   * @throws RangeError when there is no such interface, or 64 bits cannot hold the time.
   */
  write(interfaceId: number, packet: PacketToWrite): void {
    const { data, seconds } = packet;
    this.#assertInterface(interfaceId);
    let high = highWord(packet.timestampNs ?? 0);
    let low = lowWord(packet.timestampNs ?? 0);
    if (seconds !== undefined) {
      const ticks = ticksOf(seconds - (this.#epochSeconds[interfaceId] as number), packet.nanoseconds ?? 0);
      high = Number(ticks >> 32n);
      low = Number(ticks & 0xffff_ffffn);
    }
    const given = packet.flags ?? 0;
    const flags = (given & ~FLAGS_DIRECTION_MASK) | ((packet.direction ?? given) & FLAGS_DIRECTION_MASK);
    const comments = packet.comments ?? [];
    const start = this.#putPacket(
      interfaceId,
      high,
      low,
      data,
      0,
      data.length,
      packet.originalLength ?? data.length,
      comments,
    );
    if (flags !== 0) this.#putNumber(EPB_FLAGS, flags);
    if (packet.queue !== undefined && packet.queue !== null) this.#putNumber(EPB_QUEUE, packet.queue);
    for (const comment of comments) this.#putText(OPT_COMMENT, comment);
    this.#finish(start);
    this.#packets++;
  }

  /**
   * As {@link PcapngWriter.write} for the data path: `length` bytes from byte `at` of `bytes`, and no object for the packet.
   *
   * @param timestampNs - From the interface's time 0; what is no time counts as 0.
   * @param queue - -1 to say nothing about it.
   * @returns Where in the file the packet's block starts, for {@link PcapngWriter.withdraw}.
   * @throws RangeError when there is no such interface.
   */
  writeFrame(
    interfaceId: number,
    timestampNs: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    direction: number,
    queue: number,
    comment: string | null,
  ): number {
    this.#assertInterface(interfaceId);
    const start = this.#putPacket(
      interfaceId,
      highWord(timestampNs),
      lowWord(timestampNs),
      bytes,
      at,
      length,
      length,
      comment,
    );
    this.#putNumber(EPB_FLAGS, direction & FLAGS_DIRECTION_MASK);
    if (queue >= 0) this.#putNumber(EPB_QUEUE, queue);
    if (comment !== null) this.#putText(OPT_COMMENT, comment);
    this.#finish(start);
    this.#packets++;
    return this.#taken + this.#chunks.length - (this.#chunks.at - start);
  }

  /** Takes the packet back that was written last. False, and it stays: something was written since, or {@link PcapngWriter.take} gave it away. */
  withdraw(position: number): boolean {
    const chunks = this.#chunks;
    const start = chunks.at - (this.bytesWritten - position);
    // The block's own length must lead exactly to the end.
    if (start < 0 || start + BLOCK_OVERHEAD > chunks.at || chunks.view.getUint32(start, true) !== BLOCK_PACKET)
      return false;
    if (start + chunks.view.getUint32(start + 4, true) !== chunks.at) return false;
    chunks.at = start;
    this.#packets--;
    return true;
  }

  /** A copy of all bytes that have not been taken: the whole file, when none have. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#chunks.toBytes();
  }

  /** Hands out all bytes since the last call, and forgets them. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#chunks.toBytes();
    this.#taken += bytes.length;
    this.#chunks.clear();
    return bytes;
  }

  #assertInterface(id: number): void {
    if (this.#snapLengths[id] === undefined) throw new RangeError(`pcapng: there is no interface ${id}; add it first`);
  }

  /** Starts a block; returns where in the current chunk it starts. `fixedBytes` and the texts are what will follow at most. */
  #begin(type: number, fixedBytes: number, texts: readonly (string | undefined)[]): number {
    let room = BLOCK_OVERHEAD + fixedBytes + OPTION_HEADER_BYTES;
    for (const text of texts) room += textRoom(text);
    const chunks = this.#chunks;
    chunks.reserve(room);
    const start = chunks.at;
    chunks.view.setUint32(start, type, true);
    chunks.at = start + BODY_AT;
    return start;
  }

  /** An enhanced packet up to its options. */
  #putPacket(
    interfaceId: number,
    high: number,
    low: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    originalLength: number,
    comments: string | null | readonly string[],
  ): number {
    const snapLength = this.#snapLengths[interfaceId] as number;
    const kept = snapLength > 0 && length > snapLength ? snapLength : length;
    const chunks = this.#chunks;
    let room = BLOCK_OVERHEAD + PACKET_BYTES + padded(kept) + FIXED_OPTIONS_BYTES;
    if (typeof comments === 'string') room += textRoom(comments);
    else if (comments !== null) for (const comment of comments) room += textRoom(comment);
    chunks.reserve(room);
    const start = chunks.at;
    const { view } = chunks;
    view.setUint32(start, BLOCK_PACKET, true);
    view.setUint32(start + BODY_AT, interfaceId, true);
    view.setUint32(start + BODY_AT + 4, high, true);
    view.setUint32(start + BODY_AT + 8, low, true);
    view.setUint32(start + BODY_AT + 12, kept, true);
    view.setUint32(start + BODY_AT + 16, originalLength, true);
    const dataAt = start + BODY_AT + PACKET_BYTES;
    // The padding first, in one word: a withdrawn packet may have left bytes there.
    if (kept > 0) view.setUint32(dataAt + padded(kept) - 4, 0, true);
    chunks.bytes.set(bytes.subarray(at, at + kept), dataAt);
    chunks.at = dataAt + padded(kept);
    return start;
  }

  #putOptionHeader(code: number, lengthBytes: number): void {
    const chunks = this.#chunks;
    chunks.view.setUint16(chunks.at, code, true);
    chunks.view.setUint16(chunks.at + 2, lengthBytes, true);
    chunks.at += OPTION_HEADER_BYTES;
  }

  #putNumber(code: number, value: number): void {
    this.#putOptionHeader(code, 4);
    this.#chunks.view.setUint32(this.#chunks.at, value, true);
    this.#chunks.at += 4;
  }

  /** What is longer than an option can be is cut between two characters. */
  #putText(code: number, text: string | undefined): void {
    if (text === undefined) return;
    const chunks = this.#chunks;
    const at = chunks.at + OPTION_HEADER_BYTES;
    const { written } = this.#encoder.encodeInto(text, chunks.bytes.subarray(at, at + OPTION_MAX_BYTES));
    this.#putOptionHeader(code, written);
    chunks.bytes.fill(0, at + written, at + padded(written));
    chunks.at = at + padded(written);
  }

  /** Ends options and block. */
  #finish(start: number): void {
    const chunks = this.#chunks;
    this.#putOptionHeader(OPT_END, 0);
    const length = chunks.at + 4 - start;
    chunks.view.setUint32(start + 4, length, true);
    chunks.view.setUint32(chunks.at, length, true);
    chunks.at += 4;
  }
}

/** Most bytes that a text takes as an option. */
function textRoom(text: string | undefined): number {
  return text === undefined ? 0 : OPTION_HEADER_BYTES + Math.min(OPTION_MAX_BYTES, MAX_UTF8_BYTES * text.length) + 3;
}

function assertInteger(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new RangeError(`pcapng: ${name} is ${value}, not an integer from ${min} to ${max}`);
  }
}
