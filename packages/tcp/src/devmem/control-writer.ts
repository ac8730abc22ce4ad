import type { Region } from '@netmem/region';
import {
  CMSG_HEADER_BYTES,
  cmsgSpace,
  DMABUF_CMSG_BYTES,
  DMABUF_CMSG_SPACE,
  ETOOSMALL,
  SOL_SOCKET,
  writeCmsgHeader,
  writeDmabufCmsg,
} from '@netmem/uapi';

/** Appends control messages to a caller's buffer. */
export class ControlWriter {
  #region: Region | null = null;
  #used = 0;

  reset(region: Region | null): void {
    this.#region = region;
    this.#used = 0;
  }

  /** Bytes written. */
  get length(): number {
    return this.#used;
  }

  /**
   * One SCM_DEVMEM_LINEAR or SCM_DEVMEM_DMABUF message, whole or not at all: devmem messages are never truncated.
   *
   * @returns 0; -ETOOSMALL when fewer than 40 bytes are left.
   * @kernel put_cmsg_notrunc — net/core/scm.c, 7.3
   */
  putDevmem(type: number, fragOffset: number, fragSize: number, fragToken: number, dmabufId: number): number {
    const region = this.#region;
    if (region === null || region.length - this.#used < DMABUF_CMSG_SPACE) return -ETOOSMALL;
    const at = region.base + this.#used;
    writeCmsgHeader(region.view, at, SOL_SOCKET, type, DMABUF_CMSG_BYTES);
    writeDmabufCmsg(region.view, at + CMSG_HEADER_BYTES, fragOffset, fragSize, fragToken, dmabufId);
    this.#used += DMABUF_CMSG_SPACE;
    return 0;
  }

  /** A message whose payload is one int. @returns false when there is no room. @kernel put_cmsg — net/core/scm.c, 7.3 */
  putInt(level: number, type: number, value: number): boolean {
    const region = this.#region;
    if (region === null || region.length - this.#used < cmsgSpace(4)) return false;
    const at = region.base + this.#used;
    writeCmsgHeader(region.view, at, level, type, 4);
    region.view.setInt32(at + CMSG_HEADER_BYTES, value, true);
    region.view.setInt32(at + CMSG_HEADER_BYTES + 4, 0, true);
    this.#used += cmsgSpace(4);
    return true;
  }
}
