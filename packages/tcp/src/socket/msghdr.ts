import type { SkBuff } from '@netmem/netdev';
import type { Region } from '@netmem/region';
import { EFAULT } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';

/**
 * What `recvmsg` and `sendmsg` work on; made once by the caller and used for every call.
 *
 * In for `recvmsg`: `iov` and `control`. Out: `controlLength`, `flags`, and for datagrams `name` and `port`.
 * In for `sendmsg`: `iov`, `control` with `controlLength`, `name` and `port` (null: the connected peer).
 *
 * @kernel msghdr — include/linux/socket.h, 7.3
 */
export class Msghdr {
  /** Where bytes go or come from, in order. Devmem bytes count against its length though they never touch it. */
  iov: readonly Region[];
  /** Room for control messages; null for none. */
  control: Region | null;
  /** Out for `recvmsg`: bytes of `control` in use. In for `sendmsg`: the same. */
  controlLength: number = 0;
  /** Out: MSG_TRUNC, MSG_OOB, MSG_EOR … as msg_flags. */
  flags: number = 0;
  /** Out for `recvmsg` on a datagram socket: the sender. In for `sendmsg`: the receiver, null for the connected peer. */
  name: InetAddress | null = null;
  /** Port that goes with `name`. */
  port: number = 0;
  /** Out for `recvmsg` with TCP_INQ set: bytes left in the receive queue. */
  inq: number = 0;

  constructor(iov: readonly Region[], control: Region | null = null) {
    this.iov = iov;
    this.control = control;
  }

  /** Total length of `iov`. */
  get length(): number {
    let total = 0;
    for (let i = 0; i < this.iov.length; i++) total += (this.iov[i] as Region).length;
    return total;
  }
}

/**
 * A position in an iovec that only moves forward: what is copied is packed back to back from the start of the first region.
 *
 * @kernel iov_iter — include/linux/uio.h, 7.3
 */
export class IovCursor {
  #iov: readonly Region[] = [];
  #index = 0;
  #offset = 0;

  reset(iov: readonly Region[]): void {
    this.#iov = iov;
    this.#index = 0;
    this.#offset = 0;
  }

  /**
   * Copies `length` bytes of a packet from `offset` on.
   *
   * @returns 0; -EFAULT when the iovec is too short, or the packet is, or a byte of it has no CPU address: what came before may be there.
   * @kernel skb_copy_datagram_msg — include/linux/skbuff.h, 7.3
   */
  copySkb(skb: SkBuff, offset: number, length: number): number {
    let done = 0;
    while (done < length) {
      const region = this.#iov[this.#index];
      if (region === undefined) return -EFAULT;
      const n = Math.min(length - done, region.length - this.#offset);
      if (skb.copyDatagram(offset + done, region.bytes, region.base + this.#offset, n) !== n) return -EFAULT;
      done += n;
      this.#advance(region, n);
    }
    return 0;
  }

  /** Copies `length` bytes from `address` in `bytes`; returns how many fitted. */
  copyTo(bytes: Uint8Array, address: number, length: number): number {
    let done = 0;
    while (done < length && this.#index < this.#iov.length) {
      const region = this.#iov[this.#index] as Region;
      const n = Math.min(length - done, region.length - this.#offset);
      const to = region.base + this.#offset;
      const from = address + done;
      if (region.bytes === bytes) bytes.copyWithin(to, from, from + n);
      else region.bytes.set(bytes.subarray(from, from + n), to);
      done += n;
      this.#advance(region, n);
    }
    return done;
  }

  #advance(region: Region, n: number): void {
    this.#offset += n;
    if (this.#offset === region.length) {
      this.#index++;
      this.#offset = 0;
    }
  }
}
