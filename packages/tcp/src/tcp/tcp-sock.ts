/**
 * One TCP connection or listener: what Linux calls tcp_sock.
 *
 * Who owns what. The protocol half (this folder) owns every field; the socket half (`../socket`) reads those listed under "socket layer reads" and writes
 * only those listed under "socket layer writes". The receive queue is filled here, in softirq context; the socket layer takes from it in process context
 * by `eatSkb(skb)` after it has advanced `copiedSeq`, and tells how much it took by `cleanupRbuf(copied)`. There is one thread and no socket lock:
 * instead, a `SockListener` callback runs in the middle of packet processing and must only note readiness (set a flag, resolve a promise), never call
 * back into the socket.
 *
 * @kernel tcp_sock — include/linux/tcp.h, 7.3
 */
import { type SkBuff, SkBuffQueue } from '@netmem/netdev';
import type { Region } from '@netmem/region';
import { EOPNOTSUPP } from '@netmem/uapi';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { TCP_CLOSE } from './tcp-states.ts';

/** Told about readiness. One object per socket layer is enough: the socket comes along. */
export interface SockListener {
  /** State, error or shutdown mask changed. @kernel sk_state_change */
  stateChanged(sock: object): void;
  /** The receive queue or (a listener's) accept queue grew, or its end came. @kernel sk_data_ready */
  readable(sock: object): void;
  /** Send-buffer space came free. @kernel sk_write_space */
  writable(sock: object): void;
  /** The sock left the protocol for good; called once. Per-socket tables (devmem tokens) are released now. @kernel sk_destruct */
  destroyed(sock: object): void;
}

/** What `getsockopt(TCP_INFO)` reports, in the units of struct tcp_info. @kernel tcp_get_info — net/ipv4/tcp.c, 7.3 */
export interface TcpInfo {
  state: number;
  caState: number;
  retransmits: number;
  probes: number;
  backoff: number;
  /** TCPI_OPT_TIMESTAMPS 1, SACK 2, WSCALE 4. */
  options: number;
  sndWscale: number;
  rcvWscale: number;
  rtoUs: number;
  atoUs: number;
  sndMss: number;
  rcvMss: number;
  unacked: number;
  sacked: number;
  lost: number;
  retrans: number;
  lastDataSentMs: number;
  lastDataRecvMs: number;
  lastAckRecvMs: number;
  pmtu: number;
  rcvSsthresh: number;
  rttUs: number;
  rttvarUs: number;
  sndSsthresh: number;
  sndCwnd: number;
  advmss: number;
  reordering: number;
  rcvRttUs: number;
  rcvSpace: number;
  totalRetrans: number;
  bytesAcked: number;
  bytesReceived: number;
  bytesSent: number;
  bytesRetrans: number;
  segsOut: number;
  segsIn: number;
  dataSegsIn: number;
  dataSegsOut: number;
  notsentBytes: number;
  minRttUs: number;
  rcvOoopack: number;
  sndWnd: number;
  rcvWnd: number;
}

/** @see the module comment for who may touch what. */
export class TcpSock {
  readonly stack: InetCore;
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: number;

  // ---- socket layer reads -----------------------------------------------------------------------------------------------------------------------------
  /** TCP_ESTABLISHED = 1 …, see tcp-states.ts. */
  state: number = TCP_CLOSE;
  /** In-order data; each skb carries CB_SEQ, CB_END_SEQ, CB_FLAGS (skb-cb.ts). `skb.data` is the first payload byte, `skb.len` the payload length. */
  readonly receiveQueue: SkBuffQueue = new SkBuffQueue();
  /** Next byte expected from the wire, int32. */
  rcvNxt: number = 0;
  /** RCV_SHUTDOWN | SEND_SHUTDOWN. */
  shutdownMask: number = 0;
  /** SOCK_DONE: the peer's FIN was taken in. */
  done: boolean = false;
  /** SOCK_DEAD: the user closed it (or nobody accepted it yet); the protocol finishes it alone. */
  dead: boolean = false;
  /** Bytes of truesize charged to the receive side. */
  rmemAlloc: number = 0;
  /** Bytes of truesize in the write queue. */
  wmemQueued: number = 0;
  /** Next byte the application writes, int32. */
  writeSeq: number = 0;
  /** Oldest unacknowledged byte, int32. */
  sndUna: number = 0;
  readonly localAddress: InetAddress;
  localPort: number = 0;
  readonly remoteAddress: InetAddress;
  remotePort: number = 0;
  /** NAPI that delivered the last segment (SO_INCOMING_NAPI_ID); 0 none. */
  napiId: number = 0;
  /** Accepted connections nobody took yet: taken by `acceptDequeue()`. */
  acceptQueueLength: number = 0;
  /** Limit of the accept queue (listen's backlog). */
  acceptBacklog: number = 0;
  /** The urgent byte: 0 none, TCP_URG_VALID | byte when it is here, TCP_URG_NOTYET, TCP_URG_READ. */
  urgData: number = 0;
  /** Sequence number of the urgent byte, int32. */
  urgSeq: number = 0;

