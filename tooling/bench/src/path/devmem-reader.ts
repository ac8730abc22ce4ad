/** recvmsg and DONTNEED, as an application calls them: the message, and the tokens of what it brought, in runs. */
import { regionOf } from '@netmem/region';
import { Msghdr, type Sockets } from '@netmem/tcp';
import {
  CMSG_HEADER_BYTES,
  DMABUF_CMSG,
  DMABUF_CMSG_SPACE,
  DMABUF_TOKEN_BYTES,
  MSG_SOCK_DEVMEM,
  SO_DEVMEM_DONTNEED,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';

const IOV_BYTES = 1 << 20;

/** Reads for all connections of a host. */
export class DevmemReader {
  readonly #sockets: Sockets;
  readonly #msg: Msghdr;
  readonly #tokens: Uint8Array;
  readonly #tokenView: DataView;

  /** @param fragments - Most fragments of one call. */
  constructor(sockets: Sockets, fragments: number) {
    this.#sockets = sockets;
    this.#msg = new Msghdr(
      [regionOf(new Uint8Array(IOV_BYTES))],
      regionOf(new Uint8Array(fragments * DMABUF_CMSG_SPACE)),
    );
    this.#tokens = new Uint8Array(fragments * DMABUF_TOKEN_BYTES);
    this.#tokenView = new DataView(this.#tokens.buffer);
  }

  /** One recvmsg, its tokens returned. @returns what it returned. */
  receive(fd: number): number {
    const result = this.#sockets.recvmsg(fd, this.#msg, MSG_SOCK_DEVMEM);
    if (result > 0) this.#returnTokens(fd);
    return result;
  }

  #returnTokens(fd: number): void {
    const { control, controlLength } = this.#msg;
    if (control === null) return;
    let runs = 0;
    let start = 0;
    let count = 0;
    for (let at = control.base + CMSG_HEADER_BYTES; at < control.base + controlLength; at += DMABUF_CMSG_SPACE) {
      const token = control.view.getUint32(at + DMABUF_CMSG.fragToken, true);
      if (count > 0 && token === start + count) count++;
      else {
        if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
        start = token;
        count = 1;
      }
    }
    if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
    const length = runs * DMABUF_TOKEN_BYTES;
    this.#sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, this.#tokens, length);
  }
}
