/**
 * Starts a receiver as a process of its own: beside the kernel inside a network namespace made for it, so that the host's network is never
 * touched; else just so. Whatever happens to the command, the namespace's launcher and the closing IPC channel end it.
 */
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { enableCompileCache } from 'node:module';
import { spawnInNetworkNamespace } from '@netmem/tap';

/** The receiver runs from source, as the command does. */
const FROM_SOURCE = '--conditions=@netmem/source';
/** What a package looks for when it is loaded, so it has to be there before. */
const PRODUCTION: readonly string[] = ['--import', 'data:text/javascript,globalThis.__NETMEM_PRODUCTION__=true'];
const STDIO: StdioOptions = ['ignore', 'ignore', 'inherit', 'ipc'];

/**
 * A receiver finds its sources as a run before left them, without types. Not to save the time: stripping types runs a WebAssembly program in the
 * process, whose memory grows, which detaches an ArrayBuffer, after which V8 checks every access to a typed array for detached ones.
 */
function environment(): NodeJS.ProcessEnv {
  const { directory } = enableCompileCache();
  return directory === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: directory };
}

/** Where and how the process runs. */
export interface ReceiverPlace {
  /** In a network namespace of its own. */
  readonly namespace: boolean;
  /** With the packages' checks on the data path. */
  readonly checks: boolean;
}

/**
 * Starts a receiver; messages come on the child's IPC channel.
 *
 * @param script - A file path. @param request - Its only argument, as JSON.
 */
export function startReceiver(script: string, request: object, place: ReceiverPlace): ChildProcess {
  const nodeArguments = [FROM_SOURCE, ...(place.checks ? [] : PRODUCTION)];
  const argument = JSON.stringify(request);
  const env = environment();
  if (!place.namespace) return fork(script, [argument], { execArgv: nodeArguments, stdio: STDIO, env });
  return spawnInNetworkNamespace(script, [argument], { nodeArguments, stdio: STDIO, env });
}
