/**
 * One TCP connection or listener: what Linux calls tcp_sock.
 *
 * Who owns what. The protocol half (this folder) owns every field; the socket half (`../socket`) reads those under "socket layer reads" and writes only
 * those under "socket layer writes". The receive queue is filled here, in softirq context; the socket layer takes from it in process context by
 * `eatSkb(skb)` after it has advanced `copiedSeq`, and tells how much it took by `cleanupRbuf(copied)`. There is one thread and no socket lock: instead, a
 * `SockListener` callback runs in the middle of packet processing and must only note readiness (set a flag, resolve a promise), never call back into
 * the socket.
 *
 * The class holds state and a thin front; the work is done by functions in the files named after their role (input.ts, output.ts, acked.ts, …), which
 * take the sock first, as in the kernel. State that belongs to one role lives in that role's object: `wnd`, `ack`, `rtt`, `cong`, `rxSack`, `ofo`,
 * `options`.
 *
 * @kernel tcp_sock — include/linux/tcp.h, 7.3
 */
import type { Timer } from '@netmem/machine';
import { type SkBuff, SkBuffQueue } from '@netmem/netdev';
import type { Region } from '@netmem/region';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { Dst } from '../stack/routes.ts';
import type { SockListener } from '../stack/sock-listener.ts';
import { setQuickack } from './ack.ts';
import { AckControl, TCP_PINGPONG_THRESH } from './ack-control.ts';
import { bindSock } from './bind.ts';
import { closeSock, disconnectSock, shutdownSock } from './close.ts';
import { Congestion } from './congestion.ts';
import { assignCongestionControl } from './congestion-algorithms.ts';
import { connectSock } from './connect.ts';
import { type ConnectionNode, newNode } from './connection-table.ts';
import { abortSock } from './done.ts';
import { acceptDequeue, listenSock } from './listen.ts';
import { OutOfOrderQueue } from './ofo-queue.ts';
import { NegotiatedOptions } from './options.ts';
import { Rack } from './rack.ts';
import { cleanupRbuf, eatSkb } from './read.ts';
import { RttEstimator } from './rtt.ts';
import { RxSack } from './rx-sack.ts';
import { isWriteable } from './send-space.ts';
import { sendFrom, setCork, setNodelay } from './sendmsg.ts';
import { fillInfo, type TcpInfo } from './tcp-info.ts';
import { TCP_CLOSE, TCP_LISTEN } from './tcp-states.ts';
import { createTimers } from './timers.ts';
import { ReceiveWindow, rcvSpaceAdjust, setUserWindowClamp } from './window.ts';

export type { SockListener } from '../stack/sock-listener.ts';
export type { TcpInfo } from './tcp-info.ts';

