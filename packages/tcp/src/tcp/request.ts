/** A connection that somebody has asked for and not confirmed: as little memory as possible, since asking costs a stranger nothing. @kernel tcp_request_sock — include/linux/tcp.h, 7.3 */
import type { Timer } from '@netmem/machine';
import { TcpOptions } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';
import { ConnectionNode } from './connection-table.ts';
import { NegotiatedOptions } from './options.ts';
import { BareSegment, sendBare } from './reply.ts';
import { TCP_TIMEOUT_INIT_MS } from './rtt.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_ACK, TCPHDR_ECE, TCPHDR_SYN } from './tcp-states.ts';

const scratch: TcpOptions = new TcpOptions();
const bare: BareSegment = new BareSegment();

export class RequestSock {
  readonly node: ConnectionNode = new ConnectionNode();
  readonly listener: TcpSock;
  readonly localAddress: InetAddress = new InetAddress();
  readonly remoteAddress: InetAddress = new InetAddress();
  localPort: number = 0;
  remotePort: number = 0;
  /** Our and the peer's initial sequence number. */
  isn: number = 0;
  rcvIsn: number = 0;
  /** MSS that we announce. */
  mss: number = 0;
  mtu: number = 0;
  oif: number = 0;
  napiId: number = 0;
  readonly options: NegotiatedOptions = new NegotiatedOptions();
  rcvWnd: number = 0;
  clamp: number = 0;
  rcvWscale: number = 0;
  /** The peer asked for ECN and gets it. */
  ecnOk: boolean = false;
  /** SYN|ACKs sent again by the timer. */
  timeouts: number = 0;
  /** All SYN|ACKs after the first. */
  retransmits: number = 0;
  /** When the first SYN|ACK left. */
  sentUs: number = 0;
  lastOowAckMs: number = 0;
  /** The peer's ACK came, but the accept queue was full, or the listener waits for data. */
  acked: boolean = false;
  readonly timer: Timer;

  constructor(listener: TcpSock) {
    this.listener = listener;
    this.node.request = this;
    this.timer = listener.stack.clock.createTimer(() => listener.stack.tcp.onRequestTimer(this));
  }

  /** Sends the SYN|ACK. @kernel tcp_v4_send_synack — net/ipv4/tcp_ipv4.c, 7.3 */
  sendSynAck(): void {
    const stack = this.listener.stack;
    const o = scratch;
    o.clear();
    o.mss = this.mss;
    o.windowScale = this.options.wscaleOk ? this.rcvWscale : -1;
    o.sackPermitted = this.options.sackOk;
    o.hasTimestamp = this.options.tstampOk;
    o.tsVal = (stack.nowMs + this.options.tsOffset) >>> 0;
    o.tsEcr = this.options.tsRecent >>> 0;
    bare.seq = this.isn;
    bare.ack = (this.rcvIsn + 1) | 0;
    bare.flags = TCPHDR_SYN | TCPHDR_ACK | (this.ecnOk ? TCPHDR_ECE : 0);
    bare.window = Math.min(this.rcvWnd, 65535);
    this.#send(o);
  }

  /** Repeats the ACK for a segment that does not fit. @kernel tcp_v4_reqsk_send_ack — net/ipv4/tcp_ipv4.c, 7.3 */
  sendAck(): void {
    const stack = this.listener.stack;
    const o = scratch;
    o.clear();
    o.hasTimestamp = this.options.tstampOk;
    o.tsVal = (stack.nowMs + this.options.tsOffset) >>> 0;
    o.tsEcr = this.options.tsRecent >>> 0;
    bare.seq = (this.isn + 1) | 0;
    bare.ack = (this.rcvIsn + 1) | 0;
    bare.flags = TCPHDR_ACK;
    bare.window = this.rcvWnd >> this.rcvWscale;
    this.#send(o);
  }

  #send(options: TcpOptions): void {
    bare.oif = this.oif;
    bare.tos = this.listener.tos;
    const stack = this.listener.stack;
    sendBare(stack, bare, this.localAddress, this.localPort, this.remoteAddress, this.remotePort, options);
  }

  /** Starts the timer for the next SYN|ACK: 1, 2, 4 … seconds. */
  arm(): void {
    const stack = this.listener.stack;
    const ms = Math.min(TCP_TIMEOUT_INIT_MS * 2 ** this.timeouts, stack.sysctl.tcpRtoMaxMs);
    this.timer.mod(stack.clock.nowNs + ms * 1e6);
  }
}
