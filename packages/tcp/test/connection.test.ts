import { type KernelError, SHUT_WR, SO, SOL_SOCKET } from '@netmem/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../src/connection/connect.ts';
import type { Connection } from '../src/connection/connection.ts';
import { createListener, type Listener } from '../src/connection/listener.ts';
import { drive, settle } from './drive.ts';
import { bytesIn, LoopbackHost } from './loopback-host.ts';
import { pattern } from './skb-builder.ts';

const PORT = 5201;
let host: LoopbackHost;

beforeEach(() => {
  host = new LoopbackHost();
});

afterEach(() => {
  expect(host.close()).toEqual([]);
});

const run = <T>(work: Promise<T>): Promise<T> => drive(host.machine, work);

async function pair(): Promise<{ listener: Listener; client: Connection; server: Connection; close(): Promise<void> }> {
  const listener = createListener(host.stack, { port: PORT });
  const [client, server] = await run(
    Promise.all([connect(host.stack, { address: '127.0.0.1', port: PORT }), listener.accept()]),
  );
  if (server === null) throw new Error('nothing accepted');
  const close = async (): Promise<void> => {
    for (const open of [client, server, listener]) await open.close();
  };
  return { listener, client, server, close };
}

const bytes = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => pattern(from + i));

async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The code a promise rejects with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await run(work);
  } catch (error) {
    const { code, syscall } = error as KernelError;
    return `${syscall} ${code}`;
  }
  return 'nothing';
}

describe('a connection', () => {
  it('carries bytes both ways, and ends', async () => {
    const { client, server, close } = await pair();
    const request = bytes(300_000);
    const serve = async (): Promise<void> => {
      const got = await readAll(server);
      expect(got).toEqual(request);
      await server.write(got.subarray(0, 1000));
      await server.end();
    };
    const ask = async (): Promise<Uint8Array> => {
      await client.write(request);
      await client.end();
      return readAll(client);
    };
    const [, answer] = await run(Promise.all([serve(), ask()]));
    expect(answer).toEqual(request.subarray(0, 1000));
    expect([client.bytesWritten, server.bytesWritten]).toEqual([300_000, 1000]);
    await close();
  });

  it('knows both ends', async () => {
    const { client, server, close } = await pair();
    expect(client.remote).toEqual({ address: '127.0.0.1', port: PORT });
    expect(server.local).toEqual({ address: '127.0.0.1', port: PORT });
    expect(server.remote).toEqual(client.local);
    await close();
    expect([client.remote, client.local]).toEqual([null, null]);
  });

  it('reads what is there, and waits for what is not', async () => {
    const { client, server, close } = await pair();
    const into = new Uint8Array(100);
    let first = -1;
    const waiting = server.read(into).then((n) => {
      first = n;
    });
    await settle(host.machine);
    expect(first).toBe(-1);
    await run(client.write(bytes(150)));
    await run(waiting);
    expect(first).toBe(100);
    expect(await run(server.read(into))).toBe(50);
    expect(into.subarray(0, 50)).toEqual(bytes(50, 100));
    expect(await server.read(new Uint8Array(0))).toBe(0);
    await close();
  });

  it('waits with writing until there is room', async () => {
    const { client, server, close } = await pair();
    host.sockets.setsockopt(client.fd, SOL_SOCKET, SO.SNDBUF, Uint8Array.of(0, 0x80, 0, 0));
    host.sockets.setsockopt(server.fd, SOL_SOCKET, SO.RCVBUF, Uint8Array.of(0, 0x80, 0, 0));
    const data = bytes(1_000_000);
    let written = false;
    const writing = client.write(data).then(async () => {
      written = true;
      await client.end();
    });
    await settle(host.machine);
    expect(written).toBe(false);
    expect(client.bytesWritten).toBeGreaterThan(0);
    expect(client.bytesWritten).toBeLessThan(400_000);
    const [got] = await run(Promise.all([readAll(server), writing]));
    expect(got).toEqual(data);
    await close();
  });

  it('serves writes in order', async () => {
    const { client, server, close } = await pair();
    host.sockets.setsockopt(client.fd, SOL_SOCKET, SO.SNDBUF, Uint8Array.of(0, 0x40, 0, 0));
    const parts = Array.from({ length: 20 }, (_, i) => bytes(30_000, i * 30_000));
    const writing = Promise.all(parts.map((part) => client.write(part))).then(() => client.end());
    const [got] = await run(Promise.all([readAll(server), writing]));
    expect(got).toEqual(bytes(600_000));
    await close();
  });

  it('ends after the writes that were under way', async () => {
    const { client, server, close } = await pair();
    host.sockets.setsockopt(client.fd, SOL_SOCKET, SO.SNDBUF, Uint8Array.of(0, 0x40, 0, 0));
    const writing = client.write(bytes(200_000));
    const ending = client.end();
    const [got] = await run(Promise.all([readAll(server), writing, ending]));
    expect(got.length).toBe(200_000);
    expect(await codeOf(client.write(bytes(1)))).toBe('sendmsg EPIPE');
    await close();
  });
});

