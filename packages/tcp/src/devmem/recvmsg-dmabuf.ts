import type { Machine } from '@netmem/machine';
import type { SkBuff } from '@netmem/netdev';
import { NET_IOV_DMABUF, type NetmemTable } from '@netmem/netmem';
import { EFAULT, ENODEV, SCM_DEVMEM_DMABUF, SCM_DEVMEM_LINEAR } from '@netmem/uapi';
import type { IovCursor } from '../socket/msghdr.ts';
import type { ControlWriter } from './control-writer.ts';
import type { TokenTable } from './token-table.ts';

/** Payload delivered per kind, over the life of a stack. */
export interface DevmemCounters {
  /** SCM_DEVMEM_DMABUF messages. */
  frags: number;
  /** Bytes they announced. */
  fragBytes: number;
  /** SCM_DEVMEM_LINEAR messages. */
  linearMessages: number;
  /** Bytes they announced. */
  linearBytes: number;
  /** Tokens given back, or released with their socket. */
  tokensReleased: number;
}

/**
 * Hands device memory to the application: for each fragment a control message with the place in the dma-buf and a token, the bytes themselves stay
 * where they are. One object per stack; a call leaves nothing behind in it.
 *
 * @kernel tcp_recvmsg_dmabuf — net/ipv4/tcp.c, 7.3
 */
export class DmabufReceiver {
  readonly counters: DevmemCounters = { frags: 0, fragBytes: 0, linearMessages: 0, linearBytes: 0, tokensReleased: 0 };
  readonly #machine: Machine;
  readonly #netmem: NetmemTable;
  #sent = 0;
  #remaining = 0;

  constructor(machine: Machine, netmem: NetmemTable) {
    this.#machine = machine;
    this.#netmem = netmem;
  }

  /**
   * Delivers up to `wanted` bytes of an unreadable skb from `offset` on, its frag_list included.
   *
   * @returns bytes delivered; if none: -ENODEV a readable skb or a frag that is no dma-buf's, -EFAULT the iovec or the chain is too short, -ETOOSMALL
   * no room for a control message, -EBUSY no token left.
   */
  receive(
    skb: SkBuff,
    offset: number,
    wanted: number,
    tokens: TokenTable,
    iov: IovCursor,
    control: ControlWriter,
  ): number {
    this.#sent = 0;
    this.#remaining = wanted;
    let at = offset;
    let member: SkBuff | null = skb;
    while (member !== null && this.#remaining > 0) {
      const length: number = member === skb ? headLength(skb) : member.len;
      if (at < length) {
        const error = this.#receiveMember(member, at, tokens, iov, control);
        if (error < 0) return this.#sent > 0 ? this.#sent : error;
        at = 0;
      } else {
        at -= length;
      }
      member = member === skb ? skb.fragList : member.next;
    }
    if (this.#remaining > 0 && this.#sent === 0) return -EFAULT;
    return this.#sent;
  }

  /** One skb of the chain: its linear bytes, then its frags. Returns 0, or the errno that stopped it. */
  #receiveMember(skb: SkBuff, offset: number, tokens: TokenTable, iov: IovCursor, control: ControlWriter): number {
    if (skb.readable) return -ENODEV;
    let at = offset;
    const linear = Math.min(skb.headlen - at, this.#remaining);
    if (linear > 0) {
      const error = this.#receiveLinear(skb.data + at, linear, iov, control);
      if (error < 0) return error;
      at += linear;
    }
    let start = skb.headlen;
    for (let i = 0; this.#remaining > 0 && i < skb.nrFrags; i++) {
      const end = start + skb.fragSize(i);
      if (at < end) {
        const n = Math.min(end - at, this.#remaining);
        const error = this.#receiveFrag(skb, i, at - start, n, tokens, control);
        if (error < 0) return error;
        at += n;
      }
      start = end;
    }
    return 0;
  }

  #receiveLinear(address: number, length: number, iov: IovCursor, control: ControlWriter): number {
    // As in Linux the copy comes first: bytes whose message has no room stand in the iovec, uncounted, and come again.
    if (iov.copyTo(this.#machine.memory.bytes, address, length) !== length) return -EFAULT;
    const error = control.putDevmem(SCM_DEVMEM_LINEAR, 0, length, 0, 0);
    if (error < 0) return error;
    this.counters.linearMessages++;
    this.counters.linearBytes += length;
    this.#delivered(length);
    return 0;
  }

  #receiveFrag(
    skb: SkBuff,
    i: number,
    within: number,
    length: number,
    tokens: TokenTable,
    control: ControlWriter,
  ): number {
    const netmem = this.#netmem;
    const ref = skb.fragRef(i);
    if (!netmem.isNetIov(ref)) {
      this.#machine.log.emit('err', 'tcp', 'Found non-dmabuf skb with net_iov');
      return -ENODEV;
    }
    const niov = netmem.toNetIov(ref);
    const area = netmem.area(niov);
    if (area.type !== NET_IOV_DMABUF) return -ENODEV;
    const token = tokens.allocate(ref);
    if (token < 0) return token;
    const offset = netmem.netIovOffset(niov) + skb.fragOffset(i) + within;
    const error = control.putDevmem(SCM_DEVMEM_DMABUF, offset, length, token, area.owner.id);
    if (error < 0) {
      tokens.erase(token);
      return error;
    }
    netmem.refNetmem(ref);
    this.counters.frags++;
    this.counters.fragBytes += length;
    this.#delivered(length);
    return 0;
  }

  #delivered(length: number): void {
    this.#sent += length;
    this.#remaining -= length;
  }
}

/** Bytes of an skb without its frag_list: the list's members come on their own. */
function headLength(skb: SkBuff): number {
  let length = skb.len;
  for (let member = skb.fragList; member !== null; member = member.next) length -= member.len;
  return length;
}
