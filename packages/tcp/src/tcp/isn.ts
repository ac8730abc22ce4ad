/**
 * Initial sequence numbers by RFC 6528: a clock plus a keyed hash of the four-tuple, so that each pair of ends has its own sequence
 * space and nobody else can guess it. Timestamp offsets come from the same hash with another key. The keys come from the machine's seed.
 *
 * @kernel secure_tcp_seq_and_ts_off — net/core/secure_seq.c, 7.3
 */
import type { Random } from '@netmem/machine';
import type { InetAddress } from '../stack/inet-address.ts';

/** HalfSipHash-2-4 (32-bit words) over a few integers. Not for secrets worth more than a simulated connection, but no toy either. */
export class KeyedHash {
  readonly #k0: number;
  readonly #k1: number;
  #v0: number = 0;
  #v1: number = 0;
  #v2: number = 0;
  #v3: number = 0;
  #words: number = 0;

  constructor(random: Random) {
    this.#k0 = random.uint32() | 0;
    this.#k1 = random.uint32() | 0;
  }

  start(): void {
    this.#v0 = this.#k0;
    this.#v1 = this.#k1;
    this.#v2 = 0x6c796765 ^ this.#k0;
    this.#v3 = 0x74656462 ^ this.#k1;
    this.#words = 0;
  }

  word(m: number): void {
    this.#v3 ^= m;
    this.#round();
    this.#round();
    this.#v0 ^= m;
    this.#words++;
  }

  address(a: InetAddress): void {
    this.word(a.w0);
    this.word(a.w1);
    this.word(a.w2);
    this.word(a.w3);
  }

  /** int32. */
  finish(): number {
    this.word(this.#words << 26);
    this.#v2 ^= 0xff;
    this.#round();
    this.#round();
    this.#round();
    this.#round();
    return this.#v1 ^ this.#v3;
  }

  #round(): void {
    let v0 = (this.#v0 + this.#v1) | 0;
    let v1 = (this.#v1 << 5) | (this.#v1 >>> 27);
    v1 ^= v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    let v2 = (this.#v2 + this.#v3) | 0;
    let v3 = ((this.#v3 << 8) | (this.#v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}

export class SequenceSource {
  readonly #seqHash: KeyedHash;
  readonly #tsHash: KeyedHash;
  readonly #portHash: KeyedHash;

  constructor(random: Random) {
    this.#seqHash = new KeyedHash(random);
    this.#tsHash = new KeyedHash(random);
    this.#portHash = new KeyedHash(random);
  }

  /** Initial sequence number of a connection, int32. `nowNs`: the 64 ns tick of Linux wraps after 274 s, longer than a segment lives. */
  initial(local: InetAddress, localPort: number, remote: InetAddress, remotePort: number, nowNs: number): number {
    return (tuple(this.#seqHash, local, localPort, remote, remotePort) + Math.floor(nowNs / 64)) | 0;
  }

  /** Timestamp offset for a pair of hosts, the same for all their connections so that TIME_WAIT reuse can compare. int32. */
  timestampOffset(local: InetAddress, remote: InetAddress): number {
    return tuple(this.#tsHash, local, 0, remote, 0);
  }

  /** Where to start looking for a free port (RFC 6056, algorithm 3). uint32. */
  portOffset(local: InetAddress, remote: InetAddress, remotePort: number): number {
    return tuple(this.#portHash, local, 0, remote, remotePort) >>> 0;
  }
}

function tuple(
  hash: KeyedHash,
  local: InetAddress,
  localPort: number,
  remote: InetAddress,
  remotePort: number,
): number {
  hash.start();
  hash.address(local);
  hash.address(remote);
  hash.word((localPort << 16) | remotePort);
  return hash.finish();
}
