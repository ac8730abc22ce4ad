import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Region } from '@netmem/region';
import type { GuestMemory } from './guest-memory.ts';
import { EFAULT, EIO, ENOENT, errnoOf, VfioUserError } from './vfio-user-error.ts';

/**
 * The file that is the guest's RAM. Reads and writes are system calls on the page cache that the guest has mapped, about half
 * a microsecond each, straight into and out of the card's buffers. The kernel takes the file's lock for every write, which
 * keeps them in order for whoever looks at the memory.
 */
class FileMemory implements GuestMemory {
  readonly lengthBytes: number;
  readonly #word: Uint8Array = new Uint8Array(4);
  readonly #wordView: DataView = new DataView(this.#word.buffer);
  #fd: number;

  constructor(fd: number, lengthBytes: number) {
    this.#fd = fd;
    this.lengthBytes = lengthBytes;
  }

  read(position: number, to: Region, at: number, length: number): number {
    try {
      // A short read means that somebody has cut the file off.
      return readSync(this.#fd, to.bytes, to.base + at, length, position) === length ? length : -EFAULT;
    } catch (error) {
      return -errnoOf(error, EIO);
    }
  }

  write(position: number, from: Region, at: number, length: number): number {
    try {
      return writeSync(this.#fd, from.bytes, from.base + at, length, position) === length ? length : -EFAULT;
    } catch (error) {
      return -errnoOf(error, EIO);
    }
  }

  load32(position: number): number {
    try {
      if (readSync(this.#fd, this.#word, 0, 4, position) !== 4) return -EFAULT;
    } catch (error) {
      return -errnoOf(error, EIO);
    }
    return this.#wordView.getUint32(0, true);
  }

  store32(position: number, value: number): number {
    this.#wordView.setInt32(0, value, true);
    try {
      return writeSync(this.#fd, this.#word, 0, 4, position) === 4 ? 4 : -EFAULT;
    } catch (error) {
      return -errnoOf(error, EIO);
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

/**
 * Opens the file that a guest was given as its RAM (`memory-backend-file,share=on,mem-path=PATH`). Its size counts at this
 * moment: open it when the guest has connected.
 *
 * @throws VfioUserError `ENOENT` when there is no such file, `EACCES` when it may not be read and written, and what else
 *   `open` says.
 */
export function openFileMemory(path: string): GuestMemory {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch (error) {
    const errno = errnoOf(error, EIO);
    const advice =
      errno === ENOENT
        ? 'Start the guest with its RAM in that file: -object memory-backend-file,id=m,share=on,mem-path=FILE,size=SIZE -machine memory-backend=m'
        : 'The server has to read and write the file that is the RAM of the guest';
    throw new VfioUserError(errno, 'open', path, advice, error);
  }
  return new FileMemory(fd, fstatSync(fd).size);
}
