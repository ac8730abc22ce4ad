/**
 * A process of its own that sends through the running kernel's TCP. Started inside the network namespace by the receiver, which passes a
 * {@link SendRequest} as its only argument and gets one {@link SendReport} back over the IPC channel.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Source } from './source.ts';

/** What to send, and where. */
export interface SendRequest {
  readonly address: string;
  readonly port: number;
  readonly file: string | null;
  readonly bytes: number | null;
  /** Each sends the whole source. */
  readonly connections: number;
  /** Compute a digest of what is sent: costs processor time, so not for figures. */
  readonly digest: boolean;
}

/** How it went; times are those of the sending process between connect and the last byte acknowledged. */
export type SendReport =
  | { readonly ok: true; readonly sha256: string | null; readonly cpuSeconds: number }
  | { readonly ok: false; readonly reason: string };

const CHUNK_BYTES = 1 << 18;
/** The kernel would retry a SYN for 130 s. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Sends the source over one connection, and waits until the receiver has closed it. Returns the digest. */
async function sendStream(request: SendRequest, digest: boolean): Promise<string | null> {
  const source = Source.open(request.file, request.bytes);
  const hash = digest ? createHash('sha256') : null;
  const socket = connect({ host: request.address, port: request.port, noDelay: false });
  const timer = setTimeout(() => socket.destroy(new Error('connect timed out')), CONNECT_TIMEOUT_MS);
  await once(socket, 'connect');
  clearTimeout(timer);
  // Two chunks in turn: the kernel may still read one while the next is filled.
  const chunks = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  let pending: Promise<void> = Promise.resolve();
  for (let turn = 0; source.left > 0; turn ^= 1) {
    const part = source.next(chunks[turn] as Uint8Array);
    hash?.update(part);
    await pending;
    pending = new Promise((resolve, reject) => socket.write(part, (error) => (error ? reject(error) : resolve())));
  }
  await pending;
  source.close();
  socket.resume();
  const closed = once(socket, 'close');
  socket.end();
  await closed;
  return hash?.digest('hex') ?? null;
}

async function send(request: SendRequest): Promise<SendReport> {
  const start = process.cpuUsage();
  // One digest is enough: all streams read the same source.
  const streams = Array.from({ length: request.connections }, (_, i) => sendStream(request, request.digest && i === 0));
  const [sha256 = null] = await Promise.all(streams);
  const used = process.cpuUsage(start);
  return { ok: true, sha256, cpuSeconds: (used.user + used.system) / 1e6 };
}

const request = JSON.parse(process.argv[2] ?? '{}') as SendRequest;
const report = await send(request).catch(
  (error: NodeJS.ErrnoException): SendReport => ({ ok: false, reason: error.code ?? error.message }),
);
process.send?.(report, () => process.disconnect?.());
