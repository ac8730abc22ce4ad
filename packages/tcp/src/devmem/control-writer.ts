import type { Region } from '@netmem/region';
import {
  CMSG_HEADER_BYTES,
  CMSGHDR,
  cmsgLength,
  cmsgSpace,
  DMABUF_CMSG_BYTES,
  DMABUF_CMSG_SPACE,
  ETOOSMALL,
  MSG_CTRUNC,
  SCM_TIMESTAMPING,
  SCM_TIMESTAMPING_BYTES,
  SOL_SOCKET,
  writeCmsgHeader,
  writeDmabufCmsg,
  writeTimespec,
} from '@netmem/uapi';
import { STAMP_HARDWARE, STAMP_SOFTWARE } from '../stack/timestamping.ts';

const INT_BYTES = 4;

/** Appends control messages to a caller's buffer. */
export class ControlWriter {
  #region: Region | null = null;
  #used = 0;
  readonly #times: DataView = new DataView(new ArrayBuffer(SCM_TIMESTAMPING_BYTES));

  /** Starts over at the first byte of `region`; null: the caller gave no control buffer. */
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

  /**
   * SCM_TIMESTAMPING: when bytes came by the host's clock and by the device's, each 0 where it is not known; cut to what fits.
   *
   * @param type - SO_TIMESTAMPING or SO_TIMESTAMPING_NEW, by which of them was set.
   * @returns 0, or MSG_CTRUNC as {@link ControlWriter.putInt}.
   * @kernel put_cmsg_scm_timestamping — net/core/scm.c, 7.3
   */
  putTimestamping(type: number, stamps: Float64Array): number {
    const region = this.#region;
    const room = region === null ? 0 : region.length - this.#used;
    if (region === null || room < CMSG_HEADER_BYTES) return MSG_CTRUNC;
    const at = region.base + this.#used;
    const payload = Math.min(SCM_TIMESTAMPING_BYTES, room - CMSG_HEADER_BYTES);
    writeCmsgHeader(region.view, at, SOL_SOCKET, type, payload);
    writeTimespec(this.#times, SCM_TIMESTAMPING.software, stamps[STAMP_SOFTWARE] as number);
    writeTimespec(this.#times, SCM_TIMESTAMPING.hardware, stamps[STAMP_HARDWARE] as number);
    for (let i = 0; i < payload; i++) region.view.setUint8(at + CMSGHDR.data + i, this.#times.getUint8(i));
    this.#used += Math.min(cmsgSpace(payload), room);
    return payload < SCM_TIMESTAMPING_BYTES ? MSG_CTRUNC : 0;
  }

  /**
   * A message whose payload is one int; cut to what fits, as ordinary control messages are.
   *
   * @returns 0, or MSG_CTRUNC, for msg_flags, when the message is not there or not whole.
   * @kernel put_cmsg — net/core/scm.c, 7.3
   */
  putInt(level: number, type: number, value: number): number {
    const region = this.#region;
    const room = region === null ? 0 : region.length - this.#used;
    if (region === null || room < CMSG_HEADER_BYTES) return MSG_CTRUNC;
    const at = region.base + this.#used;
    const payload = Math.min(INT_BYTES, room - CMSG_HEADER_BYTES);
    writeCmsgHeader(region.view, at, level, type, payload);
    for (let i = 0; i < payload; i++) region.view.setUint8(at + CMSGHDR.data + i, value >>> (8 * i));
    // The padding behind the payload is skipped, not written: user memory keeps what it had there.
    this.#used += Math.min(cmsgSpace(payload), room);
    return cmsgLength(payload) < cmsgLength(INT_BYTES) ? MSG_CTRUNC : 0;
  }
}
