/**
 * Starts the receiver as a process of its own: for the kernel's sender inside a network namespace made for it, so that the host's network is
 * never touched; for the embedded sender just so. Whatever happens to the command, the namespace's launcher and the closing IPC channel end it.
 */
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnInNetworkNamespace } from '@netmem/tap';
import type { ReceiverRequest } from './messages.ts';

const RECEIVER = fileURLToPath(new URL('./receiver.ts', import.meta.url));
/** The receiver runs from source, as the command does. */
const NODE_ARGUMENTS = ['--conditions=@netmem/source'];
const STDIO: StdioOptions = ['ignore', 'ignore', 'inherit', 'ipc'];

/** Starts the receiver; messages come on the child's IPC channel. */
export function startReceiver(request: ReceiverRequest): ChildProcess {
  const argument = JSON.stringify(request);
  if (request.sender === 'embedded') return fork(RECEIVER, [argument], { execArgv: NODE_ARGUMENTS, stdio: STDIO });
  return spawnInNetworkNamespace(RECEIVER, [argument], { nodeArguments: NODE_ARGUMENTS, stdio: STDIO });
}
