import { regionOf } from '@netmem/region';
import { EAGAIN, EMSGSIZE, EOPNOTSUPP, MSG_OOB, MSG_PEEK, MSG_TRUNC } from '@netmem/uapi';
import type { ControlWriter } from '../devmem/control-writer.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { readStamps } from '../stack/timestamping.ts';
import { UDP_CB_IFINDEX, UDP_CB_SADDR, UDP_CB_SPORT, type UdpSock } from '../udp/udp-sock.ts';
import { skBusyLoop } from './busy-poll.ts';
import type { IovCursor, Msghdr } from './msghdr.ts';
import { unspecifiedIsSelf } from './own-address.ts';
import { putStamps } from './timestamping-options.ts';

/** Stamps of the datagram at hand. */
const stamps: Float64Array = new Float64Array(2);

/**
 * One datagram out: all of `msg.iov`.
 *
 * @returns its length; -EMSGSIZE longer than a length field can say; -EOPNOTSUPP MSG_OOB; or what `UdpSock.sendFrom` says.
 * @kernel udp_sendmsg — net/ipv4/udp.c, 7.3
 */
export function sendDatagram(sock: UdpSock, msg: Msghdr, flags: number): number {
  const length = msg.length;
  if (length > 0xffff) return -EMSGSIZE;
  if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
  const to = msg.name === null ? null : unspecifiedIsSelf(msg.name, sock.localAddress);
  const only = msg.iov[0];
  if (msg.iov.length === 1 && only !== undefined) {
    return sock.sendFrom(only, 0, only.length, flags, to, msg.port);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const region of msg.iov) {
    whole.set(region.bytes.subarray(region.base, region.base + region.length), at);
    at += region.length;
  }
  return sock.sendFrom(regionOf(whole), 0, whole.length, flags, to, msg.port);
}

/**
 * One datagram in; what does not fit is lost, and MSG_TRUNC says so.
 *
 * @returns bytes copied, or with MSG_TRUNC asked for the datagram's length; -EAGAIN none; the pending error.
 * @kernel udp_recvmsg — net/ipv4/udp.c, 7.3
 */
export function receiveDatagram(
  sock: UdpSock,
  msg: Msghdr,
  iov: IovCursor,
  control: ControlWriter,
  flags: number,
): number {
  const error = sock.takeError();
  if (error < 0) return error;
  if (sock.receiveQueue.peek() === null) skBusyLoop(sock);
  const peek = (flags & MSG_PEEK) !== 0;
  const skb = peek ? sock.receiveQueue.peek() : sock.dequeue();
  if (skb === null) return -EAGAIN;
  const length = skb.len;
  const copied = Math.min(length, msg.length);
  const fault = iov.copySkb(skb, 0, copied);
  if (copied < length) msg.flags |= MSG_TRUNC;
  const name = msg.name ?? new InetAddress();
  name.w0 = skb.cb[UDP_CB_SADDR] as number;
  name.w1 = skb.cb[UDP_CB_SADDR + 1] as number;
  name.w2 = skb.cb[UDP_CB_SADDR + 2] as number;
  name.w3 = skb.cb[UDP_CB_SADDR + 3] as number;
  name.scopeId = name.isLinkLocal ? (skb.cb[UDP_CB_IFINDEX] as number) : 0;
  msg.name = name;
  msg.port = skb.cb[UDP_CB_SPORT] as number;
  if (sock.tsFlags !== 0 && readStamps(skb, stamps)) msg.flags |= putStamps(control, sock, stamps);
  if (!peek) sock.consume(skb);
  if (fault < 0) return fault;
  return (flags & MSG_TRUNC) !== 0 ? length : copied;
}
