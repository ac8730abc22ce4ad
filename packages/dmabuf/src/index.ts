/**
 * dma-buf with exporters, device-memory binding to receive queues, and the dmabuf memory provider of Linux.
 *
 * @packageDocumentation
 */
export {};
