/** The application: accepts, receives with MSG_SOCK_DEVMEM, has each range verified, and returns tokens in batches. */
import type { BoundMemory, Host } from '@netmem/lab';
import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  CMSG_HEADER_BYTES,
  CMSGHDR,
  DMABUF_CMSG,
  DMABUF_CMSG_SPACE,
  DMABUF_TOKEN_BYTES,
  EAGAIN,
  errnoName,
  kernelErrorFrom,
  MAX_DONTNEED_TOKENS,
  MSG_SOCK_DEVMEM,
  SCM_DEVMEM_DMABUF,
  SO,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import type { RxOptions } from './options.ts';
import { createVerifier, type Verifier } from './verifier.ts';

/** Fragments one recvmsg may deliver: as many as token runs fit into one DONTNEED. */
const FRAGS_PER_CALL: number = MAX_DONTNEED_TOKENS;
/** Limits linear and devmem bytes of one recvmsg together; devmem bytes never touch it. */
const IOV_BYTES = 1 << 20;
/** recvmsg calls per connection before the network gets its turn. */
const CALLS_PER_TURN = 8;
const BACKLOG = 128;
/** What the kernel lets a listener queue. */
const MAX_BACKLOG = 4096;
/** The advertised windows together have to stay below a TAP's queue of 1000 frames, and a 1448-byte segment is charged more than a page. */
const MAX_RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
/**
 * Share of the dma-buf that may wait in a socket (SO_RCVBUF is doubled). Were it all of it, every net_iov could end up behind a hole in the stream,
 * with none left for the retransmission that would close it.
 */
const RECEIVE_BUFFER_SHARE = 3 / 8;
/** Below this a window does not hold enough segments for the sender to notice a loss by itself. */
const MIN_RECEIVE_BUFFER_BYTES = 1 << 16;

/** One accepted connection. */
interface Connection {
  readonly fd: number;
  readonly peer: { readonly address: string; readonly port: number };
  readonly verifier: Verifier;
  bytes: number;
  open: boolean;
}

/** What became of one connection. */
export interface ReceivedStream {
  readonly peer: { readonly address: string; readonly port: number };
  readonly bytes: number;
  /** Null when none was computed. */
  readonly digest: string | null;
}

/** Everything one run receives. */
export class ReceiveSession {
  readonly #host: Host;
  readonly #memory: BoundMemory;
  readonly #options: RxOptions;
  readonly #listener: number;
  readonly #connections: Connection[] = [];
  readonly #msg: Msghdr;
  readonly #tokens: Uint8Array = new Uint8Array(MAX_DONTNEED_TOKENS * DMABUF_TOKEN_BYTES);
  readonly #tokenView: DataView = new DataView(this.#tokens.buffer);
  #open = 0;
  #ended = 0;
  /** Bytes DMABUF messages announced. */
  bytes: number = 0;
  tokensIssued: number = 0;
  tokensReturned: number = 0;
  /** The first thing that went wrong, as a sentence. */
  error: string | null = null;

