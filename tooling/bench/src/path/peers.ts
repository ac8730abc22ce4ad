/** What an ordinary program gets from the kernel's sockets on the same machine, for scale: Node's net.Socket and Python's recv_into over loopback. */
import { fileURLToPath } from 'node:url';
import { runOnOneCpu } from './one-cpu.ts';

const NODE_CHILD = fileURLToPath(new URL('./peer-child.ts', import.meta.url));
const PYTHON_CHILD = fileURLToPath(new URL('./peer-child.py', import.meta.url));
const STREAM_BYTES = 2 ** 30;
const FIRST_PORT = 41_000;
let nextPort = FIRST_PORT;

interface ChildReport {
  readonly bytes: number;
  readonly cpuSeconds: number;
}

export const PEERS = ['node', 'python'] as const;
/** Who receives. */
export type Peer = (typeof PEERS)[number];

/** One run over loopback; Gbit per second of CPU of receiver and sender. Throws when the receiver's language is not installed. */
export async function runPeer(peer: Peer): Promise<number> {
  const port = String(nextPort++);
  const receiver =
    peer === 'node'
      ? runOnOneCpu(process.execPath, [NODE_CHILD, 'receive', port])
      : runOnOneCpu('python3', [PYTHON_CHILD, port]);
  const sender = runOnOneCpu(process.execPath, [NODE_CHILD, 'send', port, String(STREAM_BYTES)]);
  const [received, sent] = (await Promise.all([receiver, sender])).map((stdout) => JSON.parse(stdout) as ChildReport);
  if (received === undefined || sent === undefined || received.bytes !== STREAM_BYTES)
    throw new Error('bytes are missing');
  return (STREAM_BYTES * 8) / 1e9 / (received.cpuSeconds + sent.cpuSeconds);
}
