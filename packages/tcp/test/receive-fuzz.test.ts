// Random packets, random receives, random returns: the stream stays whole and in order, and nothing is ever lost or leaked.

import type { SkBuff } from '@netmem/netdev';
import { regionOf, subregion } from '@netmem/region';
import { EAGAIN, EFAULT, ETOOSMALL, MSG_PEEK, MSG_SOCK_DEVMEM, MSG_TRUNC, writeDmabufToken } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlWriter } from '../src/devmem/control-writer.ts';
import { releaseUserFrags, sockDevmemDontneed } from '../src/devmem/dontneed.ts';
import { DmabufReceiver } from '../src/devmem/recvmsg-dmabuf.ts';
import { TokenTable } from '../src/devmem/token-table.ts';
import { IovCursor, Msghdr } from '../src/socket/msghdr.ts';
import { TcpReceiver } from '../src/socket/tcp-recvmsg.ts';
import { messagesIn } from './control-messages.ts';
import { HandSock } from './hand-sock.ts';
import { frag, pattern, SkbBench, type SkbSpec } from './skb-builder.ts';

const NIOVS = 64;

const size = fc.integer({ min: 1, max: 300 });
const dmabufFrag = fc.tuple(size, fc.nat(700)).map(([n, at]) => frag(n, at));
const pageFrag = fc.tuple(size, fc.nat(700)).map(([n, at]) => frag(n, at, 'page'));
const member = fc.record({ linear: fc.nat(50), frags: fc.array(dmabufFrag, { minLength: 1, maxLength: 3 }) });
const packet: fc.Arbitrary<SkbSpec> = fc.oneof(
  fc.record({ linear: fc.integer({ min: 1, max: 400 }), frags: fc.array(pageFrag, { maxLength: 3 }) }),
  fc.tuple(member, fc.array(member, { maxLength: 2 })).map(([head, members]): SkbSpec => ({ ...head, members })),
);
const action = fc.oneof(
  { weight: 3, arbitrary: packet.map((spec) => ({ kind: 'arrive' as const, spec })) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      peek: fc.boolean(),
      truncate: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
      devmem: fc.integer({ max: 9, min: 0 }).map((n) => n > 0),
      lengths: fc.array(fc.nat(700), { maxLength: 3 }),
      control: fc.nat(400),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('return' as const),
      runs: fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { minLength: 1, maxLength: 4 }),
    }),
  },
);

