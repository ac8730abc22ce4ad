import { unshared } from './command-dma.ts';
import type { DeviceSession } from './device-session.ts';
import { CONFIG_SPACE_BYTES } from './pci-config-space.ts';
import * as protocol from './protocol.ts';
import type { Request } from './request.ts';
import type { PciFunction } from './vfio-user-device.ts';
import { EINVAL } from './vfio-user-error.ts';

/** DEVICE_GET_INFO. Comes after the first mappings, so that RAM which cannot be reached is found here at the latest. */
export function deviceInfo(session: DeviceSession, request: Request): number {
  const { $bytes, argsz, flags, regions, irqs } = protocol.DEVICE_INFO_MESSAGE;
  if (request.length < $bytes) return EINVAL;
  const { mappings } = session.device.guestDma;
  if (mappings.count > 0 && mappings.reachable === 0) return unshared(session, request);
  const reply = session.reply(request, $bytes);
  if (reply < 0) return 0;
  const out = session.writer.view;
  out.setUint32(reply + argsz, $bytes - argsz, true);
  out.setUint32(reply + flags, protocol.DEVICE_FLAGS_RESET | protocol.DEVICE_FLAGS_PCI, true);
  out.setUint32(reply + regions, protocol.REGIONS, true);
  out.setUint32(reply + irqs, protocol.IRQ_INDEXES, true);
  return 0;
}

/** Bytes of a region: a BAR, configuration space, or 0 for what there is not. */
export function regionBytes({ pci }: PciFunction, index: number): number {
  if (index === protocol.REGION_CONFIG) return CONFIG_SPACE_BYTES;
  return pci.bars[index]?.size ?? 0;
}

/** DEVICE_GET_REGION_INFO. EINVAL: there is no such region. */
export function regionInfo(session: DeviceSession, request: Request): number {
  const { $bytes, argsz, flags, index, size } = protocol.REGION_INFO_MESSAGE;
  if (request.length < $bytes) return EINVAL;
  const region = request.view.getUint32(request.at + index, true);
  if (region >= protocol.REGIONS) return EINVAL;
  const bytes = regionBytes(session.device.function, region);
  const reply = session.reply(request, $bytes);
  if (reply < 0) return 0;
  const out = session.writer.view;
  out.setUint32(reply + argsz, $bytes - argsz, true);
  out.setUint32(reply + flags, bytes === 0 ? 0 : protocol.REGION_FLAG_READ | protocol.REGION_FLAG_WRITE, true);
  out.setUint32(reply + index, region, true);
  protocol.writeU64(out, reply + size, bytes);
  return 0;
}

/** Interrupts of an index. The error interrupt is offered, and never signalled, because QEMU warns about a device without one. */
function irqCount({ pci }: PciFunction, index: number): number {
  if (index === protocol.IRQ_MSIX) return pci.msixVectors;
  return index === protocol.IRQ_ERROR ? 1 : 0;
}

/** DEVICE_GET_IRQ_INFO. EINVAL: there is no such index. */
export function irqInfo(session: DeviceSession, request: Request): number {
  const { $bytes, argsz, flags, index, count } = protocol.IRQ_INFO_MESSAGE;
  if (request.length < $bytes) return EINVAL;
  const irq = request.view.getUint32(request.at + index, true);
  if (irq >= protocol.IRQ_INDEXES) return EINVAL;
  const vectors = irqCount(session.device.function, irq);
  const reply = session.reply(request, $bytes);
  if (reply < 0) return 0;
  const out = session.writer.view;
  out.setUint32(reply + argsz, $bytes - argsz, true);
  out.setUint32(reply + flags, vectors === 0 ? 0 : protocol.IRQ_INFO_EVENTFD | protocol.IRQ_INFO_NORESIZE, true);
  out.setUint32(reply + index, irq, true);
  out.setUint32(reply + count, vectors, true);
  return 0;
}

const DATA = protocol.IRQ_SET_DATA_NONE | protocol.IRQ_SET_DATA_BOOL | protocol.IRQ_SET_DATA_EVENTFD;
const ACTION = protocol.IRQ_SET_ACTION_MASK | protocol.IRQ_SET_ACTION_UNMASK | protocol.IRQ_SET_ACTION_TRIGGER;

/**
 * DEVICE_SET_IRQS. EINVAL: no such index or vectors, or not exactly one kind of data and one action.
 *
 * The eventfds are lost on the way, so all that this says is that something changed: vectors were set up, masked or unmasked.
 */
export function setIrqs(session: DeviceSession, request: Request): number {
  const { $bytes, flags, index, start, count } = protocol.SET_IRQS_MESSAGE;
  const { view, bytes, at, length } = request;
  if (length < $bytes) return EINVAL;
  const bits = view.getUint32(at + flags, true);
  const data = bits & DATA;
  const action = bits & ACTION;
  if ((bits & ~(DATA | ACTION)) !== 0 || !isOneBit(data) || !isOneBit(action)) return EINVAL;
  const irq = view.getUint32(at + index, true);
  if (irq >= protocol.IRQ_INDEXES) return EINVAL;
  const { interrupts, function: pciFunction } = session.device;
  const first = view.getUint32(at + start, true);
  const vectors = view.getUint32(at + count, true);
  if (first + vectors > irqCount(pciFunction, irq)) return EINVAL;
  const triggers = action === protocol.IRQ_SET_ACTION_TRIGGER;
  if (data === protocol.IRQ_SET_DATA_BOOL && length < $bytes + vectors) return EINVAL;
  if (irq === protocol.IRQ_MSIX) {
    if (data === protocol.IRQ_SET_DATA_EVENTFD) interrupts.changed(true);
    else if (triggers && vectors === 0) interrupts.changed(false);
    else if (!triggers) interrupts.changed(true);
    else {
      // The guest asks for a signal, as a loopback test does.
      for (let i = 0; i < vectors; i++) {
        if (data === protocol.IRQ_SET_DATA_NONE || bytes[at + $bytes + i] !== 0) interrupts.signal(first + i);
      }
    }
  }
  session.acknowledge(request);
  return 0;
}

function isOneBit(bits: number): boolean {
  return bits !== 0 && (bits & (bits - 1)) === 0;
}
