import type { MachineLog } from '@netmem/machine';
import { EAGAIN, kernelErrorFrom } from '@netmem/uapi';
import type { Sockets } from '../socket/sockets.ts';
import type { InetStack } from '../stack/inet-stack.ts';

/**
 * A system call's result, when it is not an errno.
 *
 * @throws KernelError otherwise.
 */
export function checked(syscall: string, result: number): number {
  if (result < 0) throw kernelErrorFrom(result, syscall);
  return result;
}

/**
 * An open descriptor and who may still use its number: once closed here, the number can be another socket's.
 */
export class Endpoint {
  readonly sockets: Sockets;
  readonly log: MachineLog;
  readonly fd: number;
  #open = true;

  constructor(stack: InetStack, fd: number) {
    this.sockets = stack.sockets;
    this.log = stack.machine.log;
    this.fd = fd;
  }

  get open(): boolean {
    return this.#open;
  }

  /**
   * Repeats `attempt`, a system call, until it does not answer -EAGAIN: what a blocking socket does.
   *
   * @returns what the call returned, 0 or more; -1 when this side closed the descriptor.
   * @throws (rejects) KernelError with the call's errno; the signal's reason when it aborts, with nothing taken or lost.
   */
  async blocking(syscall: string, attempt: () => number, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      if (!this.#open) return -1;
      const result = attempt();
      if (result >= 0) return result;
      if (result !== -EAGAIN) throw kernelErrorFrom(result, syscall);
      await this.sockets.whenReady(this.fd, signal);
    }
  }

  /** Idempotent. Whoever waits is woken and finds it closed. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.sockets.close(this.fd);
  }
}
