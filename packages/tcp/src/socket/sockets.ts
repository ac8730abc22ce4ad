import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IPPROTO,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  TCP_CM_INQ,
  UIO_MAXIOV,
} from '@netmem/uapi';
import { ControlWriter } from '../devmem/control-writer.ts';
import { releaseUserFrags } from '../devmem/dontneed.ts';
import { type DevmemCounters, DmabufReceiver } from '../devmem/recvmsg-dmabuf.ts';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import type { SockListener } from '../stack/sock-listener.ts';
import { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_SENT } from '../tcp/tcp-states.ts';
import { UdpSock } from '../udp/udp-sock.ts';
import { skBusyLoop } from './busy-poll.ts';
import { FdTable } from './fd-table.ts';
import { SocketHandle, SS_CONNECTED, SS_UNCONNECTED } from './handle.ts';
import { lacksScope } from './link-scope.ts';
import { IovCursor, type Msghdr } from './msghdr.ts';
import { unspecifiedIsSelf } from './own-address.ts';
import { pollMask } from './poll.ts';
import { checkSendControl } from './send-control.ts';
import { getSocketOption, type OptionContext, setSocketOption } from './socket-options.ts';
import { disconnect, streamConnect, streamShutdown } from './stream-connect.ts';
import { sendStream } from './stream-send.ts';
import { TcpReceiver } from './tcp-recvmsg.ts';
import { putStamps } from './timestamping-options.ts';
import { receiveDatagram, sendDatagram } from './udp-messages.ts';
import { UnixSock } from './unix-sock.ts';

const TYPE_MASK = 0xf;
const TYPE_FLAGS: number = SOCK_NONBLOCK | SOCK_CLOEXEC;
/** Types that Linux has numbers for. @kernel SOCK_MAX — include/linux/net.h, 7.3 */
const SOCK_MAX = 11;
/** @kernel IPPROTO_MAX — include/uapi/linux/in.h, 7.3 */
const IPPROTO_MAX = 263;
/** Comes back in the flags of a received message: it is part of what is asked of control messages. @kernel MSG_CMSG_CLOEXEC — include/linux/socket.h, 7.3 */
const MSG_CMSG_CLOEXEC = 0x40000000;

type InetSock = TcpSock | UdpSock;

/** An address as the calls take it: text (`10.0.0.2`, `fe80::1%3`) or already parsed. On an AF_INET6 socket an IPv4 address stands for its mapped form. */
export type AddressLike = string | InetAddress;

/**
 * The system calls of one host, in Linux's numbers, flags and errnos: the faithful voice of the stack.
 *
 * Every call is non-blocking: where Linux would sleep it answers -EAGAIN or -EINPROGRESS. `whenReady` is the promise that a blocking caller awaits.
 * Results are what the call returns, or a negative errno; -EBADF for a descriptor that is not open is left out below.
 */
export class Sockets {
  readonly #core: InetCore;
  readonly #fds: FdTable = new FdTable();
  readonly #iov: IovCursor = new IovCursor();
  readonly #control: ControlWriter = new ControlWriter();
  readonly #dmabuf: DmabufReceiver;
  readonly #tcp: TcpReceiver;
  readonly #options: OptionContext;
  readonly #listener: SockListener;
  readonly #tokenHolders: Set<SocketHandle> = new Set();

