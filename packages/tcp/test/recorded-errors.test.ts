// Every row that a real Linux answered about sockets, asked of this stack.

import { readFileSync } from 'node:fs';
import { regionOf } from '@netmem/region';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  errnoName,
  IPPROTO,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  MSG_TRUNC,
  MSG_ZEROCOPY,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SHUT_WR,
  SO,
  SO_DEVMEM_DMABUF,
  SO_DEVMEM_DONTNEED,
  SO_DEVMEM_LINEAR,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  writeCmsgHeader,
  writeDmabufToken,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { messagesIn } from './control-messages.ts';
import { bytesIn, bytesOut, LoopbackHost, must } from './loopback-host.ts';
import { pattern } from './skb-builder.ts';

const FIXTURE = new URL('./fixtures/linux-6.18.44-sockets.md', import.meta.url);
const ROWS = readFileSync(FIXTURE, 'utf8')
  .split('\n')
  .map((line) => /^\| (.+?) \| (.+) \| (.+) \|$/.exec(line))
  .filter((match) => match !== null && match[1] !== 'area')
  .map((match) => ({ area: match?.[1] ?? '', what: match?.[2] ?? '', recorded: match?.[3] ?? '' }));

/** `-1 EINVAL` as the recording says it. */
function errno(result: number): string {
  const name = errnoName(result);
  return name === 'EOPNOTSUPP' ? 'ENOTSUP' : name;
}

const returned = (result: number): string => (result < 0 ? `ret=-1 ${errno(result)}` : `ret=${result}`);

// --- SO_DEVMEM_DONTNEED ---

function tokens(...runs: readonly [start: number, count: number][]): Uint8Array {
  const bytes = new Uint8Array(runs.length * 8);
  for (const [i, run] of runs.entries()) writeDmabufToken(new DataView(bytes.buffer), i * 8, run[0], run[1]);
  return bytes;
}

const dontneed = (host: LoopbackHost, fd: number, value: Uint8Array | null, length?: number): string =>
  returned(host.sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, value, length));

function socketOf(host: LoopbackHost, what: string): number {
  const { sockets } = host;
  if (what.startsWith('connected TCP')) return host.pair().server;
  if (what.startsWith('UDP')) return sockets.socket(AF_INET, SOCK_DGRAM);
  if (what.startsWith('AF_UNIX')) return (sockets.socketpair(AF_UNIX) as readonly number[])[0] as number;
  if (what.startsWith('raw')) return sockets.socket(AF_INET, SOCK_RAW, IPPROTO.TCP);
  if (what.startsWith('TCP listening')) return host.listen().fd;
  if (what.startsWith('MPTCP')) return sockets.socket(AF_INET, SOCK_STREAM, IPPROTO.MPTCP);
  return sockets.socket(what.includes('IPv6') ? AF_INET6 : AF_INET, SOCK_STREAM);
}

function answerDontneed(what: string): string {
  const host = new LoopbackHost();
  const fd = socketOf(host, what);
  const run = /\{(\w+),(\w+)\}/.exec(what);
  if (run !== null) return dontneed(host, fd, tokens([Number(run[1]), Number(run[2])]));
  const many = /, (\d+) tokens/.exec(what);
  if (many !== null) return dontneed(host, fd, tokens(...Array(Number(many[1])).fill([0, 1])));
  const length = /optlen=(-?\w+)/.exec(what);
  const value = what.includes('optval=NULL') ? null : new Uint8Array(64);
  return dontneed(host, fd, value, length === null ? 8 : Number(length[1]));
}

// --- recvmsg ---

interface ReceiveCase {
  flags?: number;
  length?: number;
  control?: number;
  prepare(host: LoopbackHost): number;
}

const withBytes =
  (length: number, read = 0, flags = 0) =>
  (host: LoopbackHost): number => {
    const { client, server } = host.pair();
    must(host.send(client, length, flags));
    if (read > 0) must(host.sockets.recvmsg(server, bytesIn(read)));
    return server;
  };

