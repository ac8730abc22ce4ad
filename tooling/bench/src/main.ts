/**
 * `pnpm bench --record` and `pnpm bench --check`: how fast this tree is in ratios, into the history or against it.
 *
 * `pnpm bench [--json] [SUITE]...`: runs the benchmarks, all of them by default, and prints a table per suite, or with `--json`
 * nothing but one flat object of figures. Progress goes to stderr.
 *
 * A suite is a folder with a `suite.ts`, listed below.
 */
import { parseArguments } from './arguments.ts';
import { checkRatios, recordRatios } from './history/command.ts';
import { pagePoolSuite } from './page-pool/suite.ts';
import { pathSuite } from './path/suite.ts';
import { scaleSuite } from './scale/suite.ts';
import type { Figure, Suite } from './suite.ts';

const SUITES: readonly Suite[] = [pagePoolSuite, pathSuite, scaleSuite];

function progress(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

async function main(): Promise<void> {
  const request = parseArguments(
    process.argv.slice(2),
    SUITES.map((suite) => suite.name),
  );
  if (request.mode !== 'run') {
    const text = request.mode === 'record' ? await recordRatios(progress) : await checkRatios(progress);
    process.stdout.write(`${text}\n`);
    return;
  }
  const figures: Record<string, Figure> = {};
  for (const suite of SUITES.filter(({ name }) => request.suites.includes(name))) {
    const result = await suite.run((line) => process.stderr.write(`${suite.name}: ${line}\n`));
    Object.assign(figures, result.figures);
    if (!request.json) process.stdout.write(`${result.text}\n`);
  }
  if (request.json) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
