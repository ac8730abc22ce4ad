import { EBADF, EINVAL, EMFILE, type ErrPtr } from '@netmem/uapi';
import { DmaBuf } from './dma-buf.ts';

/** Any other open file: it has an fd, and it is not a dma-buf. */
export interface OtherFile {
  readonly kind: string;
}

/** RLIMIT_NOFILE of a default process. */
export const DEFAULT_FILE_LIMIT = 1024;

/**
 * The open files of one process, as far as binding a dma-buf needs them: a number that is not open is EBADF, a number that is something
 * else is EINVAL. Starts with 0, 1 and 2 open, as a process does.
 *
 * @kernel files_struct — include/linux/fdtable.h, 7.3
 */
export class DmaBufTable {
  readonly #files: (DmaBuf | OtherFile | null)[] = [{ kind: 'stdin' }, { kind: 'stdout' }, { kind: 'stderr' }];
  readonly #limit: number;

  constructor(limit: number = DEFAULT_FILE_LIMIT) {
    this.#limit = limit;
  }

  /**
   * Gives a file the lowest free number. The caller's reference to a dma-buf moves into the table.
   *
   * @returns the fd; `-EMFILE`: the process has its limit of files open (the reference stays with the caller).
   * @kernel fd_install — fs/file.c, 7.3
   */
  install(file: DmaBuf | OtherFile): number {
    const hole = this.#files.indexOf(null);
    const fd = hole < 0 ? this.#files.length : hole;
    if (fd >= this.#limit) return -EMFILE;
    this.#files[fd] = file;
    return fd;
  }

  /**
   * Looks up a dma-buf and takes a reference to it, which the caller puts.
   *
   * @returns the dma-buf; `-EBADF`: no such open file; `-EINVAL`: the file is not a dma-buf.
   * @kernel dma_buf_get — drivers/dma-buf/dma-buf.c, 7.3
   */
  get(fd: number): ErrPtr<DmaBuf> {
    const file = this.#lookup(fd);
    if (file === null) return -EBADF;
    if (!(file instanceof DmaBuf)) return -EINVAL;
    file.get();
    return file;
  }

  /**
   * Closes the number. A dma-buf loses one reference; whoever bound it keeps its own.
   *
   * @returns 0; `-EBADF`: no such open file.
   * @kernel close_fd — fs/file.c, 7.3
   */
  close(fd: number): number {
    const file = this.#lookup(fd);
    if (file === null) return -EBADF;
    this.#files[fd] = null;
    if (file instanceof DmaBuf) file.put();
    return 0;
  }

  /** Closes every dma-buf that is still open, as the end of a process does. */
  closeAll(): void {
    for (let fd = 0; fd < this.#files.length; fd++) this.close(fd);
  }

  /** What an audit should know: one sentence per dma-buf that is still open. */
  audit(): string[] {
    const open: string[] = [];
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file instanceof DmaBuf)
        open.push(`fd ${fd} still holds a ${file.exporterName} dma-buf of ${file.sizeBytes} bytes`);
    }
    return open;
  }

  #lookup(fd: number): DmaBuf | OtherFile | null {
    return Number.isInteger(fd) && fd >= 0 ? (this.#files[fd] ?? null) : null;
  }
}
