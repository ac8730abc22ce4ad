/** What the command line asks for. */
export interface Request {
  readonly suites: readonly string[];
  readonly json: boolean;
}

/**
 * Reads `[--json] [SUITE]...`; no suite means all.
 *
 * @throws Error for an unknown option or suite, naming those there are.
 */
export function parseArguments(args: readonly string[], known: readonly string[]): Request {
  const suites: string[] = [];
  let json = false;
  for (const arg of args) {
    if (arg === '--json') json = true;
    else if (known.includes(arg)) suites.push(arg);
    else
      throw new Error(
        `${arg}: no such ${arg.startsWith('-') ? 'option' : 'suite'}. Usage: bench [--json] [${known.join('] [')}]`,
      );
  }
  return { suites: suites.length > 0 ? suites : known, json };
}
