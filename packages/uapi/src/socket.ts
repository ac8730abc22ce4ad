// Socket constants of asm-generic (x86, arm64, riscv …), include/uapi/asm-generic/socket.h and include/linux/socket.h.

/** Address family: UNIX domain. */
export const AF_UNIX = 1;
/** Address family: IPv4. */
export const AF_INET = 2;
/** Address family: IPv6. */
export const AF_INET6 = 10;

/** Socket type: byte stream. */
export const SOCK_STREAM = 1;
/** Socket type: datagrams. */
export const SOCK_DGRAM = 2;
/** Socket type: raw protocol access. */
export const SOCK_RAW = 3;
/** Flag on `socket` and `accept`: every call on the socket is non-blocking. */
export const SOCK_NONBLOCK = 0o4000;
/** Flag on `socket` and `accept`: close on exec. */
export const SOCK_CLOEXEC = 0o2000000;

/** Level of socket options and of the devmem control messages. */
export const SOL_SOCKET = 1;
/** Socket options at level {@link SOL_SOCKET}. */
export const SO = {
  DEBUG: 1,
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  LINGER: 13,
  REUSEPORT: 15,
  RCVLOWAT: 18,
  SNDLOWAT: 19,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  BINDTODEVICE: 25,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  TIMESTAMPING: 37,
  PROTOCOL: 38,
  DOMAIN: 39,
  BUSY_POLL: 46,
  INCOMING_CPU: 49,
  INCOMING_NAPI_ID: 56,
  ZEROCOPY: 60,
  PREFER_BUSY_POLL: 69,
  BUSY_POLL_BUDGET: 70,
  TIMESTAMPING_NEW: 65,
} as const;

/** Control message out of `recvmsg`: bytes that were copied into the iovec. Not settable, not gettable. */
export const SO_DEVMEM_LINEAR = 78;
/** Control message out of `recvmsg`: bytes that lie in a dma-buf. Into `sendmsg`: the dma-buf to send from. Not settable, not gettable. */
export const SO_DEVMEM_DMABUF = 79;
/** `setsockopt` only: gives tokens back; returns how many were released. */
export const SO_DEVMEM_DONTNEED = 80;
/** {@link SO_DEVMEM_LINEAR} as a control message type. */
export const SCM_DEVMEM_LINEAR = 78;
/** {@link SO_DEVMEM_DMABUF} as a control message type. */
export const SCM_DEVMEM_DMABUF = 79;

/** Flag: the urgent byte. */
export const MSG_OOB = 0x1;
/** Flag: look without taking. Peeking at devmem data makes new tokens each time. */
export const MSG_PEEK = 0x2;
/** Flag: do not route. */
export const MSG_DONTROUTE = 0x4;
/** Out: the control buffer was too small. Never set for devmem messages. */
export const MSG_CTRUNC = 0x8;
/** Flag on TCP: skip bytes without copying. Out on datagrams: the rest was lost. */
export const MSG_TRUNC = 0x20;
/** Flag: fail with EAGAIN instead of waiting. */
export const MSG_DONTWAIT = 0x40;
/** Out: end of record. */
export const MSG_EOR = 0x80;
/** Flag: wait until the whole request is there. */
export const MSG_WAITALL = 0x100;
/** Flag: read the error queue. */
export const MSG_ERRQUEUE = 0x2000;
/** Flag: no SIGPIPE. */
export const MSG_NOSIGNAL = 0x4000;
/** Flag: more data follow. */
export const MSG_MORE = 0x8000;
/** Flag on `recvmsg`: the caller can take devmem fragments. */
export const MSG_SOCK_DEVMEM = 0x2000000;
/** Flag on `sendmsg`: send from user memory in place; devmem TX needs it. */
export const MSG_ZEROCOPY = 0x4000000;

/** `shutdown`: no more reading. */
export const SHUT_RD = 0;
/** `shutdown`: no more writing, a FIN is sent. */
export const SHUT_WR = 1;
/** `shutdown`: both. */
export const SHUT_RDWR = 2;

/** What `poll` reports and asks for. */
export const POLL = { IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 16, RDHUP: 0x2000 } as const;

/** Size of one element of an iovec array, 64-bit. */
export const IOVEC_BYTES = 16;
/** Most elements of an iovec array; more is EMSGSIZE. */
export const UIO_MAXIOV = 1024;
