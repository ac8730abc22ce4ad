import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  errnoName,
  IP,
  IPPROTO,
  IPV6,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_ZEROCOPY,
  POLL,
  SO,
  SO_DEVMEM_DMABUF,
  SO_DEVMEM_DONTNEED,
  SO_DEVMEM_LINEAR,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP,
  UDP,
} from '@netmem/uapi';

/** An option as scenarios name it. */
export type OptionName =
  | `SO_${keyof typeof SO}`
  | `TCP_${keyof typeof TCP}`
  | `UDP_${keyof typeof UDP}`
  | `IP_${keyof typeof IP}`
  | `IPV6_${keyof typeof IPV6}`
  | 'SO_DEVMEM_LINEAR'
  | 'SO_DEVMEM_DMABUF'
  | 'SO_DEVMEM_DONTNEED';

const OPTIONS: ReadonlyMap<string, readonly [level: number, name: number]> = new Map([
  ...group('SO', SOL_SOCKET, { ...SO, DEVMEM_LINEAR: SO_DEVMEM_LINEAR, DEVMEM_DMABUF: SO_DEVMEM_DMABUF }),
  ...group('SO', SOL_SOCKET, { DEVMEM_DONTNEED: SO_DEVMEM_DONTNEED }),
  ...group('TCP', IPPROTO.TCP, TCP),
  ...group('UDP', IPPROTO.UDP, UDP),
  ...group('IP', IPPROTO.IP, IP),
  ...group('IPV6', IPPROTO.IPV6, IPV6),
]);

function group(prefix: string, level: number, names: Readonly<Record<string, number>>): [string, [number, number]][] {
  return Object.entries(names).map(([name, number]) => [`${prefix}_${name}`, [level, number]]);
}

/** Level and number of an option. */
export function optionNumbers(name: OptionName): readonly [level: number, name: number] {
  return OPTIONS.get(name) as [number, number];
}

const MESSAGE_FLAGS: Readonly<Record<string, number>> = {
  OOB: MSG_OOB,
  PEEK: MSG_PEEK,
  CTRUNC: MSG_CTRUNC,
  TRUNC: MSG_TRUNC,
  DONTWAIT: MSG_DONTWAIT,
  EOR: MSG_EOR,
  WAITALL: MSG_WAITALL,
  ERRQUEUE: MSG_ERRQUEUE,
  NOSIGNAL: MSG_NOSIGNAL,
  MORE: MSG_MORE,
  SOCK_DEVMEM: MSG_SOCK_DEVMEM,
  ZEROCOPY: MSG_ZEROCOPY,
};

function bitNames(bits: number, names: Readonly<Record<string, number>>): string {
  const known = Object.entries(names).filter(([, bit]) => (bits & bit) !== 0);
  const rest = known.reduce((left, [, bit]) => left & ~bit, bits);
  const words = known.map(([name]) => name);
  return [...words, ...(rest === 0 ? [] : [`0x${(rest >>> 0).toString(16)}`])].join('|') || '0';
}

/** `PEEK|TRUNC`. */
export function flagNames(flags: number): string {
  return bitNames(flags, MESSAGE_FLAGS);
}

/** `IN|OUT`. */
export function pollNames(mask: number): string {
  return mask < 0 ? resultText(mask) : bitNames(mask, POLL);
}

/** A call's result: a number, or `-EAGAIN`. */
export function resultText(result: number): string {
  return result < 0 ? `-${errnoName(result)}` : String(result);
}

const FAMILIES = new Map([
  [AF_UNIX, 'UNIX'],
  [AF_INET, 'INET'],
  [AF_INET6, 'INET6'],
]);
const TYPES = new Map([
  [SOCK_STREAM, 'STREAM'],
  [SOCK_DGRAM, 'DGRAM'],
  [SOCK_RAW, 'RAW'],
]);
const PROTOCOLS = new Map(Object.entries(IPPROTO).map(([name, number]) => [number as number, name]));

/** `INET, STREAM, TCP`; 0 as protocol is the default. */
export function socketText(family: number, type: number, protocol: number): string {
  const names = [FAMILIES.get(family) ?? family, TYPES.get(type) ?? `0x${type.toString(16)}`];
  return [...names, protocol === 0 ? 0 : (PROTOCOLS.get(protocol) ?? protocol)].join(', ');
}

const SHUTDOWNS = ['RD', 'WR', 'RDWR'];

/** `WR`. */
export function shutdownText(how: number): string {
  return SHUTDOWNS[how] ?? String(how);
}
