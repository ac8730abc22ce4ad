import type { Region } from '@netmem/region';
import { readCmsgs, readDmabufCmsg, SCM_DEVMEM_DMABUF, SCM_DEVMEM_LINEAR, SOL_SOCKET } from '@netmem/uapi';

/** A devmem control message as a test writes it down. */
export type Message =
  | { kind: 'linear'; size: number }
  | { kind: 'dmabuf'; offset: number; size: number; token: number; dmabuf: number };

/** All control messages in `length` bytes of a buffer; anything but a devmem message is an error. */
export function messagesIn(control: Region, length: number): Message[] {
  return [...readCmsgs(control.view, control.base, length)].map((cmsg) => {
    if (cmsg.level !== SOL_SOCKET || cmsg.dataLength !== 24) throw new Error(`cmsg ${cmsg.level}/${cmsg.type}`);
    const { fragOffset, fragSize, fragToken, dmabufId, flags } = readDmabufCmsg(control.view, cmsg.dataAt);
    if (flags !== 0) throw new Error(`flags ${flags}`);
    if (cmsg.type === SCM_DEVMEM_LINEAR) {
      if (fragOffset !== 0 || fragToken !== 0 || dmabufId !== 0) throw new Error('a LINEAR message says only how much');
      return { kind: 'linear', size: fragSize };
    }
    if (cmsg.type !== SCM_DEVMEM_DMABUF) throw new Error(`cmsg type ${cmsg.type}`);
    return { kind: 'dmabuf', offset: fragOffset, size: fragSize, token: fragToken, dmabuf: dmabufId };
  });
}
