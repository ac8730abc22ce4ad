/** What is sent: a file, or the generated pattern. Both senders read from here. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CommandError, EXIT } from '../exit-codes.ts';
import { patternAt } from './pattern.ts';

/** A stream of known length, read front to back in chunks. */
export class Source {
  readonly length: number;
  readonly #fd: number | null;
  #position = 0;

  private constructor(fd: number | null, length: number) {
    this.#fd = fd;
    this.length = length;
  }

  /**
   * @param file - Path, or null for the pattern.
   * @param bytes - How many bytes; null for the whole file.
   * @throws CommandError (usage) when the file cannot be read, is empty, or is shorter than `bytes`.
   */
  static open(file: string | null, bytes: number | null): Source {
    if (file === null) return new Source(null, bytes ?? 0);
    let fd: number;
    try {
      fd = openSync(file, 'r');
    } catch (error) {
      throw new CommandError(EXIT.usage, `error: --file ${file}: ${(error as NodeJS.ErrnoException).code}`);
    }
    const stat = fstatSync(fd);
    const problem = !stat.isFile()
      ? 'is not a regular file'
      : stat.size === 0
        ? 'is empty'
        : bytes !== null && stat.size < bytes
          ? `has only ${stat.size} bytes, fewer than --bytes ${bytes}`
          : null;
    if (problem !== null) {
      closeSync(fd);
      throw new CommandError(EXIT.usage, `error: --file ${file} ${problem}`);
    }
    return new Source(fd, bytes ?? stat.size);
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.length - this.#position;
  }

  /** The next bytes, at most `chunk.length`; empty at the end. Those of a file lie in `chunk`; the pattern is made once and shown, not copied. */
  next(chunk: Uint8Array): Uint8Array {
    const wanted = Math.min(chunk.length, this.left);
    if (wanted === 0) return chunk.subarray(0, 0);
    const bytes =
      this.#fd === null
        ? patternAt(this.#position, wanted)
        : chunk.subarray(0, readSync(this.#fd, chunk, 0, wanted, this.#position));
    if (bytes.length === 0) throw new Error('the file became shorter while it was sent');
    this.#position += bytes.length;
    return bytes;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }
}
