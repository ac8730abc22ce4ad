import type { DmaDevice } from '@netmem/machine';
import type { Region } from '@netmem/region';
import type { ErrPtr } from '@netmem/uapi';
import type { DmaBufAttachment } from './dma-buf.ts';

/**
 * One contiguous piece of a mapped dma-buf, as the importing device sees it.
 *
 * @kernel scatterlist — include/linux/scatterlist.h, 7.3
 */
export interface DmaBufEntry {
  /** DMA address of the first byte, valid for the device of the attachment only. */
  readonly iova: number;
  /** Bytes; a multiple of PAGE_SIZE. */
  readonly length: number;
  /** Byte offset of this entry within the dma-buf. */
  readonly offset: number;
}

/**
 * A CPU mapping of a dma-buf. Reads see what the CPU sees: in `non-coherent` mode that is only right between
 * {@link DmaBuf.beginCpuAccess} and {@link DmaBuf.endCpuAccess}, as with mmap and DMA_BUF_IOCTL_SYNC on Linux.
 */
export interface DmaBufMapping {
  readonly lengthBytes: number;
  /** The whole buffer as one window, where its memory happens to be contiguous; null where it is scattered. */
  readonly region: Region | null;
  /** Copies out `length` bytes from `offset` to `to[at…]`. Returns 0, or `-EFAULT` when the range leaves the buffer or `to`. */
  read(offset: number, to: Uint8Array, at: number, length: number): number;
  /** Copies in `length` bytes from `from[at…]` to `offset`. Returns 0, or `-EFAULT` when the range leaves the buffer or `from`. */
  write(offset: number, from: Uint8Array, at: number, length: number): number;
}

/**
 * What a memory owner implements to share its memory as a dma-buf. Calls come with the reference counts already checked:
 * `map` once per attachment until its `unmap`, `release` once, after the last attachment is gone.
 *
 * @kernel dma_buf_ops — include/linux/dma-buf.h, 7.3
 */
export interface DmaBufExporter {
  /** The kind of memory, as in /sys/kernel/debug/dma_buf: `'udmabuf'`, `'device'`. */
  readonly name: string;
  /** Size of the buffer; fixed for its life. */
  readonly sizeBytes: number;
  /** Optional: refuses a device that cannot reach the memory, with a negative errno; 0 accepts. */
  attach?(attachment: DmaBufAttachment): number;
  /** Optional: forgets the attachment. */
  detach?(attachment: DmaBufAttachment): void;
  /**
   * Makes the memory reachable for `attachment.device` and says where.
   *
   * @param direction - DMA_FROM_DEVICE, DMA_TO_DEVICE or DMA_BIDIRECTIONAL.
   * @returns entries with ascending `offset` that cover the buffer without a gap, or a negative errno (`-ENOMEM`: no IOVA left).
   */
  map(attachment: DmaBufAttachment, direction: number): ErrPtr<readonly DmaBufEntry[]>;
  /** Undoes `map`, with what it returned. */
  unmap(device: DmaDevice, entries: readonly DmaBufEntry[], direction: number): void;
  /** Optional: makes device writes visible to the CPU. Absent: nothing to do. Returns 0 or a negative errno. */
  beginCpuAccess?(direction: number): number;
  /** Optional: makes CPU writes visible to devices. Returns 0 or a negative errno. */
  endCpuAccess?(direction: number): number;
  /** Optional: a CPU view. Absent: the memory has none. */
  mmap?(): DmaBufMapping;
  /** The last reference is gone: free the memory. */
  release(): void;
}
