import { closeSync, constants, openSync } from 'node:fs';
import { IFNAMSIZ, ifreq, nameIn } from './interface.ts';
import { libc } from './libc.ts';
import { EINVAL, ENOENT, TapError } from './tap-error.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNSETCARRIER = 0x400454e2;
const DEVICE = '/dev/net/tun';

/** Ethernet frames, not IP packets. */
export const IFF_TAP = 0x0002;
/** No four bytes of flags and protocol before each frame. */
export const IFF_NO_PI = 0x1000;
/** The file is one of several of the interface, each a queue. */
export const IFF_MULTI_QUEUE = 0x0100;
/** A `struct virtio_net_hdr` before each frame. */
export const IFF_VNET_HDR = 0x4000;

/** Checksums need not be finished, TCP over IPv4 and IPv6 need not be cut. */
const TUN_F_CSUM = 1;
const TUN_F_TSO4 = 2;
const TUN_F_TSO6 = 4;

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

/** Tells the kernel that frames may come with checksums to be finished and segments to be cut, each behind a header of that size. */
export function setTunOffload(file: TunFile, headerBytes: number): void {
  const { ioctl, ioctlValue, errno } = libc();
  // Somebody who made the interface to stay may have chosen another size.
  if (ioctl(file.fd, TUNSETVNETHDRSZ, new Uint8Array(Int32Array.of(headerBytes).buffer)) < 0)
    throw new TapError(errno(), 'TUNSETVNETHDRSZ', file.name);
  // The flags are the argument, not the address of it.
  if (ioctlValue(file.fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
    throw new TapError(errno(), 'TUNSETOFFLOAD', file.name);
}

/** Tells the kernel that a cable is plugged in, or not. */
export function setTunCarrier(file: TunFile, plugged: boolean): void {
  const argument = new Uint8Array(4);
  argument[0] = plugged ? 1 : 0;
  if (libc().ioctl(file.fd, TUNSETCARRIER, argument) < 0)
    throw new TapError(libc().errno(), 'TUNSETCARRIER', file.name);
}
