/**
 * The path that nearly every segment takes: an established connection, nothing unusual in the header. What the header prediction does not cover goes the
 * slow way below it.
 *
 * @kernel tcp_rcv_established — net/ipv4/tcp_input.c, 7.3
 */
import { SKB_DROP_REASON, type SkBuff } from '@netmem/netdev';
import { parseTcpOptions } from '@netmem/wire';
import { ackOrDelay, ackSndCheck, dataReceived } from './ack.ts';
import { FLAG_DATA, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT } from './ack-state.ts';
import { tcpAck } from './acked.ts';
import { ecnOf } from './ecn.ts';
import { TCP_HP_BITS } from './fast-path.ts';
import { TCPOLEN_TSTAMP_ALIGNED, TSTAMP_WORD } from './options.ts';
import { storeTsRecent } from './paws.ts';
import { dataQueue, queueReceive } from './receive.ts';
import { dataSndCheck } from './send-space.ts';
import { CB_ACK_SEQ, CB_FLAGS, CB_SEQ } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCPHDR_ACK, TCPHDR_RST, TCPHDR_SYN, TCPHDR_URG } from './tcp-states.ts';
import { receiveUrgent } from './urgent-input.ts';
import { takeTimestamps, validateIncoming } from './validate.ts';
import { measureReceiverRttTs } from './window.ts';

const TCP_HEADER = 20;

/** Takes in a segment for an ESTABLISHED sock: `skb.data` at the TCP header, control words filled. Owns the skb. */
export function receiveEstablished(sk: TcpSock, skb: SkBuff): void {
  const view = sk.stack.view;
  const at = skb.data;
  const cb = skb.cb;
  const word = view.getInt32(at + 12);
  if (
    (word & TCP_HP_BITS) === sk.predFlags &&
    cb[CB_SEQ] === sk.rcvNxt &&
    ((cb[CB_ACK_SEQ] - sk.sndNxt) | 0) <= 0 &&
    takeAlignedTimestamp(sk, view, at)
  ) {
    const header = sk.headerLength;
    if (skb.len > header) {
      if (sk.rmemAlloc <= sk.rcvbuf) {
        fastData(sk, skb, header, word & 0xffff);
        return;
      }
    } else {
      fastAck(sk, skb, header, word & 0xffff);
      return;
    }
  }
  slow(sk, skb, word);
}

/** Reads the one option of a predicted header. @returns false: not as predicted, or too old. @kernel tcp_parse_aligned_timestamp — net/ipv4/tcp_input.c, 7.3 */
function takeAlignedTimestamp(sk: TcpSock, view: DataView, at: number): boolean {
  const options = sk.options;
  options.sawTstamp = false;
  if (sk.headerLength !== TCP_HEADER + TCPOLEN_TSTAMP_ALIGNED) return true;
  if (view.getInt32(at + TCP_HEADER) !== TSTAMP_WORD) return false;
  const value = view.getInt32(at + TCP_HEADER + 4);
  if (((value - options.tsRecent) | 0) < 0) return false;
  const echo = view.getInt32(at + TCP_HEADER + 8);
  options.sawTstamp = true;
  options.rcvTsval = value;
  options.rcvTsecr = echo === 0 ? 0 : (echo - options.tsOffset) | 0;
  return true;
}

/** Pure ACK: the sender's side of a transfer. */
function fastAck(sk: TcpSock, skb: SkBuff, header: number, window: number): void {
  if (skb.len < header) {
    sk.stack.stats.TcpInErrs++;
    skb.free(SKB_DROP_REASON.HDR_TRUNC);
    return;
  }
  if (sk.options.sawTstamp && sk.rcvNxt === sk.wnd.rcvWup) storeTsRecent(sk.options, sk.stack.nowMs);
  tcpAck(sk, skb, 0, window, null);
  skb.consume();
  dataSndCheck(sk);
}

/** In-order data: the receiver's side. */
function fastData(sk: TcpSock, skb: SkBuff, header: number, window: number): void {
  const cb = skb.cb;
  if (sk.options.sawTstamp) {
    if (sk.rcvNxt === sk.wnd.rcvWup) storeTsRecent(sk.options, sk.stack.nowMs);
    measureReceiverRttTs(sk, skb.len - header);
  }
  sk.stack.stats.TcpExtTCPHPHits++;
  skb.pull(header);
  const length = skb.len;
  const truesize = skb.truesize;
  const gsoSize = skb.gsoSize;
  const ecn = sk.ecnFlags === 0 ? 0 : ecnOf(sk, skb);
  const eaten = queueReceive(sk, skb);
  dataReceived(sk, length, truesize, gsoSize, cb[CB_FLAGS], header, ecn);
  let acked = false;
  if (cb[CB_ACK_SEQ] !== sk.sndUna) {
    tcpAck(sk, skb, FLAG_DATA, window, null);
    dataSndCheck(sk);
    // Data of ours that just left carried the ACK.
    acked = !sk.ack.scheduled;
  } else {
    sk.sndWl1 = cb[CB_SEQ];
  }
  if (!acked) ackOrDelay(sk, false);
  if (eaten) skb.consume();
  sk.listener?.readable(sk);
}

function slow(sk: TcpSock, skb: SkBuff, word: number): void {
  const stack = sk.stack;
  const cb = skb.cb;
  const header = (word >>> 28) << 2;
  const flags = cb[CB_FLAGS];
  if ((flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) === 0) {
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
    return;
  }
  const parsed = stack.tcp.parsed;
  parseTcpOptions(stack.view, skb.data + TCP_HEADER, header - TCP_HEADER, parsed);
  takeTimestamps(sk, parsed);
  const window = word & 0xffff;
  if (!validateIncoming(sk, skb, window)) {
    skb.free(SKB_DROP_REASON.TCP_INVALID_SEQUENCE);
    return;
  }
  const options = sk.options.sackOk ? parsed : null;
  if ((flags & TCPHDR_ACK) === 0 || tcpAck(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT, window, options) < 0) {
    skb.free(SKB_DROP_REASON.TCP_FLAGS);
    return;
  }
  if (sk.options.sawTstamp) measureReceiverRttTs(sk, skb.len - header);
  if ((flags & TCPHDR_URG) !== 0) receiveUrgent(sk, skb, header);
  dataQueue(sk, skb, header);
  dataSndCheck(sk);
  ackSndCheck(sk);
}
