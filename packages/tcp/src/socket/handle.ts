import { TokenTable } from '../devmem/token-table.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import type { UdpSock } from '../udp/udp-sock.ts';
import type { BusyPollChoice } from './busy-poll.ts';
import type { UnixSock } from './unix-sock.ts';

/** What a file descriptor stands for, beyond TCP: kinds whose devmem checks answer as Linux does. */
export type OtherKind = 'raw' | 'mptcp';

/**
 * How far `connect` has come, apart from the protocol's own state: it tells a second connect from a first one, and outlives the connection.
 *
 * @kernel socket_state — include/uapi/linux/net.h, 7.3
 */
export const SS_UNCONNECTED = 1;
/** A connect is under way. */
export const SS_CONNECTING = 2;
/** Connected, or was: only a disconnect makes the socket usable for another connection. */
export const SS_CONNECTED = 3;
/** Shut down while connecting; good for nothing but close. */
export const SS_DISCONNECTING = 4;

/** State that every open socket has, whatever its protocol. */
export class SocketHandle {
  readonly fd: number;
  /** AF_INET, AF_INET6, AF_UNIX. */
  readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM, SOCK_RAW. */
  readonly type: number;
  /** IPPROTO number. */
  readonly protocol: number;
  /** Exactly one of these is set. */
  readonly tcp: TcpSock | null;
  readonly udp: UdpSock | null;
  readonly unix: UnixSock | null;
  readonly other: OtherKind | null;
  /** SS_UNCONNECTED … */
  state: number = SS_UNCONNECTED;
  /** Devmem tokens the application holds. @kernel sk_user_frags — include/net/sock.h, 7.3 */
  readonly tokens: TokenTable = new TokenTable();
  /** Whether the socket layer counts this handle among those that hold tokens. */
  holdsTokens: boolean = false;
  /** SO_LINGER: -1 off, else nanoseconds. */
  lingerNs: number = -1;
  /** SO_ZEROCOPY. */
  zerocopy: boolean = false;
  /** TCP_INQ: report the bytes left. */
  inq: boolean = false;
  /** Of kinds of sockets that receive no packets. Null until one of the options is set or asked for. */
  busyPoll: BusyPollChoice | null = null;
  /** Options of level SOL_SOCKET that this kind of socket takes, tells again, and does not act upon. Null until one is set. */
  kept: Map<number, number> | null = null;
  readonly #waiters: Set<() => void> = new Set();

  constructor(
    fd: number,
    family: number,
    type: number,
    protocol: number,
    sock: { tcp?: TcpSock; udp?: UdpSock; unix?: UnixSock; other?: OtherKind },
  ) {
    this.fd = fd;
    this.family = family;
    this.type = type;
    this.protocol = protocol;
    this.tcp = sock.tcp ?? null;
    this.udp = sock.udp ?? null;
    this.unix = sock.unix ?? null;
    this.other = sock.other ?? null;
  }

  /**
   * Resolves at the next change.
   *
   * @throws (rejects) the signal's reason when it aborts first; the socket does not notice.
   */
  changed(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const abort = (): void => {
        this.#waiters.delete(wake);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.add(wake);
    });
  }

  /** Wakes whoever waits. Called in the middle of packet processing: it only resolves promises. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}
