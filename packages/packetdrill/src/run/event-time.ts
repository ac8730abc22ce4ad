import type { ScriptConfig } from '../config.ts';
import type { Time } from '../syntax/script.ts';

const PERCENT = 100;
/** How long a packet at time `*` may take: ten minutes, more than any timer of TCP's but keepalive. */
const ANY_TIME_NS = 600e9;

/** When an event is to happen, script time. Equal ends are a point in time; `*` is the next ten minutes. */
export interface Window {
  readonly fromNs: number;
  readonly toNs: number;
  /** How far outside it may be. */
  readonly toleranceNs: number;
}

/**
 * The window of an event. Relative times count from `baseNs`: when the event before was done, or, between two packets that are injected, from the
 * time of the first.
 */
export function windowOf(time: Time, baseNs: number, config: ScriptConfig): Window {
  const relative = time.kind === 'after' || (time.kind === 'between' && time.relative);
  const offset = relative ? baseNs : 0;
  let fromNs = baseNs;
  let toNs = baseNs + ANY_TIME_NS;
  if (time.kind === 'between') {
    fromNs = offset + time.fromNs;
    toNs = offset + time.toNs;
  } else if (time.kind !== 'any') {
    fromNs = offset + time.ns;
    toNs = fromNs;
  }
  const share = Math.max(0, fromNs - baseNs) * (config.tolerancePercent / PERCENT);
  return { fromNs, toNs, toleranceNs: Math.max(config.toleranceNs, share) };
}

/** Whether something that happened at `ns` is in time. */
export function isInTime(ns: number, { fromNs, toNs, toleranceNs }: Window): boolean {
  return ns >= fromNs - toleranceNs && ns <= toNs + toleranceNs;
}
