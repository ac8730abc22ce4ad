/** A descriptor that no host has: for scripts that use one they never got. */
const NEVER_OPENED = 1_000_000;

/** What the runner knows of a socket. */
export interface Descriptor {
  readonly hostFd: number;
  readonly protocol: 'tcp' | 'udp';
  /** Whether O_NONBLOCK is set. */
  nonBlocking: boolean;
  /** Bytes of the pattern that were written: where the next one goes, counted from 1. */
  writePosition: number;
  /** The byte that must be read next; null before the first, and when order is lost on purpose. */
  nextByte: number | null;
}

/** The descriptors of a script, by the numbers that the script gives them, and which of them assertions speak of. */
export class Descriptors {
  readonly #open: Map<number, Descriptor> = new Map();
  #underTest = -1;

  get(fd: number): Descriptor | undefined {
    return this.#open.get(fd);
  }

  /** The host's number of a descriptor; for one that was never opened a number that the host has not opened either. */
  hostFd(fd: number): number {
    return this.#open.get(fd)?.hostFd ?? NEVER_OPENED + fd;
  }

  open(fd: number, hostFd: number, protocol: Descriptor['protocol'], nonBlocking: boolean): void {
    this.#open.set(fd, { hostFd, protocol, nonBlocking, writePosition: 1, nextByte: null });
  }

  close(fd: number): void {
    this.#open.delete(fd);
  }

  /** The descriptor that was connected or accepted last, or else made last: assertions speak of it. */
  get underTest(): Descriptor | undefined {
    return this.#open.get(this.#underTest) ?? [...this.#open.values()].at(-1);
  }

  /** Makes `fd` the one that assertions speak of. */
  test(fd: number): void {
    this.#underTest = fd;
  }
}
