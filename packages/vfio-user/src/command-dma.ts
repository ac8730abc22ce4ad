import type { DeviceSession } from './device-session.ts';
import { UNREACHABLE } from './dma-mappings.ts';
import {
  DMA_MAP_MESSAGE,
  DMA_MAP_READ,
  DMA_MAP_WRITE,
  DMA_UNMAP_ALL,
  DMA_UNMAP_MESSAGE,
  PAGE_BYTES,
  readU64,
  writeU64,
} from './protocol.ts';
import type { Request } from './request.ts';
import { notShared } from './shared-memory-check.ts';
import { EINVAL, EIO, VfioUserError } from './vfio-user-error.ts';

/** Where a PC's RAM goes on behind the hole for firmware and display. Nothing else is ever mapped there. */
const PC_HIGH_MEMORY = 0x10_0000;

/**
 * DMA_MAP. EINVAL: a range that is empty, not of whole pages, or beyond what can be addressed. EEXIST: it overlaps another.
 * ENOSPC: too many. EOPNOTSUPP: the guest's RAM is not the shared file; the guest is let go of, for it cannot work.
 *
 * File descriptors that ride along are lost before they get here, so a range of RAM is known by its offset in the shared file:
 * everything else comes with offset 0. Such ranges (ROMs, other devices' memory) are mapped, and cannot be reached.
 */
export function mapDma(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (length < DMA_MAP_MESSAGE.$bytes) return EINVAL;
  const access = view.getUint32(at + DMA_MAP_MESSAGE.flags, true);
  const offset = readU64(view, at + DMA_MAP_MESSAGE.offset);
  const iova = readU64(view, at + DMA_MAP_MESSAGE.iova);
  const size = readU64(view, at + DMA_MAP_MESSAGE.size);
  if (offset < 0 || iova < 0 || size <= 0 || !Number.isSafeInteger(iova + size)) return EINVAL;
  if (iova % PAGE_BYTES !== 0 || size % PAGE_BYTES !== 0 || offset % PAGE_BYTES !== 0) return EINVAL;
  const { device } = session;
  const { guestDma, ramBase } = device;
  if (guestDma.memory === null) {
    try {
      guestDma.memory = device.openMemory();
    } catch (error) {
      return session.refuseForGood(request, asVfioUserError(error));
    }
  }
  const isRam = offset !== 0 || iova === ramBase;
  if (!isRam && ramBase === 0 && iova === PC_HIGH_MEMORY) return unshared(session, request);
  const position = isRam && offset + size <= guestDma.memory.lengthBytes ? offset : UNREACHABLE;
  const result = guestDma.mappings.map(iova, size, position, access & (DMA_MAP_READ | DMA_MAP_WRITE));
  if (result < 0) return -result;
  session.acknowledge(request);
  return 0;
}

function asVfioUserError(error: unknown): VfioUserError {
  if (error instanceof VfioUserError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new VfioUserError(EIO, 'open', "the guest's RAM", `What opens it threw: ${what}`, error);
}

/** The guest's RAM cannot be reached: answers that, says what to do, and lets go of the guest. */
export function unshared(session: DeviceSession, request: Request): number {
  return session.refuseForGood(request, notShared());
}

/**
 * DMA_UNMAP. EINVAL: the range would cut a mapping in two. ENOENT: nothing is mapped there. When it is answered, the device
 * does not access the range any more.
 */
export function unmapDma(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (length < DMA_UNMAP_MESSAGE.$bytes) return EINVAL;
  const flags = view.getUint32(at + DMA_UNMAP_MESSAGE.flags, true);
  const iova = readU64(view, at + DMA_UNMAP_MESSAGE.iova);
  const size = readU64(view, at + DMA_UNMAP_MESSAGE.size);
  const { mappings } = session.device.guestDma;
  if ((flags & DMA_UNMAP_ALL) !== 0) {
    if (iova !== 0 || size !== 0) return EINVAL;
    mappings.clear();
  } else {
    if (flags !== 0 || iova < 0 || size <= 0 || !Number.isSafeInteger(iova + size)) return EINVAL;
    const result = mappings.unmap(iova, size);
    if (result < 0) return -result;
  }
  const reply = session.reply(request, DMA_UNMAP_MESSAGE.$bytes);
  if (reply < 0) return 0;
  const out = session.writer.view;
  out.setUint32(reply + DMA_UNMAP_MESSAGE.argsz, DMA_UNMAP_MESSAGE.$bytes - DMA_UNMAP_MESSAGE.argsz, true);
  out.setUint32(reply + DMA_UNMAP_MESSAGE.flags, flags, true);
  writeU64(out, reply + DMA_UNMAP_MESSAGE.iova, iova);
  writeU64(out, reply + DMA_UNMAP_MESSAGE.size, size);
  return 0;
}