  // ---- socket layer writes ----------------------------------------------------------------------------------------------------------------------------
  /** Next byte the application reads, int32; advanced by recvmsg. */
  copiedSeq: number = 0;
  /** Pending error, positive errno; reading it (SO_ERROR, a failed call) clears it: `takeError()`. @kernel sk_err */
  error: number = 0;
  /** Last soft (ICMP) error, positive errno. @kernel sk_err_soft */
  errorSoft: number = 0;
  /** SO_RCVBUF as Linux stores it (the doubled value). Set `rcvbufLocked` as well when the user chose it. */
  rcvbuf: number = 0;
  rcvbufLocked: boolean = false;
  sndbuf: number = 0;
  sndbufLocked: boolean = false;
  rcvlowat: number = 1;
  /** SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, SO_BINDTODEVICE (ifindex), SO_KEEPALIVE, SO_OOBINLINE. */
  reuseAddress: boolean = false;
  reusePort: boolean = false;
  v6only: boolean = false;
  boundDevice: number = 0;
  keepalive: boolean = false;
  oobInline: boolean = false;
  /** IP_TTL / IPV6_UNICAST_HOPS; -1 the default of the stack. */
  ttl: number = -1;
  tos: number = 0;
  /** TCP_MAXSEG; 0 not set. */
  userMss: number = 0;
  /** TCP_USER_TIMEOUT in ms; 0 not set. */
  userTimeoutMs: number = 0;
  /** TCP_SYNCNT; 0 the default of the stack. */
  synRetries: number = 0;
  /** TCP_LINGER2 in ms; 0 the default of the stack, -1 do not wait in FIN_WAIT2. */
  linger2Ms: number = 0;
  listener: SockListener | null = null;
  /** The socket layer's own object for this sock. Not copied to accepted children. */
  userData: object | null = null;

  private constructor(stack: InetCore, family: number) {
    this.stack = stack;
    this.family = family;
    this.localAddress = InetAddress.any(family);
    this.remoteAddress = InetAddress.any(family);
  }

  /** A closed socket. @param family AF_INET 2 or AF_INET6 10 */
  static create(stack: InetCore, family: number): TcpSock {
    return new TcpSock(stack, family);
  }

  // ---- addresses and life ------------------------------------------------------------------------------------------------------------------------------

  /** @returns 0; -EINVAL already bound or not closed; -EADDRNOTAVAIL not an address of this host; -EADDRINUSE. Port 0 picks one. */
  bind(_address: InetAddress, _port: number): number {
    return -EOPNOTSUPP;
  }

  /** @returns 0; -EINVAL not CLOSE or LISTEN; -EADDRINUSE. Again on a listener: the backlog changes. */
  listen(_backlog: number): number {
    return -EOPNOTSUPP;
  }

  /** The oldest established connection, or null. @kernel inet_csk_accept */
  acceptDequeue(): TcpSock | null {
    return null;
  }

  /**
   * Sends the SYN. The socket layer answers EISCONN and EALREADY before and EINPROGRESS after.
   * @returns 0 sent; -ENETUNREACH, -EHOSTUNREACH no route; -EADDRNOTAVAIL no free port; -EADDRINUSE the 4-tuple exists; -EINVAL listening; -ENOBUFS
   */
  connect(_address: InetAddress, _port: number): number {
    return -EOPNOTSUPP;
  }

  /** AF_UNSPEC connect: back to CLOSE, RST if there was a connection. @kernel tcp_disconnect */
  disconnect(): number {
    return 0;
  }

  /** @param how SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. @returns 0; -EINVAL bad how; -ENOTCONN. @kernel inet_shutdown */
  shutdown(_how: number): number {
    return -EOPNOTSUPP;
  }

  /** close(2): unread data or lingerNs 0 sends RST, else FIN and the protocol finishes alone. -1: SO_LINGER off. @kernel tcp_close */
  close(_lingerNs: number = -1): void {}

  /** Ends the connection with RST and `error` (positive errno) for the application. @kernel tcp_abort */
  abort(_error: number): void {}

  // ---- data --------------------------------------------------------------------------------------------------------------------------------------------

  /**
   * Copies up to `length` bytes of `region` from `at` (relative to the region) into the write queue and pushes what window and Nagle allow.
   * @param flags MSG_OOB 1, MSG_EOR 0x80, MSG_MORE 0x8000 count here; the rest is the socket layer's.
   * @returns bytes taken (> 0, may be short); -EAGAIN no space, or still connecting; -EPIPE sending side is shut; -error the pending error, now cleared; -ENOBUFS no memory
   */
  sendFrom(_region: Region, _at: number, _length: number, _flags: number): number {
    return -EOPNOTSUPP;
  }

  /** Takes `skb` (any member) off the receive queue, uncharges and frees it. @kernel tcp_eat_recv_skb */
  eatSkb(_skb: SkBuff): void {}

  /** After recvmsg moved `copied` bytes: sends a window update or a due ACK. @kernel tcp_cleanup_rbuf */
  cleanupRbuf(_copied: number): void {}

  /** Dynamic right-sizing; call after each skb taken, before `cleanupRbuf`. @kernel tcp_rcv_space_adjust */
  rcvSpaceAdjust(): void {}

  /** Returns and clears the pending error: 0 or negative errno. @kernel sock_error */
  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Room for writing as poll sees it: at least a third of the buffer free. @kernel sk_stream_is_writeable */
  get writeable(): boolean {
    return false;
  }

  // ---- options that act at once ------------------------------------------------------------------------------------------------------------------------

  /** TCP_NODELAY. Turning it on pushes what waits. */
  setNodelay(_on: boolean): void {}
  /** TCP_CORK. Turning it off pushes what waits. */
  setCork(_on: boolean): void {}
  /** TCP_QUICKACK. @kernel __tcp_sock_set_quickack */
  setQuickack(_value: number): void {}
  /** TCP_WINDOW_CLAMP. @returns 0; -EINVAL zero on a live socket. */
  setWindowClamp(_value: number): number {
    return 0;
  }
  /** Values of the three flags above, for getsockopt. */
  get nodelay(): boolean {
    return false;
  }
  get cork(): boolean {
    return false;
  }
  get quickack(): number {
    return 1;
  }
  /** Current sending MSS, TCP_MAXSEG's answer. */
  get mss(): number {
    return 536;
  }
  /** A new object with struct tcp_info's values. */
  info(): TcpInfo {
    throw new Error('tcp_info is filled by info.ts');
  }
}