describe('an abort', () => {
  it('rejects a read with the signal’s reason and loses nothing', async () => {
    const { client, server, close } = await pair();
    const abort = new AbortController();
    const into = new Uint8Array(10);
    const reading = server.read(into, { signal: abort.signal });
    const reason = new Error('enough');
    const rejected = expect(reading).rejects.toBe(reason);
    await settle(host.machine);
    abort.abort(reason);
    await rejected;
    await expect(server.read(into, { signal: abort.signal })).rejects.toBe(reason);
    await run(client.write(bytes(10)));
    expect(await run(server.read(into))).toBe(10);
    expect(into).toEqual(bytes(10));
    await close();
  });

  it('stops a write where it is; the connection goes on from there', async () => {
    const { client, server, close } = await pair();
    host.sockets.setsockopt(client.fd, SOL_SOCKET, SO.SNDBUF, Uint8Array.of(0, 0x40, 0, 0));
    host.sockets.setsockopt(server.fd, SOL_SOCKET, SO.RCVBUF, Uint8Array.of(0, 0x40, 0, 0));
    const abort = new AbortController();
    const writing = client.write(bytes(500_000), { signal: abort.signal });
    const rejected = expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    await settle(host.machine);
    abort.abort();
    await rejected;
    const sent = client.bytesWritten;
    expect(sent).toBeGreaterThan(0);
    const rest = client.write(bytes(500_000 - sent, sent)).then(() => client.end());
    const [got] = await run(Promise.all([readAll(server), rest]));
    expect(got).toEqual(bytes(500_000));
    await close();
  });

  it('gives a connect up without a trace', async () => {
    const listener = createListener(host.stack, { port: PORT });
    const early = AbortSignal.abort('no');
    await expect(connect(host.stack, { address: '127.0.0.1', port: PORT, signal: early })).rejects.toBe('no');
    const abort = new AbortController();
    const connecting = connect(host.stack, { address: '127.0.0.1', port: PORT, signal: abort.signal });
    const rejected = expect(connecting).rejects.toBe('changed my mind');
    abort.abort('changed my mind');
    await rejected;
    expect(host.sockets.openCount).toBe(1);
    await listener.close();
  });

  it('ends waiting for a connection; the listener goes on', async () => {
    const listener = createListener(host.stack, { port: PORT });
    const abort = new AbortController();
    const accepting = listener.accept({ signal: abort.signal });
    const rejected = expect(accepting).rejects.toBe('late');
    abort.abort('late');
    await rejected;
    const [client, server] = await run(
      Promise.all([connect(host.stack, { address: '127.0.0.1', port: PORT }), listener.accept()]),
    );
    for (const open of [client, server, listener]) await open?.close();
  });
});

describe('closing', () => {
  it('is idempotent, wakes whoever waits, and answers afterwards', async () => {
    const { client, server, listener } = await pair();
    const reading = server.read(new Uint8Array(10));
    const batches = client.frags();
    const next = batches.next();
    const accepting = listener.accept();
    await settle(host.machine);
    await Promise.all([server.close(), server.close(), client.close(), listener.close(), listener.close()]);
    expect(await reading).toBe(0);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await accepting).toBeNull();
    expect([server.closed, client.closed, listener.closed]).toEqual([true, true, true]);
    expect(await server.read(new Uint8Array(10))).toBe(0);
    expect(await codeOf(server.write(bytes(1)))).toBe('sendmsg EBADF');
    await server.end();
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(host.sockets.openCount).toBe(0);
  });

  it('fails a write that waits', async () => {
    const { client, close } = await pair();
    host.sockets.setsockopt(client.fd, SOL_SOCKET, SO.SNDBUF, Uint8Array.of(0, 0x40, 0, 0));
    const writing = client.write(bytes(2_000_000));
    const code = codeOf(writing);
    await settle(host.machine);
    await client.close();
    expect(await code).toBe('sendmsg EBADF');
    await close();
  });

  it('happens at the end of a block', async () => {
    let leaked: Connection;
    {
      await using listener = createListener(host.stack, { port: 0 });
      expect(listener.port).toBeGreaterThan(0);
      const [client, server] = await run(
        Promise.all([connect(host.stack, { address: '127.0.0.1', port: listener.port }), listener.accept()]),
      );
      await using connection = client;
      await server?.close();
      leaked = connection;
    }
    expect(leaked.closed).toBe(true);
    expect(host.sockets.openCount).toBe(0);
  });

  it('delivers what was written before', async () => {
    const { client, server, close } = await pair();
    await run(client.write(bytes(5000)));
    await client.close();
    expect(await run(readAll(server))).toEqual(bytes(5000));
    await close();
  });
});

