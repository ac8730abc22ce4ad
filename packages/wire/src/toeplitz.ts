/** Bytes of a receive-side-scaling key: room for IPv6 addresses and ports (36 bytes) and 32 bits. */
export const RSS_KEY_BYTES = 40;

/** The key of Microsoft's published test vectors, and the default of many cards. */
export const MICROSOFT_RSS_KEY: readonly number[] = [
  0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b,
  0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
  0x01, 0xfa,
];

/**
 * The Toeplitz hash with which a card spreads flows over queues.
 *
 * Driven by a table of 256 words for each byte of input (36 KiB for a key of 40 bytes), built once for a key: a hash is one load and one
 * exclusive-or a byte.
 *
 * The input is: source address, destination address, then for four-tuples source port and destination port, all in network order. In a frame
 * the addresses are next to each other, and so are the ports: {@link hash} the one, or {@link hashPair} both, in place.
 */
export class Toeplitz {
  readonly #maximum: number;
  readonly #table: Int32Array;

  /**
   * @param key - Usually {@link RSS_KEY_BYTES}; the longest input is its length less 4.
   * @throws RangeError when the key has fewer than 8 bytes.
   */
  constructor(key: Uint8Array) {
    if (key.length < 8) throw new RangeError(`a Toeplitz key has at least 8 bytes, not ${key.length}`);
    this.#maximum = key.length - 4;
    this.#table = new Int32Array(this.#maximum * 256);
    this.setKey(key);
  }

  /** Longest input in bytes. */
  get maximumInputBytes(): number {
    return this.#maximum;
  }

  /** Takes another key of the same length. @throws RangeError when the length differs. */
  setKey(key: Uint8Array): void {
    if (key.length !== this.#maximum + 4) {
      throw new RangeError(`this Toeplitz hash was made for keys of ${this.#maximum + 4} bytes, not ${key.length}`);
    }
    for (let position = 0; position < this.#maximum; position++) {
      const base = position << 8;
      const word = (key[position] << 24) | (key[position + 1] << 16) | (key[position + 2] << 8) | key[position + 3];
      for (let bit = 0; bit < 8; bit++) {
        // The 32 bits of the key that start at this bit of the input.
        const window = bit === 0 ? word : (word << bit) | (key[position + 4] >>> (8 - bit));
        const single = 0x80 >>> bit;
        this.#table[base + single] = window;
        for (let byte = 0; byte < 256; byte++) {
          if ((byte & single) !== 0 && (byte & (single - 1)) === 0 && byte !== single) {
            this.#table[base + byte] = this.#table[base + (byte ^ single)] ^ window;
          }
        }
      }
    }
  }

  /**
   * Hashes `length` bytes.
   *
   * @returns uint32.
   * @throws RangeError when the input is longer than {@link maximumInputBytes}.
   */
  hash(bytes: Uint8Array, at: number, length: number): number {
    if (length > this.#maximum)
      throw new RangeError(`${length} bytes of Toeplitz input; ${this.#maximum} are possible`);
    return fold(this.#table, bytes, at, length, 0) >>> 0;
  }

  /** Hashes two ranges one after the other, such as addresses and ports. As {@link hash} otherwise. */
  hashPair(bytes: Uint8Array, firstAt: number, firstLength: number, secondAt: number, secondLength: number): number {
    if (firstLength + secondLength > this.#maximum) {
      throw new RangeError(`${firstLength + secondLength} bytes of Toeplitz input; ${this.#maximum} are possible`);
    }
    const first = fold(this.#table, bytes, firstAt, firstLength, 0);
    return (first ^ fold(this.#table, bytes, secondAt, secondLength, firstLength)) >>> 0;
  }
}

/**
 * Exclusive-or of the table's words for the bytes, the first of which is at `position` of the hash's input.
 * Indices are joined with `|`, not added: V8 checks additions for overflow, which makes this loop take twice as long.
 */
function fold(table: Int32Array, bytes: Uint8Array, at: number, length: number, position: number): number {
  let hash = 0;
  let i = 0;
  for (; i <= length - 4; i += 4) {
    const here = at + i;
    const base = (position + i) << 8;
    hash ^=
      table[base | bytes[here]] ^
      table[(base + 256) | bytes[here + 1]] ^
      table[(base + 512) | bytes[here + 2]] ^
      table[(base + 768) | bytes[here + 3]];
  }
  for (; i < length; i++) hash ^= table[((position + i) << 8) | bytes[at + i]];
  return hash;
}
