import { TokenTable } from '../devmem/token-table.ts';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import type { UdpSock } from '../udp/udp-sock.ts';
import type { UnixSock } from './unix-sock.ts';

/** What a file descriptor stands for, beyond TCP: kinds whose devmem checks answer as Linux does. */
export type OtherKind = 'raw' | 'mptcp';

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
  /** Devmem tokens the application holds. @kernel sk_user_frags */
  readonly tokens: TokenTable = new TokenTable();
  /** SO_LINGER: -1 off, else nanoseconds. */
  lingerNs: number = -1;
  /** SO_ZEROCOPY. */
  zerocopy: boolean = false;
  /** TCP_INQ: report the bytes left. */
  inq: boolean = false;
  /** A connect is under way: the next one answers EALREADY, then EISCONN. */
  connecting: boolean = false;
  /** Promises of the comfortable layer that wait for readiness; resolved and cleared at every change. */
  waiters: (() => void)[] = [];

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

  /** Wakes whoever waits. Called in the middle of packet processing: it only resolves promises. */
  wake(): void {
    if (this.waiters.length === 0) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}
