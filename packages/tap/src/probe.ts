import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnInNetworkNamespace } from './namespace.ts';

/** What {@link probeTap} found. */
export type TapProbe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const DEADLINE_MS = 3000;

/**
 * Finds out whether TAP interfaces can be used here, by using one: in a child process with a network namespace of its own, so that the host's network
 * is not touched. It never throws, and answers within three seconds.
 */
export function probeTap(): Promise<TapProbe> {
  // The source is run as TypeScript, the package as JavaScript.
  const script = fileURLToPath(
    new URL(`./probe-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
  );
  return new Promise((resolve) => {
    const child = spawnInNetworkNamespace(script, [], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = collect(child);
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve({ ok: false, reason: `the probe gave no answer within ${DEADLINE_MS / 1000} s` });
    }, DEADLINE_MS);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const missing = error.code === 'ENOENT';
      resolve({ ok: false, reason: missing ? 'the `unshare` command is missing: install util-linux' : error.message });
    });
    child.once('close', () => {
      clearTimeout(timer);
      resolve(verdict(output.stdout, output.stderr));
    });
  });
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return output;
}

function verdict(stdout: string, stderr: string): TapProbe {
  const answer = stdout.trim();
  if (answer === 'ok') return { ok: true };
  if (answer !== '') return { ok: false, reason: answer };
  // unshare itself failed: it says why in one line.
  return { ok: false, reason: `no network namespace: ${stderr.trim().split('\n')[0] || 'unshare failed'}` };
}
