import { mapDma, unmapDma } from './command-dma.ts';
import { deviceInfo, irqInfo, regionInfo, setIrqs } from './command-info.ts';
import { readRegion, writeRegion, writeRegions } from './command-region.ts';
import { agreeOnVersion } from './command-version.ts';
import type { DeviceSession } from './device-session.ts';
import * as protocol from './protocol.ts';
import type { Request } from './request.ts';
import { ENOSYS } from './vfio-user-error.ts';

/**
 * Carries one command out.
 *
 * @returns 0 when that was done, and answered unless nobody wants it; a positive errno when it was refused and has changed
 *   nothing. ENOSYS: this server has no such command.
 */
export function runCommand(session: DeviceSession, request: Request): number {
  switch (request.command) {
    case protocol.REGION_WRITE:
      return writeRegion(session, request);
    case protocol.REGION_READ:
      return readRegion(session, request);
    case protocol.REGION_WRITE_MULTI:
      return writeRegions(session, request);
    case protocol.DMA_MAP:
      return mapDma(session, request);
    case protocol.DMA_UNMAP:
      return unmapDma(session, request);
    case protocol.DEVICE_SET_IRQS:
      return setIrqs(session, request);
    case protocol.DEVICE_GET_INFO:
      return deviceInfo(session, request);
    case protocol.DEVICE_GET_REGION_INFO:
      return regionInfo(session, request);
    case protocol.DEVICE_GET_IRQ_INFO:
      return irqInfo(session, request);
    case protocol.DEVICE_RESET:
      session.acknowledge(request);
      session.device.resetFunction();
      return 0;
    case protocol.VERSION:
      return agreeOnVersion(session, request);
    default:
      return ENOSYS;
  }
}
