/** Which local ports are taken, by whom, and who may share them. @kernel inet_csk_get_port — net/ipv4/inet_connection_sock.c, 7.3 */
import type { InetAddress } from '../stack/inet-address.ts';
import { sharesPackets } from '../stack/same-address.ts';
import { TCP_LISTEN } from './tcp-states.ts';

/** Whoever holds a port: a sock or a TIME_WAIT. */
export interface PortHolder {
  readonly localAddress: InetAddress;
  localPort: number;
  readonly boundDevice: number;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly v6only: boolean;
  /** It chose the port by bind(2). */
  readonly boundPort: boolean;
  readonly state: number;
}

export class PortTable {
  readonly #holders: Map<number, Set<PortHolder>> = new Map();

  /** Anybody there? */
  isUsed(port: number): boolean {
    return this.#holders.has(port);
  }

  /** Holders of a port. */
  holders(port: number): Iterable<PortHolder> {
    return this.#holders.get(port) ?? [];
  }

  add(holder: PortHolder): void {
    const set = this.#holders.get(holder.localPort);
    if (set === undefined) this.#holders.set(holder.localPort, new Set([holder]));
    else set.add(holder);
  }

  remove(holder: PortHolder): void {
    const set = this.#holders.get(holder.localPort);
    if (set === undefined) return;
    set.delete(holder);
    if (set.size === 0) this.#holders.delete(holder.localPort);
  }

  /**
   * Whether `holder` may not have `address` and `port`: somebody has them (or the wildcard) and they do not both want to share.
   *
   * @kernel inet_csk_bind_conflict — net/ipv4/inet_connection_sock.c, 7.3
   */
  conflicts(holder: PortHolder, address: InetAddress, port: number): boolean {
    for (const other of this.holders(port)) {
      if (other === holder) continue;
      if (other.boundDevice !== 0 && holder.boundDevice !== 0 && other.boundDevice !== holder.boundDevice) continue;
      if (holder.reuseAddress && other.reuseAddress && other.state !== TCP_LISTEN) continue;
      if (holder.reusePort && other.reusePort) continue;
      if (sharesPackets(other.localAddress, other.v6only, address, holder.v6only)) return true;
    }
    return false;
  }
}
