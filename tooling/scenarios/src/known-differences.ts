/** How our two hosts are joined: by a card each and a cable, or one host by its lo. */
export type Wiring = 'cable' | 'lo';

/**
 * Calls of one scenario that our stack answers otherwise than the kernel, on purpose or not yet. A line that differs and is not here fails the tests; so
 * does an entry that no line needs any more.
 */
export interface KnownDifference {
  readonly scenario: string;
  /** How the calls begin: `x.getsockopt(TCP_KEEPIDLE`. */
  readonly call: string;
  /** The kernel's result; any without it. */
  readonly kernel?: string;
  /** Our result; any without it. */
  readonly netmem?: string;
  /** Only with this wiring; with either without it. */
  readonly on?: Wiring;
  /** Only where the kernel is this one or newer, older than this one: `6.12`. */
  readonly since?: string;
  readonly before?: string;
  /** `choice: …` we mean it so; `absent: …` a part that is not built; `bug: …` to be mended; `version: …` another Linux than we follow. */
  readonly reason: string;
}

const STALE_PORT =
  'choice: after a disconnect the kernel still shows the port it gave back (inet_sport is not cleared); ours shows that there is none';
const DEFER_ACCEPT = 'absent: TCP_DEFER_ACCEPT';
const NOTSENT_LOWAT = 'absent: TCP_NOTSENT_LOWAT';
const CORK = 'absent: UDP does not gather what MSG_MORE sends into one datagram';
const BROADCAST = 'absent: nothing is sent to broadcast addresses, so there is no SO_BROADCAST either';
const OPTION = 'absent: an option that this stack has no use for';
const NO_DONTNEED = 'version: SO_DEVMEM_DONTNEED came with Linux 6.12';
const PREFERRED_SOURCE =
  'bug: the source for any address in 127.0.0.0/8 is 127.0.0.1 (the prefsrc of its local route); ours is the destination itself';
const UDP_ORDER =
  'bug: UdpSock.sendFrom tells a pending error, and that sending is shut, before it looks at length and address; Linux after';
const TCP_GROUP =
  'bug: bindSock refuses groups and broadcast addresses, which Linux lets TCP sockets of IPv4 bind to (inet_bind)';
