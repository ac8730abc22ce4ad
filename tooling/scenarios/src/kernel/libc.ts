import koffi from 'koffi';

const library = koffi.load(null);

/** The system calls that scenarios make, by way of the C library. -1 is an error, and {@link errno} says which. Memory is passed by address. */
export const libc = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  bind: library.func('int bind(int fd, const void *address, unsigned int length)'),
  listen: library.func('int listen(int fd, int backlog)'),
  accept4: library.func('int accept4(int fd, void *address, void *length, int flags)'),
  connect: library.func('int connect(int fd, const void *address, unsigned int length)'),
  sendmsg: library.func('long sendmsg(int fd, const void *message, int flags)'),
  recvmsg: library.func('long recvmsg(int fd, void *message, int flags)'),
  setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int length)'),
  getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  shutdown: library.func('int shutdown(int fd, int how)'),
  close: library.func('int close(int fd)'),
  poll: library.func('int poll(void *fds, unsigned long count, int timeout)'),
  getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
  getpeername: library.func('int getpeername(int fd, void *address, void *length)'),
  ioctl: library.func('int ioctl(int fd, unsigned long request, void *argument)'),
  unshare: library.func('int unshare(int flags)'),
  usleep: library.func('int usleep(unsigned int microseconds)'),
} as const;

/** A call's result, or its errno as a negative number. */
export function orErrno(result: number): number {
  return result < 0 ? -koffi.errno() : result;
}

/** Memory at an address that stays: small arrays of JavaScript move. */
export function memory(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** Where an array's first byte is; good as long as somebody holds the array. */
export function addressOf(array: Uint8Array): bigint {
  return koffi.address(array);
}
