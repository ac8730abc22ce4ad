/**
 * The seam between a scenario and what it runs on: system calls in Linux's numbers, flags and errnos, and a way to wait until what they set off is
 * over. This project's stack implements it, and so does the kernel of the machine that runs the tests.
 */

/** Scenarios have two hosts. A kernel that talks to itself over lo is both. */
export type HostName = 'client' | 'server';

/** `ip` as text: with a colon it is passed as `sockaddr_in6`, else as `sockaddr_in`. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

/** What `sendmsg` sends. */
export interface OutgoingMessage {
  readonly iov: readonly Uint8Array[];
  /** Control messages as they lie in memory. */
  readonly control?: Uint8Array;
  /** Where to; without it the connected peer. */
  readonly to?: Address;
}

/** Room for `recvmsg`. Regions are filled with {@link UNTOUCHED} before the call. */
export interface ReceiveRoom {
  readonly iov: readonly number[];
  /** Bytes for control messages. */
  readonly control?: number;
  /** Ask for the sender's address. */
  readonly name?: boolean;
}

/** What `recvmsg` left behind. Only `result` means anything when it is negative. */
export interface IncomingMessage {
  readonly result: number;
  readonly iov: readonly Uint8Array[];
  readonly flags: number;
  /** Control messages, `msg_controllen` bytes. */
  readonly control: Uint8Array;
  readonly from: Address | null;
}

/** What memory for results holds before a call, so that a byte nobody wrote is seen. */
export const UNTOUCHED = 0x2e;

/** The system calls of one host. Sockets are non-blocking. Every number is the call's result or a negative errno. */
export interface SystemCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Address): number;
  listen(fd: number, backlog: number): number;
  accept(fd: number, flags: number): number;
  /** @param address - null: AF_UNSPEC. */
  connect(fd: number, address: Address | null): number;
  sendmsg(fd: number, message: OutgoingMessage, flags: number): number;
  recvmsg(fd: number, room: ReceiveRoom, flags: number): IncomingMessage;
  /** @param value - null: a NULL pointer. @param length - As the caller states it. */
  setsockopt(fd: number, level: number, name: number, value: Uint8Array | null, length: number): number;
  /** @returns bytes written to `value`, whose length is the room stated. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  /** POLL bits, all of `POLL` asked for. */
  poll(fd: number): number;
  getsockname(fd: number): Address | number;
  getpeername(fd: number): Address | number;
}

/** Limits of `net.core`, one for all of a host; a network namespace has none of its own. */
export type LimitName = 'rmem_max' | 'wmem_max' | 'rmem_default' | 'wmem_default';

/** Something scenarios run on. One object per run: ports, TIME_WAITs and counters start from nothing. */
export interface StackUnderTest {
  host(name: HostName): SystemCalls;
  /** The host's address of a family, as text. */
  address(name: HostName, family: number): string;
  /** A limit that the host's owner may have set: `net.core.rmem_max` and its like, in bytes. */
  limit(name: LimitName): number;
  /** Until everything that calls have set off is over, without time passing for timers. */
  settle(): void;
  /** Until `poll` shows one of the bits, for two seconds at most. @returns the mask. */
  until(name: HostName, fd: number, mask: number): number;
  /** Lets time pass. */
  sleep(milliseconds: number): void;
  /** Calls whose packets cross: none that they send arrives before all were made. */
  crossing(sockets: readonly { readonly host: HostName; readonly fd: number }[], calls: () => void): void;
  /** After every descriptor was closed. @returns what is still held, as sentences. */
  close(): readonly string[];
}

/** Longest wait of {@link StackUnderTest.until}. */
export const UNTIL_TIMEOUT_MS = 2000;
