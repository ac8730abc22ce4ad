import { regionOf } from '@netmem/region';
import {
  EAGAIN,
  ECONNRESET,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOTCONN,
  ETOOSMALL,
  MSG_OOB,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  MSG_TRUNC,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { type Message, messagesIn } from '../../test/control-messages.ts';
import { HandSock } from '../../test/hand-sock.ts';
import { frag, pattern, SkbBench, type SkbSpec } from '../../test/skb-builder.ts';
import { ControlWriter } from '../devmem/control-writer.ts';
import { DmabufReceiver } from '../devmem/recvmsg-dmabuf.ts';
import { TokenTable } from '../devmem/token-table.ts';
import { RCV_SHUTDOWN, TCP_CLOSE, TCP_LISTEN } from '../tcp/tcp-states.ts';
import { TCP_URG_NOTYET, TCP_URG_READ, TCP_URG_VALID } from '../tcp/urgent.ts';
import { IovCursor, Msghdr } from './msghdr.ts';
import { TcpReceiver } from './tcp-recvmsg.ts';

const DEVMEM = MSG_SOCK_DEVMEM;
const FILL = 0xee;

class Bench extends SkbBench {
  readonly tokens = new TokenTable();
  readonly sock: HandSock;
  readonly #iov = new IovCursor();
  readonly #control = new ControlWriter();
  readonly #receiver = new TcpReceiver(
    this.machine,
    new DmabufReceiver(this.machine, this.netmem),
    this.#iov,
    this.#control,
  );
  user: Uint8Array = new Uint8Array(0);

  constructor(sock: HandSock = new HandSock()) {
    super();
    this.sock = sock;
  }

  /** Puts segments on the receive queue. */
  queue(...specs: readonly SkbSpec[]): this {
    for (const spec of specs) this.sock.arrive(this.build(spec));
    return this;
  }

  fin(spec: SkbSpec = { linear: 0, frags: [] }): this {
    this.sock.arrive(this.build(spec), { fin: true });
    return this;
  }

  receive(flags: number = DEVMEM, length: number = 65_536, control: number = 4096): Received {
    this.user = new Uint8Array(length).fill(FILL);
    const msg = new Msghdr([regionOf(this.user)], regionOf(new Uint8Array(control)));
    this.#iov.reset(msg.iov);
    this.#control.reset(msg.control);
    const result = this.#receiver.receive(this.sock, this.tokens, msg, flags);
    return { result, flags: msg.flags, messages: messagesIn(regionOf(controlBytes(msg)), this.#control.length) };
  }

  /** Whether the user's buffer starts with the stream's bytes [from, from + length) and holds nothing else. */
  holds(from: number, length: number): boolean {
    return this.user.every((byte, i) => byte === (i < length ? pattern(from + i) : FILL));
  }

  get queued(): number {
    return this.sock.receiveQueue.length;
  }
}

interface Received {
  result: number;
  flags: number;
  messages: Message[];
}

function controlBytes(msg: Msghdr): Uint8Array {
  const control = msg.control;
  return control === null ? new Uint8Array(0) : control.bytes.subarray(control.base, control.base + control.length);
}

const bytes = (n: number): SkbSpec => ({ linear: n, frags: [] });
const devmem = (...sizes: number[]): SkbSpec => ({ linear: 0, frags: sizes.map((size) => frag(size)) });
const dmabuf = (niov: number, within: number, size: number, token: number): Message => ({
  kind: 'dmabuf',
  offset: niov * 4096 + within,
  size,
  token,
  dmabuf: 1,
});

describe('ordinary data', () => {
  it.each([0, DEVMEM])('is copied without a message, flags %i', (flags) => {
    const bench = new Bench().queue(bytes(100), { linear: 50, frags: [frag(250, 3, 'page')] });
    expect(bench.receive(flags)).toEqual({ result: 400, flags: 0, messages: [] });
    expect(bench.holds(0, 400)).toBe(true);
    expect(bench.queued).toBe(0);
    expect(bench.sock.copiedSeq).toBe(bench.sock.rcvNxt);
    expect(bench.sock.cleanups).toEqual([400]);
    expect(bench.sock.spaceAdjusts).toBe(2);
    expect(bench.network.skbs.inUse).toBe(0);
  });

  it('is taken in parts', () => {
    const bench = new Bench().queue(bytes(100), bytes(100));
    expect(bench.receive(DEVMEM, 30).result).toBe(30);
    expect(bench.receive(DEVMEM, 100).result).toBe(100);
    expect(bench.holds(30, 100)).toBe(true);
    expect(bench.queued).toBe(1);
    expect(bench.receive(0).result).toBe(70);
    expect(bench.holds(130, 70)).toBe(true);
    expect(bench.receive(0).result).toBe(-EAGAIN);
  });

  it('stays where it is when peeked at', () => {
    const bench = new Bench().queue(bytes(100), bytes(100));
    const before = bench.sock.copiedSeq;
    expect(bench.receive(DEVMEM | MSG_PEEK, 150).result).toBe(150);
    expect(bench.holds(0, 150)).toBe(true);
    expect([bench.queued, bench.sock.copiedSeq]).toEqual([2, before]);
    expect(bench.receive(DEVMEM).result).toBe(200);
  });
});

describe('device memory', () => {
  it('needs MSG_SOCK_DEVMEM', () => {
    const bench = new Bench().queue(devmem(1000));
    expect(bench.receive(0)).toEqual({ result: -EFAULT, flags: 0, messages: [] });
    expect(bench.receive(MSG_PEEK)).toEqual({ result: -EFAULT, flags: 0, messages: [] });
    expect(bench.queued).toBe(1);
    expect(bench.receive().result).toBe(1000);
    expect(bench.sock.cleanups).toEqual([-EFAULT, -EFAULT, 1000]);
  });

  it('comes from several segments in one call, in stream order', () => {
    const bench = new Bench().queue(devmem(100), devmem(200, 300));
    expect(bench.receive()).toEqual({
      result: 600,
      flags: 0,
      messages: [dmabuf(0, 0, 100, 1), dmabuf(1, 0, 200, 2), dmabuf(2, 0, 300, 3)],
    });
    expect(bench.queued).toBe(0);
    // The skbs are gone; the tokens alone hold the memory.
    expect(bench.memory.pool.inflight()).toBe(3);
    expect(bench.network.skbs.inUse).toBe(0);
  });

  it('counts against the length of the iovec though it never touches it', () => {
    const bench = new Bench().queue(devmem(100), devmem(200));
    expect(bench.receive(DEVMEM, 150)).toEqual({
      result: 150,
      flags: 0,
      messages: [dmabuf(0, 0, 100, 1), dmabuf(1, 0, 50, 2)],
    });
    expect(bench.user.every((byte) => byte === FILL)).toBe(true);
    expect(bench.receive(DEVMEM, 4096).messages).toEqual([dmabuf(1, 50, 150, 3)]);
  });

  it('makes new tokens each time it is peeked at', () => {
    const bench = new Bench().queue(devmem(1000));
    expect(bench.receive(DEVMEM | MSG_PEEK).messages).toEqual([dmabuf(0, 0, 1000, 1)]);
    expect(bench.receive(DEVMEM | MSG_PEEK).messages).toEqual([dmabuf(0, 0, 1000, 2)]);
    expect(bench.receive().messages).toEqual([dmabuf(0, 0, 1000, 3)]);
    expect(bench.tokens.count).toBe(3);
  });

  it('is thrown away by MSG_TRUNC, unseen and without the other flag', () => {
    const bench = new Bench().queue(bytes(50), devmem(1000), bytes(50));
    expect(bench.receive(MSG_TRUNC)).toEqual({ result: 1100, flags: 0, messages: [] });
    expect(bench.user.every((byte) => byte === FILL)).toBe(true);
    expect([bench.queued, bench.tokens.count]).toEqual([0, 0]);
    expect(bench.memory.pool.stats.recycleRing).toBe(1);
  });

  it('ends the call short when the control buffer is full', () => {
    const bench = new Bench().queue(devmem(10, 10), devmem(10, 10));
    expect(bench.receive(DEVMEM, 4096, 120)).toEqual({
      result: 30,
      flags: 0,
      messages: [dmabuf(0, 0, 10, 1), dmabuf(1, 0, 10, 2), dmabuf(2, 0, 10, 3)],
    });
    expect(bench.receive(DEVMEM, 4096, 16).result).toBe(-ETOOSMALL);
    expect(bench.receive(DEVMEM, 4096, 40).messages).toEqual([dmabuf(3, 0, 10, 4)]);
    expect(bench.receive().result).toBe(-EAGAIN);
  });
});

describe('both kinds in one queue', () => {
  it('never mix in one call', () => {
    const bench = new Bench().queue(bytes(100), devmem(200), devmem(200), bytes(100), bytes(100));
    expect(bench.receive()).toEqual({ result: 100, flags: 0, messages: [] });
    expect(bench.receive().messages).toEqual([dmabuf(0, 0, 200, 1), dmabuf(1, 0, 200, 2)]);
    expect(bench.receive()).toEqual({ result: 200, flags: 0, messages: [] });
    expect(bench.holds(500, 200)).toBe(true);
  });

  it('stop a plain read at the border, which fails only from there', () => {
    const bench = new Bench().queue(bytes(100), devmem(200));
    expect(bench.receive(0).result).toBe(100);
    expect(bench.receive(0).result).toBe(-EFAULT);
  });

  it('show what came before a fragment that cannot be delivered', () => {
    const bench = new Bench().queue(devmem(100), { linear: 0, frags: [frag(10, 0, 'io-uring')] });
    expect(bench.receive()).toEqual({ result: 100, flags: 0, messages: [dmabuf(0, 0, 100, 1)] });
    expect(bench.receive().result).toBe(-ENODEV);
    expect(bench.queued).toBe(1);
  });

  it('of linear bytes in an unreadable packet: copied, packed, announced', () => {
    const bench = new Bench().queue({ linear: 10, frags: [frag(100)] }, { linear: 20, frags: [frag(200)] });
    expect(bench.receive().messages).toEqual([
      { kind: 'linear', size: 10 },
      dmabuf(0, 0, 100, 1),
      { kind: 'linear', size: 20 },
      dmabuf(1, 0, 200, 2),
    ]);
    expect([...bench.user.subarray(0, 31)]).toEqual([
      ...Array.from({ length: 10 }, (_, i) => pattern(i)),
      ...Array.from({ length: 20 }, (_, i) => pattern(110 + i)),
      FILL,
    ]);
  });
});

describe('a request of 0 bytes', () => {
  it('takes nothing, but asks', () => {
    const bench = new Bench().queue(devmem(100));
    expect(bench.receive(0, 0).result).toBe(-EFAULT);
    expect(bench.receive(DEVMEM, 0)).toEqual({ result: 0, flags: 0, messages: [dmabuf(0, 0, 0, 1)] });
    expect(bench.queued).toBe(1);
    expect(new Bench().queue(bytes(10)).receive(0, 0).result).toBe(0);
    expect(new Bench().receive(0, 0).result).toBe(-EAGAIN);
  });
});

describe('the end of the stream', () => {
  it('is 0, and comes after the data', () => {
    const bench = new Bench().queue(bytes(10)).fin(bytes(5));
    bench.sock.done = true;
    bench.sock.shutdownMask = RCV_SHUTDOWN;
    expect(bench.receive().result).toBe(15);
    expect(bench.sock.copiedSeq).toBe(bench.sock.rcvNxt);
    expect(bench.queued).toBe(0);
    expect(bench.receive().result).toBe(0);
  });

  it('is found by a peek without being taken in', () => {
    const bench = new Bench().fin();
    const before = bench.sock.copiedSeq;
    expect(bench.receive(MSG_PEEK).result).toBe(0);
    expect([bench.queued, bench.sock.copiedSeq]).toEqual([1, before]);
    expect(bench.receive().result).toBe(0);
    expect([bench.queued, bench.sock.copiedSeq]).toEqual([0, before + 1]);
  });

  it('stops a call after device memory', () => {
    const bench = new Bench().queue(devmem(10)).fin(devmem(20));
    expect(bench.receive().result).toBe(30);
    expect(bench.queued).toBe(0);
  });
});

describe('an empty queue', () => {
  const answer = (prepare: (sock: HandSock) => void): number => {
    const bench = new Bench();
    prepare(bench.sock);
    return bench.receive().result;
  };

  it('answers in Linux’s order', () => {
    expect(answer(() => {})).toBe(-EAGAIN);
    expect(answer((sock) => Object.assign(sock, { state: TCP_LISTEN }))).toBe(-ENOTCONN);
    expect(answer((sock) => Object.assign(sock, { state: TCP_CLOSE }))).toBe(-ENOTCONN);
    expect(answer((sock) => Object.assign(sock, { state: TCP_CLOSE, shutdownMask: RCV_SHUTDOWN }))).toBe(0);
    expect(answer((sock) => Object.assign(sock, { error: ECONNRESET, shutdownMask: RCV_SHUTDOWN }))).toBe(-ECONNRESET);
    expect(answer((sock) => Object.assign(sock, { error: ECONNRESET, done: true }))).toBe(0);
  });

  it('tells a pending error once', () => {
    const bench = new Bench();
    bench.sock.error = ECONNRESET;
    bench.sock.state = TCP_CLOSE;
    bench.sock.shutdownMask = RCV_SHUTDOWN;
    expect([bench.receive().result, bench.receive().result]).toEqual([-ECONNRESET, 0]);
  });

  it('keeps an error for later when there are data', () => {
    const bench = new Bench().queue(bytes(10));
    bench.sock.error = ECONNRESET;
    expect([bench.receive().result, bench.receive().result]).toEqual([10, -ECONNRESET]);
  });
});

describe('urgent data: receiveUrgent', () => {
  const urgentBench = (at: number): Bench => {
    const bench = new Bench().queue(bytes(100), bytes(100));
    bench.sock.urgData = TCP_URG_VALID | 0x41;
    bench.sock.urgSeq = (bench.sock.copiedSeq + at) | 0;
    return bench;
  };

  it('ends the read before it, and is stepped over by the next', () => {
    const bench = urgentBench(30);
    expect(bench.receive(0).result).toBe(30);
    expect(bench.sock.urgData).not.toBe(0);
    expect(bench.receive(0).result).toBe(169);
    expect(bench.holds(31, 169)).toBe(true);
    expect(bench.sock.urgData).toBe(0);
    expect(bench.queued).toBe(0);
  });

  it('counts against the request it is stepped over in', () => {
    const bench = urgentBench(0);
    expect(bench.receive(0, 1).result).toBe(1);
    expect(bench.holds(1, 1)).toBe(true);
    const peeked = urgentBench(0);
    expect(peeked.receive(MSG_PEEK, 10).result).toBe(10);
    expect(peeked.holds(1, 10)).toBe(true);
    expect(peeked.sock.urgData).not.toBe(0);
  });

  it('may be the last byte of a segment', () => {
    const bench = urgentBench(99);
    expect(bench.receive(0).result).toBe(99);
    expect(bench.receive(0).result).toBe(100);
    expect(bench.holds(100, 100)).toBe(true);
  });

  it('stays in the stream with SO_OOBINLINE', () => {
    const bench = urgentBench(30);
    bench.sock.oobInline = true;
    expect(bench.receive(0).result).toBe(30);
    expect(bench.receive(0).result).toBe(170);
    expect(bench.holds(30, 170)).toBe(true);
  });

  it('is read with MSG_OOB, once', () => {
    const bench = urgentBench(30);
    expect(bench.receive(MSG_OOB | MSG_PEEK)).toEqual({ result: 1, flags: MSG_OOB, messages: [] });
    expect(bench.receive(MSG_OOB)).toEqual({ result: 1, flags: MSG_OOB, messages: [] });
    expect([...bench.user.subarray(0, 2)]).toEqual([0x41, FILL]);
    expect(bench.sock.urgData).toBe(TCP_URG_READ);
    expect(bench.receive(MSG_OOB).result).toBe(-EINVAL);
    // The byte is out of the stream all the same.
    expect([bench.receive(0).result, bench.receive(0).result]).toEqual([30, 169]);
  });

  it('has answers for every state', () => {
    const oob = (prepare: (sock: HandSock) => void, length?: number): Received => {
      const bench = urgentBench(0);
      prepare(bench.sock);
      return bench.receive(MSG_OOB, length);
    };
    expect(oob((sock) => Object.assign(sock, { urgData: 0 })).result).toBe(-EINVAL);
    expect(oob((sock) => Object.assign(sock, { oobInline: true })).result).toBe(-EINVAL);
    expect(oob((sock) => Object.assign(sock, { state: TCP_CLOSE })).result).toBe(-ENOTCONN);
    expect(oob((sock) => Object.assign(sock, { state: TCP_CLOSE, done: true })).result).toBe(1);
    expect(oob((sock) => Object.assign(sock, { urgData: TCP_URG_NOTYET })).result).toBe(-EAGAIN);
    expect(oob((sock) => Object.assign(sock, { urgData: TCP_URG_NOTYET, shutdownMask: RCV_SHUTDOWN })).result).toBe(0);
    expect(oob(() => {}, 0)).toEqual({ result: 0, flags: MSG_OOB | MSG_TRUNC, messages: [] });
    expect(oob((sock) => Object.assign(sock, { state: TCP_LISTEN })).result).toBe(-ENOTCONN);
  });
});

describe('a queue with a hole', () => {
  it('is a bug, and said so', () => {
    const bench = new Bench().queue(bytes(10));
    bench.machine.log.expect('TCP recvmsg seq # bug');
    bench.sock.copiedSeq = (bench.sock.copiedSeq - 1) | 0;
    expect(bench.receive().result).toBe(-EAGAIN);
    bench.machine.log.assertClean();
    expect(bench.machine.log.unmet()).toEqual([]);
  });
});
