import type { ExecutionContext } from '../context/execution-context.ts';
import { KernelBug } from '../log/kernel-bug.ts';

/** One hit of a tracepoint. Listeners may keep it. */
export interface TraceEvent {
  readonly name: string;
  /** Names of `values`, in order. */
  readonly fields: readonly string[];
  readonly values: readonly number[];
  readonly timeNs: number;
  readonly cpu: number;
  /** One of the CONTEXT_ constants. */
  readonly context: number;
}

export type TraceListener = (event: TraceEvent) => void;

/** Fields that one tracepoint can have: what {@link Tracepoint.emit} takes. */
const MAX_TRACE_FIELDS = 6;

/** Where tracepoints get time and context from. @internal */
export interface TraceSource {
  readonly nowNs: () => number;
  readonly context: ExecutionContext;
}

/**
 * A named place in the code that listeners can watch. While nobody does it costs one branch:
 * `if (tracepoint.enabled) tracepoint.emit(...)`.
 */
export class Tracepoint {
  readonly name: string;
  readonly fields: readonly string[];
  enabled: boolean = false;
  readonly #source: TraceSource;
  readonly #listeners: TraceListener[] = [];

  /** @internal */
  constructor(source: TraceSource, name: string, fields: readonly string[]) {
    this.#source = source;
    this.name = name;
    this.fields = fields;
  }

  /** Values in the order of `fields`; only as many as there are fields are kept. */
  emit(a: number = 0, b: number = 0, c: number = 0, d: number = 0, e: number = 0, f: number = 0): void {
    if (!this.enabled) return;
    const event: TraceEvent = {
      name: this.name,
      fields: this.fields,
      values: [a, b, c, d, e, f].slice(0, this.fields.length),
      timeNs: this.#source.nowNs(),
      cpu: this.#source.context.cpu,
      context: this.#source.context.kind,
    };
    for (const listener of this.#listeners) listener(event);
  }

  /** @internal */
  attach(listener: TraceListener): void {
    this.#listeners.push(listener);
    this.enabled = true;
  }

  /** @internal */
  detach(listener: TraceListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
    this.enabled = this.#listeners.length > 0;
  }
}

function globToRegExp(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

interface Subscription {
  readonly pattern: RegExp;
  readonly listener: TraceListener;
}

/** The tracepoints of one machine, by name. Names are the kernel's where it has one. */
export class Tracepoints {
  readonly #source: TraceSource;
  readonly #byName: Map<string, Tracepoint> = new Map();
  readonly #subscriptions: Set<Subscription> = new Set();

  /** @internal */
  constructor(source: TraceSource) {
    this.#source = source;
  }

  /** All tracepoints defined so far, in order of definition. A fresh array. */
  get all(): readonly Tracepoint[] {
    return [...this.#byName.values()];
  }

  /**
   * The tracepoint of that name, made when it is new. Two users of one name share it.
   *
   * @throws KernelBug when it exists with other fields, or has more than six.
   */
  define(name: string, fields: readonly string[]): Tracepoint {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      if (known.fields.join() !== fields.join()) throw new KernelBug('tracepoint', `${name} exists with other fields`);
      return known;
    }
    if (fields.length > MAX_TRACE_FIELDS)
      throw new KernelBug('tracepoint', `${name} has more than ${MAX_TRACE_FIELDS} fields`);
    const tracepoint = new Tracepoint(this.#source, name, fields);
    this.#byName.set(name, tracepoint);
    for (const { pattern, listener } of this.#subscriptions) if (pattern.test(name)) tracepoint.attach(listener);
    return tracepoint;
  }

  /**
   * Calls `listener` for every hit of the tracepoints whose name matches the glob, those defined later included.
   * Returns what ends the subscription.
   */
  subscribe(pattern: string, listener: TraceListener): () => void {
    const subscription: Subscription = { pattern: globToRegExp(pattern), listener };
    this.#subscriptions.add(subscription);
    for (const tracepoint of this.#matching(subscription)) tracepoint.attach(listener);
    return () => {
      if (!this.#subscriptions.delete(subscription)) return;
      for (const tracepoint of this.#matching(subscription)) tracepoint.detach(listener);
    };
  }

  #matching(subscription: Subscription): Tracepoint[] {
    return this.all.filter((tracepoint) => subscription.pattern.test(tracepoint.name));
  }
}
