import type { Move } from './wasm-move.ts';

/**
 * One window on a linear buffer. The views are prebuilt and shared, never made per access: byte `i` of the region is `bytes[base + i]`.
 *
 * A region says where bytes are, not who may look at them: that is for the bus and the IOMMU to say.
 */
export interface Region {
  /** The whole buffer that the region lies in, not only the region. */
  readonly bytes: Uint8Array;
  /** The same buffer as a DataView; offsets count from the start of the buffer, as `base` does. */
  readonly view: DataView;
  /** The region's first byte in `bytes` and `view`. In a `LinearMemory` it is a linear address. */
  readonly base: number;
  readonly length: number;
  /** The quick way to move bytes within this buffer, where there is one. */
  readonly move?: Move | undefined;
}

class Window implements Region {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly base: number;
  readonly length: number;
  readonly move: Move | undefined;

  constructor(bytes: Uint8Array, view: DataView, base: number, length: number, move: Move | undefined) {
    this.bytes = bytes;
    this.view = view;
    this.base = base;
    this.length = length;
    this.move = move;
  }
}

/** A region over views that exist already. `bytes` and `view` must cover the same buffer from its first byte. */
export function regionOver(bytes: Uint8Array, view: DataView, base: number, length: number, move?: Move): Region {
  return new Window(bytes, view, base, length, move);
}

/** A region over somebody else's bytes, such as a file's content or a guest's memory. The bytes are not copied. */
export function regionOf(bytes: Uint8Array): Region {
  return new Window(
    bytes,
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    0,
    bytes.byteLength,
    undefined,
  );
}

/**
 * A part of a region, sharing its views.
 *
 * @throws RangeError when the part does not lie within the region.
 */
export function subregion(region: Region, at: number, length: number): Region {
  if (!(at >= 0 && length >= 0 && at + length <= region.length)) {
    throw new RangeError(`region: [${at}, ${at + length}) is not within ${region.length} bytes`);
  }
  return new Window(region.bytes, region.view, region.base + at, length, region.move);
}

/**
 * Moves bytes between regions. Within one buffer this allocates nothing; between two buffers it makes one short-lived view.
 * Overlap is fine. Bounds are the caller's: this is the data path.
 */
export function moveBytes(from: Region, fromAt: number, to: Region, toAt: number, length: number): void {
  const start = from.base + fromAt;
  if (from.bytes === to.bytes) {
    if (to.move !== undefined) to.move(to.base + toAt, start, length);
    else to.bytes.copyWithin(to.base + toAt, start, start + length);
  } else {
    to.bytes.set(from.bytes.subarray(start, start + length), to.base + toAt);
  }
}
