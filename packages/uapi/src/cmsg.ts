// Control messages as a 64-bit little-endian Linux lays them out: struct cmsghdr { size_t len; int level; int type; } and 8-byte alignment.

/** Size of `struct cmsghdr`. */
export const CMSG_HEADER_BYTES = 16;
const CMSG_ALIGNMENT = 8;

/** Offsets within `struct cmsghdr`. */
export const CMSGHDR = { len: 0, level: 8, type: 12, data: 16 } as const;

/** `CMSG_LEN`: header plus payload, what the `len` field says. */
export function cmsgLength(payloadBytes: number): number {
  return CMSG_HEADER_BYTES + payloadBytes;
}

/** `CMSG_SPACE`: what a message takes in the control buffer, padding included. */
export function cmsgSpace(payloadBytes: number): number {
  return CMSG_HEADER_BYTES + Math.ceil(payloadBytes / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
}

/** Writes a `struct cmsghdr` at `at`; the payload follows at `at + CMSG_HEADER_BYTES`. */
export function writeCmsgHeader(view: DataView, at: number, level: number, type: number, payloadBytes: number): void {
  view.setUint32(at + CMSGHDR.len, cmsgLength(payloadBytes), true);
  view.setUint32(at + CMSGHDR.len + 4, 0, true);
  view.setInt32(at + CMSGHDR.level, level, true);
  view.setInt32(at + CMSGHDR.type, type, true);
}

/** One control message found by {@link readCmsgs}. Offsets count as the view's do. */
export interface Cmsg {
  readonly level: number;
  readonly type: number;
  /** First byte of the payload. */
  readonly dataAt: number;
  readonly dataLength: number;
}

/**
 * Walks a control buffer of `length` bytes at `at`, as `CMSG_FIRSTHDR` and `CMSG_NXTHDR` do, and stops at the first malformed header.
 */
export function* readCmsgs(view: DataView, at: number, length: number): Generator<Cmsg> {
  const end = at + length;
  let position = at;
  while (position + CMSG_HEADER_BYTES <= end) {
    const total = view.getUint32(position + CMSGHDR.len, true);
    if (view.getUint32(position + CMSGHDR.len + 4, true) !== 0 || total < CMSG_HEADER_BYTES || position + total > end) {
      return;
    }
    yield {
      level: view.getInt32(position + CMSGHDR.level, true),
      type: view.getInt32(position + CMSGHDR.type, true),
      dataAt: position + CMSGHDR.data,
      dataLength: total - CMSG_HEADER_BYTES,
    };
    position += cmsgSpace(total - CMSG_HEADER_BYTES);
  }
}
