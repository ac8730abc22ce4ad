/** What the command line asks for. */
export interface Request {
  readonly suites: readonly string[];
  readonly json: boolean;
  /** `run` suites; `record` the ratios of this tree in the history; `check` them against it. */
  readonly mode: 'run' | 'record' | 'check';
}

/**
 * Reads `[--json] [SUITE]...`, no suite meaning all, or `--record`, or `--check`.
 *
 * @throws Error for an unknown option or suite, naming those there are, and for what does not go together.
 */
export function parseArguments(args: readonly string[], known: readonly string[]): Request {
  const suites: string[] = [];
  let json = false;
  let mode: Request['mode'] = 'run';
  for (const arg of args) {
    if (arg === '--json') json = true;
    else if (arg === '--record' || arg === '--check') mode = arg === '--record' ? 'record' : 'check';
    else if (known.includes(arg)) suites.push(arg);
    else throw new Error(`${arg}: no such ${arg.startsWith('-') ? 'option' : 'suite'}. ${usage(known)}`);
  }
  if (mode !== 'run' && args.length > 1) throw new Error(`--${mode} stands alone. ${usage(known)}`);
  return { suites: suites.length > 0 ? suites : known, json, mode };
}

function usage(known: readonly string[]): string {
  return `Usage: bench [--json] [${known.join('] [')}], or bench --record, or bench --check`;
}
