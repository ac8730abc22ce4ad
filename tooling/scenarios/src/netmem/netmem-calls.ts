import { type Region, regionOf } from '@netmem/region';
import { InetAddress, type InetStack, Msghdr, type Sockets } from '@netmem/tcp';
import { AF_INET6, EBADF, ENOTCONN, SO, SOL_SOCKET } from '@netmem/uapi';
import {
  type Address,
  type IncomingMessage,
  type OutgoingMessage,
  type ReceiveRoom,
  type SystemCalls,
  UNTOUCHED,
} from '../stack.ts';

/** The faithful voice of one of this project's hosts, in the words of {@link SystemCalls}. */
export class NetmemCalls implements SystemCalls {
  readonly #stack: InetStack;

  constructor(stack: InetStack) {
    this.#stack = stack;
  }

  get #sockets(): Sockets {
    return this.#stack.sockets;
  }

  socket(family: number, type: number, protocol: number): number {
    return this.#sockets.socket(family, type, protocol);
  }

  bind(fd: number, address: Address): number {
    return this.#sockets.bind(fd, address.ip, address.port);
  }

  listen(fd: number, backlog: number): number {
    return this.#sockets.listen(fd, backlog);
  }

  accept(fd: number, flags: number): number {
    return this.#sockets.accept(fd, flags);
  }

  connect(fd: number, address: Address | null): number {
    return this.#sockets.connect(fd, address?.ip ?? null, address?.port ?? 0);
  }

  sendmsg(fd: number, message: OutgoingMessage, flags: number): number {
    const control = message.control === undefined ? null : regionOf(message.control);
    const msg = new Msghdr(message.iov.map(regionOf), control);
    msg.controlLength = control?.length ?? 0;
    if (message.to !== undefined) {
      msg.name = parse(message.to.ip);
      msg.port = message.to.port;
    }
    return this.#sockets.sendmsg(fd, msg, flags);
  }

  recvmsg(fd: number, room: ReceiveRoom, flags: number): IncomingMessage {
    const iov = room.iov.map((length) => new Uint8Array(length).fill(UNTOUCHED));
    const control: Region | null = room.control === undefined ? null : regionOf(new Uint8Array(room.control));
    const msg = new Msghdr(iov.map(regionOf), control);
    const result = this.#sockets.recvmsg(fd, msg, flags);
    const from = room.name === true && msg.name !== null ? this.#address(fd, msg.name, msg.port) : null;
    const used = control?.bytes.subarray(0, msg.controlLength) ?? new Uint8Array(0);
    return { result, iov, flags: msg.flags, control: used, from };
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array | null, length: number): number {
    return this.#sockets.setsockopt(fd, level, name, value, length);
  }

  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    return this.#sockets.getsockopt(fd, level, name, value);
  }

  shutdown(fd: number, how: number): number {
    return this.#sockets.shutdown(fd, how);
  }

  close(fd: number): number {
    return this.#sockets.close(fd);
  }

  poll(fd: number): number {
    return this.#sockets.poll(fd);
  }

  getsockname(fd: number): Address | number {
    const name = this.#sockets.getsockname(fd);
    return name === null ? -EBADF : this.#address(fd, name.address, name.port);
  }

  getpeername(fd: number): Address | number {
    const name = this.#sockets.getpeername(fd);
    return name === null ? -ENOTCONN : this.#address(fd, name.address, name.port);
  }

  /** As a `sockaddr` of the socket's family says it: an IPv4 address on an IPv6 socket is a mapped one. */
  #address(fd: number, address: InetAddress, port: number): Address {
    const text = address.toString();
    const family = new Uint8Array(4);
    this.#sockets.getsockopt(fd, SOL_SOCKET, SO.DOMAIN, family);
    return { ip: family[0] === AF_INET6 && address.isV4 ? `::ffff:${text}` : text, port };
  }
}

function parse(ip: string): InetAddress {
  const address = InetAddress.parse(ip);
  if (address === null) throw new TypeError(`no address: ${ip}`);
  return address;
}