/** A socket's receive side, and what its application knows. */
class Bench extends SkbBench {
  readonly sock = new HandSock();
  readonly tokens = new TokenTable();
  readonly #iov = new IovCursor();
  readonly #control = new ControlWriter();
  readonly #receiver = new TcpReceiver(
    this.machine,
    new DmabufReceiver(this.machine, this.netmem),
    this.#iov,
    this.#control,
  );
  /** Bytes of the stream that were read. */
  read = 0;
  /** Tokens the application holds, and the net_iov of each. */
  readonly held = new Map<number, number>();

  arrive(spec: SkbSpec): void {
    const wanted = spec.frags.length + (spec.members ?? []).reduce((sum, part) => sum + part.frags.length, 0);
    if (wanted > NIOVS - this.inUse) return;
    this.sock.arrive(this.build(spec));
  }

  /** net_iovs that a queued packet or a token holds. */
  get inUse(): number {
    const niovs = new Set(this.held.values());
    for (let skb = this.sock.receiveQueue.peek(); skb !== null; skb = skb.next) {
      for (let part: SkBuff | null = skb; part !== null; part = part === skb ? skb.fragList : part.next) {
        for (let i = 0; i < part.nrFrags; i++) {
          if (this.netmem.isNetIov(part.fragRef(i))) niovs.add(this.memory.indexOf(part.fragRef(i)));
        }
      }
    }
    return niovs.size;
  }

  receive(flags: number, lengths: readonly number[], room: number): void {
    const user = new Uint8Array(lengths.reduce((sum, n) => sum + n, 0));
    const region = regionOf(user);
    let at = 0;
    const iov = lengths.map((n) => {
      at += n;
      return subregion(region, at - n, n);
    });
    const control = regionOf(new Uint8Array(room));
    const msg = new Msghdr(iov, control);
    this.#iov.reset(iov);
    this.#control.reset(control);
    const available = (this.sock.rcvNxt - this.sock.copiedSeq) | 0;
    const result = this.#receiver.receive(this.sock, this.tokens, msg, flags);
    const messages = messagesIn(control, this.#control.length);
    if (result < 0) {
      expect(messages).toEqual([]);
      expect([-EAGAIN, -EFAULT, -ETOOSMALL]).toContain(result);
      expect(result === -EAGAIN).toBe(available === 0);
      return;
    }
    expect(result).toBeLessThanOrEqual(Math.min(available, user.length));
    if ((flags & MSG_TRUNC) === 0) {
      if (messages.length === 0) this.#expectBytes(this.read, user.subarray(0, result));
      else this.#expectMessages(messages, user, result);
    } else {
      expect(messages).toEqual([]);
    }
    if ((flags & MSG_PEEK) === 0) this.read += result;
  }

  #expectBytes(position: number, bytes: Uint8Array): void {
    expect([...bytes]).toEqual(Array.from(bytes, (_, i) => pattern(position + i)));
  }

  #expectMessages(messages: ReturnType<typeof messagesIn>, user: Uint8Array, result: number): void {
    let position = this.read;
    let linear = 0;
    for (const message of messages) {
      if (message.kind === 'linear') {
        this.#expectBytes(position, user.subarray(linear, linear + message.size));
        linear += message.size;
      } else {
        expect(this.held.has(message.token)).toBe(false);
        this.held.set(message.token, Math.floor(message.offset / 4096));
        expect(message.offset).toBe(this.offsetOf(position));
        if (message.size > 0)
          expect(message.offset + message.size - 1).toBe(this.offsetOf(position + message.size - 1));
      }
      position += message.size;
    }
    expect(position - this.read).toBe(result);
  }

  /** Where in the dma-buf a byte of the stream is. */
  offsetOf(position: number): number {
    const place = this.places.find((p) => p.position <= position && position < p.position + p.size);
    return place === undefined || place.offset < 0 ? -1 : place.offset + position - place.position;
  }

  giveBack(runs: readonly (readonly [number, number])[]): void {
    const view = new DataView(new ArrayBuffer(runs.length * 8));
    const expected = new Set<number>();
    for (const [i, [start, count]] of runs.entries()) {
      writeDmabufToken(view, i * 8, start, count);
      for (let id = start; id < start + count; id++) if (this.held.has(id)) expected.add(id);
    }
    expect(sockDevmemDontneed(this.tokens, this.netmem, new Uint8Array(view.buffer), view.byteLength)).toBe(
      expected.size,
    );
    for (const id of expected) this.held.delete(id);
    expect(this.tokens.count).toBe(this.held.size);
  }

  /** Everything goes back: held tokens, unread packets, the pool. */
  close(): void {
    if (this.held.size % 2 === 0) for (const id of [...this.held.keys()]) this.giveBack([[id, 1]]);
    else expect(releaseUserFrags(this.tokens, this.netmem)).toBe(this.held.size);
    this.sock.receiveQueue.purge();
    expect(this.network.skbs.inUse).toBe(0);
    this.memory.pool.destroy();
    this.machine.run({ until: () => false, timeoutNs: 10e9 });
    expect(this.memory.refs).toBe(1);
    const { hold, release } = this.pools.totals();
    expect(hold).toBe(release);
    expect(this.pools.audit()).toEqual([]);
    this.machine.log.assertClean();
  }
}

describe('receiving', () => {
  it('neither loses, doubles nor leaks anything', () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 50 }), (actions) => {
        const bench = new Bench({ niovs: NIOVS });
        for (const step of actions) {
          if (step.kind === 'arrive') bench.arrive(step.spec);
          else if (step.kind === 'return') bench.giveBack(step.runs);
          else {
            const flags =
              (step.peek ? MSG_PEEK : 0) | (step.truncate ? MSG_TRUNC : 0) | (step.devmem ? MSG_SOCK_DEVMEM : 0);
            bench.receive(flags, step.lengths, step.control);
          }
        }
        // What is left comes with enough room.
        for (let i = 0; i < 200 && bench.sock.receiveQueue.length > 0; i++) {
          bench.receive(MSG_SOCK_DEVMEM, [10_000], 4096);
        }
        expect(bench.read).toBe(bench.position);
        bench.close();
      }),
      { numRuns: 150 },
    );
  });
});
