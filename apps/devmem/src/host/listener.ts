/** Listening, with receive buffers that fit the device memory behind them. */
import type { Host } from '@netmem/lab';
import { AF_INET, kernelErrorFrom, SO, SOCK_STREAM, SOL_SOCKET } from '@netmem/uapi';
import type { HostOptions } from './options.ts';

const BACKLOG = 128;
/** What the kernel lets a listener queue. */
const MAX_BACKLOG = 4096;
/** Frames that a TAP queues before it drops: its txqueuelen. */
const TAP_QUEUE_FRAMES = 1000;
/** Bytes of headers in a frame with timestamps, without Ethernet's. */
const HEADER_BYTES = 52;
/** Buffers that a card's ring holds, each a page: a frame of 9000 bytes takes three of them, a super-frame up to 16. */
const RING_BUFFERS = 1024;
const PAGE_BYTES = 4096;
/** Share of either that advertised windows may fill: an answer or two are on their way as well. */
const LINK_SHARE = 3 / 4;
/**
 * Share of the dma-buf that may wait in sockets (SO_RCVBUF is doubled). Were it all of it, every net_iov could end up behind a hole in the stream,
 * with none left for the retransmission that would close it.
 */
const RECEIVE_BUFFER_SHARE = 3 / 8;
/** Below this a window does not hold enough segments for the sender to notice a loss by itself. */
const MIN_RECEIVE_BUFFER_BYTES = 1 << 16;

/** What all advertised windows together may be, so that nothing between sender and card has to drop. */
function linkBytes({ mtu, vnetHdr }: HostOptions): number {
  const frames = Math.min(TAP_QUEUE_FRAMES, Math.floor(RING_BUFFERS / Math.ceil(mtu / PAGE_BYTES)));
  return LINK_SHARE * (vnetHdr ? RING_BUFFERS * PAGE_BYTES : frames * (mtu - HEADER_BYTES));
}

/** Sets the receive buffer of one of `streams` sockets that share the device memory. @throws KernelError */
export function setReceiveBuffer(host: Host, fd: number, options: HostOptions, streams: number): void {
  // The kernel doubles what it is told; where payload fills its pages, a window is nearly as large as the buffer.
  const share = Math.min(linkBytes(options) / 2, options.dmabuf * RECEIVE_BUFFER_SHARE) / streams;
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
