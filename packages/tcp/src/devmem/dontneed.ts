import type { NetmemTable } from '@netmem/netmem';
import {
  DMABUF_TOKEN,
  DMABUF_TOKEN_BYTES,
  EFAULT,
  EINVAL,
  MAX_DONTNEED_FRAGS,
  MAX_DONTNEED_TOKENS,
} from '@netmem/uapi';
import type { TokenTable } from './token-table.ts';

/**
 * Gives runs of tokens back: each id that is out drops one reference of its net_iov. Unknown ids are no error, but they are looked at, and after
 * 1024 looks the call ends.
 *
 * @param tokens - The caller's array of `struct dmabuf_token`; memory behind its end is not mapped.
 * @param length - Bytes of it, as the caller states them.
 * @returns how many tokens were released, 0 or more; -EINVAL when `length` is not whole structs or more than 128 of them; -EFAULT when `tokens` is
 * shorter than that.
 * @kernel sock_devmem_dontneed — net/core/sock.c, 7.3
 */
export function sockDevmemDontneed(table: TokenTable, netmem: NetmemTable, tokens: Uint8Array, length: number): number {
  if (length % DMABUF_TOKEN_BYTES !== 0 || length > MAX_DONTNEED_TOKENS * DMABUF_TOKEN_BYTES) return -EINVAL;
  if (tokens.length < length) return -EFAULT;
  let released = 0;
  let examined = 0;
  for (let at = 0; at < length; at += DMABUF_TOKEN_BYTES) {
    const start = readUint32(tokens, at + DMABUF_TOKEN.start);
    const count = readUint32(tokens, at + DMABUF_TOKEN.count);
    for (let i = 0; i < count; i++) {
      if (examined++ >= MAX_DONTNEED_FRAGS) return released;
      // Ids wrap as u32; those past the table are free slots like any other.
      if (releaseToken(table, netmem, (start + i) >>> 0)) released++;
    }
  }
  return released;
}

/**
 * Puts every token that is out: the socket is gone.
 *
 * @returns how many.
 * @kernel tcp_release_user_frags — net/ipv4/tcp_ipv4.c, 7.3
 */
export function releaseUserFrags(table: TokenTable, netmem: NetmemTable): number {
  let released = 0;
  for (let id = 1; table.count > 0 && id < table.capacity; id++) {
    if (releaseToken(table, netmem, id)) released++;
  }
  return released;
}

/** Little endian. A DataView would be garbage with every call of an application that returns tokens as they come. */
function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function releaseToken(table: TokenTable, netmem: NetmemTable, id: number): boolean {
  const ref = table.erase(id);
  if (ref === 0) return false;
  // I-4: the pool that owns the net_iov now, not the queue's: the queue may have been restarted since. The application is not in its NAPI.
  netmem.pool(ref)?.putFullNetmem(ref, false);
  return true;
}
