/** recvmsg with MSG_SOCK_DEVMEM, each range looked at, its token returned in the same turn. */
import type { BoundMemory, Host } from '@netmem/lab';
import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  CMSG_HEADER_BYTES,
  CMSGHDR,
  DMABUF_CMSG,
  DMABUF_CMSG_SPACE,
  DMABUF_TOKEN_BYTES,
  errnoName,
  MAX_DONTNEED_TOKENS,
  MSG_SOCK_DEVMEM,
  SCM_DEVMEM_DMABUF,
  SO_DEVMEM_DONTNEED,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';

/** Fragments one recvmsg may deliver: as many as token runs fit into one DONTNEED. */
const FRAGS_PER_CALL: number = MAX_DONTNEED_TOKENS;
/** Limits linear and devmem bytes of one recvmsg together; devmem bytes never touch it. */
const IOV_BYTES = 1 << 20;

/** Looks at the ranges of one stream, in stream order. */
export interface RangeSink {
  /** Opens a batch of ranges: the CPU may look from here on. */
  begin(): void;
  /** The next `length` bytes of the stream lie at `offset` of the dma-buf. */
  consume(offset: number, length: number): void;
  /** Closes the batch; only now may tokens go back. */
  end(): void;
}

/** Reads for all connections of a host, and counts. */
export class DevmemReader {
  readonly #host: Host;
  readonly #memory: BoundMemory;
  readonly #msg: Msghdr;
  readonly #tokens: Uint8Array = new Uint8Array(MAX_DONTNEED_TOKENS * DMABUF_TOKEN_BYTES);
  readonly #tokenView: DataView = new DataView(this.#tokens.buffer);
  /** Bytes DMABUF messages announced. */
  bytes: number = 0;
  tokensIssued: number = 0;
  tokensReturned: number = 0;
  /** The first thing that went wrong, as a sentence. */
  error: string | null = null;

  constructor(host: Host, memory: BoundMemory) {
    this.#host = host;
    this.#memory = memory;
    const control = regionOf(new Uint8Array(FRAGS_PER_CALL * DMABUF_CMSG_SPACE));
    this.#msg = new Msghdr([regionOf(new Uint8Array(IOV_BYTES))], control);
  }

  /** One recvmsg. @returns what it returned: bytes, of either kind; 0 at the end of the stream; a negative errno. */
  receive(fd: number, sink: RangeSink): number {
    const result = this.#host.stack.sockets.recvmsg(fd, this.#msg, MSG_SOCK_DEVMEM);
    if (result > 0) this.#take(fd, sink);
    return result;
  }

  /** Shows every fragment to the sink and returns its token. */
  #take(fd: number, sink: RangeSink): void {
    const { control, controlLength } = this.#msg;
    if (control === null) return;
    const { view, base } = control;
    let runs = 0;
    let start = 0;
    let count = 0;
    sink.begin();
    for (let at = base; at < base + controlLength; at += DMABUF_CMSG_SPACE) {
      if (view.getInt32(at + CMSGHDR.type, true) !== SCM_DEVMEM_DMABUF) continue;
      const data = at + CMSG_HEADER_BYTES;
      const length = view.getUint32(data + DMABUF_CMSG.fragSize, true);
      const token = view.getUint32(data + DMABUF_CMSG.fragToken, true);
      if (view.getUint32(data + DMABUF_CMSG.dmabufId, true) === this.#memory.id) {
        // Offsets are u64; no dma-buf here is larger than what the low word holds.
        sink.consume(view.getUint32(data + DMABUF_CMSG.fragOffset, true), length);
      } else {
        this.error ??= 'a fragment came from another dma-buf: flow steering is wrong';
      }
      this.bytes += length;
      this.tokensIssued++;
      if (count > 0 && token === start + count) count++;
      else {
        if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
        start = token;
        count = 1;
      }
    }
    sink.end();
    if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
    if (runs > 0) this.#returnTokens(fd, runs);
  }

  #returnTokens(fd: number, runs: number): void {
    const { sockets } = this.#host.stack;
    const length = runs * DMABUF_TOKEN_BYTES;
    const returned = sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, this.#tokens, length);
    if (returned < 0) this.error ??= `returning tokens failed with ${errnoName(returned)}`;
    else this.tokensReturned += returned;
  }
}
