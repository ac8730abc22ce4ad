import { createRequire } from 'node:module';
import { ENOSYS, TapError } from './tap-error.ts';

/** The few functions of the C library that this package calls. All of them answer -1 for an error, and `errno` says which. */
export interface Libc {
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** For requests whose argument is the number itself. */
  ioctlValue(fd: number, request: number, argument: number): number;
  read(fd: number, to: Uint8Array, length: number): number;
  write(fd: number, from: Uint8Array, length: number): number;
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  /** `duration` is a struct timespec. */
  nanosleep(duration: Uint8Array, remaining: null): number;
  socket(domain: number, type: number, protocol: number): number;
  errno(): number;
  /** Where an array's first byte is, for a structure that points to it. Good as long as the array lives. */
  addressOf(array: ArrayBufferView): bigint;
}

type Koffi = typeof import('koffi');

let loaded: Libc | null = null;

/**
 * Binds them on first use, so that importing this package costs nothing and works everywhere.
 *
 * @throws TapError ENOSYS on anything but Linux, or where koffi has no binary for the platform.
 */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  if (process.platform !== 'linux') {
    throw new TapError(ENOSYS, 'open', '/dev/net/tun', `TAP interfaces are Linux's; this is ${process.platform}`);
  }
  const koffi = loadKoffi();
  // The program's own symbols: glibc's or musl's, whichever Node was linked with.
  const library = koffi.load(null);
  // A typed array is passed as the address of its first byte: no copy, nothing allocated.
  return {
    ioctl: library.func('int ioctl(int fd, unsigned long request, void *argument)'),
    ioctlValue: library.func('ioctl', 'int', ['int', 'unsigned long', 'unsigned long']),
    read: library.func('long read(int fd, void *to, size_t length)'),
    write: library.func('long write(int fd, void *from, size_t length)'),
    poll: library.func('int poll(void *fds, unsigned long count, int timeout)'),
    nanosleep: library.func('int nanosleep(void *duration, void *remaining)'),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    errno: () => koffi.errno(),
    addressOf: (array) => koffi.address(array),
  };
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TapError(ENOSYS, 'open', '/dev/net/tun', `koffi could not be loaded: ${reason}`);
  }
}
