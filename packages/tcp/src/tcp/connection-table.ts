/** Connections by four-tuple: a chained hash table of integers. No string, no object per look-up. @kernel inet_ehash_bucket — include/net/inet_hashtables.h, 7.3 */
import type { InetAddress } from '../stack/inet-address.ts';
import type { RequestSock } from './request.ts';
import type { TcpSock } from './tcp-sock.ts';
import type { TimeWaitSock } from './timewait.ts';

const FIRST_BUCKETS = 256;

/** A place in the table. Exactly one of the three owners is set. Its own class, so that a look-up sees one shape whoever is found. */
export class ConnectionNode {
  sock: TcpSock | null = null;
  timewait: TimeWaitSock | null = null;
  request: RequestSock | null = null;
  /** Remote port in the high half, local in the low, as in the header of what arrives: one comparison for both. */
  ports: number = 0;
  r0: number = 0;
  r1: number = 0;
  r2: number = 0;
  r3: number = 0;
  l0: number = 0;
  l1: number = 0;
  l2: number = 0;
  l3: number = 0;
  hash: number = 0;
  next: ConnectionNode | null = null;
  linked: boolean = false;

  setKey(remote: InetAddress, remotePort: number, local: InetAddress, localPort: number): void {
    this.ports = (remotePort << 16) | localPort;
    this.r0 = remote.w0;
    this.r1 = remote.w1;
    this.r2 = remote.w2;
    this.r3 = remote.w3;
    this.l0 = local.w0;
    this.l1 = local.w1;
    this.l2 = local.w2;
    this.l3 = local.w3;
  }
}

/** A node owned by `sock`. */
export function newNode(sock: TcpSock): ConnectionNode {
  const node = new ConnectionNode();
  node.sock = sock;
  return node;
}

export class ConnectionTable {
  #buckets: (ConnectionNode | null)[] = new Array(FIRST_BUCKETS).fill(null);
  #mask: number = FIRST_BUCKETS - 1;
  #count: number = 0;
  readonly #seed: number;

  /** @param seed - Unknown to peers, so that they cannot aim at one bucket. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Hash of a four-tuple, int32. */
  hash(remote: InetAddress, local: InetAddress, ports: number): number {
    let h = Math.imul(remote.w3 ^ this.#seed, 0x9e3779b1);
    h = Math.imul((h >>> 15) ^ h ^ ports, 0x85ebca6b);
    h = Math.imul((h >>> 13) ^ h ^ local.w3, 0xc2b2ae35);
    h ^= Math.imul(remote.w0 ^ (remote.w1 << 1), 0x27d4eb2f) ^ Math.imul(remote.w2 ^ local.w2, 0x165667b1);
    return h ^ (h >>> 16);
  }

  /** The connection, half-open request or TIME_WAIT of a four-tuple; null when there is none. @param ports - remote << 16 | local */
  lookup(remote: InetAddress, local: InetAddress, ports: number): ConnectionNode | null {
    let node = this.#buckets[this.hash(remote, local, ports) & this.#mask];
    while (node !== null) {
      if (
        node.ports === ports &&
        node.r3 === remote.w3 &&
        node.l3 === local.w3 &&
        node.r2 === remote.w2 &&
        node.l2 === local.w2 &&
        node.r1 === remote.w1 &&
        node.l1 === local.w1 &&
        node.r0 === remote.w0 &&
        node.l0 === local.w0
      ) {
        return node;
      }
      node = node.next;
    }
    return null;
  }

  /** Puts in a node whose key the addresses are. */
  insert(node: ConnectionNode, remote: InetAddress, local: InetAddress): void {
    node.hash = this.hash(remote, local, node.ports);
    if (this.#count > this.#buckets.length) this.#grow();
    this.#link(node);
    node.linked = true;
    this.#count++;
  }

  remove(node: ConnectionNode): void {
    if (!node.linked) return;
    const bucket = node.hash & this.#mask;
    let at = this.#buckets[bucket];
    if (at === node) {
      this.#buckets[bucket] = node.next;
    } else {
      while (at !== null && at.next !== node) at = at.next;
      if (at !== null) at.next = node.next;
    }
    node.next = null;
    node.linked = false;
    this.#count--;
  }

  /** Every node, for listings and clean-up. */
  nodes(): ConnectionNode[] {
    const all: ConnectionNode[] = [];
    for (const first of this.#buckets) {
      for (let node = first; node !== null; node = node.next) all.push(node);
    }
    return all;
  }

  #link(node: ConnectionNode): void {
    const bucket = node.hash & this.#mask;
    node.next = this.#buckets[bucket];
    this.#buckets[bucket] = node;
  }

  #grow(): void {
    const all = this.nodes();
    this.#buckets = new Array(this.#buckets.length * 4).fill(null);
    this.#mask = this.#buckets.length - 1;
    for (const node of all) this.#link(node);
  }
}
