/** log2 of {@link PAGE_SIZE}. */
export const PAGE_SHIFT = 12;

/** Bytes of a page, of a page frame, and of the IOMMU's granule. */
export const PAGE_SIZE = 4096;

/** Mask of the offset within a page. */
export const PAGE_OFFSET_MASK: number = PAGE_SIZE - 1;

/** Largest order of the buddy allocator: 2^10 pages, 4 MiB, as on x86 and arm64 with 4 KiB pages. */
export const MAX_PAGE_ORDER = 10;
