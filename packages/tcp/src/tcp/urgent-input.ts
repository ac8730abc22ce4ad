/** The urgent pointer, as far as anybody still uses it: one byte out of band. @kernel tcp_urg — net/ipv4/tcp_input.c, 7.3 */
import type { SkBuff } from '@netmem/netdev';
import { CB_SEQ, CB_URG } from './skb-cb.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_URG_NOTYET, TCP_URG_READ, TCP_URG_VALID } from './urgent.ts';

/** The segment has URG set; `skb.data` at its header of `headerBytes`. */
export function receiveUrgent(sk: TcpSock, skb: SkBuff, headerBytes: number): void {
  checkPointer(sk, skb);
  if (sk.urgData !== TCP_URG_NOTYET) return;
  const offset = ((sk.urgSeq - skb.cb[CB_SEQ]) | 0) + headerBytes;
  if (offset < headerBytes || offset >= skb.len) return;
  const scratch = sk.stack.tcp.scratchByte;
  // An unreadable skb keeps its byte: then there is no urgent data to deliver.
  if (skb.copyBits(offset, scratch, 1) < 0) return;
  sk.urgData = TCP_URG_VALID | sk.stack.view.getUint8(scratch);
  if (!sk.dead) sk.listener?.readable(sk);
}

/** @kernel tcp_check_urg — net/ipv4/tcp_input.c, 7.3 */
function checkPointer(sk: TcpSock, skb: SkBuff): void {
  const pointer = skb.cb[CB_URG];
  // The pointer names the byte behind the urgent one; BSD's reading, which Linux follows unless tcp_stdurg.
  if (pointer === 0) return;
  const seq = (skb.cb[CB_SEQ] + pointer - 1) | 0;
  if (((sk.copiedSeq - seq) | 0) > 0 || ((seq - sk.rcvNxt) | 0) < 0) return;
  if (sk.urgData !== 0 && ((seq - sk.urgSeq) | 0) <= 0) return;
  // A byte that was urgent and not read joins the stream again.
  if (sk.urgSeq === sk.copiedSeq && sk.urgData !== 0 && sk.urgData !== TCP_URG_READ && !sk.oobInline) {
    if (sk.copiedSeq !== sk.rcvNxt) {
      const head = sk.receiveQueue.first;
      sk.copiedSeq = (sk.copiedSeq + 1) | 0;
      if (head !== null && ((sk.copiedSeq - head.cb[CB_SEQ] - head.len) | 0) >= 0) sk.eatSkb(head);
    }
  }
  sk.urgData = TCP_URG_NOTYET;
  sk.urgSeq = seq;
  sk.predFlags = 0;
}
