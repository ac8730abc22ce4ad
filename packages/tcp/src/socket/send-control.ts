import { CMSG_HEADER_BYTES, cmsgSpace, EFAULT, EINVAL, readCmsgs, SCM_DEVMEM_DMABUF, SOL_SOCKET } from '@netmem/uapi';
import type { TcpSock } from '../tcp/tcp-sock.ts';
import { TCP_CLOSE_WAIT, TCP_ESTABLISHED } from '../tcp/tcp-states.ts';
import type { SocketHandle } from './handle.ts';
import type { Msghdr } from './msghdr.ts';

/** Types at SOL_SOCKET that only UNIX sockets act on and every other ignores. @kernel SCM_RIGHTS — include/linux/socket.h, 7.3 */
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const U32_BYTES = 4;

/**
 * Checks the control messages of a send on an IP socket. Sending from device memory needs MSG_ZEROCOPY, SO_ZEROCOPY and the id of a TX binding, each
 * missing one -EINVAL; no device of this stack declares `netmem_tx`, so that no TX binding exists and every id is unknown. Id 0 means none.
 *
 * @returns 0; -EINVAL malformed, of an unknown type at SOL_SOCKET, or a dma-buf to send from; -EFAULT `controlLength` goes beyond the buffer.
 * @kernel sock_cmsg_send — net/core/sock.c, 7.3 (partial: SCM_DEVMEM_DMABUF only)
 */
export function checkSendControl(handle: SocketHandle, msg: Msghdr): number {
  const control = msg.control;
  if (control === null || msg.controlLength < CMSG_HEADER_BYTES) return 0;
  if (msg.controlLength > control.length) return -EFAULT;
  let dmabufId = 0;
  let walked = 0;
  for (const cmsg of readCmsgs(control.view, control.base, msg.controlLength)) {
    walked += cmsgSpace(cmsg.dataLength);
    if (cmsg.level !== SOL_SOCKET || cmsg.type === SCM_RIGHTS || cmsg.type === SCM_CREDENTIALS) continue;
    if (cmsg.type !== SCM_DEVMEM_DMABUF || cmsg.dataLength !== U32_BYTES) return malformed(handle.tcp);
    dmabufId = control.view.getUint32(cmsg.dataAt, true);
  }
  // The walk stops at a header whose length cannot be; fewer bytes than a header at the end are nobody's.
  if (msg.controlLength - walked >= CMSG_HEADER_BYTES) return malformed(handle.tcp);
  // UDP reads the id and does nothing with it.
  return dmabufId === 0 || handle.tcp === null ? 0 : -EINVAL;
}

/** TCP tells first that it is not connected; what sends looks at the state again and has the errno. @kernel tcp_sendmsg_locked — net/ipv4/tcp.c, 7.3 */
function malformed(tcp: TcpSock | null): number {
  return tcp === null || tcp.state === TCP_ESTABLISHED || tcp.state === TCP_CLOSE_WAIT ? -EINVAL : 0;
}
