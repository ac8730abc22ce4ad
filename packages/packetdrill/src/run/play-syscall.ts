import { errnoName, strerror } from '@netmem/uapi';
import { CONSTANTS } from '../constants.ts';
import { printExpression, printTime } from '../syntax/print-script.ts';
import type { SyscallEvent } from '../syntax/script.ts';
import type { Call } from './calls/call.ts';
import { CALLS } from './calls/table.ts';
import { isInTime, type Window } from './event-time.ts';
import { stamp } from './packet-line.ts';
import type { Session } from './session.ts';
import type { Waiter } from './timeline.ts';

/** Makes a system call. Its time has come. */
export function playSyscall(session: Session, event: SyscallEvent, start: Window, baseNs: number): void {
  const { timeline } = session;
  const fail = (message: string): void => session.fail(event.at.line, { kind: 'syscall', message });
  if (timeline.waiter !== null) {
    fail('a call before still waits, and a script has one thread');
    return;
  }
  const prepare = CALLS.get(event.name);
  const call = prepare?.(contextOf(session), event) ?? `${event.name} is not known`;
  if (typeof call === 'string') {
    fail(call);
    return;
  }
  const result = call.attempt();
  const end = endOf(event, start, baseNs);
  if (!call.waits(result)) {
    finish(session, event, call, result, end);
  } else if (end === null) {
    fail(`${event.name} would wait: give it an end time, 0...0.1, or make the descriptor non-blocking`);
  } else {
    timeline.waiter = new WaitingCall(session, event, call, end);
  }
  timeline.settle();
}

function contextOf(session: Session): Parameters<NonNullable<ReturnType<typeof CALLS.get>>>[0] {
  const { config, host, descriptors, flows, timeline } = session;
  return {
    config,
    sockets: host.sockets,
    descriptors,
    flows,
    nowNs: () => timeline.nowNs,
    bound: (protocol, port) => {
      session.boundPorts[protocol] = port;
    },
    wroteOther: () => {
      session.patterned = false;
    },
  };
}

/** When a call that may wait must return; null when it must not wait. */
function endOf(event: SyscallEvent, start: Window, baseNs: number): Window | null {
  if (event.endNs === null) return null;
  const ns = event.endNs + (event.time.kind === 'after' ? baseNs : 0);
  return { fromNs: ns, toNs: ns, toleranceNs: start.toleranceNs };
}

class WaitingCall implements Waiter {
  readonly deadlineNs: number;
  readonly #session: Session;
  readonly #event: SyscallEvent;
  readonly #call: Call;
  readonly #end: Window;

  constructor(session: Session, event: SyscallEvent, call: Call, end: Window) {
    this.#session = session;
    this.#event = event;
    this.#call = call;
    this.#end = end;
    // One past the last moment that is in time: there the wait is over, one way or the other.
    this.deadlineNs = Math.min(call.deadlineNs ?? Number.POSITIVE_INFINITY, end.toNs + end.toleranceNs + 1);
  }

  retry(): void {
    const { timeline } = this.#session;
    const result = this.#call.attempt();
    if (!this.#call.waits(result)) {
      timeline.waiter = null;
      finish(this.#session, this.#event, this.#call, result, this.#end);
    } else if (timeline.nowNs > this.#end.toNs + this.#end.toleranceNs) {
      timeline.waiter = null;
      this.#session.fail(this.#event.at.line, {
        kind: 'syscall',
        message: `${this.#event.name} still waits at ${stamp(timeline.nowNs)}; it should have returned at ${printTime(this.#end.toNs)}`,
      });
    }
  }
}

/** The script is over: a call that still waits has until its end. */
export function awaitLastCall(session: Session): void {
  const { timeline } = session;
  const { waiter } = timeline;
  if (waiter instanceof WaitingCall) timeline.runTo(waiter.deadlineNs, () => timeline.waiter === null);
}

function finish(session: Session, event: SyscallEvent, call: Call, result: number, end: Window | null): void {
  const problem = call.check?.(result) ?? null;
  if (!isExpected(event, result)) {
    const before = signature(event);
    const actual = resultText(result);
    session.fail(event.at.line, {
      kind: 'syscall',
      message: `${event.name} returned something else`,
      expected: `${before}${expectedText(event)}`,
      actual: `${before}${actual}`,
      carets: ' '.repeat(before.length) + '^'.repeat(actual.length),
    });
    return;
  }
  if (problem !== null) {
    session.fail(event.at.line, { kind: 'syscall', message: `${event.name}: ${problem}` });
    return;
  }
  const { nowNs } = session.timeline;
  if (end !== null && !isInTime(nowNs, end)) {
    session.fail(event.at.line, {
      kind: 'syscall',
      message: `${event.name} returned at ${stamp(nowNs)}, not at ${printTime(end.toNs)}`,
    });
  }
}

/** Calls that return a descriptor: the script numbers them, whatever the host calls them. */
const OPENING: ReadonlySet<string> = new Set(['socket', 'accept', 'accept4']);

function isExpected({ name, result: expected, errno }: SyscallEvent, result: number): boolean {
  if (errno !== null) return result < 0 && -result === CONSTANTS.get(errno);
  if (expected.kind !== 'integer') return expected.kind === 'any';
  if (result < 0) return expected.value === -1;
  return OPENING.has(name) ? expected.value >= 0 : expected.value === result;
}

function signature(event: SyscallEvent): string {
  return `${event.name}(${event.arguments.map(printExpression).join(', ')}) = `;
}

function expectedText({ result, errno }: SyscallEvent): string {
  return errno === null ? printExpression(result) : resultText(-(CONSTANTS.get(errno) ?? 0));
}

function resultText(result: number): string {
  return result < 0 ? `-1 ${errnoName(result)} (${strerror(result)})` : String(result);
}