const RECEIVE: Readonly<Record<string, ReceiveCase>> = {
  'TCP/lo, 1000 ordinary bytes, PEEK': { flags: MSG_PEEK, prepare: withBytes(1000) },
  'TCP/lo, 1000 ordinary bytes, n=100': { length: 100, prepare: withBytes(1000) },
  'TCP/lo, rest, controllen=0': { control: 0, prepare: withBytes(1000, 100) },
  'TCP/lo, empty queue, DONTWAIT': { flags: MSG_DONTWAIT, prepare: (host) => host.pair().server },
  'TCP/lo + MSG_TRUNC (discard)': { flags: MSG_TRUNC, prepare: withBytes(1000) },
  'TCP/lo + MSG_OOB': { flags: MSG_OOB, prepare: withBytes(1, 0, MSG_OOB) },
  'TCP/lo + MSG_ERRQUEUE, empty': { flags: MSG_ERRQUEUE, prepare: (host) => host.pair().server },
  'TCP/lo, 1000 ordinary bytes': { control: 0, prepare: withBytes(1000) },
  'TCP unconnected': { prepare: (host) => host.sockets.socket(AF_INET, SOCK_STREAM) },
  'TCP listening': { prepare: (host) => host.listen().fd },
  'UDP/lo 50 bytes': {
    prepare(host) {
      const fd = host.sockets.socket(AF_INET, SOCK_DGRAM);
      must(host.sockets.bind(fd, '127.0.0.1', 9000));
      const sender = host.sockets.socket(AF_INET, SOCK_DGRAM);
      must(host.sockets.connect(sender, '127.0.0.1', 9000));
      must(host.send(sender, 50));
      return fd;
    },
  },
  'AF_UNIX stream 5 bytes': {
    prepare(host) {
      const [a, b] = host.sockets.socketpair(AF_UNIX) as readonly [number, number];
      must(host.send(a, 5));
      return b;
    },
  },
  'TCP/lo after FIN': {
    prepare(host) {
      const { client, server } = host.pair();
      host.sockets.shutdown(client, SHUT_WR);
      host.run();
      return server;
    },
  },
};

function answerReceive(area: string, what: string): string {
  const { flags = 0, length = 4096, control = 1024, prepare } = RECEIVE[what] as ReceiveCase;
  const host = new LoopbackHost();
  const fd = prepare(host);
  const msg = bytesIn(length, control);
  const result = host.sockets.recvmsg(fd, msg, flags | MSG_SOCK_DEVMEM);
  if (result < 0) return errno(result);
  const into = msg.iov[0];
  if ((flags & (MSG_TRUNC | MSG_OOB)) === 0 && into !== undefined) {
    const from = what.includes('rest') ? 100 : 0;
    for (let i = 0; i < result; i++) expect(into.bytes[into.base + i]).toBe(pattern(from + i));
  }
  if (area === 'recv(2) MSG_SOCK_DEVMEM') return `${result} bytes`;
  const messages = msg.control === null ? [] : messagesIn(msg.control, msg.controlLength);
  return `${result} bytes, msg_flags=0x${msg.flags.toString(16)}, cmsgs=${JSON.stringify(messages)}`;
}

// --- sendmsg ---

function sendWith(type: number, payload: number, options: { zerocopy?: boolean; so?: boolean } = {}): string {
  const host = new LoopbackHost();
  const { client } = host.pair();
  if (options.so === true) must(host.sockets.setsockopt(client, SOL_SOCKET, SO.ZEROCOPY, Uint8Array.of(1, 0, 0, 0)));
  const msg = bytesOut(10);
  const control = new Uint8Array(24);
  writeCmsgHeader(new DataView(control.buffer), 0, SOL_SOCKET, type, payload);
  control[16] = 1;
  msg.control = regionOf(control);
  msg.controlLength = 16 + payload;
  const result = host.sockets.sendmsg(client, msg, options.zerocopy === true ? MSG_ZEROCOPY : 0);
  return result < 0 ? errno(result) : returned(result);
}

