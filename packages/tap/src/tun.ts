import { closeSync, constants, openSync } from 'node:fs';
import { IFNAMSIZ, ifreq, nameIn } from './interface.ts';
import { libc } from './libc.ts';
import { EINVAL, ENOENT, TapError } from './tap-error.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETCARRIER = 0x400454e2;
const DEVICE = '/dev/net/tun';

/** Ethernet frames, not IP packets. */
export const IFF_TAP = 0x0002;
/** No four bytes of flags and protocol before each frame. */
export const IFF_NO_PI = 0x1000;

/** An open TUN file, attached to an interface. */
export interface TunFile {
  readonly fd: number;
  /** As the kernel chose it, when the name asked for was a pattern such as `'tap%d'`. */
  readonly name: string;
}

/**
 * Opens an interface, making it if need be; it goes when the file is closed, unless somebody made it to stay.
 *
 * @param flags - {@link IFF_TAP} and others; plain frames are `IFF_TAP | IFF_NO_PI`.
 * @throws TapError of `open` or `TUNSETIFF`.
 */
export function openTun(name: string, flags: number): TunFile {
  if (!/^[^\s/]{1,15}$/.test(name) || new TextEncoder().encode(name).length >= IFNAMSIZ) {
    throw new TapError(
      EINVAL,
      'TUNSETIFF',
      `'${name}'`,
      'An interface name has 1 to 15 bytes without spaces or slashes',
    );
  }
  const { ioctl, errno } = libc();
  const fd = openDevice();
  const request = ifreq(name);
  new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
  if (ioctl(fd, TUNSETIFF, request) < 0) {
    const error = new TapError(errno(), 'TUNSETIFF', name);
    closeSync(fd);
    throw error;
  }
  return { fd, name: nameIn(request) };
}

function openDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new TapError(Math.abs((error as NodeJS.ErrnoException).errno ?? ENOENT), 'open', DEVICE);
  }
}

/** Tells the kernel that a cable is plugged in, or not. */
export function setTunCarrier(file: TunFile, plugged: boolean): void {
  const argument = new Uint8Array(4);
  argument[0] = plugged ? 1 : 0;
  if (libc().ioctl(file.fd, TUNSETCARRIER, argument) < 0)
    throw new TapError(libc().errno(), 'TUNSETCARRIER', file.name);
}
