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

/** Everything that was asked for is delivered. Not an errno, and no call returns it. */
const FULL = 1;

/**
 * Hands device memory to the application: for each fragment a control message with the place in the dma-buf and a token, the bytes themselves stay
 * where they are. One object per stack; a call leaves nothing behind in it.
 *
 * A request of 0 bytes is served like any other, as Linux does: it yields a message about 0 bytes, and for a fragment a token that wants returning.
 *
 * @kernel tcp_recvmsg_dmabuf — net/ipv4/tcp.c, 7.3
 */
export class DmabufReceiver {
  readonly counters: DevmemCounters = { frags: 0, fragBytes: 0, linearMessages: 0, linearBytes: 0, tokensReleased: 0 };
  readonly #machine: Machine;
  readonly #netmem: NetmemTable;

  // State of the call in progress.
  #sent = 0;
  #remaining = 0;
  #offset = 0;

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
    this.#offset = offset;
    let result = this.#receiveMember(skb, tokens, iov, control);
    for (let member = skb.fragList; result === 0 && member !== null; member = member.next) {
      result = this.#receiveMember(member, tokens, iov, control);
    }
    if (this.#sent > 0 || result === FULL) return this.#sent;
    // Linux would go on with what follows on the receive queue; the caller never asks for more than the skb has.
    return result < 0 ? result : -EFAULT;
  }

  /**
   * One skb of the chain: its linear bytes, then its frags. `#offset` counts from its first byte, and afterwards from the first byte behind it.
   * Returns 0, FULL, or the errno that stopped it.
   */
  #receiveMember(skb: SkBuff, tokens: TokenTable, iov: IovCursor, control: ControlWriter): number {
    if (skb.readable) return -ENODEV;
    let start = skb.headlen;
    if (this.#offset < start) {
      const length = Math.min(start - this.#offset, this.#remaining);
      const error = this.#receiveLinear(skb.data + this.#offset, length, iov, control);
      if (error < 0) return error;
      if (this.#remaining === 0) return FULL;
    }
    for (let i = 0; i < skb.nrFrags; i++) {
      // Asked of every frag, those that were read before included.
      const error = this.#checkFrag(skb, i);
      if (error < 0) return error;
      const end = start + skb.fragSize(i);
      if (this.#offset < end) {
        const length = Math.min(end - this.#offset, this.#remaining);
        const failed = this.#receiveFrag(skb, i, this.#offset - start, length, tokens, control);
        if (failed < 0) return failed;
        if (this.#remaining === 0) return FULL;
      }
      start = end;
    }
    this.#offset -= start;
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

  #checkFrag(skb: SkBuff, i: number): number {
    const netmem = this.#netmem;
    const ref = skb.fragRef(i);
    if (!netmem.isNetIov(ref)) {
      this.#machine.log.emit('err', 'tcp', 'Found non-dmabuf skb with net_iov');
      return -ENODEV;
    }
    return netmem.area(netmem.toNetIov(ref)).type === NET_IOV_DMABUF ? 0 : -ENODEV;
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
    const niov = netmem.toNetIov(ref);
    const token = tokens.allocate(ref);
    if (token < 0) return token;
    const offset = netmem.netIovOffset(niov) + skb.fragOffset(i) + within;
    const error = control.putDevmem(SCM_DEVMEM_DMABUF, offset, length, token, netmem.area(niov).owner.id);
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
    this.#offset += length;
  }
}
