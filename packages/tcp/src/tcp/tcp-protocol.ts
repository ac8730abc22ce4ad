/** TCP of one host: finds the connection for a segment, and keeps the tables. @kernel tcp_v4_rcv — net/ipv4/tcp_ipv4.c, 7.3 */
import { Work } from '@netmem/machine';
import { CHECKSUM_UNNECESSARY, PACKET_HOST, SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { IPPROTO } from '@netmem/uapi';
import { parseTcpOptions, TcpOptions } from '@netmem/wire';
import type { IcmpError } from '../icmp/icmp-errors.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { RateLimit } from '../stack/rate-limit.ts';
import { pseudoHeaderSum, transportChecksumOk } from '../stack/transport-checksum.ts';
import { checkRequest, made, REQUEST_CHILD, REQUEST_RESET } from './check-request.ts';
import { abandon } from './close.ts';
import { ConnectionTable } from './connection-table.ts';
import { isRequestExpired, isSynAckDue } from './defer-accept.ts';
import { doneSock } from './done.ts';
import { receiveEstablished } from './established.ts';
import { receiveStateProcess } from './input.ts';
import { SequenceSource } from './isn.ts';
import { acceptDequeue, receiveSyn } from './listen.ts';
import { ListenerTable } from './listener-table.ts';
import { PortTable } from './ports.ts';
import { BareSegment, sendBare, sendReset } from './reply.ts';
import type { RequestSock } from './request.ts';
import { dataSndCheck } from './send-space.ts';
import { PageFrag, releasePageFrag } from './sendmsg.ts';
import { CB_ACK_SEQ, CB_END_SEQ, CB_FLAGS, CB_SEQ, CB_URG } from './skb-cb.ts';
import { onTcpError } from './tcp-error.ts';
import { TcpSock } from './tcp-sock.ts';
import {
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  TCP_TIME_WAIT,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
  tcpStateName,
} from './tcp-states.ts';
import { TCP_TW_ACK, TCP_TW_RST, TCP_TW_SYN, TimeWaitSock } from './timewait.ts';

const TCP_HEADER = 20;

export class TcpProtocol {
  readonly stack: InetCore;
  readonly table: ConnectionTable;
  readonly ports: PortTable = new PortTable();
  readonly sequences: SequenceSource;
  readonly challengeLimit: RateLimit;
  /** Options of the segment in hand. */
  readonly parsed: TcpOptions = new TcpOptions();
  /** Linear address of a byte to copy to. */
  readonly scratchByte: number;
  readonly pageFrag: PageFrag = new PageFrag();
  readonly listeners: ListenerTable = new ListenerTable();
  readonly #bare: BareSegment = new BareSegment();
  readonly #replyOptions: TcpOptions = new TcpOptions();
  readonly #throttled: TcpSock[] = [];
  readonly #throttleWork: Work = new Work(() => this.#pushThrottled());
  #timeWaits: number = 0;
  #socks: number = 0;

  constructor(stack: InetCore) {
    this.stack = stack;
    this.table = new ConnectionTable(stack.random.uint32());
    this.sequences = new SequenceSource(stack.random.fork('tcp-isn'));
    const limit = stack.sysctl.tcpChallengeAckLimit;
    this.challengeLimit = new RateLimit(limit, limit);
    this.scratchByte = stack.memory.carve(64).base;
  }

  /** A sock that is in no table yet. */
  createSock(family: number): TcpSock {
    return TcpSock.create(this.stack, family);
  }

  /** A sock was made. */
  sockCreated(): void {
    this.#socks++;
  }

  /** A sock is gone for good; with the last one goes the page that senders fill. */
  sockDestroyed(): void {
    this.#socks--;
    if (this.#socks === 0) releasePageFrag(this.stack.network, this.pageFrag);
  }

  /** Connections in TIME_WAIT, and in FIN_WAIT2 without a sock. */
  get timeWaits(): number {
    return this.#timeWaits;
  }

  // ---- receive ------------------------------------------------------------------------------------------------------------------------------------------

  /** `skb.data` at the TCP header, addresses in `stack.rxSource` and `rxDestination`. Owns the skb. */
  receive(skb: SkBuff): void {
    const stats = this.stack.stats;
    if (skb.pktType !== PACKET_HOST) {
      skb.free(SKB_DROP_REASON.OTHERHOST);
      return;
    }
    stats.TcpInSegs++;
    if (!this.#checkHeader(skb)) return;
    const stack = this.stack;
    const ports = stack.view.getInt32(skb.data);
    const node = this.table.lookup(stack.rxSource, stack.rxDestination, ports);
    if (node !== null) {
      const sk = node.sock;
      if (sk !== null) {
        if (sk.boundDevice === 0 || sk.boundDevice === skb.dev?.ifindex) this.#deliver(sk, skb);
        else this.#noSocket(skb);
      } else if (node.request !== null) {
        this.#toRequest(node.request, skb);
      } else if (node.timewait !== null) {
        this.#toTimeWait(node.timewait, skb);
      }
      return;
    }
    const listener = this.#findListener(skb, ports);
    if (listener === null) this.#noSocket(skb);
    else this.#toListener(listener, skb, null);
  }

  #findListener(skb: SkBuff, ports: number): TcpSock | null {
    const local = this.stack.rxDestination;
    const spread = this.table.hash(this.stack.rxSource, local, ports) >>> 0;
    return this.listeners.lookup(ports & 0xffff, local, skb.dev?.ifindex ?? 0, spread);
  }

  /** Lengths and checksum, and the control words. @returns false: it was bad and is gone. */
  #checkHeader(skb: SkBuff): boolean {
    const stack = this.stack;
    const view = stack.view;
    let header = 0;
    if (skb.mayPull(TCP_HEADER)) {
      header = (view.getUint8(skb.data + 12) >>> 4) << 2;
      if (header < TCP_HEADER || !skb.mayPull(header)) header = 0;
    }
    if (header === 0) {
      stack.stats.TcpInErrs++;
      skb.free(SKB_DROP_REASON.HDR_TRUNC);
      return false;
    }
    if (skb.ipSummed !== CHECKSUM_UNNECESSARY && !this.#checksumOk(skb)) {
      stack.stats.TcpInCsumErrors++;
      stack.stats.TcpInErrs++;
      skb.free(SKB_DROP_REASON.TCP_CSUM);
      return false;
    }
    const at = skb.data;
    const cb = skb.cb;
    const flags = view.getUint8(at + 13);
    const seq = view.getInt32(at + 4);
    cb[CB_SEQ] = seq;
    // SYN and FIN take a number each.
    cb[CB_END_SEQ] = seq + skb.len - header + ((flags >>> 1) & 1) + (flags & TCPHDR_FIN);
    cb[CB_ACK_SEQ] = view.getInt32(at + 8);
    cb[CB_FLAGS] = flags;
    cb[CB_URG] = view.getUint16(at + 18);
    return true;
  }

  #checksumOk(skb: SkBuff): boolean {
    const { rxSource, rxDestination } = this.stack;
    return transportChecksumOk(skb, pseudoHeaderSum(rxSource, rxDestination, IPPROTO.TCP));
  }

  #deliver(sk: TcpSock, skb: SkBuff): void {
    const segments = Math.max(skb.gsoSegs, 1);
    sk.segsIn += segments;
    if (skb.cb[CB_SEQ] !== skb.cb[CB_END_SEQ]) sk.dataSegsIn += segments;
    sk.napiId = skb.napiId;
    if (sk.state === TCP_ESTABLISHED) receiveEstablished(sk, skb);
    else if (receiveStateProcess(sk, skb)) this.#resetAndFree(skb);
  }

  #resetAndFree(skb: SkBuff): void {
    sendReset(this.stack, this.#bare, skb);
    skb.free(SKB_DROP_REASON.TCP_RESET);
  }

  /** Nobody has this four-tuple or port (RFC 9293, 3.10.7.1). */
  #noSocket(skb: SkBuff): void {
    sendReset(this.stack, this.#bare, skb);
    skb.free(SKB_DROP_REASON.NO_SOCKET);
  }

  #toListener(listener: TcpSock, skb: SkBuff, nextIsn: number | null): void {
    const flags = skb.cb[CB_FLAGS];
    if ((flags & TCPHDR_RST) === 0) {
      if ((flags & TCPHDR_ACK) !== 0) {
        this.#resetAndFree(skb);
        return;
      }
      if ((flags & (TCPHDR_SYN | TCPHDR_FIN)) === TCPHDR_SYN) {
        receiveSyn(listener, skb, nextIsn);
        return;
      }
    }
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
  }

  #toRequest(request: RequestSock, skb: SkBuff): void {
    const result = checkRequest(request, skb);
    if (result === REQUEST_RESET) {
      this.#resetAndFree(skb);
    } else if (result === REQUEST_CHILD) {
      const child = made.child as TcpSock;
      const listener = request.listener;
      made.child = null;
      this.#deliver(child, skb);
      // The first segment may already have ended it; accept(2) hands it out all the same.
      listener.listener?.readable(listener);
    } else {
      skb.free(SKB_DROP_REASON.TCP_FLAGS);
    }
  }

  #toTimeWait(tw: TimeWaitSock, skb: SkBuff): void {
    const stack = this.stack;
    const header = (stack.view.getUint8(skb.data + 12) >>> 4) << 2;
    parseTcpOptions(stack.view, skb.data + TCP_HEADER, header - TCP_HEADER, this.parsed);
    const result = tw.process(skb, this.parsed);
    if (result === TCP_TW_SYN) {
      const ports = stack.view.getInt32(skb.data);
      const listener = this.#findListener(skb, ports);
      if (listener !== null) {
        stack.stats.TcpExtTWRecycled++;
        this.killTimeWait(tw);
        this.#toListener(listener, skb, tw.nextIsn);
        return;
      }
    }
    if (result === TCP_TW_ACK || result === TCP_TW_SYN) this.#ackForTimeWait(tw);
    else if (result === TCP_TW_RST) sendReset(stack, this.#bare, skb);
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
  }

  /** @kernel tcp_v4_timewait_ack — net/ipv4/tcp_ipv4.c, 7.3 */
  #ackForTimeWait(tw: TimeWaitSock): void {
    const stack = this.stack;
    const o = this.#replyOptions;
    o.clear();
    o.hasTimestamp = tw.options.tstampOk;
    o.tsVal = (stack.nowMs + tw.options.tsOffset) >>> 0;
    o.tsEcr = tw.options.tsRecent >>> 0;
    const bare = this.#bare;
    bare.seq = tw.sndNxt;
    bare.ack = tw.rcvNxt;
    bare.flags = TCPHDR_ACK;
    bare.window = tw.rcvWnd >> tw.rcvWscale;
    bare.tos = 0;
    bare.oif = tw.boundDevice;
    sendBare(stack, bare, tw.localAddress, tw.localPort, tw.remoteAddress, tw.remotePort, o);
  }

  // ---- tables -------------------------------------------------------------------------------------------------------------------------------------------

  /** Refuses what is half open and resets what nobody accepted. @kernel inet_csk_listen_stop — net/ipv4/inet_connection_sock.c, 7.3 */
  stopListening(sk: TcpSock): void {
    this.listeners.remove(sk);
    if (sk.synQueueLength > 0) {
      for (const node of this.table.nodes()) {
        if (node.request?.listener === sk) this.dropRequest(node.request);
      }
    }
    for (let child = acceptDequeue(sk); child !== null; child = acceptDequeue(sk)) abandon(child);
  }

  /** Takes a sock out of the connection table. */
  unhash(sk: TcpSock): void {
    this.table.remove(sk.node);
  }

  /** Gives its port back. */
  unbind(sk: TcpSock): void {
    if (sk.localPort === 0) return;
    this.ports.remove(sk);
    sk.localPort = 0;
  }

  insertRequest(request: RequestSock): void {
    const { node } = request;
    node.setKey(request.remoteAddress, request.remotePort, request.localAddress, request.localPort);
    this.table.insert(node, request.remoteAddress, request.localAddress);
  }

  dropRequest(request: RequestSock): void {
    if (!request.node.linked) return;
    this.table.remove(request.node);
    request.timer.del();
    request.listener.synQueueLength--;
  }

  /** The request became a connection. */
  replaceRequest(request: RequestSock, child: TcpSock): void {
    this.dropRequest(request);
    child.node.setKey(child.remoteAddress, child.remotePort, child.localAddress, child.localPort);
    this.table.insert(child.node, child.remoteAddress, child.localAddress);
    this.ports.add(child);
  }

  /** SYN|ACK again, or give up. @kernel reqsk_timer_handler — net/ipv4/inet_connection_sock.c, 7.3 */
  onRequestTimer(request: RequestSock): void {
    if (!request.node.linked) return;
    if (request.listener.state !== TCP_LISTEN || isRequestExpired(request)) {
      this.dropRequest(request);
      return;
    }
    const due = isSynAckDue(request);
    request.timeouts++;
    if (due) {
      request.retransmits++;
      this.stack.stats.TcpRetransSegs++;
      this.stack.stats.TcpExtTCPSynRetrans++;
      request.sendSynAck();
    }
    request.arm();
  }

  /**
   * Replaces a sock by a TIME_WAIT.
   *
   * @param substate - TCP_TIME_WAIT, or TCP_FIN_WAIT2 of an orphan.
   * @param timeoutMs - for FIN_WAIT2.
   * @kernel tcp_time_wait — net/ipv4/tcp_minisocks.c, 7.3
   */
  timeWait(sk: TcpSock, substate: number, timeoutMs: number): void {
    const { sysctl, stats } = this.stack;
    if (this.#timeWaits >= sysctl.tcpMaxTwBuckets) {
      stats.TcpExtTCPTimeWaitOverflow++;
      doneSock(sk);
      return;
    }
    const tw = new TimeWaitSock(sk, substate);
    this.unhash(sk);
    this.table.insert(tw.node, tw.remoteAddress, tw.localAddress);
    this.ports.add(tw);
    this.ports.remove(sk);
    this.#timeWaits++;
    const least = (sk.rtt.rtoMs << 2) - (sk.rtt.rtoMs >> 1);
    tw.schedule(substate === TCP_TIME_WAIT ? sysctl.tcpTimewaitMs : Math.max(timeoutMs, least));
    // The port is the TIME_WAIT's now; the sock keeps the number for getsockname.
    doneSock(sk);
  }

  /** The wait is over. @kernel inet_twsk_kill — net/ipv4/inet_timewait_sock.c, 7.3 */
  killTimeWait(tw: TimeWaitSock): void {
    if (!tw.node.linked) return;
    this.table.remove(tw.node);
    this.ports.remove(tw);
    tw.timer.del();
    this.#timeWaits--;
    this.stack.stats.TcpExtTW++;
  }

  // ---- the rest -----------------------------------------------------------------------------------------------------------------------------------------

  /** The device gave memory back: a sock that it held up may go on. Not from here, which is inside the driver's completion. @kernel tcp_tsq_handler — net/ipv4/tcp_output.c, 7.3 */
  resumeThrottled(sk: TcpSock): void {
    sk.throttled = false;
    this.#throttled.push(sk);
    this.stack.machine.work.schedule(this.#throttleWork);
  }

  #pushThrottled(): void {
    for (let sk = this.#throttled.shift(); sk !== undefined; sk = this.#throttled.shift()) {
      if (sk.state !== TCP_CLOSE) dataSndCheck(sk);
    }
  }

  /** An ICMP error about a segment of ours. */
  onError(error: IcmpError): void {
    const ports = (error.remotePort << 16) | error.localPort;
    const node = this.table.lookup(error.remote, error.local, ports);
    if (node === null) return;
    if (node.sock !== null) onTcpError(node.sock, error);
    else if (node.request !== null && error.fatal && error.seq === node.request.isn) this.dropRequest(node.request);
  }

  /** Sockets that are still open, each as a sentence. */
  audit(): string[] {
    const found: string[] = [];
    for (const sk of this.listeners.all()) found.push(`tcp socket ${sk.localAddress}:${sk.localPort} is listening`);
    for (const { sock, request } of this.table.nodes()) {
      if (sock !== null) {
        const ends = `${sock.localAddress}:${sock.localPort} - ${sock.remoteAddress}:${sock.remotePort}`;
        found.push(`tcp connection ${ends} is in ${tcpStateName(sock.state)}`);
      } else if (request !== null) {
        found.push(`tcp request from ${request.remoteAddress}:${request.remotePort} is half open`);
      }
    }
    return found;
  }
}