  /**
   * @param streams - Connections that may be open at once, which have to share the memory.
   * @throws KernelError when the listener cannot be opened.
   */
  constructor(host: Host, memory: BoundMemory, options: RxOptions, streams: number) {
    this.#host = host;
    this.#memory = memory;
    this.#options = options;
    const control = regionOf(new Uint8Array(FRAGS_PER_CALL * DMABUF_CMSG_SPACE));
    this.#msg = new Msghdr([regionOf(new Uint8Array(IOV_BYTES))], control);
    const { sockets } = host.stack;
    this.#listener = checked('socket', sockets.socket(AF_INET, SOCK_STREAM));
    const bytes = Math.min(MAX_RECEIVE_BUFFER_BYTES, options.dmabuf * RECEIVE_BUFFER_SHARE) / streams;
    const size = new Uint8Array(Int32Array.of(Math.max(MIN_RECEIVE_BUFFER_BYTES, bytes)).buffer);
    checked('setsockopt', sockets.setsockopt(this.#listener, SOL_SOCKET, SO.RCVBUFFORCE, size));
    checked('bind', sockets.bind(this.#listener, options.listen.address, options.listen.port));
    checked('listen', sockets.listen(this.#listener, Math.min(MAX_BACKLOG, Math.max(BACKLOG, streams))));
  }

  /** Connections that are open. */
  get openConnections(): number {
    return this.#open;
  }

  /** Connections that came and went. */
  get endedConnections(): number {
    return this.#ended;
  }

  get acceptedConnections(): number {
    return this.#connections.length;
  }

  /** All connections, in the order in which they were accepted. */
  streams(): ReceivedStream[] {
    return this.#connections.map(({ peer, bytes, verifier }) => ({ peer, bytes, digest: verifier.digest() }));
  }

  /** What the verifiers found, as a sentence; null when nothing. */
  problem(): string | null {
    for (const { verifier } of this.#connections) {
      const problem = verifier.problem();
      if (problem !== null) return problem;
    }
    return null;
  }

  /** Does what can be done without waiting; true if anything was. */
  service(): boolean {
    let busy = false;
    const { sockets } = this.#host.stack;
    for (let fd = sockets.accept(this.#listener); fd >= 0; fd = sockets.accept(this.#listener)) {
      const verifier = createVerifier(this.#memory, this.#options, this.#connections.length);
      const from = sockets.getpeername(fd);
      const peer = { address: from?.address.toString() ?? '', port: from?.port ?? 0 };
      this.#connections.push({ fd, peer, verifier, bytes: 0, open: true });
      this.#open++;
      busy = true;
    }
    for (let i = 0; i < this.#connections.length; i++) {
      const connection = this.#connections[i] as Connection;
      if (connection.open && this.#receive(connection)) busy = true;
    }
    return busy;
  }

  /** Closes every socket. Tokens were all returned by then, unless something went wrong. */
  close(): void {
    const { sockets } = this.#host.stack;
    for (const connection of this.#connections) {
      if (connection.open) this.#end(connection);
      connection.verifier.close();
    }
    sockets.close(this.#listener);
  }

  #receive(connection: Connection): boolean {
    const { sockets } = this.#host.stack;
    for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
      const result = sockets.recvmsg(connection.fd, this.#msg, MSG_SOCK_DEVMEM);
      if (result === -EAGAIN) return calls > 0;
      if (result <= 0) {
        if (result < 0) this.error ??= `receiving failed with ${errnoName(result)} after ${connection.bytes} bytes`;
        this.#end(connection);
        return true;
      }
      this.#take(connection);
    }
    return true;
  }

  /** Verifies and returns every fragment of one recvmsg. */
  #take(connection: Connection): void {
    const { control, controlLength } = this.#msg;
    if (control === null) return;
    const { view, base } = control;
    const { verifier } = connection;
    let runs = 0;
    let start = 0;
    let count = 0;
    verifier.begin();
    for (let at = base; at < base + controlLength; at += DMABUF_CMSG_SPACE) {
      if (view.getInt32(at + CMSGHDR.type, true) !== SCM_DEVMEM_DMABUF) continue;
      const data = at + CMSG_HEADER_BYTES;
      const length = view.getUint32(data + DMABUF_CMSG.fragSize, true);
      const token = view.getUint32(data + DMABUF_CMSG.fragToken, true);
      if (view.getUint32(data + DMABUF_CMSG.dmabufId, true) === this.#memory.id) {
        // Offsets are u64; no dma-buf here is larger than what the low word holds.
        verifier.consume(view.getUint32(data + DMABUF_CMSG.fragOffset, true), length);
      } else {
        this.error ??= 'a fragment came from another dma-buf: flow steering is wrong';
      }
      connection.bytes += length;
      this.bytes += length;
      this.tokensIssued++;
      if (count > 0 && token === start + count) count++;
      else {
        if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
        start = token;
        count = 1;
      }
    }
    verifier.end();
    if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
    if (runs > 0) this.#returnTokens(connection, runs);
  }

  #returnTokens(connection: Connection, runs: number): void {
    const { sockets } = this.#host.stack;
    const length = runs * DMABUF_TOKEN_BYTES;
    const returned = sockets.setsockopt(connection.fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, this.#tokens, length);
    if (returned < 0) this.error ??= `returning tokens failed with ${errnoName(returned)}`;
    else this.tokensReturned += returned;
  }

  #end(connection: Connection): void {
    connection.open = false;
    this.#open--;
    this.#ended++;
    this.#host.stack.sockets.close(connection.fd);
  }
}

function checked(syscall: string, result: number): number {
  if (result < 0) throw kernelErrorFrom(result, syscall);
  return result;
}
