import { EAGAIN, MSG_DONTWAIT } from '@netmem/uapi';
import type { ScriptConfig } from '../../config.ts';
import type { Expression, SyscallEvent } from '../../syntax/script.ts';
import type { Descriptor, Descriptors } from '../descriptors.ts';
import type { Flows } from '../flow.ts';
import type { HostSockets } from '../host.ts';
import { numberOf } from '../values.ts';

/** What system calls work on. */
export interface CallContext {
  readonly config: ScriptConfig;
  readonly sockets: HostSockets;
  readonly descriptors: Descriptors;
  readonly flows: Flows;
  readonly nowNs: () => number;
  /** A socket was bound to this port. */
  readonly bound: (protocol: Descriptor['protocol'], port: number) => void;
  /** Something other than the pattern was written: payload says nothing any more. */
  readonly wroteOther: () => void;
}

/** A system call made ready. It can be tried more than once, until it has an answer. */
export interface Call {
  /** Result, or negative errno. */
  attempt(): number;
  /** Whether, after this result, a call that may block goes on waiting. */
  waits(result: number): boolean;
  /** What differs besides the result, in words; null when nothing does. Runs once, behind the last attempt. */
  check?(result: number): string | null;
  /** When the call returns by itself, script time. */
  readonly deadlineNs?: number;
}

/** Makes a call ready; a string says why that is impossible. */
export type Prepare = (context: CallContext, event: SyscallEvent) => Call | string;

/** An argument that must be a number. */
export function numberAt(event: SyscallEvent, index: number): number | null {
  return numberOf(argumentAt(event, index));
}

/** An argument; the parser has counted them. */
export function argumentAt(event: SyscallEvent, index: number): Expression {
  return event.arguments[index] as Expression;
}

/** Says that argument `index` makes no sense. */
export function badArgument(event: SyscallEvent, index: number, wanted: string): string {
  return `argument ${index + 1} of ${event.name} must be ${wanted}`;
}

/** Says that the host cannot do this. */
export function notOffered(name: string): string {
  return `the host has no ${name}`;
}

/** Whether a call on the descriptor with these MSG flags may wait. */
export function mayWait(descriptor: Descriptor | undefined, flags: number): boolean {
  return descriptor !== undefined && !descriptor.nonBlocking && (flags & MSG_DONTWAIT) === 0;
}

/** A call that has its answer at once. */
export function immediate(attempt: () => number, check?: (result: number) => string | null): Call {
  return { attempt, waits: () => false, ...(check === undefined ? {} : { check }) };
}

/** A call that waits as long as it would answer EAGAIN, if it may. */
export function waiting(may: boolean, attempt: () => number, check?: (result: number) => string | null): Call {
  return { attempt, waits: (result) => may && result === -EAGAIN, ...(check === undefined ? {} : { check }) };
}
