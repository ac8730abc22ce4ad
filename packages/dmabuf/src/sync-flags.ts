// Flags of `struct dma_buf_sync` (DMA_BUF_IOCTL_SYNC), include/uapi/linux/dma-buf.h.

/** The CPU is going to read, or has read. */
export const DMA_BUF_SYNC_READ = 1;
/** The CPU is going to write, or has written. */
export const DMA_BUF_SYNC_WRITE = 2;
/** Both. */
export const DMA_BUF_SYNC_RW: number = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE;
/** Opens the bracket. */
export const DMA_BUF_SYNC_START = 0;
/** Closes the bracket. */
export const DMA_BUF_SYNC_END = 4;
/** Every flag there is; any other bit is EINVAL. */
export const DMA_BUF_SYNC_VALID_FLAGS: number = DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END;