  constructor(core: InetCore) {
    const { machine, netmem } = core.network;
    this.#core = core;
    this.#dmabuf = new DmabufReceiver(machine, netmem);
    this.#tcp = new TcpReceiver(machine, this.#dmabuf, this.#iov, this.#control);
    this.#options = { sysctl: core.sysctl, netmem, counters: this.#dmabuf.counters };
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
   * @param type - SOCK_STREAM, SOCK_DGRAM or SOCK_RAW; SOCK_NONBLOCK and SOCK_CLOEXEC change nothing.
   * @returns a descriptor; -EINVAL other flags, or no such type or protocol; -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT.
   * @kernel __sys_socket — net/socket.c, 7.3
   */
  socket(family: number, type: number, protocol: number = 0): number {
    const kind = type & TYPE_MASK;
    if ((type & ~(TYPE_MASK | TYPE_FLAGS)) !== 0) return -EINVAL;
    if (family !== AF_UNIX && family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
    if (kind >= SOCK_MAX) return -EINVAL;
    if (family === AF_UNIX) {
      return kind === SOCK_STREAM ? this.#installUnix(new UnixSock()).fd : -ESOCKTNOSUPPORT;
    }
    if (protocol < 0 || protocol >= IPPROTO_MAX) return -EINVAL;
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
   * @returns the descriptors; -EOPNOTSUPP for another family.
   * @kernel __sys_socketpair — net/socket.c, 7.3
   */
  socketpair(family: number): readonly [number, number] | number {
    if (family !== AF_UNIX) return -EOPNOTSUPP;
    const [a, b] = UnixSock.pair();
    return [this.#installUnix(a).fd, this.#installUnix(b).fd];
  }

  /** @returns 0; -EINVAL unreadable address, a link-local one without interface, an IPv6 group on TCP, or bound already; -EAFNOSUPPORT wrong family; -EADDRNOTAVAIL; -EADDRINUSE. */
  bind(fd: number, address: AddressLike, port: number): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    const sock = handle.tcp ?? handle.udp;
    if (sock === null) return -EOPNOTSUPP;
    const parsed = parseFor(handle.family, address);
    if (typeof parsed === 'number') return parsed;
    if (parsed.isV4) return sock.bind(parsed, port);
    // A stream has no group as its end, and one IPv6 address of its own leaves no room for IPv4. @kernel __inet6_bind — net/ipv6/af_inet6.c, 7.3
    if (parsed.isMulticast && handle.tcp !== null) return -EINVAL;
    if (lacksScope(parsed, sock.boundDevice)) return -EINVAL;
    const result = sock.bind(parsed, port);
    if (result === 0 && !parsed.isAny) sock.v6only = true;
    return result;
  }

  /** @returns 0; -EOPNOTSUPP not a stream socket; -EINVAL connected or connecting; -EADDRINUSE. @kernel inet_listen — net/ipv4/af_inet.c, 7.3 */
  listen(fd: number, backlog: number): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    if (handle.tcp === null) return -EOPNOTSUPP;
    return handle.state === SS_UNCONNECTED ? handle.tcp.listen(backlog) : -EINVAL;
  }

  /**
   * @param flags - SOCK_NONBLOCK and SOCK_CLOEXEC; they change nothing.
   * @returns the descriptor of the oldest established connection; -EINVAL other flags, or not listening; -EAGAIN none; -EOPNOTSUPP not a stream socket.
   * @kernel inet_csk_accept — net/ipv4/inet_connection_sock.c, 7.3
   */
  accept(fd: number, flags: number = 0): number {
    if ((flags & ~TYPE_FLAGS) !== 0) return -EINVAL;
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    if (handle.tcp === null) return -EOPNOTSUPP;
    if (handle.tcp.state !== TCP_LISTEN) return -EINVAL;
    const child = handle.tcp.acceptDequeue();
    if (child === null) return -EAGAIN;
    const accepted = this.#installTcp(child);
    accepted.state = SS_CONNECTED;
    // A child is a copy of its listener; only the tokens start from nothing.
    accepted.inq = handle.inq;
    accepted.zerocopy = handle.zerocopy;
    accepted.lingerNs = handle.lingerNs;
    return accepted.fd;
  }

  /**
   * Starts a connection. On UDP: sets the peer.
   *
   * @param address - Null is AF_UNSPEC: the socket is disconnected, and can connect again.
   * @returns -EINPROGRESS the SYN is out; 0 established; -EALREADY still under way; -EISCONN; -EAFNOSUPPORT, -EINVAL bad address; -ENETUNREACH,
   * -EHOSTUNREACH; -EADDRNOTAVAIL; and, asked again after a failure, why it failed.
   */
  connect(fd: number, address: AddressLike | null, port: number): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    const { tcp, udp } = handle;
    if (tcp === null && udp === null) return -EOPNOTSUPP;
    if (address === null) return tcp === null ? (udp?.disconnect() ?? 0) : disconnect(handle, tcp);
    const parsed = parseFor(handle.family, address);
    if (tcp !== null) return streamConnect(handle, tcp, destinationOf(tcp, parsed), port);
    if (udp === null) return -EOPNOTSUPP;
    if (!autobind(udp)) return -EAGAIN;
    const to = destinationOf(udp, parsed);
    return typeof to === 'number' ? to : udp.connect(to, port);
  }

  /**
   * Sends what `msg.iov` holds.
   *
   * @returns bytes taken, perhaps fewer; -EMSGSIZE more than 1024 regions; -EAGAIN no room or still connecting; -EPIPE; -EINVAL a control message that
   * makes no sense, or device memory that cannot be sent; -EDESTADDRREQ, -EMSGSIZE on datagrams; -EOPNOTSUPP; or the pending error.
   * @kernel __sys_sendmsg — net/socket.c, 7.3
   */
  sendmsg(fd: number, msg: Msghdr, flags: number = 0): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    if (msg.iov.length > UIO_MAXIOV) return -EMSGSIZE;
    if (handle.unix !== null) return handle.unix.send(msg);
    if (handle.udp !== null && !autobind(handle.udp)) return -EAGAIN;
    const error = checkSendControl(handle, msg);
    if (error < 0) return error;
    if (handle.udp !== null) return sendDatagram(handle.udp, msg, flags);
    if (handle.tcp !== null) return sendStream(handle.tcp, msg, flags);
    return handle.other === 'raw' ? -EDESTADDRREQ : -EOPNOTSUPP;
  }

