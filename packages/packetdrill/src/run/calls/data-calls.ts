import { EAGAIN, MSG_OOB, MSG_PEEK, MSG_SOCK_DEVMEM, MSG_TRUNC } from '@netmem/uapi';
import type { Expression, SyscallEvent } from '../../syntax/script.ts';
import type { HostMessage, SocketAddress } from '../host.ts';
import { patternBreak, patternByte, patternBytes } from '../stream-pattern.ts';
import { addressOf, memberOf, numberOf, stringBytes } from '../values.ts';
import {
  argumentAt,
  badArgument,
  type Call,
  type CallContext,
  mayWait,
  notOffered,
  numberAt,
  type Prepare,
  waiting,
} from './call.ts';
import { checkControl, encodeControl } from './control-messages.ts';

/** More than any script has use for, and less than what would exhaust a machine. */
const MAX_BYTES = 64 * 2 ** 20;
/** Room for control messages of `recvmsg` when the script expects any. */
const CONTROL_BYTES = 4096;

/** A buffer of the script's: a length, and what is in it; null when that is the pattern, or does not matter. */
interface Piece {
  readonly length: number;
  readonly text: (Expression & { readonly kind: 'string' }) | null;
}

function pieceOf(buffer: Expression, length: number | null): Piece | null {
  if (length === null || length < 0 || length > MAX_BYTES) return null;
  if (buffer.kind === 'string') return { length, text: buffer };
  return buffer.kind === 'any' ? { length, text: null } : null;
}

/** `{..., 1000}` or `{"abc", 3}`. */
function pieceOfIovec(iovec: Expression): Piece | null {
  if (iovec.kind !== 'struct' || iovec.fields.length !== 2) return null;
  const [base, length] = iovec.fields;
  return base === undefined || length === undefined ? null : pieceOf(base.value, numberOf(length.value));
}

function piecesOfList(list: Expression | undefined): readonly Piece[] | null {
  if (list?.kind !== 'list') return null;
  const pieces = list.items.map(pieceOfIovec).filter((piece) => piece !== null);
  return pieces.length === list.items.length ? pieces : null;
}

/** What a call of this family works on: read and recv have a buffer, readv an array of them, recvmsg a struct. */
interface Request {
  readonly pieces: readonly Piece[];
  readonly flags: number;
  readonly name: Expression | null;
  readonly message: Expression | null;
}

function requestOf(event: SyscallEvent): Request | string {
  const { name } = event;
  if (name === 'recvmsg' || name === 'sendmsg') {
    const message = argumentAt(event, 1);
    const pieces = piecesOfList(memberOf(message, 'msg_iov'));
    const flags = numberAt(event, 2);
    if (pieces === null)
      return badArgument(event, 1, 'a msghdr such as {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=0}');
    return flags === null
      ? badArgument(event, 2, 'flags')
      : { pieces, flags, name: memberOf(message, 'msg_name') ?? null, message };
  }
  if (name === 'readv' || name === 'writev') {
    const pieces = piecesOfList(argumentAt(event, 1));
    return pieces === null
      ? badArgument(event, 1, 'a list such as [{..., 100}]')
      : { pieces, flags: 0, name: null, message: null };
  }
  const piece = pieceOf(argumentAt(event, 1), numberAt(event, 2));
  if (piece === null) return badArgument(event, 2, `a length up to ${MAX_BYTES}, and argument 2 a string or ...`);
  const flags = event.arguments.length > 3 ? numberAt(event, 3) : 0;
  if (flags === null) return badArgument(event, 3, 'flags');
  return { pieces: [piece], flags, name: event.arguments.length > 4 ? argumentAt(event, 4) : null, message: null };
}

/** `read`, `readv`, `recv`, `recvfrom`, `recvmsg`. */
export const receive: Prepare = (context, event) => {
  const { sockets, descriptors } = context;
  const call = sockets.recvmsg;
  if (call === undefined) return notOffered('recvmsg');
  const fd = numberAt(event, 0);
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  const request = requestOf(event);
  if (typeof request === 'string') return request;
  const { pieces, flags } = request;
  const control = request.message === null ? undefined : memberOf(request.message, 'msg_control');
  const message: HostMessage = {
    iov: pieces.map((piece) => new Uint8Array(piece.length)),
    control: control === undefined ? null : new Uint8Array(CONTROL_BYTES),
    controlLength: 0,
    flags: 0,
    name: null,
  };
  const hostFd = descriptors.hostFd(fd);
  return waiting(
    mayWait(descriptors.get(fd), flags),
    () => call.call(sockets, hostFd, message, flags),
    (result) => (result < 0 ? null : checkReceived(context, fd, request, message, result)),
  );
};

