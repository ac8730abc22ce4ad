import { EAGAIN, EBADF, EINVAL, POLL } from '@netmem/uapi';
import { F_GETFL, F_SETFL, O_NONBLOCK, O_RDWR } from '../../constants.ts';
import type { Expression } from '../../syntax/script.ts';
import { intBytes, intsOf, memberOf, numberOf, numbersOf, stringBytes } from '../values.ts';
import { argumentAt, badArgument, type CallContext, immediate, notOffered, numberAt, type Prepare } from './call.ts';

const NS_PER_MS = 1_000_000;
const MAX_OPTION_BYTES = 65_536;
/** What `poll` reports whether it was asked for or not. */
const ALWAYS_REPORTED: number = POLL.ERR | POLL.HUP;

/** The bytes of an option's value; null for a null pointer, undefined when it cannot be written. */
function optionValue(expression: Expression): Uint8Array | null | undefined {
  if (expression.kind === 'string') return stringBytes(expression.value);
  if (expression.kind === 'list' || expression.kind === 'struct') {
    const numbers = numbersOf(expression);
    return numbers === null ? undefined : intBytes(numbers);
  }
  return numberOf(expression) === 0 ? null : undefined;
}

export const setsockopt: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.setsockopt;
  if (call === undefined) return notOffered('setsockopt');
  const [fd, level, name, length] = [0, 1, 2, 4].map((index) => numberAt(event, index));
  const value = optionValue(argumentAt(event, 3));
  if (typeof fd !== 'number' || typeof level !== 'number' || typeof name !== 'number' || typeof length !== 'number') {
    return 'setsockopt takes a descriptor, a level, a name, a value and a length';
  }
  if (value === undefined) return badArgument(event, 3, 'a value such as [1], {onoff=1, linger=0} or "reno"');
  return immediate(() => call.call(sockets, descriptors.hostFd(fd), level, name, value, length));
};

/** The value that is expected: what differs from it, in words. */
function checkOption(expected: Expression, written: Uint8Array): string | null {
  if (expected.kind === 'any') return null;
  if (expected.kind === 'string') {
    const actual = String.fromCharCode(...written).replace(/\0+$/, '');
    return actual === expected.value ? null : `the option is "${actual}"`;
  }
  const actual = intsOf(written);
  const wanted = numbersOf(expected) ?? [];
  return wanted.every((number, i) => number === actual[i]) ? null : `the option is [${actual.join(', ')}]`;
}

export const getsockopt: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.getsockopt;
  if (call === undefined) return notOffered('getsockopt');
  const [fd, level, name] = [0, 1, 2].map((index) => numberAt(event, index));
  const [length] = numbersOf(argumentAt(event, 4)) ?? [4];
  if (typeof fd !== 'number' || typeof level !== 'number' || typeof name !== 'number') {
    return 'getsockopt takes a descriptor, a level, a name, a value and a length';
  }
  if (length === undefined || length < 0 || length > MAX_OPTION_BYTES)
    return badArgument(event, 4, 'a length such as [4]');
  const value = new Uint8Array(length);
  let written = 0;
  return immediate(
    () => {
      const result = call.call(sockets, descriptors.hostFd(fd), level, name, value);
      written = Math.max(0, result);
      return Math.min(0, result);
    },
    (result) => (result < 0 ? null : checkOption(argumentAt(event, 3), value.subarray(0, written))),
  );
};

export const fcntl: Prepare = ({ descriptors }, event) => {
  const fd = numberAt(event, 0);
  const command = numberAt(event, 1);
  if (fd === null || command === null) return 'fcntl takes a descriptor and a command';
  const flags = event.arguments.length > 2 ? (numberAt(event, 2) ?? 0) : 0;
  return immediate(() => {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return -EBADF;
    if (command === F_GETFL) return O_RDWR | (descriptor.nonBlocking ? O_NONBLOCK : 0);
    if (command !== F_SETFL) return -EINVAL;
    descriptor.nonBlocking = (flags & O_NONBLOCK) !== 0;
    return 0;
  });
};

export const ioctl: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.ioctl;
  if (call === undefined) return notOffered('ioctl');
  const fd = numberAt(event, 0);
  const request = numberAt(event, 1);
  if (fd === null || request === null) return 'ioctl takes a descriptor, a request and a value';
  const value = new Int32Array(1);
  return immediate(
    () => call.call(sockets, descriptors.hostFd(fd), request, value),
    (result) => {
      const expected = argumentAt(event, 2);
      const wanted = expected.kind === 'any' ? null : (numbersOf(expected)?.[0] ?? null);
      return result < 0 || wanted === null || wanted === value[0] ? null : `the value is [${value[0]}]`;
    },
  );
};

interface Polled {
  readonly fd: number;
  readonly events: number;
  readonly expected: number;
}

function polledOf(item: Expression): Polled | null {
  const fd = memberOf(item, 'fd');
  const events = memberOf(item, 'events');
  const revents = memberOf(item, 'revents');
  const numbers = [fd, events].map((member) => (member === undefined ? null : numberOf(member)));
  const [fdNumber, eventBits] = numbers;
  if (typeof fdNumber !== 'number' || typeof eventBits !== 'number') return null;
  return { fd: fdNumber, events: eventBits, expected: revents === undefined ? 0 : (numberOf(revents) ?? 0) };
}

function reported({ sockets, descriptors }: CallContext, polled: Polled): number {
  const mask = sockets.poll?.(descriptors.hostFd(polled.fd)) ?? 0;
  return Math.max(0, mask) & (polled.events | ALWAYS_REPORTED);
}

export const poll: Prepare = (context, event) => {
  if (context.sockets.poll === undefined) return notOffered('poll');
  const list = argumentAt(event, 0);
  const items = list.kind === 'list' ? list.items.map(polledOf) : [null];
  const timeoutMs = numberAt(event, 2);
  if (timeoutMs === null) return badArgument(event, 2, 'a timeout in milliseconds');
  const polled = items.filter((item) => item !== null);
  if (polled.length < items.length)
    return badArgument(event, 0, 'a list such as [{fd=4, events=POLLIN, revents=POLLIN}]');
  const deadlineNs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : context.nowNs() + timeoutMs * NS_PER_MS;
  return {
    deadlineNs,
    attempt: () => {
      const ready = polled.filter((item) => reported(context, item) !== 0).length;
      return ready === 0 && context.nowNs() < deadlineNs ? -EAGAIN : ready;
    },
    waits: (result) => result === -EAGAIN,
    check: () => {
      const wrong = polled.find((item) => reported(context, item) !== item.expected);
      if (wrong === undefined) return null;
      return `revents of fd ${wrong.fd} are 0x${reported(context, wrong).toString(16)}, not 0x${wrong.expected.toString(16)}`;
    },
  };
};
