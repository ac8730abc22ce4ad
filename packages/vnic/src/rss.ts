import {
  type Dissection,
  ipv4,
  ipv6,
  L3_IPV4,
  L3_IPV6,
  L4_TCP,
  L4_UDP,
  MICROSOFT_RSS_KEY,
  Toeplitz,
} from '@netmem/wire';
import {
  RSS_HASH_IPV4,
  RSS_HASH_IPV6,
  RSS_HASH_IPV6_EX,
  RSS_HASH_TCPV4,
  RSS_HASH_TCPV6,
  RSS_HASH_TCPV6_EX,
  RSS_HASH_TYPES_LINUX,
  RSS_HASH_UDPV4,
  RSS_HASH_UDPV6,
  RSS_HASH_UDPV6_EX,
  RSS_KEY_BYTES,
  RSS_LUT_ENTRIES,
} from './abi/index.ts';
import { UNHASHED } from './choices.ts';

const LUT_MASK = RSS_LUT_ENTRIES - 1;
const PORTS_BYTES = 4;

/**
 * Receive-side scaling: a Toeplitz hash over addresses and ports, and a table of 128 receive queues.
 * IPv6 "EX" types, which would use a home address, hash as the plain ones.
 */
export class Rss {
  hashTypes = 0;
  readonly key: Uint8Array = new Uint8Array(RSS_KEY_BYTES);
  /** Receive queue ids. */
  readonly table: Uint16Array = new Uint16Array(RSS_LUT_ENTRIES);
  readonly #toeplitz: Toeplitz;

  constructor(queues: number) {
    this.#toeplitz = new Toeplitz(Uint8Array.from(MICROSOFT_RSS_KEY));
    this.reset(queues);
  }

  /** What a fresh card does: Microsoft's key, Linux's hash types, the table spread over the default queues. */
  reset(queues: number): void {
    this.hashTypes = RSS_HASH_TYPES_LINUX;
    this.setKey(MICROSOFT_RSS_KEY);
    for (let i = 0; i < RSS_LUT_ENTRIES; i++) this.table[i] = i % queues;
  }

  setKey(key: ArrayLike<number>): void {
    this.key.set(key);
    this.#toeplitz.setKey(this.key);
  }

  /** The hash of a dissected frame as uint32; 0 for what the hash types leave out. */
  hash(bytes: Uint8Array, frame: Dissection): number {
    const four = frame.l3 === L3_IPV4;
    if ((!four && frame.l3 !== L3_IPV6) || frame.l4Protocol < 0) return UNHASHED;
    const addressesAt = frame.l3At + (four ? ipv4.SOURCE_AT : ipv6.SOURCE_AT);
    const addressBytes = four ? 8 : 32;
    const types = this.hashTypes;
    let portTypes = 0;
    if (frame.l4 === L4_TCP) portTypes = four ? RSS_HASH_TCPV4 : RSS_HASH_TCPV6 | RSS_HASH_TCPV6_EX;
    else if (frame.l4 === L4_UDP) portTypes = four ? RSS_HASH_UDPV4 : RSS_HASH_UDPV6 | RSS_HASH_UDPV6_EX;
    if ((types & portTypes) !== 0) {
      return this.#toeplitz.hashPair(bytes, addressesAt, addressBytes, frame.l4At, PORTS_BYTES);
    }
    const addressTypes = four ? RSS_HASH_IPV4 : RSS_HASH_IPV6 | RSS_HASH_IPV6_EX;
    return (types & addressTypes) !== 0 ? this.#toeplitz.hash(bytes, addressesAt, addressBytes) : UNHASHED;
  }

  /** The receive queue of a hash. */
  queueOf(hash: number): number {
    return this.table[hash & LUT_MASK];
  }
}
