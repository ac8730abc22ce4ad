import { type Region, regionOf } from '@netmem/region';
import {
  CMSG_HEADER_BYTES,
  CMSGHDR,
  cmsgSpace,
  DMABUF_CMSG,
  DMABUF_CMSG_SPACE,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SOL_SOCKET,
} from '@netmem/uapi';

const TWO_32 = 2 ** 32;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** What one receive brought: its control messages, and the same taken apart into columns. Used again and again. */
export class PieceColumns {
  readonly offset: Float64Array;
  readonly size: Uint32Array;
  readonly token: Uint32Array;
  readonly dmabufId: Uint32Array;
  /** For recvmsg to write messages to. */
  readonly control: Region;
  /** Bytes of the pieces that came without token: a copy of its own, as a rule of nothing. */
  linear: Uint8Array = NO_BYTES;
  count = 0;
  #linearBytes = 0;

  /** @param pieces - Most control messages. */
  constructor(pieces: number) {
    this.offset = new Float64Array(pieces);
    this.size = new Uint32Array(pieces);
    this.token = new Uint32Array(pieces);
    this.dmabufId = new Uint32Array(pieces);
    this.control = regionOf(new Uint8Array(pieces * DMABUF_CMSG_SPACE));
  }

  /** Takes in what recvmsg wrote: `controlLength` bytes of messages; without any, `received` ordinary bytes. Linear bytes stand in `iovec`. */
  fill(received: number, controlLength: number, iovec: Uint8Array): void {
    this.count = 0;
    this.#linearBytes = 0;
    const { view, base } = this.control;
    let at = base;
    while (at + CMSG_HEADER_BYTES <= base + controlLength) {
      const length = view.getUint32(at + CMSGHDR.len, true);
      const type = view.getInt32(at + CMSGHDR.type, true);
      if (view.getInt32(at + CMSGHDR.level, true) === SOL_SOCKET) this.#addMessage(view, at + CMSGHDR.data, type);
      at += cmsgSpace(length - CMSG_HEADER_BYTES);
    }
    if (this.count === 0 && received > 0) this.#add(0, received, 0, 0);
    this.linear = this.#linearBytes === 0 ? NO_BYTES : iovec.slice(0, this.#linearBytes);
  }

  #addMessage(view: DataView, at: number, type: number): void {
    const size = view.getUint32(at + DMABUF_CMSG.fragSize, true);
    if (type === SCM_DEVMEM_LINEAR) {
      this.#add(this.#linearBytes, size, 0, 0);
    } else if (type === SCM_DEVMEM_DMABUF) {
      const low = view.getUint32(at + DMABUF_CMSG.fragOffset, true);
      const high = view.getUint32(at + DMABUF_CMSG.fragOffset + 4, true);
      const token = view.getUint32(at + DMABUF_CMSG.fragToken, true);
      this.#add(high * TWO_32 + low, size, token, view.getUint32(at + DMABUF_CMSG.dmabufId, true));
    }
  }

  #add(offset: number, size: number, token: number, dmabufId: number): void {
    const i = this.count++;
    this.offset[i] = offset;
    this.size[i] = size;
    this.token[i] = token;
    this.dmabufId[i] = dmabufId;
    if (token === 0) this.#linearBytes += size;
  }
}
