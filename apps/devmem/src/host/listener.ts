/** Listening, with receive buffers that fit the device memory behind them. */
import type { Host } from '@netmem/lab';
import { AF_INET, kernelErrorFrom, SO, SOCK_STREAM, SOL_SOCKET } from '@netmem/uapi';
import type { HostOptions } from './options.ts';

const BACKLOG = 128;
/** What the kernel lets a listener queue. */
const MAX_BACKLOG = 4096;
/** The advertised windows together have to stay below a TAP's queue of 1000 frames, and a 1448-byte segment is charged more than a page. */
const MAX_RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
/**
 * Share of the dma-buf that may wait in sockets (SO_RCVBUF is doubled). Were it all of it, every net_iov could end up behind a hole in the stream,
 * with none left for the retransmission that would close it.
 */
const RECEIVE_BUFFER_SHARE = 3 / 8;
/** Below this a window does not hold enough segments for the sender to notice a loss by itself. */
const MIN_RECEIVE_BUFFER_BYTES = 1 << 16;

/** Sets the receive buffer of one of `streams` sockets that share the device memory. @throws KernelError */
export function setReceiveBuffer(host: Host, fd: number, options: HostOptions, streams: number): void {
  const share = Math.min(MAX_RECEIVE_BUFFER_BYTES, options.dmabuf * RECEIVE_BUFFER_SHARE) / streams;
  const value = new Uint8Array(Int32Array.of(Math.max(MIN_RECEIVE_BUFFER_BYTES, share)).buffer);
  checked('setsockopt', host.stack.sockets.setsockopt(fd, SOL_SOCKET, SO.RCVBUFFORCE, value));
}

/**
 * Opens the listening socket.
 *
 * @param streams - Connections that may be open at once, which have to share the memory.
 * @throws KernelError
 */
export function openListener(host: Host, options: HostOptions, streams: number): number {
  const { sockets } = host.stack;
  const { address, port } = options.listen;
  const fd = checked('socket', sockets.socket(AF_INET, SOCK_STREAM));
  setReceiveBuffer(host, fd, options, streams);
  checked('bind', sockets.bind(fd, address, port));
  checked('listen', sockets.listen(fd, Math.min(MAX_BACKLOG, Math.max(BACKLOG, streams))));
  return fd;
}

function checked(syscall: string, result: number): number {
  if (result < 0) throw kernelErrorFrom(result, syscall);
  return result;
}
