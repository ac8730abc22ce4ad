import * as uapi from '@netmem/uapi';

/** Numbers of `fcntl` and `ioctl` that scripts use, of include/uapi/asm-generic/fcntl.h, ioctls.h and linux/sockios.h. */
export const O_RDWR = 2;
/** Flag of `fcntl(F_SETFL)`: no call on the descriptor waits. */
export const O_NONBLOCK = 0o4000;
/** `fcntl`: get the flags. */
export const F_GETFL = 3;
/** `fcntl`: set the flags. */
export const F_SETFL = 4;
/** `ioctl`: bytes that can be read. The same number as FIONREAD. */
export const SIOCINQ = 0x541b;
/** `ioctl`: bytes that are not acknowledged. */
export const SIOCOUTQ = 0x5411;
/** `ioctl`: bytes that are not sent. */
export const SIOCOUTQNSD = 0x894b;

const table = new Map<string, number>(
  Object.entries({
    O_RDONLY: 0,
    O_WRONLY: 1,
    O_RDWR,
    O_NONBLOCK,
    F_GETFL,
    F_SETFL,
    SIOCINQ,
    FIONREAD: SIOCINQ,
    SIOCOUTQ,
    SIOCOUTQNSD,
    INADDR_ANY: 0,
    NULL: 0,
    SOL_IP: uapi.IPPROTO.IP,
    SOL_IPV6: uapi.IPPROTO.IPV6,
    SOL_TCP: uapi.IPPROTO.TCP,
    SOL_UDP: uapi.IPPROTO.UDP,
    TCP_CM_INQ: uapi.TCP_CM_INQ,
  }),
);

const GROUPS: readonly (readonly [prefix: string, numbers: Readonly<Record<string, number>>])[] = [
  ['SO_', uapi.SO],
  ['TCP_', uapi.TCP],
  ['TCP_', uapi.TCP_STATE],
  ['UDP_', uapi.UDP],
  ['IP_', uapi.IP],
  ['IPV6_', uapi.IPV6],
  ['IPPROTO_', uapi.IPPROTO],
  ['POLL', uapi.POLL],
];
for (const [prefix, numbers] of GROUPS) {
  for (const [name, value] of Object.entries(numbers)) table.set(prefix + name, value);
}
const SOCKET_NAME = /^(?:AF|SOCK|SOL|SO|SCM|MSG|SHUT)_[A-Z0-9_]+$/;
for (const [name, value] of Object.entries(uapi)) {
  if (typeof value !== 'number') continue;
  if (SOCKET_NAME.test(name)) table.set(name, value);
  else if (/^E[A-Z0-9]+$/.test(name)) table.set(name, value);
}

/** Every name that stands for a number in a script: `SOL_SOCKET`, `POLLIN`, `EAGAIN`, `TCP_ESTABLISHED`. */
export const CONSTANTS: ReadonlyMap<string, number> = table;