describe('a listener', () => {
  it('is iterated over until it is closed', async () => {
    const listener = createListener(host.stack, { port: PORT });
    const seen: number[] = [];
    const serving = (async () => {
      for await (const connection of listener) {
        seen.push(connection.remote?.port ?? 0);
        await connection.close();
        if (seen.length === 3) break;
      }
      // Leaving the loop does not close: the next one goes on.
      expect(listener.closed).toBe(false);
      for await (const connection of listener) await connection.close();
      return seen.length;
    })();
    const ports = Array.from({ length: 3 }, (_, i) => 40_000 + i);
    for (const localPort of ports) {
      const client = await run(connect(host.stack, { address: '127.0.0.1', port: PORT, localPort }));
      await settle(host.machine);
      await client.close();
    }
    await listener.close();
    expect(await run(serving)).toBe(3);
    expect(seen).toEqual(ports);
  });

  it('refuses what the sockets refuse, and leaves nothing open', async () => {
    const listener = createListener(host.stack, { port: PORT });
    const thrown = (options: Parameters<typeof createListener>[1]): string => {
      try {
        createListener(host.stack, options);
      } catch (error) {
        return `${(error as KernelError).syscall} ${(error as KernelError).code}`;
      }
      return 'nothing';
    };
    expect(thrown({ port: PORT })).toMatch(/^(bind|listen) EADDRINUSE$/);
    expect(thrown({ port: 1, address: '10.9.9.9' })).toBe('bind EADDRNOTAVAIL');
    expect(thrown({ port: 1, address: 'nonsense' })).toBe('bind EINVAL');
    expect(host.sockets.openCount).toBe(1);
    await listener.close();
  });

  it('takes IPv6, and IPv4 with it', async () => {
    const listener = createListener(host.stack, { port: PORT, address: '::' });
    for (const address of ['::1', '127.0.0.1']) {
      const [client, server] = await run(
        Promise.all([connect(host.stack, { address, port: PORT }), listener.accept()]),
      );
      expect(client.remote?.address).toBe(address);
      await client.close();
      await server?.close();
    }
    await listener.close();
  });
});

describe('failures', () => {
  it('of connecting carry the call and its errno', async () => {
    expect(await codeOf(connect(host.stack, { address: '127.0.0.1', port: 1 }))).toBe('connect ECONNREFUSED');
    expect(await codeOf(connect(host.stack, { address: '10.9.9.9', port: 1 }))).toBe('connect ENETUNREACH');
    expect(await codeOf(connect(host.stack, { address: 'nonsense', port: 1 }))).toBe('connect EINVAL');
    const bad = { address: '127.0.0.1', port: 1, localAddress: '10.9.9.9' };
    expect(await codeOf(connect(host.stack, bad))).toBe('bind EADDRNOTAVAIL');
    expect(host.sockets.openCount).toBe(0);
  });

  it('of a peer that resets reach the reader once', async () => {
    const { client, server, close } = await pair();
    await run(client.write(bytes(1000)));
    await settle(host.machine);
    // Unread data: close resets.
    await server.close();
    await settle(host.machine);
    expect(await codeOf(client.read(new Uint8Array(10)))).toBe('recvmsg ECONNRESET');
    expect(await run(client.read(new Uint8Array(10)))).toBe(0);
    expect(await codeOf(client.end())).toBe('shutdown ENOTCONN');
    await close();
  });

  it('of frags end the iteration', async () => {
    const { client, server, close } = await pair();
    await run(client.write(bytes(1000)));
    await settle(host.machine);
    const batches = client.frags();
    const code = codeOf(batches.next());
    await server.close();
    expect(await code).toBe('recvmsg ECONNRESET');
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(() => client.frags({ maxBatch: 0 })).toThrow(RangeError);
    await close();
  });
});

describe('frags over ordinary memory', () => {
  it('bring the bytes, as pieces without token', async () => {
    const { client, server, close } = await pair();
    const receiving = (async () => {
      const got: number[] = [];
      for await (using batch of server.frags()) {
        expect(batch.count).toBe(1);
        expect([batch.offset[0], batch.size[0], batch.token[0], batch.dmabufId[0]]).toEqual([0, batch.bytes, 0, 0]);
        expect(batch.linear.length).toBe(batch.bytes);
        got.push(...batch.linear);
      }
      return Uint8Array.from(got);
    })();
    const sending = client.write(bytes(100_000)).then(() => client.end());
    const [got] = await run(Promise.all([receiving, sending]));
    expect(got).toEqual(bytes(100_000));
    await close();
  });

  it('can be left and taken up again', async () => {
    const { client, server, close } = await pair();
    await run(client.write(bytes(100)));
    await settle(host.machine);
    for await (using batch of server.frags()) {
      expect(batch.bytes).toBe(100);
      break;
    }
    await run(client.write(bytes(50, 100)));
    await settle(host.machine);
    expect(host.sockets.recvmsg(server.fd, bytesIn(1000))).toBe(50);
    host.sockets.shutdown(client.fd, SHUT_WR);
    expect((await run(server.frags().next())).done).toBe(true);
    await close();
  });

  it('empties a batch on release', async () => {
    const { client, server, close } = await pair();
    await run(client.write(bytes(100)));
    await settle(host.machine);
    const { value: batch } = await run(server.frags().next());
    if (batch === undefined) throw new Error('no batch');
    expect([batch.count, batch.released]).toEqual([1, false]);
    batch.release();
    batch.release();
    expect([batch.count, batch.released, batch.linear.length, batch.token.length]).toEqual([0, true, 0, 0]);
    expect(batch.bytes).toBe(100);
    await close();
  });
});
