import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type KernelError, SO, SOL_SOCKET } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection/connection.ts';
import type { FragBatch } from '../src/connection/frag-batch.ts';
import { DevmemPair } from './devmem-pair.ts';
import { settle } from './drive.ts';
import { pattern } from './skb-builder.ts';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => pattern(i));

/** Bytes of a batch that are not the stream's from `position` on, wherever they are. */
function wrongBytes(pair: DevmemPair, batch: FragBatch, position: number): number {
  let wrong = 0;
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    const [offset, size] = [batch.offset[i] as number, batch.size[i] as number];
    const inDevice = batch.token[i] !== 0;
    const piece = inDevice ? pair.memory.at(offset, size) : batch.linear.subarray(offset, offset + size);
    for (let k = 0; k < size; k++) if (piece[k] !== pattern(position + at + k)) wrong++;
    expect(batch.dmabufId[i]).toBe(inDevice ? 1 : 0);
    at += size;
  }
  expect(at).toBe(batch.bytes);
  return wrong;
}

async function first(pair: DevmemPair, receiver: Connection, maxBatch?: number): Promise<FragBatch> {
  const { value } = await pair.drive(receiver.frags({ maxBatch }).next());
  if (value === undefined) throw new Error('no batch');
  return value;
}

describe('frags over device memory', () => {
  it('deliver a stream many times the size of the memory, in order', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    const TOTAL = 4_000_000;
    const receiving = (async () => {
      let position = 0;
      let pieces = 0;
      for await (using batch of receiver.frags()) {
        expect(wrongBytes(pair, batch, position)).toBe(0);
        position += batch.bytes;
        pieces += batch.count;
      }
      return { position, pieces };
    })();
    const sending = sender.write(bytes(TOTAL)).then(() => sender.end());
    const [{ position, pieces }] = await pair.drive(Promise.all([receiving, sending]));
    expect(position).toBe(TOTAL);
    const { sockets } = pair.host.stack;
    expect(sockets.devmem).toMatchObject({ fragBytes: TOTAL, frags: pieces, tokensReleased: pieces, linearBytes: 0 });
    expect([sockets.copiedBytes, sockets.tokensOutstanding]).toEqual([0, 0]);
    await receiver.close();
    await sender.close();
    expect(pair.close()).toEqual([]);
  });

  it('keep memory until it is released, and the sender waits that long', async () => {
    const pair = new DevmemPair(16);
    const { sender, receiver } = await pair.connect();
    const sending = sender.write(bytes(300_000)).then(() => sender.end());
    const held: FragBatch[] = [];
    let position = 0;
    const receiving = (async () => {
      for await (const batch of receiver.frags({ maxBatch: 4 })) {
        held.push(batch);
        position += batch.bytes;
      }
    })();
    // The window never closes on the hoarder: its device has no memory, and what the peer sends is lost until there is some.
    pair.pass(2);
    await settle(pair.host.machine);
    pair.pass(2);
    await settle(pair.host.machine);
    const stuck = position;
    expect(stuck).toBeLessThan(16 * 4096 + 1);
    expect(pair.host.driver.counters.allocFail).toBeGreaterThan(0);
    expect(pair.memory.binding.available).toBe(0);
    let done = false;
    const work = Promise.all([receiving, sending]).then(() => {
      done = true;
    });
    while (!done) {
      for (const batch of held.splice(0)) batch.release();
      pair.pass(1);
      await settle(pair.host.machine);
    }
    await work;
    for (const batch of held.splice(0)) batch.release();
    expect(position).toBe(300_000);
    await receiver.close();
    await sender.close();
    expect(pair.close()).toEqual([]);
  });

  it('come in batches of at most so many pieces, whose tokens go back together', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    await pair.drive(sender.write(bytes(30_000)));
    pair.pass();
    const { sockets } = pair.host.stack;
    const batch = await first(pair, receiver, 3);
    expect(batch.count).toBe(3);
    expect([...batch.token.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect(sockets.tokensOutstanding).toBe(3);
    const second = await first(pair, receiver, 2);
    expect([...second.token.subarray(0, 2)]).toEqual([4, 5]);
    batch.release();
    expect(sockets.tokensOutstanding).toBe(2);
    batch.release();
    expect(sockets.tokensOutstanding).toBe(2);
    // Lowest free first: the next batch uses the same ids, and the released one must not touch them.
    const third = await first(pair, receiver, 3);
    expect([...third.token.subarray(0, 3)]).toEqual([1, 2, 3]);
    batch.release();
    expect(sockets.tokensOutstanding).toBe(5);
    second[Symbol.dispose]();
    third[Symbol.dispose]();
    expect(sockets.tokensOutstanding).toBe(0);
    await receiver.close();
    await sender.close();
    expect(pair.close()).toEqual([]);
  });

  it('cannot be had by read(), which fails and takes nothing', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    await pair.drive(sender.write(bytes(1000)));
    pair.pass();
    await expect(receiver.read(new Uint8Array(100))).rejects.toMatchObject({ code: 'EFAULT', syscall: 'recvmsg' });
    using batch = await first(pair, receiver);
    expect([batch.bytes, wrongBytes(pair, batch, 0)]).toEqual([1000, 0]);
    await receiver.close();
    await sender.close();
  });

  it('survive an abort without losing a byte', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    const abort = new AbortController();
    const waiting = receiver.frags({ signal: abort.signal }).next();
    const rejected = expect(waiting).rejects.toBe('stop');
    await settle(pair.host.machine);
    abort.abort('stop');
    await rejected;
    await pair.drive(sender.write(bytes(1000)));
    pair.pass();
    await expect(receiver.frags({ signal: abort.signal }).next()).rejects.toBe('stop');
    using batch = await first(pair, receiver);
    expect([batch.bytes, wrongBytes(pair, batch, 0)]).toEqual([1000, 0]);
    await receiver.close();
    await sender.close();
  });

  it('wait in several places at once without mixing up their batches', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    const reader = receiver.frags({ maxBatch: 1 });
    const waiting = Promise.all([reader.next(), reader.next(), receiver.frags({ maxBatch: 1 }).next()]);
    await settle(pair.host.machine);
    await pair.drive(sender.write(bytes(9000)));
    const batches = (await pair.drive(waiting)).map(({ value }) => value as FragBatch);
    const tokens = batches.map((batch) => batch.token[0]);
    expect(new Set(tokens).size).toBe(3);
    expect(batches.map((batch) => batch.count)).toEqual([1, 1, 1]);
    for (const batch of batches) batch.release();
    await receiver.close();
    await sender.close();
  });
});

