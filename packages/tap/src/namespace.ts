// Kept in the declarations: a program that lists no ambient types still finds the ones of child processes.
/// <reference types="node" preserve="true" />
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** Set in the environment of a process that {@link spawnInNetworkNamespace} started. */
export const NAMESPACE_ENVIRONMENT = 'NETMEM_IN_NETWORK_NAMESPACE';

/**
 * Starts Node with a script in a network namespace of its own, where it may make interfaces without touching the host's network, and where it is
 * root even if the caller is not. The namespace and all that is in it go with the process; the process goes with its caller.
 *
 * A program that is its own child looks for {@link NAMESPACE_ENVIRONMENT} to know on which side it is.
 *
 * @param script - Path of the script. @param scriptArguments - What it finds in `process.argv` from index 2.
 * @param options - As of `node:child_process` spawn. `nodeArguments` go before the script, `process.execArgv` for instance.
 */
export function spawnInNetworkNamespace(
  script: string,
  scriptArguments: readonly string[] = [],
  options: SpawnOptions & { nodeArguments?: readonly string[] } = {},
): ChildProcess {
  const { nodeArguments = [], env = process.env, ...rest } = options;
  // Root needs no user namespace, and keeps the right to open device nodes that belong to the outer root.
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const command = [process.execPath, ...nodeArguments, script, ...scriptArguments];
  return spawn('unshare', [...user, '--net', '--kill-child', '--', ...command], {
    ...rest,
    env: { ...env, [NAMESPACE_ENVIRONMENT]: '1' },
  });
}
