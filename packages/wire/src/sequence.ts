/**
 * Arithmetic on TCP sequence numbers (RFC 9293, 3.4): numbers on a circle of 2^32.
 *
 * Every function takes a number in either form, int32 or uint32, because only its low 32 bits count. Code that keeps sequence numbers keeps
 * them as int32 (`| 0`): V8 then never boxes them.
 */

/** Whether `a` comes before `b`. @kernel before — include/net/tcp.h, 7.3 */
export function seqBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether `a` comes after `b`. @kernel after — include/net/tcp.h, 7.3 */
export function seqAfter(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** Whether `low <= value <= high`, walking up the circle from `low`. @kernel between — include/net/tcp.h, 7.3 */
export function seqBetween(value: number, low: number, high: number): boolean {
  return (high - low) >>> 0 >= (value - low) >>> 0;
}

/** Whether both name the same place, whichever form they are in. */
export function seqEqual(a: number, b: number): boolean {
  return ((a - b) | 0) === 0;
}

/** The signed way from `b` to `a`: positive when `a` is ahead. */
export function seqDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a` moved by `bytes`, as int32. */
export function seqAdd(a: number, bytes: number): number {
  return (a + bytes) | 0;
}

/** The later of two. */
export function seqMax(a: number, b: number): number {
  return ((a - b) | 0) < 0 ? b : a;
}
