/** The socket layer's half of SO_TIMESTAMPING: the option, and the control message that it leads to. */
import { EFAULT, EINVAL, SO, SOF_TIMESTAMPING_MASK } from '@netmem/uapi';
import type { ControlWriter } from '../devmem/control-writer.ts';
import { selectStamps, setTimestamping } from '../stack/timestamping.ts';
import type { SocketHandle } from './handle.ts';

/** `struct so_timestamping`: flags and, for BIND_PHC, a clock. */
const SO_TIMESTAMPING_BYTES = 8;

/**
 * `setsockopt` of SO_TIMESTAMPING, or of its newer twin for programs with 64-bit time, which differs by the type of the control message.
 *
 * @returns 0; -EFAULT a structure that is not all there; and what {@link setTimestamping} says.
 */
export function setTimestampingOption(handle: SocketHandle, name: number, value: DataView, length: number): number {
  if (length === SO_TIMESTAMPING_BYTES && value.byteLength < SO_TIMESTAMPING_BYTES) return -EFAULT;
  const flags = value.getInt32(0, true);
  const sock = handle.tcp ?? handle.udp;
  if (sock === null) return keepFlags(handle, name, flags);
  const error = setTimestamping(sock, flags, handle.tcp !== null);
  if (error === 0) sock.tstampNew = name === SO.TIMESTAMPING_NEW;
  return error;
}

/** Kinds of sockets that receive nothing remember it all the same. */
function keepFlags(handle: SocketHandle, name: number, flags: number): number {
  if ((flags & ~SOF_TIMESTAMPING_MASK) !== 0) return -EINVAL;
  handle.kept ??= new Map();
  handle.kept.set(SO.TIMESTAMPING, flags);
  handle.kept.set(SO.TIMESTAMPING_NEW, name === SO.TIMESTAMPING_NEW ? flags : 0);
  return 0;
}

/** The flags, whichever name they were set under; the newer one shows only its own. */
export function timestampingFlags(handle: SocketHandle, name: number): number {
  const sock = handle.tcp ?? handle.udp;
  if (sock === null) return handle.kept?.get(name) ?? 0;
  return name === SO.TIMESTAMPING || sock.tstampNew ? sock.tsFlags : 0;
}

/**
 * Tells when the bytes of a call came, as far as the socket asked.
 *
 * @returns flags for `msg_flags`.
 */
export function putStamps(
  control: ControlWriter,
  sock: { readonly tsFlags: number; readonly tstampNew: boolean },
  stamps: Float64Array,
): number {
  if (!selectStamps(sock.tsFlags, stamps)) return 0;
  return control.putTimestamping(sock.tstampNew ? SO.TIMESTAMPING_NEW : SO.TIMESTAMPING, stamps);
}
