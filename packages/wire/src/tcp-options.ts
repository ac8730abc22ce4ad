import * as malformed from './malformed.ts';

/** Option kind: no more options. One byte. */
export const OPTION_END = 0;
/** Option kind: nothing, for alignment. One byte. */
export const OPTION_NOP = 1;
/** Option kind: maximum segment size, in a SYN. Four bytes. */
export const OPTION_MSS = 2;
/** Option kind: window scale, in a SYN. Three bytes. */
export const OPTION_WINDOW_SCALE = 3;
/** Option kind: SACK may be sent, in a SYN. Two bytes. */
export const OPTION_SACK_PERMITTED = 4;
/** Option kind: blocks that arrived out of order. Two bytes, and eight for each. */
export const OPTION_SACK = 5;
/** Option kind: timestamp and echo. Ten bytes. */
export const OPTION_TIMESTAMP = 8;

/** Most bytes that options can take: a header of 60 less the fixed 20. */
export const MAX_OPTION_BYTES = 40;
/** SACK blocks that fit in a header without timestamps; three fit with them. */
export const MAX_SACK_BLOCKS = 4;

// NOP NOP TIMESTAMP 10: the form in which Linux and nearly everybody sends timestamps.
const ALIGNED_TIMESTAMP = 0x0101080a;

/** The options of a segment that this code understands. Make one and use it again: parsing overwrites every field. */
export class TcpOptions {
  /** Maximum segment size in bytes; 0 when not given. */
  mss: number = 0;
  /** The shift as sent, 0 to 255; -1 when not given. RFC 7323 wants more than 14 read as 14: that is for the receiver to do. */
  windowScale: number = -1;
  sackPermitted: boolean = false;
  hasTimestamp: boolean = false;
  /** The sender's clock, uint32. */
  tsVal: number = 0;
  /** The receiver's clock as last seen by the sender, uint32. */
  tsEcr: number = 0;
  /** Blocks in {@link sackLeft} and {@link sackRight}. */
  sackCount: number = 0;
  /** First sequence number of each block. */
  readonly sackLeft: Uint32Array = new Uint32Array(MAX_SACK_BLOCKS);
  /** The sequence number behind each block. */
  readonly sackRight: Uint32Array = new Uint32Array(MAX_SACK_BLOCKS);

  /** Back to "no options". */
  clear(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamp = false;
    this.tsVal = 0;
    this.tsEcr = 0;
    this.sackCount = 0;
  }
}

/**
 * Reads the options of a segment. What came before a malformed option counts, as in Linux. An option of a known kind but the wrong length is
 * passed over; unknown kinds are passed over by their length. SYN-only options are read from any segment: whether they count is for the receiver.
 *
 * @param at - First byte of the options, 20 bytes into the header. @param length - Bytes of options, 0 to 40.
 * @returns 0, or BAD_OPTION when an option's length is below 2 or runs out of the header.
 * @kernel tcp_parse_options — net/ipv4/tcp_input.c, 7.3
 */
export function parseTcpOptions(view: DataView, at: number, length: number, out: TcpOptions): number {
  out.clear();
  if (length === 12 && view.getInt32(at) === ALIGNED_TIMESTAMP) {
    readTimestamp(view, at + 2, out);
    return 0;
  }
  const end = at + length;
  let here = at;
  while (here < end) {
    const kind = view.getUint8(here);
    if (kind === OPTION_END) return 0;
    if (kind === OPTION_NOP) {
      here++;
      continue;
    }
    if (end - here < 2) return malformed.BAD_OPTION;
    const size = view.getUint8(here + 1);
    if (size < 2 || size > end - here) return malformed.BAD_OPTION;
    readOption(view, here, kind, size, out);
    here += size;
  }
  return 0;
}

