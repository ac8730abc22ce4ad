import { getSystemErrorMap } from 'node:util';

// libuv has another name for it.
const LINUX_NAMES: ReadonlyMap<number, readonly [string, string]> = new Map([
  [95, ['EOPNOTSUPP', 'operation not supported'] as const],
]);

/** Something between server, guest and operating system went wrong. Tell errors apart by `code`. */
export class VfioUserError extends Error {
  override readonly name: string = 'VfioUserError';
  /** The error's name, such as `'EADDRINUSE'`. */
  readonly code: string;
  /** Its positive Linux number. */
  readonly errno: number;
  /** What failed: a system call (`'listen'`, `'open'`), a command of the protocol (`'DMA_MAP'`), or `'qemu'`. */
  readonly syscall: string;

  /**
   * @param subject - What it was about: a path, an address.
   * @param advice - What to do about it.
   */
  constructor(errno: number, syscall: string, subject: string, advice: string, cause?: unknown) {
    const [code, meaning] = LINUX_NAMES.get(errno) ??
      getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${syscall} ${subject}: ${meaning} (${code}). ${advice}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const E2BIG = 7;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const EPROTO = 71;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const EADDRINUSE = 98;

/** The positive number of an error that Node threw; `otherwise` for what has none. */
export function errnoOf(error: unknown, otherwise: number): number {
  const errno = (error as NodeJS.ErrnoException).errno;
  return typeof errno === 'number' && errno < 0 ? -errno : otherwise;
}
