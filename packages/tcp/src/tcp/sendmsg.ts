/** Takes bytes from the application into the write queue. @kernel tcp_sendmsg_locked — net/ipv4/tcp.c, 7.3 */
import { MAX_SKB_FRAGS, type SkBuff } from '@netmem/netdev';
import type { NetmemRef } from '@netmem/netmem';
import { moveBytes, type Region } from '@netmem/region';
import { EAGAIN, EFAULT, ENOBUFS, EPIPE, MSG_EOR, MSG_MORE, MSG_OOB } from '@netmem/uapi';
import { currentMss, sizeGoal } from './mss.ts';
import { pushPending, pushPendingFrames, TCP_NAGLE_CORK, TCP_NAGLE_OFF, TCP_NAGLE_PUSH, writeXmit } from './output.ts';
import { mayQueueMore } from './send-space.ts';
import { CB_END_SEQ, CB_EOR, CB_FLAGS } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  SEND_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCPHDR_ACK,
  TCPHDR_PSH,
} from './tcp-states.ts';
import { appendSkb } from './write-queue.ts';

/** Pages that senders fill are taken this many at a time. @kernel SKB_FRAG_PAGE_ORDER — net/core/sock.c, 7.3 */
const PAGE_FRAG_ORDER = 3;
const PAGE_BYTES = 4096;

/** The page that the host's senders fill one after the other. @kernel page_frag — include/linux/mm_types_task.h, 7.3 */
export class PageFrag {
  ref: NetmemRef = 0 as NetmemRef;
  address: number = 0;
  offset: number = 0;
  size: number = 0;
}

/** @see TcpSock.sendFrom */
export function sendFrom(sk: TcpSock, region: Region, at: number, length: number, flags: number): number {
  if (at < 0 || length < 0 || at + length > region.length) return -EFAULT;
  if (sk.state !== TCP_ESTABLISHED && sk.state !== TCP_CLOSE_WAIT) {
    if (sk.error === 0 && (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV)) {
      sk.noSpace = true;
      return -EAGAIN;
    }
  }
  if (sk.error !== 0 || (sk.shutdownMask & SEND_SHUTDOWN) !== 0 || !canSend(sk)) return streamError(sk);
  restartAfterIdle(sk);
  const mss = currentMss(sk);
  const goal = sizeGoal(sk, mss, (flags & MSG_OOB) !== 0);
  let copied = 0;
  while (copied < length) {
    const skb = tailWithRoom(sk, goal);
    if (skb === null) {
      sk.noSpace = true;
      break;
    }
    const taken = append(sk, skb, region, at + copied, Math.min(length - copied, goal - skb.len));
    if (taken === 0) {
      // No memory, or no fragment left: an empty skb must not stay at the end.
      if (skb.nrFrags < MAX_SKB_FRAGS) {
        if (skb.len === 0 && skb.cb[CB_END_SEQ] === sk.writeSeq) discardTail(sk, skb);
        sk.noSpace = true;
        break;
      }
      skb.cb[CB_FLAGS] |= TCPHDR_PSH;
      skb.cb[CB_EOR] = 1;
      continue;
    }
    copied += taken;
    if (copied < length && skb.len >= goal) pushSome(sk, skb, mss);
  }
  if (copied > 0) {
    const tail = sk.writeQueue.last;
    if ((flags & MSG_EOR) !== 0 && tail !== null) tail.cb[CB_EOR] = 1;
    if ((flags & MSG_OOB) !== 0) sk.sndUp = sk.writeSeq;
    finishSend(sk, mss, flags);
    return copied;
  }
  if (length === 0) return 0;
  // Nothing is queued whose going would make room.
  if (sk.wmemQueued === 0) return -ENOBUFS;
  // What is queued must get going, or space never comes.
  pushPending(sk, mss, TCP_NAGLE_PUSH);
  return -EAGAIN;
}

function canSend(sk: TcpSock): boolean {
  return sk.state === TCP_ESTABLISHED || sk.state === TCP_CLOSE_WAIT;
}

/** @kernel sk_stream_error — net/core/stream.c, 7.3 */
function streamError(sk: TcpSock): number {
  const pending = sk.takeError();
  return pending < 0 ? pending : -EPIPE;
}

/** @kernel tcp_slow_start_after_idle_check — include/net/tcp.h, 7.3 */
function restartAfterIdle(sk: TcpSock): void {
  if (!sk.stack.sysctl.tcpSlowStartAfterIdle || sk.packetsOut > 0) return;
  const now = sk.stack.nowMs;
  const idle = (now - sk.lsndTimeMs) | 0;
  if (idle > sk.rtt.rtoMs) sk.cong.restartAfterIdle(idle, sk.rtt.rtoMs, now);
}

/** The last skb if it may grow, else a new one; null when the send buffer is full. */
function tailWithRoom(sk: TcpSock, goal: number): SkBuff | null {
  const tail = sk.writeQueue.last;
  if (tail !== null && tail.len < goal && tail.cb[CB_EOR] === 0) return tail;
  if (!mayQueueMore(sk)) return null;
  return appendSkb(sk, TCPHDR_ACK);
}

