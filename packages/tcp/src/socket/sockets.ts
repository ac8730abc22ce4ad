import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  EDESTADDRREQ,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IPPROTO,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  TCP_CM_INQ,
} from '@netmem/uapi';
import { ControlWriter } from '../devmem/control-writer.ts';
import { releaseUserFrags } from '../devmem/dontneed.ts';
import { type DevmemCounters, DmabufReceiver } from '../devmem/recvmsg-dmabuf.ts';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { type SockListener, TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT } from '../tcp/tcp-states.ts';
import { UdpSock } from '../udp/udp-sock.ts';
import { SocketHandle } from './handle.ts';
import { IovCursor, type Msghdr } from './msghdr.ts';
import { pollMask } from './poll.ts';
import { checkSendControl } from './send-control.ts';
import { getSocketOption, type OptionContext, setSocketOption } from './socket-options.ts';
import { TcpReceiver } from './tcp-recvmsg.ts';
import { receiveDatagram, sendDatagram } from './udp-messages.ts';
import { UnixSock } from './unix-sock.ts';

/** First descriptor handed out: 0 to 2 are a process's standard streams. */
const FIRST_FD = 3;
const TYPE_FLAGS: number = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** An address as the calls take it: text (`10.0.0.2`, `fe80::1%3`) or already parsed. */
export type AddressLike = string | InetAddress;

/**
 * The system calls of one host, in Linux's numbers, flags and errnos: the faithful voice of the stack.
 *
 * Every call is non-blocking: where Linux would sleep it answers -EAGAIN or -EINPROGRESS. `whenReady` is the promise that a blocking caller awaits.
 * Results are what the call returns, or a negative errno; -EBADF for a descriptor that is not open is left out below.
 */
export class Sockets {
  readonly #core: InetCore;
  readonly #handles: (SocketHandle | undefined)[] = [];
  readonly #iov: IovCursor = new IovCursor();
  readonly #control: ControlWriter = new ControlWriter();
  readonly #dmabuf: DmabufReceiver;
  readonly #tcp: TcpReceiver;
  readonly #options: OptionContext;
  readonly #listener: SockListener;
  #tokenHolders: Set<SocketHandle> = new Set();

  constructor(core: InetCore) {
    const { machine, netmem } = core.network;
    this.#core = core;
    this.#dmabuf = new DmabufReceiver(machine, netmem);
    this.#tcp = new TcpReceiver(machine, this.#dmabuf, this.#iov, this.#control);
    this.#options = { machine, netmem, counters: this.#dmabuf.counters };
    const wake = (sock: object): void => handleOf(sock)?.wake();
    this.#listener = { stateChanged: wake, readable: wake, writable: wake, destroyed: (sock) => this.#destroyed(sock) };
  }

  /** What devmem receives delivered and what came back. */
  get devmem(): Readonly<DevmemCounters> {
    return this.#dmabuf.counters;
  }

  /** TCP payload that was copied to user memory without a control message. */
  get copiedBytes(): number {
    return this.#tcp.copiedBytes;
  }

