import { SWIOTLB_DEFAULT_BYTES } from '@netmem/machine';
import type { HostOptions } from './host-options.ts';

const DEFAULT_RAM_BYTES = 64 * 2 ** 20;

/** What decides how much memory a host takes. */
export type HostSize = Pick<HostOptions, 'ramBytes' | 'dmaMode' | 'swiotlbBytes' | 'dmabuf'>;

/** RAM of a host, in bytes. */
export function ramBytesOf({ ramBytes = DEFAULT_RAM_BYTES }: HostSize): number {
  return ramBytes;
}

/** Bounce slots of a host, in bytes: a bound udmabuf holds as many as it is long, for as long as it is bound. */
export function swiotlbBytesOf({ dmaMode, swiotlbBytes, dmabuf }: HostSize): number {
  if (dmaMode !== 'swiotlb') return 0;
  return swiotlbBytes ?? SWIOTLB_DEFAULT_BYTES + (dmabuf?.exporter === 'udmabuf' ? dmabuf.bytes : 0);
}

/**
 * Bytes of linear memory that a host made with these options carves: RAM, bounce slots, device memory. Frame slots, and a few MiB of scratch for its
 * card and stack, come on top.
 */
export function hostMemoryBytes(options: HostSize): number {
  const { dmabuf } = options;
  const device = dmabuf === undefined || dmabuf.exporter === 'udmabuf' ? 0 : dmabuf.bytes;
  return ramBytesOf(options) + swiotlbBytesOf(options) + device;
}
