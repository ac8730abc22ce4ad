/**
 * dma-bufs and what Linux's networking does with them: exporters, binding to the receive queues of a device, and the memory provider that
 * feeds page pools from a binding.
 *
 * Use it to receive TCP payload into memory that is not the kernel's. `createUdmabuf` makes a buffer of ordinary pages that a program may look
 * at inside a begin/end bracket; `createDeviceMemory` makes memory that no CPU can look at, and computes on it from inside.
 *
 * It is *not* netlink: messages and attributes are the control package's. It moves no packet: a driver and a card do.
 *
 * @example
 * ```ts
 * import { createDeviceMemory, createUdmabuf, DMA_BUF_SYNC_READ, DmaBufTable, programs } from '@netmem/dmabuf';
 * import { Machine } from '@netmem/machine';
 *
 * const machine = new Machine();
 * const buffer = createUdmabuf(machine, 64 * 4096);
 * const files = new DmaBufTable();
 * const fd = files.install(buffer); // for bind-rx: new Devmem(network).bindRx(socket, { ifindex, fd, queues }, extack)
 * buffer.sync(DMA_BUF_SYNC_READ); // … and mmap() to look
 * files.close(fd);
 *
 * const gpu = createDeviceMemory(machine, { bytes: 1 << 20, name: 'gpu' });
 * const digest = gpu.run(programs.sha256(), [{ offset: 0, length: 4096 }]); // only the digest leaves
 * console.log(digest.length);
 * ```
 *
 * @packageDocumentation
 */
export type { BindRxRequest, BindTxRequest, QueueId } from './bind-request.ts';
export type { DmabufBinding } from './binding.ts';
export { createDeviceMemory, type DeviceMemory, type DeviceMemoryOptions, type DeviceRange } from './device-memory.ts';
export { Devmem, type DevmemSocket } from './devmem.ts';
export { DmaBuf, type DmaBufAttachment } from './dma-buf.ts';
export type { DmaBufEntry, DmaBufExporter, DmaBufMapping } from './exporter.ts';
export { DEFAULT_FILE_LIMIT, DmaBufTable, type OtherFile } from './fd-table.ts';
export type { NetlinkSocketLike } from './netlink-socket.ts';
export { type CompareResult, type DeviceProgram, type PatternResult, programs } from './program.ts';
export {
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  DMA_BUF_SYNC_RW,
  DMA_BUF_SYNC_START,
  DMA_BUF_SYNC_VALID_FLAGS,
  DMA_BUF_SYNC_WRITE,
} from './sync-flags.ts';
export { createUdmabuf, UDMABUF_SIZE_LIMIT_BYTES, type UdmabufOptions } from './udmabuf.ts';