/** See the module comment for who may touch what. */
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
  /** SO_BUSY_POLL in microseconds, SO_PREFER_BUSY_POLL, SO_BUSY_POLL_BUDGET: see `BusyPollChoice`. */
  llUsec: number;
  preferBusyPoll: boolean = false;
  busyPollBudget: number = 0;
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
  /** Pending error, positive errno; reading it (SO_ERROR, a failed call) clears it: `takeError()`. @kernel sk_err — include/net/sock.h, 7.3 */
  error: number = 0;
  /** Last soft (ICMP) error, positive errno. @kernel sk_err_soft — include/net/sock.h, 7.3 */
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
  /** TCP_KEEPIDLE and TCP_KEEPINTVL in ms, TCP_KEEPCNT; 0 the default of the stack. */
  keepaliveTimeMs: number = 0;
  keepaliveIntvlMs: number = 0;
  keepaliveProbes: number = 0;
  oobInline: boolean = false;
  /** IP_TTL for IPv4, IPV6_UNICAST_HOPS for IPv6; -1 the default of the stack. */
  ttl: number = -1;
  hopLimit: number = -1;
  tos: number = 0;
  /** SO_TIMESTAMPING: `SOF_TIMESTAMPING` bits, changed by `setTimestamping`; and whether its SO_TIMESTAMPING_NEW was used. */
  tsFlags: number = 0;
  tstampNew: boolean = false;
  /** TCP_MAXSEG; 0 not set. */
  userMss: number = 0;
  /** TCP_USER_TIMEOUT in ms; 0 not set. */
  userTimeoutMs: number = 0;
  /** TCP_NOTSENT_LOWAT as it was set, int32; 0 the default of the stack. */
  notsentLowat: number = 0;
  /** TCP_DEFER_ACCEPT as a number of SYN|ACKs; 0 not set. */
  deferAccept: number = 0;
  /** TCP_SYNCNT; 0 the default of the stack. */
  synRetries: number = 0;
  /** TCP_LINGER2 in ms; 0 the default of the stack, -1 do not wait in FIN_WAIT2. */
  linger2Ms: number = 0;
  listener: SockListener | null = null;
  /** The socket layer's own object for this sock. Not copied to accepted children. */
  userData: object | null = null;

  // ---- protocol half only ------------------------------------------------------------------------------------------------------------------------------
  /** Place in the connection table; `node.linked` tells whether it is in. */
  readonly node: ConnectionNode;
  /** Cached route to the peer. */
  readonly dst: Dst = new Dst();
  /** Bound by bind(2), not by connect: the port stays across disconnect. */
  boundPort: boolean = false;
  boundAddress: boolean = false;

  readonly wnd: ReceiveWindow = new ReceiveWindow();
  readonly ack: AckControl = new AckControl();
  readonly rtt: RttEstimator;
  readonly cong: Congestion = new Congestion();
  readonly options: NegotiatedOptions = new NegotiatedOptions();
  readonly rack: Rack = new Rack();
  readonly rxSack: RxSack = new RxSack();
  readonly ofo: OutOfOrderQueue = new OutOfOrderQueue();

  /** What word 3 of a header must be for the fast path (without PSH); 0 turns the fast path off. @kernel pred_flags — include/linux/tcp.h, 7.3 */
  predFlags: number = 0;
  /** Header with the options of every segment: 20 or 32. */
  headerLength: number = 20;

  // Sending.
  sndNxt: number = 0;
  /** The peer's window, and the segment it was taken from. */
  sndWnd: number = 0;
  sndWl1: number = 0;
  maxWindow: number = 0;
  /** Last byte that must be pushed. */
  pushedSeq: number = 0;
  /** End of the last small segment sent (Minshall's Nagle). */
  sndSml: number = 0;
  /** End of urgent data sent. */
  sndUp: number = 0;
  mssCache: number = 536;
  advmss: number = 536;
  pmtu: number = 0;
  /** Not sent yet; sent and not acknowledged. Both hold skbs of page fragments only. */
  readonly writeQueue: SkBuffQueue = new SkBuffQueue();
  readonly rtxQueue: SkBuffQueue = new SkBuffQueue();
  /** Segments sent and not acknowledged; of these selectively acknowledged, presumed lost, sent again. */
  packetsOut: number = 0;
  sackedOut: number = 0;
  lostOut: number = 0;
  retransOut: number = 0;
  /** End of the data when a tail loss probe left, 0 none; whether that probe repeated data. */
  tlpHighSeq: number = 0;
  tlpRetrans: boolean = false;
  /** Segments that the path was seen to reorder over. */
  reordering: number;
  /** How often it was. */
  reordSeen: number = 0;
  /** End of the highest selectively acknowledged skb, while `sackedOut` is not 0. */
  highestSackSeq: number = 0;
  /** Segments that D-SACKs reported as received twice. */
  dsackDups: number = 0;
  retransmits: number = 0;
  backoff: number = 0;
  probesOut: number = 0;
  /** When the first retransmission of this recovery left, ms; 0 none. */
  retransStampMs: number = 0;
  /** When the first timeout since the last progress came, ms. */
  rtoStampMs: number = 0;
  lsndTimeMs: number = 0;
  /** When the first SYN left. */
  synSentMs: number = 0;
  /** Initial sequence number when a replaced TIME_WAIT chose it. */
  nextIsn: number | null = null;
  rcvTstampMs: number = 0;
  /** Truesize of segments in the device's hands. */
  wmemAlloc: number = 0;
  throttled: boolean = false;
  /** TCP_NAGLE_OFF, TCP_NAGLE_CORK, TCP_NAGLE_PUSH. */
  nonagle: number = 0;
  delivered: number = 0;
  /** TCP_ECN_* bits. */
  ecnFlags: number = 0;
  /** Retransmission timeouts since the connection began. */
  totalRto: number = 0;
  lost: number = 0;
  /** Somebody waits for send space. @kernel SOCK_NOSPACE — include/linux/net.h, 7.3 */
  noSpace: boolean = false;
  /** A FIN that found no memory. */
  finPending: boolean = false;
  /** Linear sum of addresses and protocol for checksums. */
  pseudoSum: number = 0;

  // Timers.
  readonly retransmitTimer: Timer;
  readonly delackTimer: Timer;
  readonly sockTimer: Timer;
  /** ICSK_TIME_*: what the retransmission timer runs for; 0 nothing. */
  pendingTimer: number = 0;
  lastOowAckMs: number = 0;
  lastChallengeMs: number = 0;

  // Listener.
  /** Half-open requests in order of arrival, then connections nobody accepted. */
  synQueueLength: number = 0;
  acceptHead: TcpSock | null = null;
  acceptTail: TcpSock | null = null;
  acceptNext: TcpSock | null = null;
  /** The listener this connection waits at. */
  parent: TcpSock | null = null;
  destroyedOnce: boolean = false;

  // Counters of tcp_info.
  totalRetrans: number = 0;
  bytesAcked: number = 0;
  bytesReceived: number = 0;
  bytesSent: number = 0;
  bytesRetrans: number = 0;
  segsIn: number = 0;
  segsOut: number = 0;
  dataSegsIn: number = 0;
  dataSegsOut: number = 0;
  rcvOoopack: number = 0;

  private constructor(stack: InetCore, family: number) {
    this.stack = stack;
    this.family = family;
    this.localAddress = InetAddress.any(family);
    this.remoteAddress = InetAddress.any(family);
    const sysctl = stack.sysctl;
    this.llUsec = sysctl.busyRead;
    this.rcvbuf = sysctl.tcpRmemDefault;
    this.sndbuf = sysctl.tcpWmemDefault;
    this.reordering = sysctl.tcpReordering;
    this.rtt = new RttEstimator(sysctl.tcpRtoMinMs, sysctl.tcpRtoMaxMs);
    this.node = newNode(this);
    assignCongestionControl(this);
    const timers = createTimers(this, stack.machine.clock);
    this.retransmitTimer = timers.retransmit;
    this.delackTimer = timers.delack;
    this.sockTimer = timers.sock;
    stack.tcp.sockCreated();
  }

  /** A closed socket. @param family AF_INET 2 or AF_INET6 10 */
  static create(stack: InetCore, family: number): TcpSock {
    return new TcpSock(stack, family);
  }

  // ---- addresses and life ------------------------------------------------------------------------------------------------------------------------------

  /** @returns 0; -EINVAL already bound or not closed; -EADDRNOTAVAIL not an address of this host; -EADDRINUSE. Port 0 picks one. */
  bind(address: InetAddress, port: number): number {
    return bindSock(this, address, port);
  }

  /** @returns 0; -EINVAL not CLOSE or LISTEN; -EADDRINUSE. Again on a listener: the backlog changes. */
  listen(backlog: number): number {
    return listenSock(this, backlog);
  }

  /** The oldest established connection, or null. @kernel inet_csk_accept — net/ipv4/inet_connection_sock.c, 7.3 */
  acceptDequeue(): TcpSock | null {
    return acceptDequeue(this);
  }

  /**
   * Sends the SYN. The socket layer answers EISCONN and EALREADY before and EINPROGRESS after.
   * @returns 0 sent; -ENETUNREACH, -EHOSTUNREACH no route; -EADDRNOTAVAIL no free port, or the four-tuple exists; -EINVAL listening; -ENOBUFS
   */
  connect(address: InetAddress, port: number): number {
    return connectSock(this, address, port);
  }

  /** AF_UNSPEC connect: back to CLOSE, RST if there was a connection. @kernel tcp_disconnect — net/ipv4/tcp.c, 7.3 */
  disconnect(): number {
    return disconnectSock(this);
  }

  /** @param how SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. @returns 0; -EINVAL bad how; -ENOTCONN. @kernel inet_shutdown — net/ipv4/af_inet.c, 7.3 */
  shutdown(how: number): number {
    return shutdownSock(this, how);
  }

  /** close(2): unread data or lingerNs 0 sends RST, else FIN and the protocol finishes alone. -1: SO_LINGER off. @kernel tcp_close — net/ipv4/tcp.c, 7.3 */
  close(lingerNs: number = -1): void {
    closeSock(this, lingerNs);
  }

  /** Ends the connection with RST and `error` (positive errno) for the application. @kernel tcp_abort — net/ipv4/tcp.c, 7.3 */
  abort(error: number): void {
    abortSock(this, error);
  }

  // ---- data --------------------------------------------------------------------------------------------------------------------------------------------

  /**
   * Copies up to `length` bytes of `region` from `at` (relative to the region) into the write queue and pushes what window and Nagle allow.
   * @param flags MSG_OOB 1, MSG_EOR 0x80, MSG_MORE 0x8000 count here; the rest is the socket layer's.
   * @returns bytes taken (> 0, may be short); -EAGAIN no space, or still connecting; -EPIPE sending side is shut; -error the pending error, now cleared; -ENOBUFS no memory
   */
  sendFrom(region: Region, at: number, length: number, flags: number): number {
    return sendFrom(this, region, at, length, flags);
  }

  /** Takes `skb` (any member) off the receive queue, uncharges and frees it. @kernel tcp_eat_recv_skb — net/ipv4/tcp.c, 7.3 */
  eatSkb(skb: SkBuff): void {
    eatSkb(this, skb);
  }

  /** After recvmsg moved `copied` bytes: sends a window update or a due ACK. @kernel tcp_cleanup_rbuf — net/ipv4/tcp.c, 7.3 */
  cleanupRbuf(copied: number): void {
    cleanupRbuf(this, copied);
  }

  /** Dynamic right-sizing; call after each skb taken, before `cleanupRbuf`. @kernel tcp_rcv_space_adjust — net/ipv4/tcp_input.c, 7.3 */
  rcvSpaceAdjust(): void {
    rcvSpaceAdjust(this);
  }

  /** Returns and clears the pending error: 0 or negative errno. @kernel sock_error — include/net/sock.h, 7.3 */
  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Room for writing as poll sees it: at least a third of the buffer free. @kernel sk_stream_is_writeable — include/net/sock.h, 7.3 */
  get writeable(): boolean {
    return isWriteable(this);
  }

  // ---- options that act at once ------------------------------------------------------------------------------------------------------------------------

  /** TCP_NODELAY. Turning it on pushes what waits. */
  setNodelay(on: boolean): void {
    setNodelay(this, on);
  }
  /** TCP_CORK. Turning it off pushes what waits. */
  setCork(on: boolean): void {
    setCork(this, on);
  }
  /** TCP_QUICKACK. @kernel __tcp_sock_set_quickack — net/ipv4/tcp.c, 7.3 */
  setQuickack(value: number): void {
    setQuickack(this, value);
  }
  /** TCP_WINDOW_CLAMP. @returns 0; -EINVAL zero on a live socket. */
  setWindowClamp(value: number): number {
    return setUserWindowClamp(this, value);
  }
  /** Values of the three flags above, for getsockopt. */
  get nodelay(): boolean {
    return (this.nonagle & 1) !== 0;
  }
  get cork(): boolean {
    return (this.nonagle & 2) !== 0;
  }
  get quickack(): number {
    return this.ack.pingpong >= TCP_PINGPONG_THRESH ? 0 : 1;
  }
  /** Current sending MSS, TCP_MAXSEG's answer. */
  get mss(): number {
    return this.userMss !== 0 && (this.state === TCP_CLOSE || this.state === TCP_LISTEN) ? this.userMss : this.mssCache;
  }
  /** A new object with struct tcp_info's values. */
  info(): TcpInfo {
    return fillInfo(this);
  }
}
