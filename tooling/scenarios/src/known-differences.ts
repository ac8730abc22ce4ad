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
const BROADCAST = 'absent: nothing is sent to broadcast addresses, so there is no SO_BROADCAST either';
const OPTION = 'absent: an option that this stack has no use for';
const NO_DONTNEED = 'version: SO_DEVMEM_DONTNEED came with Linux 6.12';

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
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
  { scenario: 'options that other programs set', call: 'x.', netmem: '-ENOPROTOOPT', reason: OPTION },
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
