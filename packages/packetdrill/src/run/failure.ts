/** What a script expected and did not get. */
export interface Failure {
  /** What kind of expectation: a packet, a system call, the time of an event, code, a command, or nothing more to come. */
  readonly kind: 'packet' | 'syscall' | 'time' | 'code' | 'command' | 'leftover';
  /** Line of the script, from 1. */
  readonly line: number;
  /** What is wrong, in one line. */
  readonly message: string;
  /** What should have been, in one line; null when there is nothing to compare. */
  readonly expected: string | null;
  /** What was. */
  readonly actual: string | null;
  /** All of it, to be printed: place, message, the script's line, and expected and actual one above the other with carets at what differs. */
  readonly text: string;
}

/** A failure before it knows the script. */
export interface FailureParts {
  readonly kind: Failure['kind'];
  readonly message: string;
  readonly expected?: string | null;
  readonly actual?: string | null;
  /** A line of carets that goes under the actual one. */
  readonly carets?: string | null;
}

/** Puts a failure into words. `source` is the script's line. */
export function describeFailure(name: string, line: number, source: string, parts: FailureParts): Failure {
  const { kind, message, expected = null, actual = null, carets = null } = parts;
  const lines = [`${name}:${line}: ${message}`, `  script:   ${source.trim()}`];
  if (expected !== null) lines.push(`  expected: ${expected}`);
  if (actual !== null) lines.push(`  actual:   ${actual}`);
  if (carets !== null && carets !== '') lines.push(`            ${carets}`);
  return { kind, line, message, expected, actual, text: lines.join('\n') };
}
