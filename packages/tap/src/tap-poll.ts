import { type Libc, libc } from './libc.ts';
import type { Tap } from './tap.ts';
import { EINTR, ENODEV, TapError } from './tap-error.ts';

const POLLIN = 0x1;
const POLLERR = 0x8;
// struct pollfd: fd, events, returned events.
const POLLFD_BYTES = 8;
// struct timespec: seconds, nanoseconds.
const TIMESPEC_BYTES = 16;
const TIMESPEC_NANOSECONDS = 8;

/**
 * Waits for frames on one or several {@link Tap}s by blocking the thread: the way with the least delay, for a program whose thread has nothing
 * else to do. Timers and promises of the thread wait as well, so keep the timeout to when the next one is due.
 */
export class TapPoll {
  readonly #taps: readonly Tap[];
  readonly #libc: Libc;
  readonly #fds: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;
  readonly #timespec: Uint8Array = new Uint8Array(TIMESPEC_BYTES);
  readonly #timespecView: DataView = new DataView(this.#timespec.buffer);

  constructor(taps: readonly Tap[]) {
    this.#taps = taps;
    this.#libc = libc();
    this.#count = taps.reduce((count, { queues }) => count + queues, 0);
    this.#fds = new Uint8Array(POLLFD_BYTES * this.#count);
    this.#view = new DataView(this.#fds.buffer);
  }

  /**
   * Whether a frame is there before the time is over. A signal ends the wait early, with false. Closed ones are left out.
   *
   * @param timeoutMs - 0 to look without waiting; fractions count up. At most 2^31 - 1: there is no endless wait.
   * @throws RangeError for another timeout; TapError of `poll`, ENODEV when an interface was deleted.
   */
  wait(timeoutMs: number): boolean {
    if (!(timeoutMs >= 0 && timeoutMs <= 0x7fffffff)) throw new RangeError(`a wait of ${timeoutMs} ms has no end`);
    let at = 0;
    for (let i = 0; i < this.#taps.length; i++) {
      const tap = this.#taps[i];
      for (let queue = 0; queue < tap.queues; queue++) {
        this.#view.setInt32(at, tap.queueFd(queue), true);
        this.#view.setInt32(at + 4, POLLIN, true);
        at += POLLFD_BYTES;
      }
    }
    const ready = this.#libc.poll(this.#fds, this.#count, Math.ceil(timeoutMs));
    if (ready < 0) {
      const errno = this.#libc.errno();
      if (errno === EINTR) return false;
      throw new TapError(errno, 'poll', this.#taps.map(({ name }) => name).join(', '));
    }
    return ready > 0 && this.#anyReadable();
  }

  /**
   * Blocks the thread without listening, as a card with interrupt moderation keeps silent between two interrupts: what comes in the meantime wakes
   * nobody, which spares its sender more time than sending it takes. For the first pause after work; when nothing came, {@link wait}. The system adds
   * its timer slack, 50 µs as a rule. A signal ends it early.
   *
   * @param durationNs - Less than a second.
   * @throws RangeError for another duration.
   */
  pause(durationNs: number): void {
    if (!(durationNs >= 0 && durationNs < 1e9))
      throw new RangeError(`a pause of ${durationNs} ns is not shorter than a second`);
    this.#timespecView.setUint32(TIMESPEC_NANOSECONDS, durationNs, true);
    this.#libc.nanosleep(this.#timespec, null);
  }

  #anyReadable(): boolean {
    let readable = false;
    let at = 0;
    for (let i = 0; i < this.#taps.length; i++) {
      const tap = this.#taps[i];
      for (let queue = 0; queue < tap.queues; queue++) {
        const events = this.#view.getInt16(at + 6, true);
        // Without this a caller would ask again at once, and again: the answer never changes.
        if ((events & POLLERR) !== 0) throw new TapError(ENODEV, 'poll', tap.name, 'Somebody deleted the interface');
        if ((events & POLLIN) !== 0) readable = true;
        at += POLLFD_BYTES;
      }
    }
    return readable;
  }
}