function discardTail(sk: TcpSock, skb: SkBuff): void {
  sk.writeQueue.unlink(skb);
  sk.wmemQueued -= skb.truesize;
  skb.consume();
}

/** Copies bytes behind those of `skb`. @returns how many; 0 without memory or fragments. */
function append(sk: TcpSock, skb: SkBuff, region: Region, at: number, length: number): number {
  const stack = sk.stack;
  const frag = stack.tcp.pageFrag;
  if (!refill(sk, frag)) return 0;
  const n = Math.min(length, frag.size - frag.offset);
  const last = skb.nrFrags - 1;
  const grows =
    last >= 0 && skb.fragRef(last) === frag.ref && skb.fragOffset(last) + skb.fragSize(last) === frag.offset;
  if (!grows && skb.nrFrags === MAX_SKB_FRAGS) return 0;
  moveBytes(region, at, stack.ram, frag.address + frag.offset, n);
  if (grows) {
    skb.setFrag(last, frag.ref, skb.fragOffset(last), skb.fragSize(last) + n);
    skb.len += n;
    skb.dataLen += n;
    skb.truesize += n;
  } else {
    stack.network.netmem.get(frag.ref);
    skb.addRxFragNetmem(frag.ref, frag.offset, n, n);
  }
  frag.offset += n;
  sk.wmemQueued += n;
  sk.writeSeq = (sk.writeSeq + n) | 0;
  skb.cb[CB_END_SEQ] = sk.writeSeq;
  return n;
}

/** @kernel skb_page_frag_refill — net/core/sock.c, 7.3 */
function refill(sk: TcpSock, frag: PageFrag): boolean {
  if (frag.ref !== 0 && frag.offset < frag.size) return true;
  const { netmem } = sk.stack.network;
  releasePageFrag(sk.stack.network, frag);
  let order = PAGE_FRAG_ORDER;
  let page = netmem.allocPages(order, -1);
  if (page === 0) {
    order = 0;
    page = netmem.allocPages(0, -1);
    if (page === 0) return false;
  }
  frag.ref = netmem.pageToNetmem(page);
  frag.address = netmem.pageAddress(page);
  frag.offset = 0;
  frag.size = PAGE_BYTES << order;
  return true;
}

/** Gives the page back that is being filled. */
export function releasePageFrag(network: TcpSock['stack']['network'], frag: PageFrag): void {
  if (frag.ref !== 0) network.netmem.put(frag.ref);
  frag.ref = 0 as NetmemRef;
  frag.offset = 0;
  frag.size = 0;
}

/** In the middle of a long write: send what is whole. @kernel tcp_push_one — net/ipv4/tcp_output.c, 7.3 */
function pushSome(sk: TcpSock, skb: SkBuff, mss: number): void {
  if (((sk.writeSeq - sk.pushedSeq - (sk.maxWindow >> 1)) | 0) > 0) {
    markPush(sk, skb);
    pushPending(sk, mss, TCP_NAGLE_PUSH);
  } else if (skb === sk.writeQueue.first) {
    writeXmit(sk, mss, TCP_NAGLE_PUSH, true);
  }
}

function markPush(sk: TcpSock, skb: SkBuff): void {
  skb.cb[CB_FLAGS] |= TCPHDR_PSH;
  sk.pushedSeq = sk.writeSeq;
}

/** @kernel tcp_push — net/ipv4/tcp.c, 7.3 */
function finishSend(sk: TcpSock, mss: number, flags: number): void {
  const tail = sk.writeQueue.last;
  if (tail === null) return;
  const more = (flags & MSG_MORE) !== 0;
  if (!more || ((sk.writeSeq - sk.pushedSeq - (sk.maxWindow >> 1)) | 0) > 0) markPush(sk, tail);
  pushPending(sk, mss, more ? TCP_NAGLE_CORK : sk.nonagle);
}

/** TCP_NODELAY. @kernel __tcp_sock_set_nodelay — net/ipv4/tcp.c, 7.3 */
export function setNodelay(sk: TcpSock, on: boolean): void {
  if (!on) {
    sk.nonagle &= ~TCP_NAGLE_OFF;
    return;
  }
  sk.nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH;
  pushPendingFrames(sk);
  sk.nonagle &= ~TCP_NAGLE_PUSH;
}

/** TCP_CORK. @kernel __tcp_sock_set_cork — net/ipv4/tcp.c, 7.3 */
export function setCork(sk: TcpSock, on: boolean): void {
  if (on) {
    sk.nonagle |= TCP_NAGLE_CORK;
    return;
  }
  sk.nonagle &= ~TCP_NAGLE_CORK;
  if ((sk.nonagle & TCP_NAGLE_OFF) !== 0) sk.nonagle |= TCP_NAGLE_PUSH;
  pushPendingFrames(sk);
  sk.nonagle &= ~TCP_NAGLE_PUSH;
}
