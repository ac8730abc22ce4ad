/**
 * A second implementation of the file formats, in either byte order, for tests only: written from the format's drafts and not from the
 * package's code, and built from small arrays instead of one buffer.
 */
export class ReferenceEncoder {
  readonly littleEndian: boolean;

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian;
  }

  number(value: bigint | number, bytes: number): number[] {
    const digits: number[] = [];
    let rest = BigInt.asUintN(8 * bytes, BigInt(value));
    for (let i = 0; i < bytes; i++) {
      digits.push(Number(rest & 0xffn));
      rest >>= 8n;
    }
    return this.littleEndian ? digits : digits.reverse();
  }

  u16(value: number): number[] {
    return this.number(value, 2);
  }

  u32(value: number): number[] {
    return this.number(value, 4);
  }

  pad(bytes: readonly number[]): number[] {
    return [...bytes, ...new Array<number>((4 - (bytes.length % 4)) % 4).fill(0)];
  }

  option(code: number, value: readonly number[]): number[] {
    return [...this.u16(code), ...this.u16(value.length), ...this.pad(value)];
  }

  text(code: number, value: string): number[] {
    return this.option(code, [...new TextEncoder().encode(value)]);
  }

  block(type: number, body: readonly number[]): number[] {
    const length = this.u32(12 + body.length);
    return [...this.u32(type), ...length, ...body, ...length];
  }

  section(options: readonly number[] = []): number[] {
    return this.block(0x0a0d0d0a, [
      ...this.u32(0x1a2b3c4d),
      ...this.u16(1),
      ...this.u16(0),
      ...this.number(-1n, 8),
      ...options,
    ]);
  }

  interface(linkType: number, snapLength: number, options: readonly number[] = []): number[] {
    return this.block(1, [...this.u16(linkType), ...this.u16(0), ...this.u32(snapLength), ...options]);
  }

  packet(
    id: number,
    ticks: bigint,
    data: readonly number[],
    originalLength: number,
    options: readonly number[] = [],
  ): number[] {
    return this.block(6, [
      ...this.u32(id),
      ...this.u32(Number(ticks >> 32n)),
      ...this.u32(Number(ticks & 0xffff_ffffn)),
      ...this.u32(data.length),
      ...this.u32(originalLength),
      ...this.pad(data),
      ...options,
    ]);
  }

  pcapHeader(magic: number, linkType: number): number[] {
    return [
      ...this.u32(magic),
      ...this.u16(2),
      ...this.u16(4),
      ...this.u32(0),
      ...this.u32(0),
      ...this.u32(262144),
      ...this.u32(linkType),
    ];
  }

  pcapRecord(seconds: number, fraction: number, data: readonly number[], originalLength: number): number[] {
    return [
      ...this.u32(seconds),
      ...this.u32(fraction),
      ...this.u32(data.length),
      ...this.u32(originalLength),
      ...data,
    ];
  }
}