  /** Tokens that applications hold now, over all sockets, closed ones that still live included. */
  get tokensOutstanding(): number {
    let total = 0;
    for (const handle of this.#tokenHolders) total += handle.tokens.count;
    return total;
  }

  /**
   * @param type - SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK and SOCK_CLOEXEC ignored.
   * @returns a descriptor; -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT.
   * @kernel __sys_socket — net/socket.c, 7.3
   */
  socket(family: number, type: number, protocol: number = 0): number {
    const kind = type & ~TYPE_FLAGS;
    if (family === AF_UNIX) {
      if (kind !== SOCK_STREAM) return -ESOCKTNOSUPPORT;
      return this.#install(family, kind, protocol, { unix: new UnixSock() }).fd;
    }
    if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
    switch (kind) {
      case SOCK_STREAM:
        if (protocol === IPPROTO.MPTCP) return this.#install(family, kind, protocol, { other: 'mptcp' }).fd;
        if (protocol !== 0 && protocol !== IPPROTO.TCP) return -EPROTONOSUPPORT;
        return this.#installTcp(TcpSock.create(this.#core, family)).fd;
      case SOCK_DGRAM:
        if (protocol !== 0 && protocol !== IPPROTO.UDP) return -EPROTONOSUPPORT;
        return this.#installUdp(UdpSock.create(this.#core, family)).fd;
      case SOCK_RAW:
        return protocol === 0 ? -EPROTONOSUPPORT : this.#install(family, kind, protocol, { other: 'raw' }).fd;
      default:
        return -ESOCKTNOSUPPORT;
    }
  }

  /**
   * Two connected UNIX stream sockets.
   *
   * @returns the descriptors; -EAFNOSUPPORT for another family.
   */
  socketpair(family: number): readonly [number, number] | number {
    if (family !== AF_UNIX) return -EAFNOSUPPORT;
    const [a, b] = UnixSock.pair();
    return [
      this.#install(AF_UNIX, SOCK_STREAM, 0, { unix: a }).fd,
      this.#install(AF_UNIX, SOCK_STREAM, 0, { unix: b }).fd,
    ];
  }

  /** @returns 0; -EINVAL unreadable address or bound already; -EAFNOSUPPORT wrong family; -EADDRNOTAVAIL; -EADDRINUSE. */
  bind(fd: number, address: AddressLike, port: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    const sock = handle.tcp ?? handle.udp;
    if (sock === null) return -EOPNOTSUPP;
    const parsed = this.#parse(address, handle.family);
    return typeof parsed === 'number' ? parsed : sock.bind(parsed, port);
  }

  /** @returns 0; -EOPNOTSUPP not a stream socket; -EINVAL connected; -EADDRINUSE. */
  listen(fd: number, backlog: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    return handle.tcp === null ? -EOPNOTSUPP : handle.tcp.listen(backlog);
  }

  /** @returns the descriptor of the oldest established connection; -EAGAIN none; -EINVAL not listening; -EOPNOTSUPP not a stream socket. */
  accept(fd: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    if (handle.tcp === null) return -EOPNOTSUPP;
    if (handle.tcp.state !== TCP_LISTEN) return -EINVAL;
    const child = handle.tcp.acceptDequeue();
    if (child === null) return -EAGAIN;
    const accepted = this.#installTcp(child);
    accepted.inq = handle.inq;
    return accepted.fd;
  }

  /**
   * Starts a connection.
   *
   * @returns -EINPROGRESS the SYN is out; 0 established; -EALREADY still under way; -EISCONN; -EAFNOSUPPORT, -EINVAL bad address; -ENETUNREACH; -EADDRNOTAVAIL.
   * @kernel __inet_stream_connect — net/ipv4/af_inet.c, 7.3
   */
  connect(fd: number, address: AddressLike, port: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    const sock = handle.tcp ?? handle.udp;
    if (sock === null) return -EOPNOTSUPP;
    const parsed = this.#parse(address, handle.family);
    if (typeof parsed === 'number') return parsed;
    const tcp = handle.tcp;
    if (tcp === null) return sock.connect(parsed, port);
    if (handle.connecting) return this.#connectProgress(handle, tcp);
    if (tcp.state !== TCP_CLOSE) return -EISCONN;
    const error = tcp.connect(parsed, port);
    if (error < 0) return error;
    handle.connecting = true;
    return -EINPROGRESS;
  }

  #connectProgress(handle: SocketHandle, tcp: TcpSock): number {
    if (tcp.state === TCP_SYN_SENT || tcp.state === TCP_SYN_RECV) return -EALREADY;
    handle.connecting = false;
    return tcp.state === TCP_CLOSE ? tcp.takeError() || -ENOTCONN : 0;
  }