function checkReceived(
  context: CallContext,
  fd: number,
  request: Request,
  message: HostMessage,
  length: number,
): string | null {
  const { flags } = request;
  const expectedFlags = request.message === null ? undefined : memberOf(request.message, 'msg_flags');
  if (expectedFlags !== undefined && expectedFlags.kind !== 'any' && numberOf(expectedFlags) !== message.flags) {
    return `msg_flags are 0x${message.flags.toString(16)}`;
  }
  const control = request.message === null ? undefined : memberOf(request.message, 'msg_control');
  if (control !== undefined && message.control !== null) {
    const problem = checkControl(control, message.control, message.controlLength);
    if (problem !== null) return problem;
  }
  const bytes = new Uint8Array(message.iov.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of message.iov) {
    bytes.set(part, at);
    at += part.length;
  }
  const [piece] = request.pieces;
  if (piece?.text != null) return checkText(piece.text, bytes.subarray(0, length));
  // Urgent bytes leave the stream, device memory and skipped bytes were never in the buffer.
  if ((flags & (MSG_OOB | MSG_SOCK_DEVMEM | MSG_TRUNC)) !== 0) return forget(context, fd);
  return checkOrder(context, fd, bytes.subarray(0, Math.min(length, bytes.length)), (flags & MSG_PEEK) !== 0);
}

function checkText(expected: Expression & { readonly kind: 'string' }, bytes: Uint8Array): string | null {
  const wanted = stringBytes(expected.value);
  const same =
    (expected.open ? bytes.length >= wanted.length : bytes.length === wanted.length) &&
    wanted.every((byte, i) => byte === bytes[i]);
  return same ? null : `the bytes are ${JSON.stringify(String.fromCharCode(...bytes.subarray(0, 64)))}`;
}

function forget({ descriptors }: CallContext, fd: number): null {
  const descriptor = descriptors.get(fd);
  if (descriptor !== undefined) descriptor.nextByte = null;
  return null;
}

/** Each byte of a stream follows the one before it in the pattern, over all reads. */
function checkOrder({ descriptors }: CallContext, fd: number, bytes: Uint8Array, peek: boolean): string | null {
  const descriptor = descriptors.get(fd);
  if (descriptor === undefined || descriptor.protocol !== 'tcp' || bytes.length === 0) return null;
  const first = descriptor.nextByte ?? (bytes[0] as number);
  const at = patternBreak(bytes, first);
  if (at >= 0) return `byte ${at} is ${bytes[at]}, not ${patternByte(first + at)}, which follows in the stream`;
  if (!peek) descriptor.nextByte = patternByte(first + bytes.length);
  return null;
}

/** `write`, `writev`, `send`, `sendto`, `sendmsg`. */
export const send: Prepare = (context, event) => {
  const { sockets, descriptors } = context;
  if (sockets.sendmsg === undefined) return notOffered('sendmsg');
  const fd = numberAt(event, 0);
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  const request = requestOf(event);
  if (typeof request === 'string') return request;
  const control = request.message === null ? undefined : memberOf(request.message, 'msg_control');
  const encoded = control === undefined ? null : encodeControl(control);
  if (typeof encoded === 'string') return encoded;
  const name = destinationOf(context, fd, request.name);
  if (name === undefined) return badArgument(event, 4, 'an address');
  const descriptor = descriptors.get(fd);
  if (request.pieces.some((piece) => piece.text !== null)) context.wroteOther();
  let position = descriptor?.writePosition ?? 1;
  const iov = request.pieces.map(({ text, length }) => {
    const bytes = text === null ? patternBytes(position, length) : fitted(stringBytes(text.value), length);
    position += length;
    return bytes;
  });
  return sending(context, fd, iov, { control: encoded, name, flags: request.flags });
};

function fitted(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  return result;
}

/** To whom: null is the peer. `...` is the remote address on a datagram socket, undefined is no address. */
function destinationOf(
  { config, descriptors }: CallContext,
  fd: number,
  name: Expression | null,
): SocketAddress | null | undefined {
  if (name === null || numberOf(name) === 0) return null;
  if (name.kind === 'any') return descriptors.get(fd)?.protocol === 'udp' ? addressOf(name, config, 'remote') : null;
  return addressOf(name, config, 'remote') ?? undefined;
}

/** Sends until everything is taken, if the call may wait; else once. */
function sending(
  { sockets, descriptors }: CallContext,
  fd: number,
  iov: readonly Uint8Array[],
  rest: { readonly control: Uint8Array | null; readonly name: SocketAddress | null; readonly flags: number },
): Call {
  const descriptor = descriptors.get(fd);
  const hostFd = descriptors.hostFd(fd);
  const may = mayWait(descriptor, rest.flags);
  const total = iov.reduce((sum, part) => sum + part.length, 0);
  let sent = 0;
  const once = (): number => {
    const { control, name, flags } = rest;
    const message: HostMessage = {
      iov: behind(iov, sent),
      control,
      controlLength: control?.length ?? 0,
      flags: 0,
      name,
    };
    const result = sockets.sendmsg?.(hostFd, message, flags) ?? -EAGAIN;
    if (result > 0) {
      sent += result;
      if (descriptor !== undefined) descriptor.writePosition += result;
    }
    return result;
  };
  const attempt = (): number => {
    for (;;) {
      const result = once();
      if (result >= 0 && (sent >= total || !may)) return sent;
      if (result === 0) return sent;
      if (result > 0) continue;
      return sent > 0 && !(may && result === -EAGAIN) ? sent : result;
    }
  };
  return waiting(may, attempt);
}

/** The part of an iovec behind its first `skip` bytes. */
function behind(iov: readonly Uint8Array[], skip: number): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let left = skip;
  for (const part of iov) {
    if (left < part.length || (left === 0 && part.length === 0)) parts.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return parts;
}
