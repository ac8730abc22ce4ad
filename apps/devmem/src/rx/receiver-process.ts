/**
 * Starts the receiver as a process of its own: for the kernel's sender inside a network namespace made for it, so that the host's network is
 * never touched; for the embedded sender just so. Whatever happens to the command, `--kill-child` and the closing IPC channel end the receiver.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReceiverRequest } from './messages.ts';

const RECEIVER = fileURLToPath(new URL('./receiver.ts', import.meta.url));
/** The receiver runs from source, as the command does. */
const NODE_ARGUMENTS = ['--conditions=@netmem/source'];

/** Flags of `unshare`: a network namespace, and without root a user namespace in which we are root. */
function unshareFlags(): string[] {
  return process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
}

/** Starts the receiver; messages come on the child's IPC channel. */
export function startReceiver(request: ReceiverRequest): ChildProcess {
  const node = [...NODE_ARGUMENTS, RECEIVER, JSON.stringify(request)];
  const stdio: ['ignore', 'ignore', 'inherit', 'ipc'] = ['ignore', 'ignore', 'inherit', 'ipc'];
  if (request.sender === 'embedded') return spawn(process.execPath, node, { stdio });
  return spawn('unshare', [...unshareFlags(), '--kill-child', process.execPath, ...node], { stdio });
}
