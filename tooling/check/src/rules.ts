/** A finding: where, and what is wrong. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A source file longer than this has more than one purpose. */
export const MAX_LINES = 450;

const SOURCE = /\.(?:ts|tsx|js|mjs|css)$/;
const TEST = /\.test\.ts$|\/test\//;
const LOCKFILE = /(?:^|\/)pnpm-lock\.yaml$/;

/** What may stand in no file of the tree, and why. Written so that this file does not break its own rule. */
const FORBIDDEN: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: /\bregistry\.[a-z0-9-]+\.[a-z]+/i, message: 'names a package registry: that is a matter of the machine' },
  { pattern: /(?<![\w.$/}])\/(?:home|root|Users|work)\/\w/, message: 'an absolute path of one machine' },
  { pattern: /\b(?:TO[D]O|FIX[M]E)\b/, message: 'unfinished work belongs in an issue' },
];
const SKIPPED_TEST = /\b(?:it|test|describe)\.(?:only|skip|todo)\b/;

/** Everything wrong with one file. `path` is relative to the root. */
export function inspect(path: string, text: string): Finding[] {
  if (LOCKFILE.test(path) || text.includes('\0')) return [];
  const lines = text.split('\n');
  const findings: Finding[] = [];
  const add = (line: number, message: string): void => {
    findings.push({ path, line, message });
  };
  // The file ends in a newline, so the last element is no line.
  const length = lines.length - 1;
  if (SOURCE.test(path) && !TEST.test(path) && length > MAX_LINES) {
    add(MAX_LINES + 1, `${length} lines: ${MAX_LINES} is the limit, split it by purpose`);
  }
  for (const [index, line] of lines.entries()) {
    for (const { pattern, message } of FORBIDDEN) if (pattern.test(line)) add(index + 1, message);
    if (TEST.test(path) && SKIPPED_TEST.test(line)) add(index + 1, 'a test that does not run');
  }
  return findings;
}
