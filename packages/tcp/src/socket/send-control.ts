import {
  AF_UNIX,
  CMSG_HEADER_BYTES,
  EINVAL,
  MSG_ZEROCOPY,
  readCmsgs,
  SCM_DEVMEM_DMABUF,
  SOL_SOCKET,
} from '@netmem/uapi';
import type { SocketHandle } from './handle.ts';
import type { Msghdr } from './msghdr.ts';

/**
 * Checks the control messages of a send. Sending from device memory needs SO_ZEROCOPY, MSG_ZEROCOPY and the id of a TX binding; no device of this
 * stack declares `netmem_tx`, so no TX binding exists and every id is unknown.
 *
 * @returns 0; -EINVAL malformed, of an unknown type at SOL_SOCKET, or a dma-buf id that cannot be used.
 * @kernel sock_cmsg_send — net/core/sock.c, 7.3 (partial: SCM_DEVMEM_DMABUF only)
 */
export function checkSendControl(handle: SocketHandle, msg: Msghdr, flags: number): number {
  const control = msg.control;
  if (control === null || msg.controlLength === 0 || handle.family === AF_UNIX) return 0;
  if (msg.controlLength < CMSG_HEADER_BYTES || msg.controlLength > control.length) return -EINVAL;
  let dmabuf = false;
  for (const cmsg of readCmsgs(control.view, control.base, msg.controlLength)) {
    if (cmsg.level !== SOL_SOCKET) continue;
    if (cmsg.type !== SCM_DEVMEM_DMABUF || cmsg.dataLength !== 4) return -EINVAL;
    dmabuf = true;
  }
  if (!dmabuf) return 0;
  if ((flags & MSG_ZEROCOPY) === 0 || !handle.zerocopy) return -EINVAL;
  return -EINVAL;
}
