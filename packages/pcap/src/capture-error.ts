/**
 * A capture file that cannot be read on: cut short, damaged, or of a kind that nobody here knows. Reading throws nothing else.
 *
 * @example
 * ```ts
 * try {
 *   for (const packet of openCapture(bytes)) show(packet);
 * } catch (error) {
 *   if ((error as CaptureError).code !== 'EINVAL') throw error;
 *   console.log((error as CaptureError).message); // capture: block of 64 bytes ends after the file, at byte 1204
 * }
 * ```
 */
export class CaptureError extends Error {
  /** Always `'EINVAL'`: what the file says makes no sense. */
  readonly code: 'EINVAL' = 'EINVAL';
  /** Where in the file: the first byte of the block, record or option that is wrong. */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`capture: ${what}, at byte ${offset}`);
    this.name = 'CaptureError';
    this.offset = offset;
  }
}