describe('closing with tokens out', () => {
  it('gives the memory back when the protocol is done, and makes release a no-op', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    await pair.drive(sender.write(bytes(5000)));
    pair.pass();
    const batch = await first(pair, receiver);
    const { sockets } = pair.host.stack;
    await receiver.close();
    expect(sockets.tokensOutstanding).toBe(batch.count);
    // Another socket gets the number, and tokens of its own.
    const other = await pair.connect();
    expect(other.receiver.fd).toBe(receiver.fd);
    await pair.drive(other.sender.write(bytes(5000)));
    pair.pass();
    const theirs = await first(pair, other.receiver);
    const out = sockets.tokensOutstanding;
    batch.release();
    expect(sockets.tokensOutstanding).toBe(out);
    theirs.release();
    for (const open of [sender, other.sender, other.receiver]) await open.close();
    pair.pass(200);
    expect(sockets.tokensOutstanding).toBe(0);
    expect(pair.close()).toEqual([]);
  });
});

describe('a batch that is dropped', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  async function logged(pair: DevmemPair): Promise<string[]> {
    for (let i = 0; i < 50; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 2));
      const lines = pair.host.machine.log.entries.filter(({ level }) => level === 'warn').map(({ text }) => text);
      if (lines.length > 0) return lines;
    }
    return [];
  }

  async function drop(pair: DevmemPair, receiver: Connection, release: boolean, reportLost: boolean): Promise<void> {
    const { value } = await pair.drive(receiver.frags({ maxBatch: 2, reportLost }).next());
    if (release) value?.release();
  }

  it('is reported with the place that received it, if that was asked for', async () => {
    const pair = new DevmemPair(64);
    pair.host.machine.log.expect('was dropped without release()');
    const { sender, receiver } = await pair.connect();
    await pair.drive(sender.write(bytes(40_000)));
    pair.pass();
    await drop(pair, receiver, true, true);
    await drop(pair, receiver, false, false);
    await drop(pair, receiver, false, true);
    const lines = await logged(pair);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^a batch with 2 tokens was dropped without release\(\); received at .*frags\.test\.ts/);
    expect(pair.host.stack.sockets.tokensOutstanding).toBe(4);
    await receiver.close();
    await sender.close();
    expect(pair.close()).toEqual([]);
  });
});

describe('a peer that resets', () => {
  it('ends the iteration with its errno; batches that are out can still be released', async () => {
    const pair = new DevmemPair(64);
    const { sender, receiver } = await pair.connect();
    await pair.drive(sender.write(bytes(2000)));
    pair.pass();
    const batches = receiver.frags();
    const { value: batch } = await batches.next();
    pair.peer.stack.sockets.setsockopt(sender.fd, SOL_SOCKET, SO.LINGER, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    await sender.close();
    const code = pair.drive(batches.next()).catch((error: KernelError) => error.code);
    expect(await code).toBe('ECONNRESET');
    batch?.release();
    expect(pair.host.stack.sockets.tokensOutstanding).toBe(0);
    await receiver.close();
    expect(pair.close()).toEqual([]);
  });
});
