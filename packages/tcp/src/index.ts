/**
 * IP, TCP and sockets over device memory: recvmsg with MSG_SOCK_DEVMEM, SCM_DEVMEM_DMABUF tokens and DONTNEED.
 *
 * @packageDocumentation
 */
export {};