function readOption(view: DataView, at: number, kind: number, size: number, out: TcpOptions): void {
  if (kind === OPTION_TIMESTAMP) {
    if (size === 10) readTimestamp(view, at, out);
  } else if (kind === OPTION_SACK) {
    if (size >= 10 && (size - 2) % 8 === 0) readSack(view, at, size, out);
  } else if (kind === OPTION_MSS) {
    if (size === 4) out.mss = view.getUint16(at + 2);
  } else if (kind === OPTION_WINDOW_SCALE) {
    if (size === 3) out.windowScale = view.getUint8(at + 2);
  } else if (kind === OPTION_SACK_PERMITTED) {
    if (size === 2) out.sackPermitted = true;
  }
}

function readTimestamp(view: DataView, at: number, out: TcpOptions): void {
  out.hasTimestamp = true;
  out.tsVal = view.getUint32(at + 2);
  out.tsEcr = view.getUint32(at + 6);
}

function readSack(view: DataView, at: number, size: number, out: TcpOptions): void {
  const count = Math.min((size - 2) >> 3, MAX_SACK_BLOCKS);
  for (let i = 0; i < count; i++) {
    out.sackLeft[i] = view.getUint32(at + 2 + 8 * i);
    out.sackRight[i] = view.getUint32(at + 6 + 8 * i);
  }
  out.sackCount = count;
}

/** Bytes that {@link writeTcpOptions} will write: a multiple of 4, at most 40. Blocks of SACK that do not fit are left out, as it does. */
export function tcpOptionsLength(options: TcpOptions): number {
  const fixed = fixedLength(options);
  const blocks = fittingBlocks(options, fixed);
  return fixed + (blocks === 0 ? 0 : 4 + 8 * blocks);
}

function fixedLength(options: TcpOptions): number {
  let length = options.mss > 0 ? 4 : 0;
  if (options.hasTimestamp) length += 12;
  else if (options.sackPermitted) length += 4;
  return options.windowScale >= 0 ? length + 4 : length;
}

function fittingBlocks(options: TcpOptions, fixed: number): number {
  return Math.max(0, Math.min(options.sackCount, (MAX_OPTION_BYTES - 4 - fixed) >> 3));
}

/**
 * Writes options in Linux's order and padding: MSS; SACK-permitted in the two bytes before the timestamp (else NOPs); window scale; SACK.
 *
 * @param at - First byte of the options.
 * @returns bytes written, a multiple of 4: add 20 for the header length.
 * @kernel tcp_options_write — net/ipv4/tcp_output.c, 7.3
 */
export function writeTcpOptions(view: DataView, at: number, options: TcpOptions): number {
  let here = at;
  if (options.mss > 0) {
    view.setUint16(here, (OPTION_MSS << 8) | 4);
    view.setUint16(here + 2, options.mss);
    here += 4;
  }
  if (options.hasTimestamp) {
    view.setUint16(here, options.sackPermitted ? (OPTION_SACK_PERMITTED << 8) | 2 : 0x0101);
    view.setUint16(here + 2, (OPTION_TIMESTAMP << 8) | 10);
    view.setUint32(here + 4, options.tsVal);
    view.setUint32(here + 8, options.tsEcr);
    here += 12;
  } else if (options.sackPermitted) {
    view.setUint32(here, 0x01010000 | (OPTION_SACK_PERMITTED << 8) | 2);
    here += 4;
  }
  if (options.windowScale >= 0) {
    view.setUint32(here, (OPTION_NOP << 24) | (OPTION_WINDOW_SCALE << 16) | (3 << 8) | options.windowScale);
    here += 4;
  }
  const blocks = fittingBlocks(options, here - at);
  if (blocks > 0) {
    view.setUint32(here, 0x01010000 | (OPTION_SACK << 8) | (2 + 8 * blocks));
    here += 4;
    for (let i = 0; i < blocks; i++, here += 8) {
      view.setUint32(here, options.sackLeft[i]);
      view.setUint32(here + 4, options.sackRight[i]);
    }
  }
  return here - at;
}
