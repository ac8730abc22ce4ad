/** The bytes that both ends know, as in the guest's pattern.c: each 32-bit word of a stream follows from its place and the stream's seed. */

/** An odd multiplier makes neighbours differ in many bits; the shift brings the high ones down. */
function wordAt(index: number, seed: number): number {
  const word = Math.imul(index + seed, 0x9e3779b1);
  return word ^ (word >>> 15);
}

function byteAt(offset: number, seed: number): number {
  return (wordAt(Math.floor(offset / 4), seed) >>> ((offset % 4) * 8)) & 0xff;
}

/** Writes bytes `offset` to `offset + to.length` of the stream. */
export function fillPattern(to: Uint8Array, offset: number, seed: number): void {
  const view = new DataView(to.buffer, to.byteOffset, to.byteLength);
  let done = 0;
  for (; done < to.length && (offset + done) % 4 !== 0; done++) to[done] = byteAt(offset + done, seed);
  for (; done + 4 <= to.length; done += 4) view.setInt32(done, wordAt((offset + done) / 4, seed), true);
  for (; done < to.length; done++) to[done] = byteAt(offset + done, seed);
}

/** How many bytes are those of the stream before the first that is not: all of them when all are. */
export function checkPattern(bytes: Uint8Array, offset: number, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let done = 0;
  for (; done < bytes.length && (offset + done) % 4 !== 0; done++) {
    if (bytes[done] !== byteAt(offset + done, seed)) return done;
  }
  for (; done + 4 <= bytes.length; done += 4) {
    if (view.getInt32(done, true) !== wordAt((offset + done) / 4, seed)) break;
  }
  for (; done < bytes.length; done++) if (bytes[done] !== byteAt(offset + done, seed)) return done;
  return bytes.length;
}
