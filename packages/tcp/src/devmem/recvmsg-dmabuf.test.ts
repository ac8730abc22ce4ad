import type { SkBuff } from '@netmem/netdev';
import { type Region, regionOf } from '@netmem/region';
import { EBUSY, EFAULT, ENODEV, ETOOSMALL } from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, messagesIn } from '../../test/control-messages.ts';
import { frag, pattern, SkbBench, type SkbSpec, specLength } from '../../test/skb-builder.ts';
import { IovCursor } from '../socket/msghdr.ts';
import { ControlWriter } from './control-writer.ts';
import { DmabufReceiver } from './recvmsg-dmabuf.ts';
import { TokenTable } from './token-table.ts';

const PAGE = 4096;
const FILL = 0xee;

/** A socket's worth of state around the function under test. */
class Bench extends SkbBench {
  readonly receiver = new DmabufReceiver(this.machine, this.netmem);
  readonly tokens: TokenTable;
  readonly #iov = new IovCursor();
  readonly #control = new ControlWriter();
  user: Uint8Array = new Uint8Array(0);

  constructor(options: ConstructorParameters<typeof SkbBench>[0] & { maxToken?: number } = {}) {
    super(options);
    this.tokens = new TokenTable(options.maxToken);
  }

  receive(
    skb: SkBuff,
    offset: number,
    wanted: number,
    { iov = 65_536, control = 4096 }: { iov?: number; control?: number | null } = {},
  ): { result: number; messages: Message[] } {
    this.user = new Uint8Array(iov).fill(FILL);
    const buffer: Region | null = control === null ? null : regionOf(new Uint8Array(control));
    this.#iov.reset([regionOf(this.user)]);
    this.#control.reset(buffer);
    const result = this.receiver.receive(skb, offset, wanted, this.tokens, this.#iov, this.#control);
    return { result, messages: buffer === null ? [] : messagesIn(buffer, this.#control.length) };
  }

  /** Pool references of fragment `i`. */
  refs(skb: SkBuff, i: number): number {
    return this.netmem.ppRefCount[skb.fragRef(i) >>> 1] as number;
  }
}

const dmabuf = (niov: number, within: number, size: number, token: number, id = 1): Message => ({
  kind: 'dmabuf',
  offset: niov * PAGE + within,
  size,
  token,
  dmabuf: id,
});
const linear = (size: number): Message => ({ kind: 'linear', size });

describe('tcp_recvmsg_dmabuf', () => {
  it('tells where a fragment is, and takes a reference for its token', () => {
    const bench = new Bench({ id: 9, baseOffset: 2 ** 33 });
    const skb = bench.build({ linear: 0, frags: [frag(1000, 64)] });
    expect(bench.receive(skb, 0, 65_536)).toEqual({
      result: 1000,
      messages: [{ kind: 'dmabuf', offset: 2 ** 33 + 64, size: 1000, token: 1, dmabuf: 9 }],
    });
    expect(bench.refs(skb, 0)).toBe(2);
    expect(bench.tokens.count).toBe(1);
    expect(bench.user.every((byte) => byte === FILL)).toBe(true);
    expect(bench.receiver.counters).toEqual({
      frags: 1,
      fragBytes: 1000,
      linearMessages: 0,
      linearBytes: 0,
      tokensReleased: 0,
    });
  });

  it('copies what is linear and says how much, before the fragments', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 54, frags: [frag(100), frag(200)] });
    expect(bench.receive(skb, 0, 354)).toEqual({
      result: 354,
      messages: [linear(54), dmabuf(0, 0, 100, 1), dmabuf(1, 0, 200, 2)],
    });
    expect([...bench.user.subarray(0, 55)]).toEqual([...Array.from({ length: 54 }, (_, i) => pattern(i)), FILL]);
  });

  it('starts and stops anywhere', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 50, frags: [frag(100, 8), frag(100)] });
    expect(bench.receive(skb, 20, 10)).toEqual({ result: 10, messages: [linear(10)] });
    expect([...bench.user.subarray(0, 10)]).toEqual(Array.from({ length: 10 }, (_, i) => pattern(20 + i)));
    expect(bench.receive(skb, 20, 31)).toEqual({ result: 31, messages: [linear(30), dmabuf(0, 8, 1, 1)] });
    expect(bench.receive(skb, 51, 50)).toEqual({ result: 50, messages: [dmabuf(0, 9, 50, 2)] });
    expect(bench.receive(skb, 149, 3)).toEqual({ result: 3, messages: [dmabuf(0, 107, 1, 3), dmabuf(1, 0, 2, 4)] });
    expect([bench.refs(skb, 0), bench.refs(skb, 1)]).toEqual([4, 2]);
  });

  it('goes on through the frag list, linear bytes packed back to back', () => {
    const bench = new Bench();
    const skb = bench.build({
      linear: 5,
      frags: [frag(10)],
      members: [
        { linear: 7, frags: [frag(20)] },
        { linear: 0, frags: [frag(30)] },
      ],
    });
    expect(bench.receive(skb, 0, 100, { iov: 12 })).toEqual({
      result: 72,
      messages: [linear(5), dmabuf(0, 0, 10, 1), linear(7), dmabuf(1, 0, 20, 2), dmabuf(2, 0, 30, 3)],
    });
    expect([...bench.user]).toEqual([0, 1, 2, 3, 4, 15, 16, 17, 18, 19, 20, 21].map(pattern));
    expect(bench.receive(skb, 16, 27).messages).toEqual([linear(6), dmabuf(1, 0, 20, 4), dmabuf(2, 0, 1, 5)]);
    expect(bench.receive(skb, 44, 100).messages).toEqual([dmabuf(2, 2, 28, 6)]);
  });

  it('returns a fragment that is read in two calls twice', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 0, frags: [frag(1000)] });
    const messages = [bench.receive(skb, 0, 100), bench.receive(skb, 100, 300), bench.receive(skb, 400, 4096)];
    expect(messages.map(({ messages: [message] }) => message)).toEqual([
      dmabuf(0, 0, 100, 1),
      dmabuf(0, 100, 300, 2),
      dmabuf(0, 400, 600, 3),
    ]);
    expect(bench.refs(skb, 0)).toBe(4);
  });

  describe('without room for a message', () => {
    it.each([null, 0, 16, 39])('fails with ETOOSMALL: control %s', (control) => {
      const bench = new Bench();
      const skb = bench.build({ linear: 0, frags: [frag(100)] });
      expect(bench.receive(skb, 0, 100, { control })).toEqual({ result: -ETOOSMALL, messages: [] });
      expect(bench.tokens.count).toBe(0);
      expect(bench.refs(skb, 0)).toBe(1);
    });

    it('delivers what the messages before were about', () => {
      const bench = new Bench();
      const skb = bench.build({ linear: 0, frags: [frag(100), frag(100), frag(100)] });
      expect(bench.receive(skb, 0, 300, { control: 119 })).toEqual({
        result: 200,
        messages: [dmabuf(0, 0, 100, 1), dmabuf(1, 0, 100, 2)],
      });
      expect(bench.tokens.count).toBe(2);
      expect(bench.refs(skb, 2)).toBe(1);
      expect(bench.receive(skb, 200, 100).messages).toEqual([dmabuf(2, 0, 100, 3)]);
    });

    it('has copied linear bytes already, uncounted: they come again', () => {
      const bench = new Bench();
      const skb = bench.build({ linear: 0, frags: [frag(100)], members: [{ linear: 20, frags: [frag(100)] }] });
      expect(bench.receive(skb, 0, 220, { control: 40 })).toEqual({ result: 100, messages: [dmabuf(0, 0, 100, 1)] });
      expect([...bench.user.subarray(0, 21)]).toEqual([
        ...Array.from({ length: 20 }, (_, i) => pattern(100 + i)),
        FILL,
      ]);
      expect(bench.receiver.counters.linearBytes).toBe(0);
      expect(bench.receive(skb, 100, 220).messages).toEqual([linear(20), dmabuf(1, 0, 100, 2)]);
    });
  });

  it('stops when no token is left, with EBUSY if that is the first thing', () => {
    const bench = new Bench({ maxToken: 2 });
    const skb = bench.build({ linear: 0, frags: [frag(10), frag(10), frag(10)] });
    expect(bench.receive(skb, 0, 30).result).toBe(20);
    expect(bench.receive(skb, 20, 10)).toEqual({ result: -EBUSY, messages: [] });
    expect([bench.refs(skb, 0), bench.refs(skb, 1), bench.refs(skb, 2)]).toEqual([2, 2, 1]);
  });

  it('uses ids that came back first', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 0, frags: [frag(10), frag(10), frag(10)] });
    bench.receive(skb, 0, 30);
    bench.tokens.erase(2);
    expect(bench.receive(skb, 0, 20).messages).toEqual([dmabuf(0, 0, 10, 2), dmabuf(1, 0, 10, 4)]);
  });

  describe('meeting memory that is not a dma-buf’s', () => {
    it('refuses a readable packet', () => {
      const bench = new Bench();
      const skb = bench.build({ linear: 10, frags: [frag(10, 0, 'page')] });
      expect(bench.receive(skb, 0, 20)).toEqual({ result: -ENODEV, messages: [] });
      expect(bench.user.every((byte) => byte === FILL)).toBe(true);
    });

    it('refuses a page among fragments, and says so in the log', () => {
      const bench = new Bench();
      bench.machine.log.expect('Found non-dmabuf skb with net_iov');
      const skb = bench.build({ linear: 0, frags: [frag(10), frag(10, 0, 'page'), frag(10)] });
      expect(bench.receive(skb, 0, 30)).toEqual({ result: 10, messages: [dmabuf(0, 0, 10, 1)] });
      expect(bench.receive(skb, 10, 20)).toEqual({ result: -ENODEV, messages: [] });
      expect(bench.machine.log.entries.at(-1)).toMatchObject({
        level: 'err',
        text: 'Found non-dmabuf skb with net_iov',
      });
      // Every fragment is asked, those behind the read position too: bytes after the page stay out of reach.
      expect(bench.receive(skb, 20, 10)).toEqual({ result: -ENODEV, messages: [] });
      bench.machine.log.assertClean();
    });

    it('refuses net_iovs of another kind of binding', () => {
      const bench = new Bench();
      const skb = bench.build({ linear: 4, frags: [frag(10, 0, 'io-uring')] });
      expect(bench.receive(skb, 0, 14)).toEqual({ result: 4, messages: [linear(4)] });
      expect(bench.receive(skb, 4, 10)).toEqual({ result: -ENODEV, messages: [] });
      bench.machine.log.assertClean();
    });

    it('refuses a readable member of the frag list', () => {
      const bench = new Bench();
      const skb = bench.build({ linear: 0, frags: [frag(10)], members: [{ linear: 10, frags: [] }] });
      expect(bench.receive(skb, 0, 20)).toEqual({ result: 10, messages: [dmabuf(0, 0, 10, 1)] });
      expect(bench.receive(skb, 10, 10)).toEqual({ result: -ENODEV, messages: [] });
    });
  });

  it('faults when linear bytes do not fit the iovec, or more is wanted than there is', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 20, frags: [frag(10)] });
    expect(bench.receive(skb, 0, 30, { iov: 19 })).toEqual({ result: -EFAULT, messages: [] });
    expect(bench.receive(skb, 30, 1)).toEqual({ result: -EFAULT, messages: [] });
    expect(bench.receive(skb, 25, 6)).toEqual({ result: 5, messages: [dmabuf(0, 5, 5, 1)] });
  });

  it('serves a request of 0 bytes with a message about 0 bytes', () => {
    const bench = new Bench();
    const skb = bench.build({ linear: 20, frags: [frag(10)] });
    expect(bench.receive(skb, 0, 0)).toEqual({ result: 0, messages: [linear(0)] });
    expect(bench.receive(skb, 25, 0)).toEqual({ result: 0, messages: [dmabuf(0, 5, 0, 1)] });
    expect(bench.refs(skb, 0)).toBe(2);
    expect(bench.receive(skb, 25, 0, { control: 0 })).toEqual({ result: -ETOOSMALL, messages: [] });
  });

  it('does for every packet and request what the rules say', () => {
    const dmabufFrag = fc
      .record({ offset: fc.nat(500), size: fc.integer({ min: 1, max: 200 }) })
      .map(({ offset, size }) => frag(size, offset));
    const flat = fc.record({ linear: fc.nat(60), frags: fc.array(dmabufFrag, { minLength: 1, maxLength: 5 }) });
    const packet = fc.record({ head: flat, members: fc.array(flat, { maxLength: 3 }) });
    fc.assert(
      fc.property(
        packet,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 200 }),
        ({ head, members }, a, b, rooms, maxToken, iov) => {
          const spec: SkbSpec = { ...head, members };
          const length = specLength(spec);
          const offset = a % length;
          const wanted = 1 + (b % (length - offset));
          const bench = new Bench({ niovs: 32, maxToken });
          const skb = bench.build(spec);
          const got = bench.receive(skb, offset, wanted, { iov, control: rooms * 40 + 13 });
          expect(got).toEqual(byTheRules(spec, offset, wanted, rooms, maxToken, iov));
          const tokens = got.messages.filter((message) => message.kind === 'dmabuf').length;
          expect(bench.tokens.count).toBe(tokens);
          let references = 0;
          for (let niov = 0; niov < 32; niov++) {
            const ref = bench.memory.area.netmem(niov);
            if (bench.netmem.pool(ref) !== null) references += bench.netmem.ppRefCount[ref >>> 1] as number;
          }
          const frags = spec.frags.length + members.reduce((sum, member) => sum + member.frags.length, 0);
          expect(references).toBe(frags + tokens);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** The same, from a list of the packet's pieces. */
function byTheRules(
  spec: SkbSpec,
  offset: number,
  wanted: number,
  rooms: number,
  maxToken: number,
  iov: number,
): { result: number; messages: Message[] } {
  const messages: Message[] = [];
  let [at, niov, token, room, sent] = [0, 0, 1, iov, 0];
  const failed = (errno: number) => ({ result: sent > 0 ? sent : -errno, messages });
  for (const part of [spec, ...(spec.members ?? [])]) {
    const pieces = [{ size: part.linear, within: -1 }, ...part.frags.map((f) => ({ size: f.size, within: f.offset }))];
    for (const { size, within } of pieces) {
      const skip = Math.max(0, offset - at);
      const n = Math.min(size - skip, wanted - sent);
      at += size;
      const niovOfPiece = within < 0 ? -1 : niov++;
      if (n <= 0 || sent === wanted) continue;
      if (within < 0) {
        if (n > room) return failed(EFAULT);
        room -= n;
        if (messages.length === rooms) return failed(ETOOSMALL);
        messages.push(linear(n));
      } else {
        if (token > maxToken) return failed(EBUSY);
        if (messages.length === rooms) return failed(ETOOSMALL);
        messages.push(dmabuf(niovOfPiece, within + skip, n, token++));
      }
      sent += n;
    }
  }
  return { result: sent, messages };
}
