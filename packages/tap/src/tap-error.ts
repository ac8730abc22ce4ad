import { getSystemErrorMap } from 'node:util';

/** The kernel, or the machine that it runs on, refused something. */
export class TapError extends Error {
  override readonly name: string = 'TapError';
  /** The error's name, such as `'EPERM'`. */
  readonly code: string;
  /** Its positive Linux number. */
  readonly errno: number;
  /** What was refused: `'open'`, `'TUNSETIFF'`, `'SIOCSIFADDR'`, `'poll'`, … */
  readonly syscall: string;

  /**
   * @param subject - What it was about: a device node or an interface's name.
   * @param advice - What to do about it; by default what usually helps for this call and error.
   */
  constructor(errno: number, syscall: string, subject: string, advice: string = adviceFor(syscall, errno)) {
    const code = codeOf(errno);
    super(`${syscall} ${subject}: ${describe(errno)} (${code})${advice === '' ? '' : `. ${advice}`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSYS = 38;
export const EBADFD = 77;

// What libuv's table leaves out.
const MORE: ReadonlyMap<number, readonly [string, string]> = new Map([
  [EBADFD, ['EBADFD', 'file descriptor in bad state'] as const],
]);

function codeOf(errno: number): string {
  return (MORE.get(errno) ?? getSystemErrorMap().get(-errno))?.[0] ?? `errno ${errno}`;
}

function describe(errno: number): string {
  return (MORE.get(errno) ?? getSystemErrorMap().get(-errno))?.[1] ?? 'unknown error';
}

const NEEDS_ADMIN =
  'It needs CAP_NET_ADMIN in the network namespace: run as root, or in a namespace of your own (`unshare --user --map-root-user --net`)';

const ADVICE: Readonly<Record<string, string>> = {
  [`open ${ENOENT}`]:
    'Load the driver (`modprobe tun`); a container needs the device passed in (`--device /dev/net/tun`)',
  [`open ${ENODEV}`]: 'The kernel has no TUN/TAP driver: load it (`modprobe tun`) or use a kernel with CONFIG_TUN',
  [`open ${ENXIO}`]: 'The kernel has no TUN/TAP driver: load it (`modprobe tun`) or use a kernel with CONFIG_TUN',
  [`open ${EACCES}`]:
    'Run as root, or let everybody open it as udev does by default (`chmod 666 /dev/net/tun`): it gives no rights by itself',
  [`open ${EPERM}`]: 'The container forbids the device: pass it in (`--device /dev/net/tun`)',
  [`TUNSETIFF ${EPERM}`]: NEEDS_ADMIN,
  [`TUNSETIFF ${EBUSY}`]: 'Somebody has this interface open: close that one, or choose another name',
  [`TUNSETIFF ${EINVAL}`]:
    'An interface of this name exists and is no TAP, or was made with other flags (vnet_hdr, multi_queue): delete it, or choose another name',
  [`SIOCSIFMTU ${EINVAL}`]: 'A TAP interface takes an MTU from 68 to 65521',
  [`SIOCSIFADDR ${EINVAL}`]: 'Give an address of one host, such as 10.0.0.1/24',
};

function adviceFor(syscall: string, errno: number): string {
  const known = ADVICE[`${syscall} ${errno}`];
  if (known !== undefined) return known;
  return errno === EPERM && syscall.startsWith('SIOC') ? NEEDS_ADMIN : '';
}
