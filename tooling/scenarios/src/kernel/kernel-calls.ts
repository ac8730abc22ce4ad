import { POLL, SOCK_CLOEXEC, SOCK_NONBLOCK } from '@netmem/uapi';
import {
  type Address,
  type IncomingMessage,
  type OutgoingMessage,
  type ReceiveRoom,
  type SystemCalls,
  UNTOUCHED,
} from '../stack.ts';
import { libc, memory, orErrno } from './libc.ts';
import { addressIn, MessageHeader, SOCKADDR_BYTES, sockaddr } from './structures.ts';

const SOCKET_FLAGS: number = SOCK_NONBLOCK | SOCK_CLOEXEC;
const ALL_EVENTS: number = POLL.IN | POLL.PRI | POLL.OUT | POLL.RDHUP;
// struct pollfd: fd, events, returned events.
const POLLFD_BYTES = 8;

/** The kernel's own system calls, on sockets that never block. */
export class KernelCalls implements SystemCalls {
  socket(family: number, type: number, protocol: number): number {
    return orErrno(libc.socket(family, type | SOCKET_FLAGS, protocol));
  }

  bind(fd: number, address: Address): number {
    const bytes = sockaddr(address);
    return orErrno(libc.bind(fd, bytes, bytes.length));
  }

  listen(fd: number, backlog: number): number {
    return orErrno(libc.listen(fd, backlog));
  }

  accept(fd: number, flags: number): number {
    return orErrno(libc.accept4(fd, null, null, flags | SOCKET_FLAGS));
  }

  connect(fd: number, address: Address | null): number {
    const bytes = sockaddr(address);
    return orErrno(libc.connect(fd, bytes, bytes.length));
  }

  sendmsg(fd: number, message: OutgoingMessage, flags: number): number {
    const name = message.to === undefined ? null : sockaddr(message.to);
    const header = new MessageHeader(message.iov.map(lasting), lastingOrNull(message.control), name);
    return orErrno(Number(libc.sendmsg(fd, header.bytes, flags)));
  }

  recvmsg(fd: number, room: ReceiveRoom, flags: number): IncomingMessage {
    const iov = room.iov.map((length) => memory(length).fill(UNTOUCHED));
    const control = room.control === undefined ? null : memory(room.control);
    const name = room.name === true ? memory(SOCKADDR_BYTES) : null;
    const header = new MessageHeader(iov, control, name);
    const result = orErrno(Number(libc.recvmsg(fd, header.bytes, flags)));
    const from = name === null || result < 0 ? null : addressIn(name, header.nameLength);
    const used = control?.subarray(0, header.controlLength) ?? memory(0);
    return { result, iov, flags: header.flags, control: used, from };
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array | null, length: number): number {
    return orErrno(libc.setsockopt(fd, level, name, value === null ? null : lasting(value), length >>> 0));
  }

  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    const to = lasting(value);
    const length = new Uint32Array(new ArrayBuffer(4));
    length[0] = value.length;
    const result = orErrno(libc.getsockopt(fd, level, name, to, length));
    value.set(to);
    return result < 0 ? result : length[0];
  }

  shutdown(fd: number, how: number): number {
    return orErrno(libc.shutdown(fd, how));
  }

  close(fd: number): number {
    return orErrno(libc.close(fd));
  }

  poll(fd: number): number {
    return this.wait(fd, ALL_EVENTS, 0);
  }

  /** Blocks until one of the events, or an error, or the time is over. @returns what `poll` reports of all events. */
  wait(fd: number, events: number, timeoutMs: number): number {
    const ready = pollOnce(fd, events, timeoutMs);
    return ready < 0 || events === ALL_EVENTS ? ready : pollOnce(fd, ALL_EVENTS, 0);
  }

  getsockname(fd: number): Address | number {
    return name(fd, libc.getsockname);
  }

  getpeername(fd: number): Address | number {
    return name(fd, libc.getpeername);
  }
}

function pollOnce(fd: number, events: number, timeoutMs: number): number {
  const pollfd = memory(POLLFD_BYTES);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  const result = orErrno(libc.poll(pollfd, 1, timeoutMs));
  return result < 0 ? result : view.getInt16(6, true);
}

function name(fd: number, call: typeof libc.getsockname): Address | number {
  const bytes = memory(SOCKADDR_BYTES);
  const length = new Uint32Array(new ArrayBuffer(4));
  length[0] = bytes.length;
  const result = orErrno(call(fd, bytes, length));
  return result < 0 ? result : (addressIn(bytes, length[0]) ?? result);
}

/** The same bytes where they do not move. */
function lasting(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = memory(bytes.length);
  copy.set(bytes);
  return copy;
}

function lastingOrNull(bytes: Uint8Array | undefined): Uint8Array | null {
  return bytes === undefined ? null : lasting(bytes);
}