  /**
   * Sends what `msg.iov` holds.
   *
   * @returns bytes taken, perhaps fewer; -EAGAIN no room or still connecting; -EPIPE; -EINVAL a control message that makes no sense, or device memory
   * that cannot be sent; -EDESTADDRREQ, -EMSGSIZE on datagrams; -EOPNOTSUPP; or the pending error.
   * @kernel __sys_sendmsg — net/socket.c, 7.3
   */
  sendmsg(fd: number, msg: Msghdr, flags: number = 0): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    if (handle.unix !== null) return handle.unix.send(msg);
    const error = checkSendControl(handle, msg, flags);
    if (error < 0) return error;
    if (handle.udp !== null) return sendDatagram(handle.udp, msg, flags);
    if (handle.tcp === null) return handle.other === 'raw' ? -EDESTADDRREQ : -EOPNOTSUPP;
    let sent = 0;
    for (let i = 0; i < msg.iov.length; i++) {
      const region = msg.iov[i] as Msghdr['iov'][number];
      if (region.length === 0) continue;
      const result = handle.tcp.sendFrom(region, 0, region.length, flags);
      if (result < 0) return sent > 0 ? sent : result;
      sent += result;
      if (result < region.length) break;
    }
    return sent;
  }

  /**
   * Receives into `msg`. Device memory comes as control messages when MSG_SOCK_DEVMEM is given, ordinary bytes in the iovec either way.
   *
   * @returns bytes, 0 at the end of the stream; -EAGAIN; and what {@link TcpReceiver.receive} lists.
   * @kernel __sys_recvmsg — net/socket.c, 7.3
   */
  recvmsg(fd: number, msg: Msghdr, flags: number = 0): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    msg.flags = 0;
    msg.controlLength = 0;
    msg.inq = 0;
    // Error queues only ever hold zerocopy completions and ICMP errors; nothing here queues either.
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    this.#iov.reset(msg.iov);
    this.#control.reset(msg.control);
    let result = -EAGAIN;
    if (handle.tcp !== null) result = this.#receiveTcp(handle, handle.tcp, msg, flags);
    else if (handle.udp !== null)
      result = receiveDatagram(this.#core.machine.memory.bytes, handle.udp, msg, this.#iov, flags);
    else if (handle.unix !== null) {
      result = (flags & MSG_OOB) !== 0 ? -EOPNOTSUPP : handle.unix.receive(msg, this.#iov, (flags & MSG_PEEK) !== 0);
    }
    msg.controlLength = this.#control.length;
    return result;
  }

  #receiveTcp(handle: SocketHandle, sock: TcpSock, msg: Msghdr, flags: number): number {
    const result = this.#tcp.receive(sock, handle.tokens, msg, flags);
    if (handle.tokens.count > 0) this.#tokenHolders.add(handle);
    if (handle.inq && result >= 0 && (flags & MSG_TRUNC) === 0) {
      msg.inq = (sock.rcvNxt - sock.copiedSeq) >>> 0;
      this.#control.putInt(IPPROTO.TCP, TCP_CM_INQ, msg.inq);
    }
    return result;
  }

  /** @param length - As the caller states it, negative and oversized values included. See {@link setSocketOption} for results. */
  setsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array | null,
    length: number = value?.length ?? 0,
  ): number {
    const handle = this.#handles[fd];
    return handle === undefined ? -EBADF : setSocketOption(this.#options, handle, level, name, value, length);
  }

  /** See {@link getSocketOption} for results. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    const handle = this.#handles[fd];
    return handle === undefined ? -EBADF : getSocketOption(handle, level, name, value);
  }

  /** @param how - SHUT_RD, SHUT_WR or SHUT_RDWR. @returns 0; -EINVAL; -ENOTCONN; -EOPNOTSUPP. */
  shutdown(fd: number, how: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    const sock = handle.tcp ?? handle.udp;
    return sock === null ? -EOPNOTSUPP : sock.shutdown(how);
  }

  /**
   * Gives the descriptor up. TCP finishes alone; tokens are released when the protocol is done with the socket, as in Linux.
   *
   * @returns 0.
   */
  close(fd: number): number {
    const handle = this.#handles[fd];
    if (handle === undefined) return -EBADF;
    this.#handles[fd] = undefined;
    handle.tcp?.close(handle.lingerNs);
    handle.udp?.close();
    handle.unix?.close();
    handle.wake();
    return 0;
  }

  /** What `poll` would report: POLL bits. -EBADF when not open. */
  poll(fd: number): number {
    const handle = this.#handles[fd];
    return handle === undefined ? -EBADF : pollMask(handle);
  }

  /**
   * Resolves when something about the descriptor changed since the call: more to read, room to write, a new state, closed. Look with `poll` first.
   *
   * @returns a promise that never rejects.
   */
  whenReady(fd: number): Promise<void> {
    const handle = this.#handles[fd];
    if (handle === undefined) return Promise.resolve();
    return new Promise((resolve) => handle.waiters.push(resolve));
  }

  /** The local address and port; null when the descriptor is not open or has none. */
  getsockname(fd: number): { address: InetAddress; port: number } | null {
    const sock = this.#inet(fd);
    return sock === null ? null : { address: sock.localAddress.clone(), port: sock.localPort };
  }

  /** The peer's address and port; null when not connected. */
  getpeername(fd: number): { address: InetAddress; port: number } | null {
    const sock = this.#inet(fd);
    return sock === null || sock.remotePort === 0
      ? null
      : { address: sock.remoteAddress.clone(), port: sock.remotePort };
  }

  /** The protocol's own object behind a TCP descriptor, for a debugger or a state dump; null for other kinds. */
  tcpSock(fd: number): TcpSock | null {
    return this.#handles[fd]?.tcp ?? null;
  }

  /** Descriptors that are open. */
  get openCount(): number {
    return this.#handles.reduce((n, handle) => (handle === undefined ? n : n + 1), 0);
  }

  /** What is still held, as sentences; empty when everything was closed and returned. */
  audit(): string[] {
    const findings: string[] = [];
    if (this.openCount > 0) findings.push(`${this.openCount} sockets are open`);
    if (this.tokensOutstanding > 0) findings.push(`${this.tokensOutstanding} devmem tokens are out`);
    return findings;
  }

  #inet(fd: number): TcpSock | UdpSock | null {
    const handle = this.#handles[fd];
    return handle?.tcp ?? handle?.udp ?? null;
  }

  #parse(address: AddressLike, family: number): InetAddress | number {
    const parsed = typeof address === 'string' ? InetAddress.parse(address) : address;
    if (parsed === null) return -EINVAL;
    return family === AF_INET && !parsed.isV4 ? -EAFNOSUPPORT : parsed;
  }

  #installTcp(tcp: TcpSock): SocketHandle {
    const handle = this.#install(tcp.family, SOCK_STREAM, IPPROTO.TCP, { tcp });
    tcp.listener = this.#listener;
    tcp.userData = handle;
    return handle;
  }

  #installUdp(udp: UdpSock): SocketHandle {
    const handle = this.#install(udp.family, SOCK_DGRAM, IPPROTO.UDP, { udp });
    udp.listener = this.#listener;
    udp.userData = handle;
    return handle;
  }

  /** Takes the lowest free descriptor, as every Unix does. */
  #install(
    family: number,
    type: number,
    protocol: number,
    sock: ConstructorParameters<typeof SocketHandle>[4],
  ): SocketHandle {
    let fd = FIRST_FD;
    while (this.#handles[fd] !== undefined) fd++;
    const handle = new SocketHandle(fd, family, type, protocol, sock);
    this.#handles[fd] = handle;
    return handle;
  }

  #destroyed(sock: object): void {
    const handle = handleOf(sock);
    if (handle === null) return;
    this.#dmabuf.counters.tokensReleased += handle.tokens.count;
    releaseUserFrags(handle.tokens, this.#core.network.netmem);
    this.#tokenHolders.delete(handle);
    handle.wake();
  }
}

function handleOf(sock: object): SocketHandle | null {
  return (sock as TcpSock | UdpSock).userData as SocketHandle | null;
}
