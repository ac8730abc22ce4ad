import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Where Node keeps what it made of the TypeScript sources. Not to save time: stripping types runs a WebAssembly program in the
 * process, whose memory grows, which detaches an ArrayBuffer, after which V8 checks every typed array access for detached buffers
 * (0.6 to 0.9 ns of 3 here). A child that finds the result in the cache runs as the published JavaScript would.
 */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/compile/', import.meta.url));

/** Room for all garbage of a run, so that none is collected and all of it is counted. */
export const LARGE_YOUNG_GENERATION: readonly string[] = ['--min-semi-space-size=512', '--max-semi-space-size=1024'];

/** Runs a module in a Node process of its own, with more arguments for Node if need be, and returns what it prints, as JSON. */
export async function runChild(
  module: URL,
  args: readonly string[],
  nodeArguments: readonly string[] = [],
): Promise<unknown> {
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', ...nodeArguments, '--conditions=@netmem/source', fileURLToPath(module), ...args],
    { env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE } },
  );
  return JSON.parse(stdout);
}
