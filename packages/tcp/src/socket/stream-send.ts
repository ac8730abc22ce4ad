import { type Region, regionOf } from '@netmem/region';
import { MSG_EOR, MSG_MORE, MSG_OOB } from '@netmem/uapi';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import type { Msghdr } from './msghdr.ts';

const NOTHING: Region = regionOf(new Uint8Array(0));

/** All regions as one send: only the last byte ends it. @kernel tcp_sendmsg — net/ipv4/tcp.c, 7.3 */
export function sendStream(sock: TcpSock, msg: Msghdr, flags: number): number {
  let last = msg.iov.length - 1;
  while (last >= 0 && msg.iov[last]?.length === 0) last--;
  // Nothing to send is still asked for: it finds out about the state.
  if (last < 0) return sock.sendFrom(NOTHING, 0, 0, flags);
  let sent = 0;
  for (let i = 0; i <= last; i++) {
    const region = msg.iov[i] as Region;
    const regionFlags = i === last ? flags : (flags & ~(MSG_OOB | MSG_EOR)) | MSG_MORE;
    const result = sock.sendFrom(region, 0, region.length, regionFlags);
    if (result < 0) return sent > 0 ? sent : result;
    sent += result;
    if (result < region.length) break;
  }
  return sent;
}
