import { errnoName, strerror } from './errno-names.ts';
import type { Extack } from './extack.ts';

/**
 * A negative errno, as the kernel's functions return it: `-EINVAL`. The data path and every ops table use these; nothing throws there.
 */
export type NegativeErrno = number;

/**
 * Either a result or a negative errno: what the kernel puts into one pointer with `ERR_PTR`.
 *
 * @kernel ERR_PTR — include/linux/err.h, 7.3
 */
export type ErrPtr<T> = T | NegativeErrno;

/**
 * Whether a call failed: true for a negative number, which is then the errno.
 *
 * @kernel IS_ERR — include/linux/err.h, 7.3
 */
export function isErr(result: unknown): result is NegativeErrno {
  return typeof result === 'number' && result < 0;
}

/**
 * The one error class at a library's edge. Test `code`, never `instanceof`: two copies of this package may be loaded.
 *
 * The message reads like `bind-rx: EINVAL (Invalid argument): tcp-data-split is disabled`.
 */
export class KernelError extends Error {
  override readonly name: string = 'KernelError';
  /** The errno's name, `'EINVAL'`. */
  readonly code: string;
  /** The errno as a positive number, 22. */
  readonly errno: number;
  /** The call that failed, in the kernel's spelling: `'recvmsg'`, `'bind-rx'`. */
  readonly syscall: string;
  /** The extended ack's text, where the kernel gives one. */
  readonly extack: string | null;

  constructor(errno: number, syscall: string, extack: string | null = null) {
    const number = Math.abs(errno);
    const reason = extack === null ? '' : `: ${extack}`;
    super(`${syscall}: ${errnoName(number)} (${strerror(number)})${reason}`);
    this.code = errnoName(number);
    this.errno = number;
    this.syscall = syscall;
    this.extack = extack;
  }
}

/** Makes the {@link KernelError} for a negative errno that an inner layer returned. */
export function kernelErrorFrom(result: NegativeErrno, syscall: string, extack: Extack | null = null): KernelError {
  return new KernelError(-result, syscall, extack?.message ?? null);
}
