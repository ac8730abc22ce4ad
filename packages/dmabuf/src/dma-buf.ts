import { DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, DMA_TO_DEVICE, type DmaDevice, KernelBug } from '@netmem/machine';
import { EINVAL, type ErrPtr, isErr } from '@netmem/uapi';
import type { DmaBufEntry, DmaBufExporter, DmaBufMapping } from './exporter.ts';
import { DMA_BUF_SYNC_END, DMA_BUF_SYNC_READ, DMA_BUF_SYNC_RW, DMA_BUF_SYNC_VALID_FLAGS } from './sync-flags.ts';

/**
 * Memory that drivers share by reference. Whoever holds the object holds one reference; an open fd holds one, an attachment holds one,
 * and the exporter is released when the last is gone.
 *
 * @kernel dma_buf — include/linux/dma-buf.h, 7.3
 */
export class DmaBuf {
  readonly exporterName: string;
  readonly sizeBytes: number;
  readonly #exporter: DmaBufExporter;
  readonly #attachments = new Set<DmaBufAttachment>();
  #refs = 1;

  /** Exports memory; the caller holds the first reference. */
  constructor(exporter: DmaBufExporter) {
    this.#exporter = exporter;
    this.exporterName = exporter.name;
    this.sizeBytes = exporter.sizeBytes;
  }

  /** References held; 0 after the exporter was released. */
  get refs(): number {
    return this.#refs;
  }

  /** Devices attached now. */
  get attachments(): number {
    return this.#attachments.size;
  }

  /** @kernel get_dma_buf — include/linux/dma-buf.h, 7.3 */
  get(): void {
    if (this.#refs === 0) throw new KernelBug('dma-buf-ref', `get of a released ${this.exporterName} dma-buf`);
    this.#refs++;
  }

  /** @kernel dma_buf_put — drivers/dma-buf/dma-buf.c, 7.3 */
  put(): void {
    if (this.#refs === 0) throw new KernelBug('dma-buf-ref', `put of a released ${this.exporterName} dma-buf`);
    this.#refs--;
    if (this.#refs === 0) this.#exporter.release();
  }

  /**
   * Registers a device as a user of the memory. Takes a reference, which {@link detach} drops.
   *
   * @returns the attachment, or the exporter's errno when the device cannot reach the memory.
   * @kernel dma_buf_attach — drivers/dma-buf/dma-buf.c, 7.3
   */
  attach(device: DmaDevice): ErrPtr<DmaBufAttachment> {
    const attachment = new DmaBufAttachment(this, device, this.#exporter);
    const refused = this.#exporter.attach?.(attachment) ?? 0;
    if (refused < 0) return refused;
    this.get();
    this.#attachments.add(attachment);
    return attachment;
  }

  /** @kernel dma_buf_detach — drivers/dma-buf/dma-buf.c, 7.3 */
  detach(attachment: DmaBufAttachment): void {
    if (!this.#attachments.delete(attachment)) {
      throw new KernelBug(
        'dma-buf-detach',
        `${attachment.device.name} is not attached to this ${this.exporterName} dma-buf`,
      );
    }
    if (attachment.entries !== null) {
      throw new KernelBug('dma-buf-detach', `${attachment.device.name} detached while its mapping is live`);
    }
    this.#exporter.detach?.(attachment);
    this.put();
  }

  /**
   * Opens a bracket in which the CPU sees what devices wrote before it. A buffer whose exporter has no CPU access op answers 0.
   *
   * @param direction - DMA_FROM_DEVICE to read, DMA_TO_DEVICE to write, DMA_BIDIRECTIONAL for both.
   * @returns 0, or the exporter's errno.
   * @kernel dma_buf_begin_cpu_access — drivers/dma-buf/dma-buf.c, 7.3
   */
  beginCpuAccess(direction: number): number {
    return this.#exporter.beginCpuAccess?.(direction) ?? 0;
  }

  /**
   * Closes the bracket: devices see what the CPU wrote inside it.
   *
   * @kernel dma_buf_end_cpu_access — drivers/dma-buf/dma-buf.c, 7.3
   */
  endCpuAccess(direction: number): number {
    return this.#exporter.endCpuAccess?.(direction) ?? 0;
  }

  /**
   * DMA_BUF_IOCTL_SYNC.
   *
   * @param flags - DMA_BUF_SYNC_READ and/or DMA_BUF_SYNC_WRITE, with DMA_BUF_SYNC_START or DMA_BUF_SYNC_END.
   * @returns 0; `-EINVAL`: an unknown flag, or neither READ nor WRITE; else the exporter's errno.
   * @kernel dma_buf_ioctl — drivers/dma-buf/dma-buf.c, 7.3
   */
  sync(flags: number): number {
    if ((flags & ~DMA_BUF_SYNC_VALID_FLAGS) !== 0 || (flags & DMA_BUF_SYNC_RW) === 0) return -EINVAL;
    const access = flags & DMA_BUF_SYNC_RW;
    let direction: number = DMA_BIDIRECTIONAL;
    if (access !== DMA_BUF_SYNC_RW) direction = access === DMA_BUF_SYNC_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
    return (flags & DMA_BUF_SYNC_END) === 0 ? this.beginCpuAccess(direction) : this.endCpuAccess(direction);
  }

  /**
   * The CPU's view of the memory.
   *
   * @returns the view; `-EINVAL`: the exporter offers none (`device` memory is opaque).
   * @kernel dma_buf_mmap — drivers/dma-buf/dma-buf.c, 7.3
   */
  mmap(): ErrPtr<DmaBufMapping> {
    return this.#exporter.mmap?.() ?? -EINVAL;
  }
}

/**
 * One device's use of a dma-buf, made by {@link DmaBuf.attach}.
 *
 * @kernel dma_buf_attachment — include/linux/dma-buf.h, 7.3
 */
export class DmaBufAttachment {
  readonly buf: DmaBuf;
  readonly device: DmaDevice;
  readonly #exporter: DmaBufExporter;
  #entries: readonly DmaBufEntry[] | null = null;
  #direction = 0;

  constructor(buf: DmaBuf, device: DmaDevice, exporter: DmaBufExporter) {
    this.buf = buf;
    this.device = device;
    this.#exporter = exporter;
  }

  /** Where the device finds the memory; null while it is not mapped. */
  get entries(): readonly DmaBufEntry[] | null {
    return this.#entries;
  }

  /** Direction of the live mapping; meaningless while there is none. */
  get direction(): number {
    return this.#direction;
  }

  /**
   * @returns the scatter entries, ascending by offset; or the exporter's errno.
   * @kernel dma_buf_map_attachment — drivers/dma-buf/dma-buf.c, 7.3
   */
  map(direction: number): ErrPtr<readonly DmaBufEntry[]> {
    if (this.#entries !== null)
      throw new KernelBug('dma-buf-map', `${this.device.name} maps the same attachment twice`);
    const entries = this.#exporter.map(this, direction);
    if (isErr(entries)) return entries;
    this.#entries = entries;
    this.#direction = direction;
    return entries;
  }

  /** @kernel dma_buf_unmap_attachment — drivers/dma-buf/dma-buf.c, 7.3 */
  unmap(): void {
    const entries = this.#entries;
    if (entries === null)
      throw new KernelBug('dma-buf-map', `${this.device.name} unmaps an attachment that is not mapped`);
    this.#entries = null;
    this.#exporter.unmap(this.device, entries, this.#direction);
  }
}
