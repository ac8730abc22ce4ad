/** Options of level SOL_SOCKET that any socket takes and tells again, on kinds of sockets where nothing here acts upon them. */
import { ENOPROTOOPT, SO } from '@netmem/uapi';
import type { Sysctl } from '../stack/sysctl.ts';
import type { SocketHandle } from './handle.ts';

const INT_MAX = 0x7fffffff;
/** Smallest buffers Linux stores. @kernel SOCK_MIN_RCVBUF — include/net/sock.h, 7.3 */
export const SOCK_MIN_RCVBUF = 2304;
export const SOCK_MIN_SNDBUF = 4608;

/** What is stored of a buffer size: twice what was asked, as much as an int holds, and never less than `least`. */
export function storedBuffer(bytes: number, least: number): number {
  return Math.max(Math.min(bytes, INT_MAX >> 1) * 2, least);
}

/** @returns 0; -ENOPROTOOPT not such an option. */
export function keepOption(sysctl: Sysctl, handle: SocketHandle, name: number, int: number): number {
  const value = storedValue(sysctl, name, int);
  if (value === null) return -ENOPROTOOPT;
  handle.kept ??= new Map();
  handle.kept.set(name === SO.RCVBUFFORCE ? SO.RCVBUF : name === SO.SNDBUFFORCE ? SO.SNDBUF : name, value);
  return 0;
}

/** @kernel sk_setsockopt — net/core/sock.c, 7.3 (partial: what is stored) */
function storedValue(sysctl: Sysctl, name: number, int: number): number | null {
  switch (name) {
    case SO.REUSEADDR:
    case SO.KEEPALIVE:
    case SO.OOBINLINE:
      return int === 0 ? 0 : 1;
    case SO.RCVLOWAT:
      return int < 0 ? INT_MAX : Math.max(1, int);
    case SO.RCVBUF:
      return storedBuffer(Math.min(int >>> 0, sysctl.rmemMax), SOCK_MIN_RCVBUF);
    case SO.RCVBUFFORCE:
      return storedBuffer(Math.max(0, int), SOCK_MIN_RCVBUF);
    case SO.SNDBUF:
      return storedBuffer(Math.min(int >>> 0, sysctl.wmemMax), SOCK_MIN_SNDBUF);
    case SO.SNDBUFFORCE:
      return storedBuffer(Math.max(0, int), SOCK_MIN_SNDBUF);
    default:
      return null;
  }
}

/** The value that was kept, or what a fresh socket has; null when it is not such an option. */
export function keptOption(sysctl: Sysctl, handle: SocketHandle, name: number): number | null {
  const kept = handle.kept?.get(name);
  if (kept !== undefined) return kept;
  switch (name) {
    case SO.REUSEADDR:
    case SO.REUSEPORT:
    case SO.KEEPALIVE:
    case SO.OOBINLINE:
      return 0;
    case SO.RCVLOWAT:
      return 1;
    case SO.RCVBUF:
      return sysctl.rmemDefault;
    case SO.SNDBUF:
      return sysctl.wmemDefault;
    default:
      return null;
  }
}
