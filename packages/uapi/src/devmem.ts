// The layouts of include/uapi/linux/uio.h for device memory.

import { cmsgSpace } from './cmsg.ts';

/**
 * Offsets within `struct dmabuf_cmsg`, 24 bytes. `fragOffset` is a u64, the rest are u32; `flags` is reserved and always 0.
 *
 * @kernel dmabuf_cmsg — include/uapi/linux/uio.h, 7.3
 */
export const DMABUF_CMSG = { fragOffset: 0, fragSize: 8, fragToken: 12, dmabufId: 16, flags: 20 } as const;
/** Size of `struct dmabuf_cmsg`. */
export const DMABUF_CMSG_BYTES = 24;
/** Control bytes one fragment takes, header included: 40. */
export const DMABUF_CMSG_SPACE: number = cmsgSpace(DMABUF_CMSG_BYTES);

/**
 * Offsets within `struct dmabuf_token`, 8 bytes, two u32: a run of tokens to give back.
 *
 * @kernel dmabuf_token — include/uapi/linux/uio.h, 7.3
 */
export const DMABUF_TOKEN = { start: 0, count: 4 } as const;
/** Size of `struct dmabuf_token`. */
export const DMABUF_TOKEN_BYTES = 8;
/** Most `dmabuf_token` structs in one `SO_DEVMEM_DONTNEED`; more is EINVAL. */
export const MAX_DONTNEED_TOKENS = 128;
/** Most token ids that one `SO_DEVMEM_DONTNEED` looks at; the rest are ignored. */
export const MAX_DONTNEED_FRAGS = 1024;
/** Highest token id a socket hands out. */
export const MAX_TOKEN_ID = 0x7fffffff;

const TWO_32 = 2 ** 32;

/** A decoded `struct dmabuf_cmsg`. */
export interface DmabufCmsg {
  /** Byte offset within the dma-buf; 0 for a LINEAR message. */
  readonly fragOffset: number;
  /** Bytes. */
  readonly fragSize: number;
  /** Token to return; 0 for a LINEAR message. */
  readonly fragToken: number;
  /** Binding id; 0 for a LINEAR message. */
  readonly dmabufId: number;
  readonly flags: number;
}

/** Writes a `struct dmabuf_cmsg` without allocating. `fragOffset` is exact up to 2^53. */
export function writeDmabufCmsg(
  view: DataView,
  at: number,
  fragOffset: number,
  fragSize: number,
  fragToken: number,
  dmabufId: number,
): void {
  view.setUint32(at + DMABUF_CMSG.fragOffset, fragOffset % TWO_32, true);
  view.setUint32(at + DMABUF_CMSG.fragOffset + 4, Math.floor(fragOffset / TWO_32), true);
  view.setUint32(at + DMABUF_CMSG.fragSize, fragSize, true);
  view.setUint32(at + DMABUF_CMSG.fragToken, fragToken, true);
  view.setUint32(at + DMABUF_CMSG.dmabufId, dmabufId, true);
  view.setUint32(at + DMABUF_CMSG.flags, 0, true);
}

/** Reads a `struct dmabuf_cmsg`. */
export function readDmabufCmsg(view: DataView, at: number): DmabufCmsg {
  const low = view.getUint32(at + DMABUF_CMSG.fragOffset, true);
  const high = view.getUint32(at + DMABUF_CMSG.fragOffset + 4, true);
  return {
    fragOffset: high * TWO_32 + low,
    fragSize: view.getUint32(at + DMABUF_CMSG.fragSize, true),
    fragToken: view.getUint32(at + DMABUF_CMSG.fragToken, true),
    dmabufId: view.getUint32(at + DMABUF_CMSG.dmabufId, true),
    flags: view.getUint32(at + DMABUF_CMSG.flags, true),
  };
}

/** Writes a `struct dmabuf_token`: `count` ids from `start` on. */
export function writeDmabufToken(view: DataView, at: number, start: number, count: number): void {
  view.setUint32(at + DMABUF_TOKEN.start, start, true);
  view.setUint32(at + DMABUF_TOKEN.count, count, true);
}

/** DMA_BUF_IOCTL_SYNC: which way the CPU is going to touch a dma-buf, and whether it starts or ends. */
export const DMA_BUF_SYNC = { READ: 1, WRITE: 2, RW: 3, START: 0, END: 4 } as const;
