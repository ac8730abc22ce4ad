/** What MSG_MORE and UDP_CORK gather for one datagram. @kernel ip_append_data — net/ipv4/ip_output.c, 7.3 (partial: bytes, no fragments) */
import { type Region, regionOf } from '@netmem/region';
import type { InetAddress } from '../stack/inet-address.ts';

const FIRST_BYTES = 512;

export class CorkedDatagram {
  /** Where it goes: the first piece says. */
  readonly target: InetAddress;
  readonly port: number;
  length: number = 0;
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);

  constructor(target: InetAddress, port: number) {
    this.target = target.clone();
    this.port = port;
  }

  append(region: Region, at: number, length: number): void {
    const end = this.length + length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(region.bytes.subarray(region.base + at, region.base + at + length), this.length);
    this.length = end;
  }

  get region(): Region {
    return regionOf(this.#bytes.subarray(0, this.length));
  }
}