  /**
   * Receives into `msg`. Device memory comes as control messages when MSG_SOCK_DEVMEM is given, ordinary bytes in the iovec either way.
   *
   * @returns bytes, 0 at the end of the stream; -EMSGSIZE more than 1024 regions; -EAGAIN; and what `TcpReceiver.receive` lists.
   * @kernel __sys_recvmsg — net/socket.c, 7.3
   */
  recvmsg(fd: number, msg: Msghdr, flags: number = 0): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    msg.flags = flags & MSG_CMSG_CLOEXEC;
    msg.controlLength = 0;
    msg.inq = 0;
    if (msg.iov.length > UIO_MAXIOV) return -EMSGSIZE;
    // Error queues hold zerocopy completions and ICMP errors; nothing here queues either.
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    this.#iov.reset(msg.iov);
    this.#control.reset(msg.control);
    let result = -EAGAIN;
    if (handle.tcp !== null) result = this.#receiveTcp(handle, handle.tcp, msg, flags);
    else if (handle.udp !== null) result = receiveDatagram(handle.udp, msg, this.#iov, this.#control, flags);
    else if (handle.unix !== null) result = this.#receiveUnix(handle.unix, msg, flags);
    else if (handle.other === 'mptcp') result = -ENOTCONN;
    if (result >= 0) msg.controlLength = this.#control.length;
    return result;
  }

  /** @kernel tcp_recvmsg — net/ipv4/tcp.c, 7.3 */
  #receiveTcp(handle: SocketHandle, sock: TcpSock, msg: Msghdr, flags: number): number {
    if (sock.state === TCP_ESTABLISHED && sock.receiveQueue.peek() === null) skBusyLoop(sock);
    const result = this.#tcp.receive(sock, handle.tokens, msg, flags);
    if (!handle.holdsTokens && handle.tokens.count > 0) {
      handle.holdsTokens = true;
      this.#tokenHolders.add(handle);
    }
    if (sock.tsFlags !== 0 && result >= 0 && this.#tcp.stamped) {
      msg.flags |= putStamps(this.#control, sock, this.#tcp.stamps);
    }
    if (handle.inq && result >= 0) {
      const left = (sock.rcvNxt - sock.copiedSeq) | 0;
      // At the end of the stream: come again, to be told so.
      msg.inq = left === 0 && sock.done ? 1 : left;
      msg.flags |= this.#control.putInt(IPPROTO.TCP, TCP_CM_INQ, msg.inq);
    }
    return result;
  }

  #receiveUnix(sock: UnixSock, msg: Msghdr, flags: number): number {
    // No out-of-band byte can have been sent.
    return (flags & MSG_OOB) !== 0 ? -EINVAL : sock.receive(msg, this.#iov, (flags & MSG_PEEK) !== 0);
  }

