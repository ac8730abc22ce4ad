/** Structures of the system calls as a 64-bit little-endian Linux lays them out. */

import { InetAddress } from '@netmem/tcp';
import { AF_INET, AF_INET6, IOVEC_BYTES } from '@netmem/uapi';
import type { Address } from '../stack.ts';
import { addressOf, memory } from './libc.ts';

const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
/** Room for any of them. */
export const SOCKADDR_BYTES = 128;
/** `struct msghdr`: name, its length, iov, its length, control, its length, flags. */
const MSGHDR_BYTES = 56;

/** `sockaddr_in` or `sockaddr_in6`, as the text looks; AF_UNSPEC for null. */
export function sockaddr(address: Address | null): Uint8Array {
  if (address === null) return memory(SOCKADDR_IN_BYTES);
  const v6 = address.ip.includes(':');
  const bytes = memory(v6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  const view = new DataView(bytes.buffer);
  const parsed = InetAddress.parse(address.ip);
  if (parsed === null) throw new TypeError(`no address: ${address.ip}`);
  view.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, address.port);
  if (v6) {
    parsed.writeV6(view, 8);
    view.setUint32(24, parsed.scopeId, true);
  } else {
    view.setInt32(4, parsed.w3);
  }
  return bytes;
}

/** The address in a `sockaddr`; null when none was written. */
export function addressIn(bytes: Uint8Array, length: number): Address | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (length < SOCKADDR_IN_BYTES) return null;
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === AF_INET) return { ip: InetAddress.v4(view.getInt32(4)).toString(), port };
  const address = new InetAddress().readV6(view, 8);
  return { ip: address.isV4 ? `::ffff:${address.toString()}` : address.toString(), port };
}

/** A `struct msghdr` and what it points to, which live as long as it does. */
export class MessageHeader {
  readonly bytes: Uint8Array = memory(MSGHDR_BYTES);
  readonly #view: DataView = new DataView(this.bytes.buffer as ArrayBuffer);
  readonly iov: readonly Uint8Array[];
  readonly control: Uint8Array | null;
  readonly name: Uint8Array | null;
  readonly #iovec: Uint8Array<ArrayBuffer>;

  constructor(iov: readonly Uint8Array[], control: Uint8Array | null, name: Uint8Array | null) {
    this.iov = iov;
    this.control = control;
    this.name = name;
    this.#iovec = memory(Math.max(1, iov.length) * IOVEC_BYTES);
    const vector = new DataView(this.#iovec.buffer);
    for (const [i, part] of iov.entries()) {
      vector.setBigUint64(i * IOVEC_BYTES, part.length === 0 ? 0n : addressOf(part), true);
      vector.setBigUint64(i * IOVEC_BYTES + 8, BigInt(part.length), true);
    }
    const view = this.#view;
    view.setBigUint64(0, name === null ? 0n : addressOf(name), true);
    view.setUint32(8, name?.length ?? 0, true);
    view.setBigUint64(16, addressOf(this.#iovec), true);
    view.setBigUint64(24, BigInt(iov.length), true);
    view.setBigUint64(32, control === null ? 0n : addressOf(control), true);
    view.setBigUint64(40, BigInt(control?.length ?? 0), true);
  }

  get nameLength(): number {
    return this.#view.getUint32(8, true);
  }

  get controlLength(): number {
    return Number(this.#view.getBigUint64(40, true));
  }

  get flags(): number {
    return this.#view.getInt32(48, true);
  }
}
