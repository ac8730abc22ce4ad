/** TIME_WAIT, and FIN_WAIT2 of connections that nobody waits for: what is left of a connection once its sock is gone. @kernel tcp_timewait_state_process — net/ipv4/tcp_minisocks.c, 7.3 */
import type { Timer } from '@netmem/machine';
import type { SkBuff } from '@netmem/netdev';
import type { TcpOptions } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import type { InetCore } from '../stack/inet-core.ts';
import { isTooSoon, stampNow } from '../stack/rate-limit.ts';
import { ConnectionNode } from './connection-table.ts';
import { NegotiatedOptions } from './options.ts';
import { pawsReject, storeTsRecent } from './paws.ts';
import { CB_END_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_FIN_WAIT2, TCP_TIME_WAIT, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN } from './tcp-states.ts';

/** What to do with a segment that met a TIME_WAIT. @kernel tcp_tw_status — include/net/tcp.h, 7.3 */
export const TCP_TW_SUCCESS = 0;
export const TCP_TW_RST = 1;
export const TCP_TW_ACK = 2;
/** A new connection may begin: `TimeWaitSock.nextIsn` is where. */
export const TCP_TW_SYN = 3;

export class TimeWaitSock {
  readonly stack: InetCore;
  readonly node: ConnectionNode = new ConnectionNode();
  readonly localAddress: InetAddress = new InetAddress();
  readonly remoteAddress: InetAddress = new InetAddress();
  localPort: number = 0;
  remotePort: number = 0;
  boundDevice: number = 0;
  reuseAddress: boolean = false;
  reusePort: boolean = false;
  v6only: boolean = false;
  boundPort: boolean = false;
  /** TCP_FIN_WAIT2 or TCP_TIME_WAIT. */
  substate: number = TCP_TIME_WAIT;
  /** As for the port table: never listens. */
  readonly state: number = TCP_TIME_WAIT;
  rcvNxt: number = 0;
  sndNxt: number = 0;
  rcvWnd: number = 0;
  rcvWscale: number = 0;
  readonly options: NegotiatedOptions = new NegotiatedOptions();
  /** Where a connection that replaces this one starts. */
  nextIsn: number = 0;
  lastOowAckMs: number = 0;
  timeoutMs: number = 0;
  readonly timer: Timer;

  constructor(sk: TcpSock, substate: number) {
    this.stack = sk.stack;
    this.localAddress.copyFrom(sk.localAddress);
    this.remoteAddress.copyFrom(sk.remoteAddress);
    this.localPort = sk.localPort;
    this.remotePort = sk.remotePort;
    this.boundDevice = sk.boundDevice;
    this.reuseAddress = sk.reuseAddress;
    this.reusePort = sk.reusePort;
    this.v6only = sk.v6only;
    this.boundPort = sk.boundPort;
    this.substate = substate;
    this.rcvNxt = sk.rcvNxt;
    this.sndNxt = sk.sndNxt;
    this.rcvWnd = sk.wnd.remaining(sk.rcvNxt);
    this.rcvWscale = sk.wnd.rcvWscale;
    const options = this.options;
    options.tstampOk = sk.options.tstampOk;
    options.tsRecent = sk.options.tsRecent;
    options.tsRecentStampMs = sk.options.tsRecentStampMs;
    options.hasTsRecent = sk.options.hasTsRecent;
    options.tsOffset = sk.options.tsOffset;
    this.node.timewait = this;
    this.node.setKey(this.remoteAddress, this.remotePort, this.localAddress, this.localPort);
    this.timer = this.stack.clock.createTimer(() => this.stack.tcp.killTimeWait(this));
  }

  /** Starts over the wait. */
  schedule(ms: number): void {
    this.timeoutMs = ms;
    this.timer.mod(this.stack.clock.nowNs + ms * 1e6);
  }

