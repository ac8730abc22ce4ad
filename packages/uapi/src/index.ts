/**
 * The numbers and layouts that Linux user space and kernel share for device-memory networking, and errno.
 *
 * Socket constants, control messages with the devmem layouts (`dmabuf_cmsg`, `dmabuf_token`), the attribute numbers of the `netdev` and
 * `ethtool` netlink families, every errno with its name and text, and the one error class that the packages throw at their edges.
 *
 * Use it when you write an application against the sockets of `@netmem/tcp`, decode what a kernel answered, or test for an error code.
 *
 * It is not a netlink library and it makes no system calls: numbers, offsets and pure functions only.
 *
 * @example
 * ```ts
 * import { DMABUF_CMSG_SPACE, KernelError, readCmsgs, readDmabufCmsg, SCM_DEVMEM_DMABUF, SOL_SOCKET } from '@netmem/uapi';
 * import { CMSG_HEADER_BYTES, DMABUF_CMSG_BYTES, EINVAL, writeCmsgHeader, writeDmabufCmsg } from '@netmem/uapi';
 *
 * const control = new DataView(new ArrayBuffer(DMABUF_CMSG_SPACE));
 * writeCmsgHeader(control, 0, SOL_SOCKET, SCM_DEVMEM_DMABUF, DMABUF_CMSG_BYTES);
 * writeDmabufCmsg(control, CMSG_HEADER_BYTES, 69632, 1000, 1, 1);
 * for (const cmsg of readCmsgs(control, 0, control.byteLength)) {
 *   console.log(readDmabufCmsg(control, cmsg.dataAt).fragSize); // 1000
 * }
 * console.log(new KernelError(EINVAL, 'bind-rx').message); // bind-rx: EINVAL (Invalid argument)
 * ```
 *
 * @packageDocumentation
 */
export * from './cmsg.ts';
export * from './devmem.ts';
export * from './errno.ts';
export { errnoName, strerror } from './errno-names.ts';
export * from './ethtool.ts';
export { Extack } from './extack.ts';
export * from './if.ts';
export * from './in.ts';
export { type ErrPtr, isErr, KernelError, kernelErrorFrom, type NegativeErrno } from './kernel-error.ts';
export * from './net-tstamp.ts';
export * from './netdev.ts';
export * from './socket.ts';