const PORT_0 = 'bug: connectSock refuses port 0; Linux sends a SYN to it';
const SHUT_FRESH = 'bug: connectSock forgets that the socket was shut down before; tcp_connect_init does not';

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    scenario: 'bind: TCP, to a group and to broadcast',
    call: 'x.bind(',
    kernel: '0',
    netmem: '-EADDRNOTAVAIL',
    reason: TCP_GROUP,
  },
  { scenario: 'bind: TCP, to a group and to broadcast', call: 'x.getsockname(', netmem: 'any4:0', reason: TCP_GROUP },
  {
    scenario: 'bind: IPv6 and IPv4 on one port, with and without IPV6_V6ONLY',
    call: 'v4.bind(any4:7001)',
    kernel: '0',
    netmem: '-EADDRINUSE',
    reason: 'bug: PortTable.conflicts does not know that an IPv6 socket with IPV6_V6ONLY leaves the port free for IPv4',
  },
  {
    scenario: 'accept: a connection that was ended while it waited, with data',
    call: 's.getpeername(',
    on: 'lo',
    kernel: 'client:ephemeral',
    netmem: 'server:ephemeral',
    reason: PREFERRED_SOURCE,
  },
  {
    scenario: 'connect: refused, told by SO_ERROR, then by connect as aborted',
    call: 'c.getsockname(',
    kernel: 'any4:ephemeral',
    netmem: 'any4:0',
    reason: STALE_PORT,
  },
  {
    scenario: 'connect: given up by AF_UNSPEC, and again',
    call: 'c.getsockname(',
    kernel: 'any4:ephemeral',
    netmem: 'any4:0',
    reason: STALE_PORT,
  },
  {
    scenario: 'IPv6: refused, and nowhere',
    call: 'c.getsockname(',
    kernel: 'any6:ephemeral',
    netmem: 'any6:0',
    reason: STALE_PORT,
  },
  {
    scenario: 'connect: again between the same ports, one of them in TIME_WAIT',
    call: 'third.connect(',
    kernel: '-EINPROGRESS',
    netmem: '-EADDRNOTAVAIL',
    reason:
      'bug: from a port that was bound, connect takes over a TIME_WAIT with timestamps at once, not after a second',
  },
  { scenario: 'connect: to port 0', call: 'c.connect(server:0)', netmem: '-EADDRNOTAVAIL', reason: PORT_0 },
  {
    scenario: 'shutdown: a fresh socket shut down can still connect',
    call: 'c.poll(',
    netmem: 'OUT',
    reason: SHUT_FRESH,
  },
  {
    scenario: 'shutdown: a fresh socket shut down can still connect',
    call: 'c.send(',
    kernel: '-EPIPE',
    netmem: '1',
    reason: SHUT_FRESH,
  },
  {
    scenario: 'shutdown: a fresh socket shut down can still connect',
    call: 'c.recv(',
    kernel: '0',
    netmem: '-EAGAIN',
    reason: SHUT_FRESH,
  },
  { scenario: 'options that other programs set', call: 'x.', netmem: '-ENOPROTOOPT', reason: OPTION },
  {
    scenario: 'TCP options: others that programs set',
    call: 'x.getsockopt(TCP_DEFER_ACCEPT)',
    netmem: '-ENOPROTOOPT',
    reason: DEFER_ACCEPT,
  },
  {
    scenario: 'TCP options: others that programs set',
    call: 'x.setsockopt(TCP_DEFER_ACCEPT',
    netmem: '-ENOPROTOOPT',
    reason: DEFER_ACCEPT,
  },
  {
    scenario: 'TCP options: others that programs set',
    call: 'x.getsockopt(TCP_NOTSENT_LOWAT)',
    netmem: '-ENOPROTOOPT',
    reason: NOTSENT_LOWAT,
  },
  {
    scenario: 'TCP options: others that programs set',
    call: 'x.setsockopt(TCP_NOTSENT_LOWAT',
    netmem: '-ENOPROTOOPT',
    reason: NOTSENT_LOWAT,
  },
  {
    scenario: 'IPV6 options: on sockets of either family, lengths and NULL',
    call: 'v6.getsockopt(IPV6_UNICAST_HOPS)',
    kernel: '64',
    netmem: '7',
    reason: 'bug: IP_TTL and IPV6_UNICAST_HOPS of an IPv6 socket are one value; in Linux they are two',
  },
  {
    scenario: 'UDP: which of several errors a send tells',
    call: 'too long.send(',
    kernel: '-EMSGSIZE',
    reason: UDP_ORDER,
  },
  {
    scenario: 'UDP: which of several errors a send tells',
    call: 'port 0.sendto(',
    kernel: '-EINVAL',
    reason: UDP_ORDER,
  },
  {
    scenario: 'UDP: which of several errors a send tells',
    call: 'shut.send("a")',
    kernel: '-ECONNREFUSED',
    netmem: '-EPIPE',
    reason: UDP_ORDER,
  },
  {
    scenario: 'UDP: which of several errors a send tells',
    call: 'disconnected.',
    reason: UDP_ORDER,
  },
  {
    scenario: 'UDP: what connect and disconnect do to an address that was not bound',
    call: 'c.getsockname(',
    on: 'lo',
    kernel: 'client:ephemeral',
    netmem: 'server:ephemeral',
    reason: PREFERRED_SOURCE,
  },
  {
    scenario: 'UDP: what connect and disconnect do to an address that was not bound',
    call: 'd.getsockname(',
    on: 'lo',
    kernel: 'client:ephemeral',
    netmem: 'server:ephemeral',
    reason: PREFERRED_SOURCE,
  },
  { scenario: 'UDP: MSG_MORE gathers one datagram', call: 's.recv(', reason: CORK },
  {
    scenario: 'UDP: to a broadcast address',
    call: 'c.sendto(',
    kernel: '-EACCES',
    netmem: '-ENETUNREACH',
    reason: BROADCAST,
  },
  {
    scenario: 'UDP: to a broadcast address',
    call: 'c.getsockopt(SO_BROADCAST)',
    kernel: '0',
    netmem: '-ENOPROTOOPT',
    reason: BROADCAST,
  },
  {
    scenario: 'IPv6: connecting to a mapped address, bound to one, with IPV6_V6ONLY',
    call: 'c.getsockname(',
    on: 'lo',
    kernel: 'mapped client:ephemeral',
    netmem: 'mapped server:ephemeral',
    reason: PREFERRED_SOURCE,
  },
  {
    scenario: 'IPv6: connecting to a mapped address, bound to one, with IPV6_V6ONLY',
    call: 'b.connect(server6:7000)',
    kernel: '-EAFNOSUPPORT',
    netmem: '-EINVAL',
    reason: 'bug: from an IPv4 address to an IPv6 one Linux says EAFNOSUPPORT',
  },
  {
    scenario: 'IPv6: connecting to a mapped address, bound to one, with IPV6_V6ONLY',
    call: 'six.connect(mapped server:7000)',
    kernel: '-ENETUNREACH',
    netmem: '-EINVAL',
    reason: 'bug: from an IPv6 address to an IPv4 one Linux says ENETUNREACH, because the bind set IPV6_V6ONLY',
  },
  {
    scenario: 'SO_DEVMEM_DONTNEED: tokens nobody has',
    call: 'c.setsockopt(SO_DEVMEM_DONTNEED',
    before: '6.12',
    kernel: '-ENOPROTOOPT',
    reason: NO_DONTNEED,
  },
  {
    scenario: 'SO_DEVMEM_DONTNEED: lengths',
    call: 'c.setsockopt(SO_DEVMEM_DONTNEED',
    before: '6.12',
    kernel: '-ENOPROTOOPT',
    reason: NO_DONTNEED,
  },
  {
    scenario: 'SO_DEVMEM_DONTNEED: sockets that are not connected, and not TCP',
    call: '',
    before: '6.12',
    kernel: '-ENOPROTOOPT',
    reason: NO_DONTNEED,
  },
];
