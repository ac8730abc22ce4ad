/**
 * An IP address as four 32-bit words, IPv4 in its IPv4-mapped form (`::ffff:a.b.c.d`). One form for both families means one hash, one compare and one
 * dual-stack rule everywhere, and integers instead of strings on the packet path.
 */
import { formatAddress4, formatAddress6, parseAddress4, parseAddress6 } from '@netmem/wire';

/** Third word of every IPv4-mapped address: `0000:ffff`. */
export const V4_MAPPED_WORD = 0x0000ffff;

/** A mutable address; sockets and routes own theirs and overwrite them in place. */
export class InetAddress {
  /** Words 0 to 3 in network order, each an int32. */
  w0: number = 0;
  w1: number = 0;
  w2: number = 0;
  w3: number = 0;
  /** Interface scope of a link-local address, 0 when none was given. */
  scopeId: number = 0;

  /** The IPv4 address in host order (`0x0a000002` is 10.0.0.2) as a new object. */
  static v4(hostOrder: number): InetAddress {
    return new InetAddress().setV4(hostOrder);
  }

  /** The unspecified address of a family: `0.0.0.0` (mapped) for AF_INET, `::` otherwise. */
  static any(family: number): InetAddress {
    return family === 2 ? InetAddress.v4(0) : new InetAddress();
  }

  /** Reads `10.0.0.2`, `fe80::1` or `fe80::1%3`; null when it is neither. */
  static parse(text: string): InetAddress | null {
    const percent = text.indexOf('%');
    const bare = percent < 0 ? text : text.slice(0, percent);
    if (!bare.includes(':')) {
      const v4 = parseAddress4(bare);
      return v4 === null || percent >= 0 ? null : InetAddress.v4(v4);
    }
    const bytes = parseAddress6(bare);
    if (bytes === null) return null;
    const out = new InetAddress().readV6(new DataView(bytes.buffer), 0);
    if (percent >= 0) {
      const scope = Number(text.slice(percent + 1));
      if (!Number.isInteger(scope) || scope < 0) return null;
      out.scopeId = scope;
    }
    return out;
  }

  setV4(hostOrder: number): this {
    this.w0 = 0;
    this.w1 = 0;
    this.w2 = V4_MAPPED_WORD;
    this.w3 = hostOrder | 0;
    return this;
  }

  /** Back to the unspecified address of a family. */
  setAny(family: number): this {
    this.scopeId = 0;
    this.setV4(0);
    if (family !== 2) this.w2 = 0;
    return this;
  }

  /** Sixteen bytes at `at`, network order. */
  readV6(view: DataView, at: number): this {
    this.w0 = view.getInt32(at);
    this.w1 = view.getInt32(at + 4);
    this.w2 = view.getInt32(at + 8);
    this.w3 = view.getInt32(at + 12);
    return this;
  }

  writeV6(view: DataView, at: number): void {
    view.setInt32(at, this.w0);
    view.setInt32(at + 4, this.w1);
    view.setInt32(at + 8, this.w2);
    view.setInt32(at + 12, this.w3);
  }

  copyFrom(other: InetAddress): this {
    this.w0 = other.w0;
    this.w1 = other.w1;
    this.w2 = other.w2;
    this.w3 = other.w3;
    this.scopeId = other.scopeId;
    return this;
  }

  clone(): InetAddress {
    return new InetAddress().copyFrom(this);
  }

  equals(other: InetAddress): boolean {
    return this.w3 === other.w3 && this.w2 === other.w2 && this.w1 === other.w1 && this.w0 === other.w0;
  }

  /** True for an IPv4 address in mapped form. */
  get isV4(): boolean {
    return this.w2 === V4_MAPPED_WORD && this.w0 === 0 && this.w1 === 0;
  }

  /** `0.0.0.0` or `::`. */
  get isAny(): boolean {
    return this.w3 === 0 && this.w0 === 0 && this.w1 === 0 && (this.w2 === 0 || this.w2 === V4_MAPPED_WORD);
  }

  get isMulticast(): boolean {
    return this.isV4 ? this.w3 >>> 28 === 0xe : this.w0 >>> 24 === 0xff;
  }

  /** fe80::/10. */
  get isLinkLocal(): boolean {
    return this.w0 >>> 22 === 0x3fa;
  }

  toString(): string {
    if (this.isV4) return formatAddress4(this.w3 >>> 0);
    const bytes = new Uint8Array(16);
    this.writeV6(new DataView(bytes.buffer), 0);
    return formatAddress6(bytes, 0);
  }
}
