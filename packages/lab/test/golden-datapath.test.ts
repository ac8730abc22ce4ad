// The data path that a real Linux 7.3.4 was recorded on, done again here, and both transcripts compared line by line.

import { readFileSync } from 'node:fs';
import {
  createUdmabuf,
  Devmem,
  type DevmemSocket,
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  type DmaBuf,
  type DmaBufMapping,
} from '@netmem/dmabuf';
import { Machine } from '@netmem/machine';
import { Network } from '@netmem/netdev';
import { createPacketDriver, type PacketDriver } from '@netmem/netdev/testing';
import { PagePoolStats } from '@netmem/page-pool';
import { regionOf } from '@netmem/region';
import { InetStack, Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  ETOOSMALL,
  errnoName,
  isErr,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  NETDEV_QUEUE_TYPE,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import { beforeAll, describe, expect, it } from 'vitest';
import { PEER_MAC, payloadByte, type ScriptedConnection, ScriptedPeer } from './scripted-peer.ts';
import { casesOf, renamed } from './transcript.ts';

const RECORDED = casesOf(readFileSync(new URL('./fixtures/linux-7.3.4-devmem-datapath.txt', import.meta.url), 'utf8'));
const HOST = '192.168.7.1';
const PEER = '192.168.7.2';
const PORT = 5000;
const FILL = 0xee;
const NIOV_BYTES = 4096;
const STAT_NAMES = {
  'alloc-fast': 'allocFast',
  'alloc-slow': 'allocSlow',
  'alloc-slow-high-order': 'allocSlowHighOrder',
  'alloc-empty': 'allocEmpty',
  'alloc-refill': 'allocRefill',
  'alloc-waive': 'allocWaive',
  'recycle-cached': 'recycleCached',
  'recycle-cache-full': 'recycleCacheFull',
  'recycle-ring': 'recycleRing',
  'recycle-ring-full': 'recycleRingFull',
  'recycle-released-refcnt': 'recycleReleasedRefcnt',
} as const satisfies Record<string, keyof PagePoolStats>;

/** An accepted socket, the peer's end of it, and how far it was read. */
interface Session {
  fd: number;
  peer: ScriptedConnection;
  position: number;
}

/** The recorded program: it acts, and writes down what it sees as that program did. */
class Replay {
  readonly machine = new Machine({ ramBytes: 2 ** 24 });
  readonly network = new Network({ machine: this.machine });
  readonly #peer = new ScriptedPeer(this.machine, PEER, HOST);
  readonly driver: PacketDriver = createPacketDriver(this.network, { onTransmit: (frame) => this.#peer.heard(frame) });
  readonly stack = new InetStack(this.network);
  readonly devmem = new Devmem(this.network);
  readonly #listener: number;
  #lines: string[] = [];
  #netlink: DevmemSocket | null = null;
  #buffer: DmaBuf | null = null;

  constructor() {
    this.#peer.plugInto(this.driver);
    expect(this.driver.netdev.open()).toBe(0);
    expect(this.stack.addAddress(this.driver.netdev, `${HOST}/24`)).toBe(0);
    expect(this.stack.addNeighbour(this.driver.netdev, PEER, PEER_MAC)).toBe(0);
    const { sockets } = this.stack;
    this.#listener = sockets.socket(AF_INET, SOCK_STREAM);
    expect(sockets.bind(this.#listener, HOST, PORT)).toBe(0);
    expect(sockets.listen(this.#listener, 8)).toBe(0);
  }

  /** What was written down since the last call. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  note(line: string): void {
    this.#lines.push(line);
  }

  open(): Session {
    const peer = this.#peer.connect(PORT);
    const fd = this.stack.sockets.accept(this.#listener);
    expect(fd).toBeGreaterThan(0);
    return { fd, peer, position: 0 };
  }

  /** The peer ends, this side closes, the peer acknowledges: the socket is destroyed by the last ACK, in the NAPI context that brings it. */
  shut(session: Session): void {
    if (!session.peer.ended) session.peer.fin();
    this.machine.run();
    expect(this.stack.sockets.close(session.fd)).toBe(0);
    this.machine.run();
    session.peer.acknowledge();
    this.machine.run();
  }

  bind(pages: number): void {
    this.#buffer = createUdmabuf(this.machine, pages * NIOV_BYTES);
    this.#netlink = this.devmem.openSocket();
    this.driver.setSplit();
    const id = this.devmem.bindRx(this.#netlink, {
      ifindex: this.driver.netdev.ifindex,
      dmabuf: this.#buffer,
      queues: [{ id: 0, type: NETDEV_QUEUE_TYPE.RX }],
    });
    if (isErr(id)) throw new Error(`bind-rx: ${errnoName(id)}`);
    this.note(`<- bind-rx {id=${id}}`);
  }

  receive(session: Session, label: string, flags: number, room: number, length = 65_536): void {
    const user = new Uint8Array(length).fill(FILL);
    const control = new Uint8Array(room);
    const msg = new Msghdr([regionOf(user)], regionOf(control));
    const result = this.stack.sockets.recvmsg(session.fd, msg, flags);
    const outcome = result < 0 ? `-1 ${errno(result)}` : `${result}`;
    this.note(`${label} -> ${outcome} msg_flags=${msg.flags} controllen=${msg.controlLength}/${room}`);
    if (result > 0) this.#noteData(session, result, user, control, msg.controlLength);
    if (result > 0 && (flags & MSG_PEEK) === 0) session.position += result;
  }

  #noteData(session: Session, result: number, user: Uint8Array, control: Uint8Array, length: number): void {
    const view = new DataView(control.buffer);
    const sum = { linear: 0, devmem: 0, bad: 0 };
    let position = session.position;
    const memory = this.#look();
    for (const cmsg of readCmsgs(view, 0, length)) {
      const { fragOffset, fragSize, fragToken, dmabufId, flags } = readDmabufCmsg(view, cmsg.dataAt);
      const name = cmsg.type === SCM_DEVMEM_DMABUF ? 'DMABUF' : cmsg.type === SCM_DEVMEM_LINEAR ? 'LINEAR' : '?';
      const place = `off=${fragOffset}(niov ${Math.floor(fragOffset / NIOV_BYTES)}+${fragOffset % NIOV_BYTES})`;
      this.note(
        `cmsg level=${cmsg.level} type=${cmsg.type} ${name} len=${cmsg.dataLength + 16} ${place} size=${fragSize} token=${fragToken} dmabuf=${dmabufId} flags=${flags}`,
      );
      const bytes = new Uint8Array(fragSize);
      if (name === 'DMABUF') expect(memory?.read(fragOffset, bytes, 0, fragSize)).toBe(0);
      else bytes.set(user.subarray(sum.linear, sum.linear + fragSize));
      sum[name === 'DMABUF' ? 'devmem' : 'linear'] += fragSize;
      for (const byte of bytes) if (byte !== payloadByte(position++)) sum.bad++;
    }
    if (length === 0) {
      for (let i = 0; i < result; i++) if (user[i] !== payloadByte(position++)) sum.bad++;
    }
    this.#buffer?.sync(DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END);
    const first = [...user.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    this.note(
      `linear=${sum.linear} devmem=${sum.devmem} sum=${sum.linear + sum.devmem} bad_bytes=${sum.bad} iovec_first_bytes=${first}`,
    );
  }

  #look(): DmaBufMapping | null {
    if (this.#buffer === null) return null;
    expect(this.#buffer.sync(DMA_BUF_SYNC_READ)).toBe(0);
    return this.#buffer.mmap() as DmaBufMapping;
  }

  read(session: Session): void {
    const result = this.stack.sockets.recvmsg(session.fd, new Msghdr([regionOf(new Uint8Array(4096))]));
    this.note(`read() -> ${result < 0 ? `-1 ${errno(result)}` : result}`);
  }

  dontneed(session: Session, label: string, start: number, count: number): void {
    const tokens = new Uint8Array(8);
    writeDmabufToken(new DataView(tokens.buffer), 0, start, count);
    const result = this.stack.sockets.setsockopt(session.fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, tokens);
    this.note(`DONTNEED ${label} {start=${start},count=${count}} -> ${result}`);
  }

  /** page-pool-get and page-pool-stats-get of the bound pool. */
  pool(): void {
    const pool = this.driver.pool(0);
    if (pool === null) throw new Error('no pool');
    const ids = `id=${pool.id}, ifindex=${this.driver.netdev.ifindex}`;
    const inflight = pool.inflight();
    const { mpOps, mpPriv } = pool;
    const provider = mpOps?.describe(mpPriv);
    const dmabuf = provider?.kind === 'dmabuf' ? `, dmabuf=${provider.id}` : '';
    const napi = pool.params.napi?.id ?? 0;
    this.note(
      `<- page-pool-get {${ids}, napi-id=${napi}, inflight=${inflight}, inflight-mem=${inflight * NIOV_BYTES}${dmabuf}}`,
    );
    const stats = new PagePoolStats();
    pool.getStats(stats);
    const values = Object.entries(STAT_NAMES).map(([name, field]) => `${name}=${stats[field]}`);
    this.note(`<- page-pool-stats-get {info:{${ids}}, ${values.join(', ')}}`);
  }

  /** Takes everything down, and returns what is still held. */
  close(): string[] {
    this.stack.sockets.close(this.#listener);
    this.#netlink?.close();
    this.driver.netdev.close();
    this.driver.remove();
    this.#buffer?.put();
    this.machine.run({ until: () => false, timeoutNs: 300e9 });
    const { hold, release } = this.network.pools.totals();
    expect(hold).toBe(release);
    return [
      ...this.stack.audit(),
      ...this.devmem.audit(),
      ...this.network.audit(),
      ...this.network.pools.audit(),
      ...this.network.netmem.audit(),
      ...this.machine.audit(),
    ];
  }
}

/** The recorded program knew 525 by its number only. */
function errno(result: number): string {
  return result === -ETOOSMALL ? 'E525' : errnoName(result);
}

const CASES: readonly ((replay: Replay) => void)[] = [
  (replay) => {
    const session = replay.open();
    session.peer.data(1000);
    replay.machine.run();
    replay.receive(session, 'recvmsg DEVMEM 4096, ctrl 1024', MSG_SOCK_DEVMEM, 1024, 4096);
    session.peer.fin();
    replay.machine.run();
    replay.receive(session, 'at FIN', MSG_SOCK_DEVMEM, 1024, 4096);
    replay.shut(session);
  },
  (replay) => {
    replay.bind(64);
    replay.pool();
  },
  (replay) => {
    const session = replay.open();
    peeked = session;
    session.peer.data(1000);
    replay.machine.run();
    replay.receive(session, 'recvmsg WITHOUT MSG_SOCK_DEVMEM', 0, 1024);
    replay.read(session);
    replay.receive(session, 'MSG_PEEK|MSG_SOCK_DEVMEM', MSG_PEEK | MSG_SOCK_DEVMEM, 1024);
    replay.receive(session, 'MSG_SOCK_DEVMEM ctrl=0', MSG_SOCK_DEVMEM, 0);
    replay.receive(session, 'MSG_SOCK_DEVMEM ctrl=16', MSG_SOCK_DEVMEM, 16);
    replay.receive(session, 'MSG_SOCK_DEVMEM ctrl=1024', MSG_SOCK_DEVMEM, 1024);
    replay.note('--- inflight with 1 token held:');
    replay.pool();
    replay.dontneed(session, 'own token', 2, 1);
    replay.dontneed(session, 'again', 2, 1);
    replay.note('--- after return:');
    replay.pool();
  },
  (replay) => {
    const session = replay.open();
    session.peer.data(1000);
    replay.machine.run();
    // The token of case 2's peek went back with its socket, after this segment had come: hence a second net_iov, and one recycled by NAPI.
    if (peeked !== null) replay.shut(peeked);
    replay.receive(session, 'iov 100', MSG_SOCK_DEVMEM, 1024, 100);
    replay.receive(session, 'iov 300', MSG_SOCK_DEVMEM, 1024, 300);
    replay.receive(session, 'iov 4096', MSG_SOCK_DEVMEM, 1024, 4096);
    replay.note('--- 3 tokens, one niov:');
    replay.pool();
    replay.dontneed(session, 'first', 1, 1);
    replay.dontneed(session, 'second+third as range', 2, 2);
    replay.pool();
    replay.shut(session);
  },
  (replay) => {
    const session = replay.open();
    for (let i = 0; i < 6; i++) session.peer.data(100);
    session.peer.data(10);
    replay.machine.run();
    replay.receive(session, 'iov 65536 ctrl 4096', MSG_SOCK_DEVMEM, 4096);
    replay.dontneed(session, 'range', 1, 7);
    replay.shut(session);
  },
  (replay) => {
    const session = replay.open();
    for (const length of [7240, 7240, 5520]) session.peer.data(length);
    replay.machine.run();
    replay.receive(session, 'ctrl=2*CMSG_SPACE', MSG_SOCK_DEVMEM, 80);
    replay.receive(session, 'rest ctrl=4096', MSG_SOCK_DEVMEM, 4096);
    replay.dontneed(session, 'range from first, count 1024', 1, 1024);
    replay.dontneed(session, 'range from first, count 1025', 1, 1025);
    replay.pool();
    replay.shut(session);
  },
];
let peeked: Session | null = null;

describe('what Linux 7.3.4 did on the data path', () => {
  const replayed: string[][] = [];
  let left: string[] = [];

  // One program, as recorded: a case goes on with the pool that the one before it left.
  beforeAll(() => {
    const replay = new Replay();
    for (const run of CASES) {
      run(replay);
      replayed.push(replay.take());
    }
    left = replay.close();
  });

  it.each([...RECORDED.keys()])('case %i', (number) => {
    // Renamed together: a net_iov keeps its name from case to case.
    const recorded = renamed([...RECORDED.values()].flat());
    const got = renamed(replayed.flat());
    const lengths = [...RECORDED.values()].map((lines) => lines.length);
    const from = lengths.slice(0, number).reduce((sum, n) => sum + n, 0);
    const to = from + (lengths[number] as number);
    expect(got.slice(from, to)).toEqual(recorded.slice(from, to));
  });

  it('is all there', () => {
    expect(RECORDED.size).toBe(CASES.length);
    expect(replayed.map((lines) => lines.length)).toEqual([...RECORDED.values()].map((lines) => lines.length));
  });

  it('leaves nothing behind', () => {
    expect(left).toEqual([]);
  });
});