  /**
   * Looks at a segment for this four-tuple.
   *
   * @param parsed - its options.
   * @returns TCP_TW_*. The entry may be gone afterwards.
   */
  process(skb: SkBuff, parsed: TcpOptions): number {
    const now = this.stack.nowMs;
    const flags = skb.cb[CB_FLAGS];
    const rst = (flags & TCPHDR_RST) !== 0;
    const options = this.options;
    options.sawTstamp = options.tstampOk && parsed.hasTimestamp;
    let reject = false;
    if (options.sawTstamp) {
      options.rcvTsval = parsed.tsVal | 0;
      options.rcvTsecr = (parsed.tsEcr - options.tsOffset) | 0;
      reject = options.hasTsRecent && pawsReject(options, rst, now);
    }
    if (this.substate === TCP_FIN_WAIT2) return this.#finWait2(skb, flags, reject, now);
    const seq = skb.cb[CB_SEQ];
    const end = skb.cb[CB_END_SEQ];
    if (!reject && seq === this.rcvNxt && (seq === end || rst)) {
      // In window: a repeated last ACK starts the wait over; a RST ends it (RFC 1337 is not on, as in Linux).
      if (rst) {
        this.stack.tcp.killTimeWait(this);
      } else {
        this.schedule(this.stack.sysctl.tcpTimewaitMs);
        if (options.sawTstamp) storeTsRecent(options, now);
      }
      return TCP_TW_SUCCESS;
    }
    const syn = (flags & (TCPHDR_SYN | TCPHDR_RST | TCPHDR_ACK)) === TCPHDR_SYN;
    const later = options.sawTstamp && ((options.tsRecent - options.rcvTsval) | 0) < 0;
    if (syn && !reject && (((seq - this.rcvNxt) | 0) > 0 || later)) {
      this.nextIsn = (this.sndNxt + 65535 + 2) | 0;
      return TCP_TW_SYN;
    }
    if (reject) this.stack.stats.TcpExtPAWSTimewait++;
    if (rst) return TCP_TW_SUCCESS;
    if (reject || (flags & TCPHDR_ACK) !== 0) this.schedule(this.stack.sysctl.tcpTimewaitMs);
    return this.#outOfWindow(skb, now);
  }

  /** The peer still has to send its FIN. */
  #finWait2(skb: SkBuff, flags: number, reject: boolean, now: number): number {
    const seq = skb.cb[CB_SEQ];
    const end = skb.cb[CB_END_SEQ];
    if (reject || !inWindow(seq, end, this.rcvNxt, (this.rcvNxt + this.rcvWnd) | 0)) return this.#outOfWindow(skb, now);
    if ((flags & TCPHDR_RST) !== 0) {
      this.stack.tcp.killTimeWait(this);
      return TCP_TW_SUCCESS;
    }
    if ((flags & TCPHDR_SYN) !== 0 && ((seq - this.rcvNxt) | 0) >= 0) return this.#killAndReset();
    if ((flags & TCPHDR_ACK) === 0 || ((end - this.rcvNxt) | 0) <= 0 || end === seq) return TCP_TW_SUCCESS;
    // Data for a sock that is gone, or more than the FIN.
    if ((flags & TCPHDR_FIN) === 0 || end !== ((this.rcvNxt + 1) | 0)) return this.#killAndReset();
    this.substate = TCP_TIME_WAIT;
    this.rcvNxt = end;
    if (this.options.sawTstamp) storeTsRecent(this.options, now);
    this.schedule(this.stack.sysctl.tcpTimewaitMs);
    return TCP_TW_ACK;
  }

  #killAndReset(): number {
    this.stack.tcp.killTimeWait(this);
    return TCP_TW_RST;
  }

  /** Repeats the last ACK; for a segment without data not more often than invalid segments are answered. */
  #outOfWindow(skb: SkBuff, now: number): number {
    const hasData = skb.cb[CB_SEQ] !== skb.cb[CB_END_SEQ] && (skb.cb[CB_FLAGS] & TCPHDR_SYN) === 0;
    if (!hasData) {
      if (isTooSoon(this.lastOowAckMs, now, this.stack.sysctl.tcpInvalidRatelimitMs)) {
        this.stack.stats.TcpExtTCPACKSkippedTimeWait++;
        return TCP_TW_SUCCESS;
      }
      this.lastOowAckMs = stampNow(now);
    }
    return TCP_TW_ACK;
  }
}

/** Whether `seq … end` touches `left … right`. @kernel tcp_in_window — net/ipv4/tcp_minisocks.c, 7.3 */
export function inWindow(seq: number, end: number, left: number, right: number): boolean {
  if (seq === left) return true;
  if (((end - left) | 0) > 0 && ((seq - right) | 0) < 0) return true;
  return seq === right && seq === end;
}
