/** Listeners by port. @kernel inet_listen_hashbucket — include/net/inet_hashtables.h, 7.3 */
import { AF_INET } from '@netmem/uapi';
import type { InetAddress } from '../stack/inet-address.ts';
import type { TcpSock } from './tcp-sock.ts';

export class ListenerTable {
  readonly #byPort: Map<number, TcpSock[]> = new Map();

  add(sk: TcpSock): void {
    const list = this.#byPort.get(sk.localPort);
    if (list === undefined) this.#byPort.set(sk.localPort, [sk]);
    else list.push(sk);
  }

  remove(sk: TcpSock): void {
    const list = this.#byPort.get(sk.localPort);
    const at = list?.indexOf(sk) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#byPort.delete(sk.localPort);
  }

  /**
   * The listener for a new connection: one bound to the address before a wildcard; of several that share it (SO_REUSEPORT) one by hash.
   *
   * @param spread - uint32 hash of the four-tuple.
   * @kernel inet_lookup_listener — include/net/inet_hashtables.h, 7.3
   */
  lookup(port: number, local: InetAddress, ifindex: number, spread: number): TcpSock | null {
    const candidates = this.#byPort.get(port);
    if (candidates === undefined) return null;
    let best = -1;
    let count = 0;
    for (const sk of candidates) {
      const score = scoreOf(sk, local, ifindex);
      if (score > best) {
        best = score;
        count = 1;
      } else if (score === best) {
        count++;
      }
    }
    if (best < 0) return null;
    let pick = spread % count;
    for (const sk of candidates) {
      if (scoreOf(sk, local, ifindex) === best && pick-- === 0) return sk;
    }
    return null;
  }

  /** Every listener. */
  all(): TcpSock[] {
    return [...this.#byPort.values()].flat();
  }
}

/** @kernel compute_score — net/ipv4/inet_hashtables.c, 7.3 */
function scoreOf(sk: TcpSock, local: InetAddress, ifindex: number): number {
  if (sk.boundDevice !== 0 && sk.boundDevice !== ifindex) return -1;
  if (sk.family === AF_INET ? !local.isV4 : local.isV4 && sk.v6only) return -1;
  let score = sk.boundDevice !== 0 ? 4 : 1;
  if (!sk.localAddress.isAny) {
    if (!sk.localAddress.equals(local)) return -1;
    score += 2;
  }
  if (sk.family === AF_INET) score++;
  return score;
}
