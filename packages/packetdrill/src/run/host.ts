/** An address as system calls carry it. */
export interface SocketAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** Text, `192.0.2.1` or `2001:db8::1`; an IPv4 address within AF_INET6 is `::ffff:192.0.2.1`. */
  readonly address: string;
  readonly port: number;
}

/** A `msghdr` for `recvmsg` and `sendmsg`. */
export interface HostMessage {
  /** Where the bytes go or come from, in order. */
  readonly iov: readonly Uint8Array[];
  /** For `recvmsg` room, for `sendmsg` what is sent: control messages as a 64-bit little-endian Linux lays them out. Null: none. */
  readonly control: Uint8Array | null;
  /** Out for `recvmsg`: bytes of `control` in use. */
  controlLength: number;
  /** Out for `recvmsg`: `msg_flags`. */
  flags: number;
  /** For `sendmsg` to whom, null for the connected peer. Out for `recvmsg` on a datagram socket: from whom. */
  name: SocketAddress | null;
}

/**
 * System calls of the stack under test, in Linux's numbers. A result is what the call returns or a negative errno. No call may wait: where Linux
 * would sleep the answer is -EAGAIN, for `connect` -EINPROGRESS and then -EALREADY; the script's runner does the waiting. A call that the host
 * does not have is left out, and fails scripts that use it.
 */
export interface HostSockets {
  socket?(family: number, type: number, protocol: number): number;
  bind?(fd: number, address: SocketAddress): number;
  listen?(fd: number, backlog: number): number;
  accept?(fd: number, flags: number): number;
  connect?(fd: number, address: SocketAddress): number;
  recvmsg?(fd: number, message: HostMessage, flags: number): number;
  sendmsg?(fd: number, message: HostMessage, flags: number): number;
  /** `value` is null for a null pointer; `length` is what the script says. */
  setsockopt?(fd: number, level: number, name: number, value: Uint8Array | null, length: number): number;
  /** Writes to `value` and returns how many bytes, rather than 0. */
  getsockopt?(fd: number, level: number, name: number, value: Uint8Array): number;
  shutdown?(fd: number, how: number): number;
  close?(fd: number): number;
  /** The POLL bits that hold now. */
  poll?(fd: number): number;
  /** SIOCINQ, SIOCOUTQ, SIOCOUTQNSD: writes the number to `value[0]` and returns 0. */
  ioctl?(fd: number, request: number, value: Int32Array): number;
  /** The local address; null when there is none. Tells the runner which port a connection got. */
  getsockname?(fd: number): SocketAddress | null;
}

/** A frame that the stack sent. */
export interface TransmittedFrame {
  /** A whole Ethernet frame, all checksums complete. */
  readonly bytes: Uint8Array;
  /** When it was sent, on the host's clock. */
  readonly timeNs: number;
}

/** The network as the script wants it, told to the host before anything runs. */
export interface ScriptNetwork {
  /** IP version on the wire. */
  readonly version: 4 | 6;
  /** The stack's own address. */
  readonly localAddress: string;
  /** Of the local address. */
  readonly prefixLength: number;
  /** The other side, which the script plays. Not on the local network. */
  readonly remoteAddress: string;
  /** Next hop towards the remote address. The runner answers ARP and neighbour solicitations for it. */
  readonly gatewayAddress: string;
  /** Hardware address of gateway and remote side: frames that are injected come from it. */
  readonly remoteMac: Uint8Array;
  readonly mtu: number;
  /** Of `--mss`, for hosts that inject packets larger than the MTU; null when not given. */
  readonly mss: number | null;
}

/** `struct tcp_info` by Linux's member names, `tcpi_snd_cwnd`; members that the stack does not know are absent. */
export type HostTcpInfo = Readonly<Record<string, number>>;

/**
 * A stack under test: its clock, its wire and its system calls. Nothing happens in it but when the runner calls.
 *
 * The runner calls `setUp` once; then, over and over, `runUntil`, `takeTransmitted` until null, and one of `inject` or a system call.
 */
export interface PacketdrillHost {
  /** The host's clock. It moves in `runUntil` only. */
  readonly nowNs: number;
  /** Hardware address of the stack's interface. */
  readonly localMac: Uint8Array;
  /** Gives the interface its address, MTU and the route. Throws when it cannot: then no script can run. */
  setUp?(network: ScriptNetwork): void;
  /**
   * Does what is due, moves the clock to the next thing that is due but not beyond `timeNs`, and does that. May return before `timeNs`, and
   * should whenever something happened, so that a call that waits is tried again at that time; must move on when nothing else is to be done.
   * With `timeNs` now, only what is due now is done.
   */
  runUntil(timeNs: number): void;
  /** Hands the stack a frame from the wire. It may look at it now or in the next `runUntil`. */
  inject(frame: Uint8Array): void;
  /** The oldest frame that was sent and not taken, or null. */
  takeTransmitted(): TransmittedFrame | null;
  readonly sockets: HostSockets;
  /** `getsockopt(TCP_INFO)` for assertions; null when the descriptor has none. */
  tcpInfo?(fd: number): HostTcpInfo | null;
  /** Runs a command in back quotes; false when it failed or is not known. Without it scripts with commands fail. */
  command?(text: string): boolean;
}
