import { regionOf } from '@netmem/region';
import type { DeviceSession } from './device-session.ts';
import { UNREACHABLE } from './dma-mappings.ts';
import { DMA_MESSAGE, NARROW_DMA_DATA } from './protocol.ts';
import { EOPNOTSUPP, VfioUserError } from './vfio-user-error.ts';

/** On a PC the firmware's interrupt vectors: never all zero once a driver runs, and never written again. */
const COMPARED_BYTES = 1024;
const SHARE = '-object memory-backend-file,id=m,share=on,mem-path=FILE,size=SIZE -machine memory-backend=m';

/** What is wrong with a guest whose RAM is not the file that the server has open. */
export function notShared(): VfioUserError {
  return new VfioUserError(EOPNOTSUPP, 'DMA_MAP', "of the guest's RAM", `It is not shared: start QEMU with ${SHARE}`);
}

/**
 * Finds out whether the file is what the guest has in front of it. A guest with `share=off` maps ranges of the very file, and
 * works on a copy; nothing that it sends would tell. So the start of its RAM is read both ways, once, when its driver
 * is about to use the device: through the guest, and from the file.
 *
 * A guest that refuses the read is believed.
 */
export function checkShared(session: DeviceSession): void {
  const { guestDma, ramBase } = session.device;
  const position = guestDma.mappings.toRead(ramBase);
  if (position === UNREACHABLE || guestDma.mappings.contiguous < COMPARED_BYTES) return;
  session.readBus(ramBase, COMPARED_BYTES, (data, at) => {
    if (data === null || guestDma.memory === null) return;
    const ours = regionOf(new Uint8Array(COMPARED_BYTES));
    if (guestDma.memory.read(position, ours, 0, COMPARED_BYTES) < 0) return;
    // Which of the two forms of message this is shows only in memory that does not begin with a zero, so both are tried.
    const narrow = at - DMA_MESSAGE.data + NARROW_DMA_DATA;
    if (!isSame(data, at, ours.bytes) && !isSame(data, narrow, ours.bytes)) session.close(notShared());
  });
}

function isSame(data: DataView, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (data.getUint8(at + i) !== bytes[i]) return false;
  return true;
}
