import { KernelBug } from './kernel-bug.ts';

/** Severities, mildest first. */
export type LogLevel = 'debug' | 'info' | 'notice' | 'warn' | 'err' | 'crit';

/** One line of the machine's log. */
export interface LogEntry {
  /** Counts every line ever logged, from 1. */
  readonly seq: number;
  readonly timeNs: number;
  readonly level: LogLevel;
  readonly subsystem: string;
  readonly text: string;
}

/** Lines kept in {@link MachineLog.entries}; older ones are overwritten, as in the kernel's ring buffer. */
export const LOG_RING_LINES = 1024;

/**
 * Severe lines kept until somebody expects them. They live outside the ring, so that chatter cannot push a warning out
 * before a test looks for it. A run that produces more has long failed.
 */
export const LOG_SEVERE_LINES = 256;

/** Lines that one call site may log per interval before the rest is only counted. */
export const RATELIMIT_BURST = 10;
/** Length of that interval. */
export const RATELIMIT_INTERVAL_NS = 5e9;

interface Ratelimit {
  beganNs: number;
  passed: number;
  suppressed: number;
}

function isSevere(level: LogLevel): boolean {
  return level === 'warn' || level === 'err' || level === 'crit';
}

function matches(pattern: string | RegExp, text: string): boolean {
  // `search` ignores lastIndex, so that a pattern with the g flag gives the same answer twice.
  return typeof pattern === 'string' ? text.includes(pattern) : text.search(pattern) >= 0;
}

/**
 * What the machine has to say: a bounded ring of lines, and an account of the severe ones.
 *
 * A kernel WARN is a line of level `warn`. A test declares those it provokes with {@link MachineLog.expect} and fails on the
 * rest, {@link MachineLog.unexpected}.
 */
export class MachineLog {
  readonly #nowNs: () => number;
  readonly #ring: LogEntry[] = [];
  #next = 0;
  #seq = 0;
  readonly #once: Set<string> = new Set();
  readonly #limits: Map<string, Ratelimit> = new Map();
  #severe: LogEntry[] = [];
  #severeLost = 0;
  readonly #expected: (string | RegExp)[] = [];
  readonly #met: Set<string | RegExp> = new Set();

  /** @param nowNs - Where time stamps come from. */
  constructor(nowNs: () => number = () => 0) {
    this.#nowNs = nowNs;
  }

  /** The kept lines, oldest first: at most {@link LOG_RING_LINES}. A fresh array. */
  get entries(): readonly LogEntry[] {
    return this.#ring.length < LOG_RING_LINES
      ? this.#ring.slice()
      : [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }

  /** Lines logged in all, overwritten ones included. */
  get logged(): number {
    return this.#seq;
  }

  /** Adds a line. `subsystem` is a short prefix such as `iommu` or an interface name. */
  emit(level: LogLevel, subsystem: string, text: string): void {
    const entry: LogEntry = { seq: ++this.#seq, timeNs: this.#nowNs(), level, subsystem, text };
    if (this.#ring.length < LOG_RING_LINES) {
      this.#ring.push(entry);
    } else {
      this.#ring[this.#next] = entry;
      this.#next = (this.#next + 1) % LOG_RING_LINES;
    }
    if (isSevere(level) && !this.#isExpected(text)) this.#keepSevere(entry);
  }

  /** A kernel WARN: something a correct driver or stack never causes. */
  warn(text: string, subsystem: string = 'kernel'): void {
    this.emit('warn', subsystem, text);
  }

  /** As {@link MachineLog.warn}, the first time that `key` is seen on this machine. */
  warnOnce(key: string, text: string): void {
    if (this.#once.has(key)) return;
    this.#once.add(key);
    this.warn(text);
  }

  /**
   * Whether a call site that may be busy, named by its kernel function, should log now: {@link RATELIMIT_BURST} times per
   * {@link RATELIMIT_INTERVAL_NS}. When a new interval begins, a line says how many were suppressed in the last.
   *
   * @kernel ___ratelimit — lib/ratelimit.c, 7.3
   */
  ratelimit(callSite: string): boolean {
    const nowNs = this.#nowNs();
    let limit = this.#limits.get(callSite);
    if (limit === undefined) {
      limit = { beganNs: nowNs, passed: 0, suppressed: 0 };
      this.#limits.set(callSite, limit);
    } else if (nowNs > limit.beganNs + RATELIMIT_INTERVAL_NS) {
      if (limit.suppressed > 0) this.warn(`${callSite}: ${limit.suppressed} callbacks suppressed`);
      limit.beganNs = nowNs;
      limit.passed = 0;
      limit.suppressed = 0;
    }
    if (limit.passed < RATELIMIT_BURST) {
      limit.passed++;
      return true;
    }
    limit.suppressed++;
    return false;
  }

  /** Declares that lines containing `pattern` belong to what is being tested, whether logged already or still to come. */
  expect(pattern: string | RegExp): void {
    this.#expected.push(pattern);
    const kept = this.#severe.filter((entry) => !matches(pattern, entry.text));
    if (kept.length !== this.#severe.length) this.#met.add(pattern);
    this.#severe = kept;
  }

  /** Lines of level `warn` and worse that nobody expected, oldest first: at most {@link LOG_SEVERE_LINES}. */
  unexpected(): LogEntry[] {
    return this.#severe.slice();
  }

  /** Patterns given to {@link MachineLog.expect} that no line of level `warn` or worse has matched. */
  unmet(): (string | RegExp)[] {
    return this.#expected.filter((pattern) => !this.#met.has(pattern));
  }

  /** Severe lines beyond {@link LOG_SEVERE_LINES} that {@link MachineLog.unexpected} could not keep. */
  get unexpectedLost(): number {
    return this.#severeLost;
  }

  /** Throws when severe lines are unaccounted for: the usual last line of a test. */
  assertClean(): void {
    const first = this.#severe[0];
    if (first === undefined) return;
    throw new KernelBug(
      'unexpected log entries',
      `${this.#severe.length + this.#severeLost}, the first: [${first.level}] ${first.subsystem}: ${first.text}`,
    );
  }

  #isExpected(text: string): boolean {
    for (const pattern of this.#expected) {
      if (matches(pattern, text)) {
        this.#met.add(pattern);
        return true;
      }
    }
    return false;
  }

  #keepSevere(entry: LogEntry): void {
    if (this.#severe.length < LOG_SEVERE_LINES) this.#severe.push(entry);
    else this.#severeLost++;
  }
}
