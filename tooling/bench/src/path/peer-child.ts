/**
 * Ordinary receivers and the sender they are measured with, over loopback: `peer-child.ts receive PORT` or `peer-child.ts send PORT BYTES`. Prints
 * bytes and its own CPU seconds as JSON.
 */
import { connect, createServer } from 'node:net';

const CHUNK_BYTES = 1 << 18;
const CONNECT_ATTEMPTS = 100;

const [role = '', port = '', bytes = '0'] = process.argv.slice(2);

function report(total: number): void {
  const used = process.cpuUsage();
  process.stdout.write(JSON.stringify({ bytes: total, cpuSeconds: (used.user + used.system) / 1e6 }));
}

function receive(): void {
  const server = createServer((socket) => {
    let total = 0;
    socket.on('data', (chunk) => {
      total += chunk.length;
    });
    socket.on('end', () => {
      socket.destroy();
      server.close();
      report(total);
    });
  });
  server.listen(Number(port), '127.0.0.1');
}

function send(attempt: number): void {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(1);
  let left = Number(bytes);
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED' || attempt === CONNECT_ATTEMPTS) throw error;
    setTimeout(() => send(attempt + 1), 50);
  });
  const more = (): void => {
    while (left > 0) {
      const part = left >= CHUNK_BYTES ? chunk : chunk.subarray(0, left);
      left -= part.length;
      if (!socket.write(part)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  socket.on('connect', more);
  socket.resume();
  socket.on('close', (failed) => {
    if (!failed) report(Number(bytes));
  });
}

if (role === 'receive') receive();
else send(1);
