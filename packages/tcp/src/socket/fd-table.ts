import type { SocketHandle } from './handle.ts';

/** First descriptor handed out: 0 to 2 are a process's standard streams. */
const FIRST_FD = 3;

/** Open sockets by descriptor; a new one gets the lowest free number, as in every Unix. */
export class FdTable {
  readonly #handles: (SocketHandle | undefined)[] = [];
  #firstFree = FIRST_FD;
  #open = 0;

  /** Descriptors that are open. */
  get openCount(): number {
    return this.#open;
  }

  /** What `fd` stands for; undefined when it is not open. */
  get(fd: number): SocketHandle | undefined {
    return this.#handles[fd];
  }

  /** The number that the next {@link install} must carry. */
  get next(): number {
    return this.#firstFree;
  }

  /** Opens `handle.fd`, which is {@link next}. */
  install(handle: SocketHandle): void {
    this.#handles[handle.fd] = handle;
    this.#open++;
    while (this.#handles[this.#firstFree] !== undefined) this.#firstFree++;
  }

  remove(fd: number): void {
    this.#handles[fd] = undefined;
    this.#open--;
    if (fd < this.#firstFree) this.#firstFree = fd;
  }
}