  /** @param length - As the caller states it, negative and oversized values included. See `setSocketOption` for results. */
  setsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array | null,
    length: number = value?.length ?? 0,
  ): number {
    const handle = this.#fds.get(fd);
    return handle === undefined ? -EBADF : setSocketOption(this.#options, handle, level, name, value, length);
  }

  /** @returns bytes written to `value`; -ENOPROTOOPT. See `getSocketOption`. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    const handle = this.#fds.get(fd);
    return handle === undefined ? -EBADF : getSocketOption(this.#options, handle, level, name, value);
  }

  /** @param how - SHUT_RD, SHUT_WR or SHUT_RDWR. @returns 0; -EINVAL; -ENOTCONN; -EOPNOTSUPP. */
  shutdown(fd: number, how: number): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    const { tcp, udp } = handle;
    if (tcp !== null) return streamShutdown(handle, tcp, how);
    return udp === null ? -EOPNOTSUPP : udp.shutdown(how);
  }

  /**
   * Gives the descriptor up. TCP finishes alone; tokens are released when the protocol is done with the socket, as in Linux.
   *
   * @returns 0.
   */
  close(fd: number): number {
    const handle = this.#fds.get(fd);
    if (handle === undefined) return -EBADF;
    this.#fds.remove(fd);
    handle.tcp?.close(handle.lingerNs);
    handle.udp?.close();
    handle.unix?.close();
    handle.wake();
    return 0;
  }

  /** What `poll` would report: POLL bits. */
  poll(fd: number): number {
    const handle = this.#fds.get(fd);
    return handle === undefined ? -EBADF : pollMask(handle);
  }

  /**
   * Resolves when something about the descriptor changed since the call: more to read, room to write, a new state, closed. Look with `poll`, or try,
   * first. At once when it is not open.
   *
   * @param signal - Its abort rejects the promise with its reason, and nothing else.
   */
  whenReady(fd: number, signal?: AbortSignal): Promise<void> {
    const handle = this.#fds.get(fd);
    return handle === undefined ? Promise.resolve() : handle.changed(signal);
  }

  /** The local address and port; null when the descriptor is not open or has none. */
  getsockname(fd: number): { address: InetAddress; port: number } | null {
    const sock = this.#inet(fd);
    return sock === null ? null : { address: sock.localAddress.clone(), port: sock.localPort };
  }

  /** The peer's address and port; null when not connected, or not yet. @kernel inet_getname — net/ipv4/af_inet.c, 7.3 */
  getpeername(fd: number): { address: InetAddress; port: number } | null {
    const sock = this.#inet(fd);
    if (sock === null || sock.remotePort === 0) return null;
    if (sock === this.tcpSock(fd) && (sock.state === TCP_CLOSE || sock.state === TCP_SYN_SENT)) return null;
    return { address: sock.remoteAddress.clone(), port: sock.remotePort };
  }

  /** The protocol's own object behind a TCP descriptor, for a debugger or a state dump; null for other kinds. */
  tcpSock(fd: number): TcpSock | null {
    return this.#fds.get(fd)?.tcp ?? null;
  }

  /** Descriptors that are open. */
  get openCount(): number {
    return this.#fds.openCount;
  }

  /** What is still held, as sentences; empty when everything was closed and returned. */
  audit(): string[] {
    const findings: string[] = [];
    if (this.openCount > 0) findings.push(`${this.openCount} sockets are open`);
    if (this.tokensOutstanding > 0) findings.push(`${this.tokensOutstanding} devmem tokens are out`);
    return findings;
  }

  #inet(fd: number): TcpSock | UdpSock | null {
    const handle = this.#fds.get(fd);
    return handle?.tcp ?? handle?.udp ?? null;
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

  #installUnix(unix: UnixSock): SocketHandle {
    const handle = this.#install(AF_UNIX, SOCK_STREAM, 0, { unix });
    unix.onChange = () => handle.wake();
    return handle;
  }

  #install(
    family: number,
    type: number,
    protocol: number,
    sock: ConstructorParameters<typeof SocketHandle>[4],
  ): SocketHandle {
    const handle = new SocketHandle(this.#fds.next, family, type, protocol, sock);
    this.#fds.install(handle);
    return handle;
  }

  #destroyed(sock: object): void {
    const handle = handleOf(sock);
    if (handle === null) return;
    this.#dmabuf.counters.tokensReleased += releaseUserFrags(handle.tokens, this.#core.network.netmem);
    this.#tokenHolders.delete(handle);
    handle.holdsTokens = false;
    handle.wake();
  }
}

function parseFor(family: number, address: AddressLike): InetAddress | number {
  const parsed = typeof address === 'string' ? InetAddress.parse(address) : address;
  if (parsed === null) return -EINVAL;
  return family === AF_INET && !parsed.isV4 ? -EAFNOSUPPORT : parsed;
}

/** What a socket can connect to: a link-local address needs an interface, the unspecified one is this host. @kernel tcp_v6_connect — net/ipv6/tcp_ipv6.c, 7.3 */
function destinationOf(sock: InetSock, address: InetAddress | number): InetAddress | number {
  if (typeof address === 'number') return address;
  // A stream cannot go to a group with or without an interface.
  if (lacksScope(address, sock.boundDevice) && !(address.isMulticast && sock instanceof TcpSock)) return -EINVAL;
  return unspecifiedIsSelf(address, sock.localAddress);
}

/** A datagram socket has a port from its first use on, even if that comes to nothing. False: no port is free. @kernel inet_autobind — net/ipv4/af_inet.c, 7.3 */
function autobind(udp: UdpSock): boolean {
  return udp.localPort !== 0 || udp.bind(InetAddress.any(udp.family), 0) === 0;
}

function handleOf(sock: object): SocketHandle | null {
  return (sock as TcpSock | UdpSock).userData as SocketHandle | null;
}