const SEND: Readonly<Record<string, () => string>> = {
  'MSG_SOCK_DEVMEM flag on ordinary send': () => {
    const host = new LoopbackHost();
    const { client, server } = host.pair();
    const result = returned(host.send(client, 10, MSG_SOCK_DEVMEM));
    expect(host.sockets.recvmsg(server, bytesIn(100))).toBe(10);
    return result;
  },
  'SCM_DEVMEM_DMABUF(79) cmsg id=1, no MSG_ZEROCOPY': () => sendWith(SCM_DEVMEM_DMABUF, 4),
  'SCM_DEVMEM_DMABUF cmsg id=1 + MSG_ZEROCOPY, SO_ZEROCOPY unset': () =>
    sendWith(SCM_DEVMEM_DMABUF, 4, { zerocopy: true }),
  'SCM_DEVMEM_DMABUF cmsg id=1 + MSG_ZEROCOPY + SO_ZEROCOPY': () =>
    sendWith(SCM_DEVMEM_DMABUF, 4, { zerocopy: true, so: true }),
  'SCM_DEVMEM_DMABUF cmsg 2-byte payload': () => sendWith(SCM_DEVMEM_DMABUF, 2),
  'SCM_DEVMEM_LINEAR(78) cmsg': () => sendWith(SCM_DEVMEM_LINEAR, 4),
};

// --- options that are none ---

function answerOption(area: string, what: string): string {
  const host = new LoopbackHost();
  const { server } = host.pair();
  if (area === 'getsockopt') {
    const option = Number(/opt (\d+)/.exec(what)?.[1]);
    const result = host.sockets.getsockopt(server, SOL_SOCKET, option, new Uint8Array(64));
    return `ret=-1 ${errno(result)}`;
  }
  const option = area.includes('LINEAR') ? SO_DEVMEM_LINEAR : SO_DEVMEM_DMABUF;
  return returned(host.sockets.setsockopt(server, SOL_SOCKET, option, tokens([0, 1])));
}

function answer(area: string, what: string): string {
  if (area === 'SO_DEVMEM_DONTNEED') return answerDontneed(what);
  if (area === 'sendmsg') return (SEND[what] as () => string)();
  return area.startsWith('recv') ? answerReceive(area, what) : answerOption(area, what);
}

describe('what Linux 6.18 answered', () => {
  it('is all there', () => {
    expect(ROWS.length).toBe(53);
  });

  it.each(ROWS)('$area: $what', ({ area, what, recorded }) => {
    expect(answer(area, what)).toBe(recorded);
  });
});

describe('order of checks of SO_DEVMEM_DONTNEED', () => {
  const host = new LoopbackHost();
  const tcp = host.pair().server;
  const udp = host.sockets.socket(AF_INET, SOCK_DGRAM);
  const mptcp = host.sockets.socket(AF_INET, SOCK_STREAM, IPPROTO.MPTCP);

  it('a short length, then unreadable memory, then the kind of socket, then the length', () => {
    expect(dontneed(host, udp, null, 3)).toBe('ret=-1 EINVAL');
    expect(dontneed(host, udp, null, 8)).toBe('ret=-1 EFAULT');
    expect(dontneed(host, tcp, null, 7)).toBe('ret=-1 EFAULT');
    expect(dontneed(host, tcp, null, 1032)).toBe('ret=-1 EFAULT');
    expect(dontneed(host, udp, new Uint8Array(8), 1032)).toBe('ret=-1 EBADF');
    expect(dontneed(host, tcp, new Uint8Array(8), 1032)).toBe('ret=-1 EINVAL');
    expect(dontneed(host, tcp, new Uint8Array(8), 16)).toBe('ret=-1 EFAULT');
    expect(dontneed(host, tcp, new Uint8Array(3), 8)).toBe('ret=-1 EFAULT');
  });

  it('MPTCP refuses the option before it looks at the value, but not before a negative length', () => {
    expect(dontneed(host, mptcp, null, 3)).toBe('ret=-1 ENOTSUP');
    expect(dontneed(host, mptcp, null, -1)).toBe('ret=-1 EINVAL');
  });
});
