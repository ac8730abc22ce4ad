import type { DmaDevice } from '@netmem/machine';
import type { NetDevice, Network } from '@netmem/netdev';
import { NET_IOV_DMABUF } from '@netmem/netmem';
import { E2BIG, EFAULT, EINVAL, type ErrPtr, type Extack, isErr } from '@netmem/uapi';
import { DmabufBinding } from './binding.ts';
import type { DmaBuf, DmaBufAttachment } from './dma-buf.ts';
import type { DmaBufEntry } from './exporter.ts';

const U32_MAX = 0xffffffff;

/** An extack text that the kernel formats has room for this many characters; the rest is cut off. */
const FORMATTED_EXTACK_CHARS = 79;

/** What to bind. */
export interface BindingPlan {
  readonly network: Network;
  readonly dev: NetDevice;
  readonly dmaDev: DmaDevice;
  /** Its reference moves into the binding, or is put on failure. */
  readonly buf: DmaBuf;
  readonly direction: number;
  /** log2 of the net_iov size. */
  readonly niovShift: number;
}

/**
 * Attaches and maps a dma-buf and makes its net_iovs; one failure undoes all of it, the reference to the dma-buf included.
 *
 * @returns the binding, with one reference and no id; or, in this order, the exporter's errno of attach or map; `-EINVAL`: buffer size or a
 * scatter entry not a multiple of the net_iov size; `-E2BIG`: more net_iovs than 32 bits count; `-EFAULT`: an address that a net_iov cannot
 * hold; `-ENOMEM`: no room for that many net_iovs.
 * @kernel net_devmem_bind_dmabuf — net/core/devmem.c, 7.3
 */
export function mapBinding(plan: BindingPlan, extack: Extack | null): ErrPtr<DmabufBinding> {
  const attachment = plan.buf.attach(plan.dmaDev);
  if (isErr(attachment)) {
    extack?.set('Failed to bind dmabuf to device');
    plan.buf.put();
    return attachment;
  }
  const entries = attachment.map(plan.direction);
  if (isErr(entries)) {
    extack?.set('Failed to map dmabuf attachment');
    plan.buf.detach(attachment);
    plan.buf.put();
    return entries;
  }
  const binding = new DmabufBinding({
    machine: plan.network.machine,
    netmem: plan.network.netmem,
    dev: plan.dev,
    attachment,
    direction: plan.direction,
    niovShift: plan.niovShift,
  });
  const made =
    checkAlignment(attachment, entries, binding.niovBytes, extack) || makeAreas(plan, binding, entries, extack);
  if (made < 0) {
    binding.free();
    return made;
  }
  binding.seal();
  return binding;
}

function checkAlignment(
  { buf }: DmaBufAttachment,
  entries: readonly DmaBufEntry[],
  niovBytes: number,
  extack: Extack | null,
): number {
  if (buf.sizeBytes % niovBytes !== 0) {
    return formatted(extack, `dmabuf size ${buf.sizeBytes} not aligned to niov size ${niovBytes}`, -EINVAL);
  }
  if (buf.sizeBytes / niovBytes > U32_MAX) {
    extack?.set('dmabuf contains too many net_iovs');
    return -E2BIG;
  }
  for (const { iova, length } of entries) {
    if (iova % niovBytes !== 0 || length % niovBytes !== 0) {
      const where = `addr=0x${iova.toString(16).padStart(16, '0')}, len=${length}`;
      return formatted(extack, `dmabuf sg entry (${where}) not aligned to niov size ${niovBytes}`, -EINVAL);
    }
  }
  return 0;
}

function makeAreas(
  { network: { netmem } }: BindingPlan,
  binding: DmabufBinding,
  entries: readonly DmaBufEntry[],
  extack: Extack | null,
): number {
  for (const entry of entries) {
    const count = entry.length / binding.niovBytes;
    const area = netmem.createArea(count, NET_IOV_DMABUF, binding, entry.offset);
    if (isErr(area)) return area;
    binding.areas.push(area);
    for (let i = 0; i < count; i++) {
      if (netmem.setDmaAddr(area.netmem(i), entry.iova + i * binding.niovBytes)) {
        extack?.set('dmabuf DMA address cannot be represented');
        return -EFAULT;
      }
    }
  }
  return 0;
}

function formatted(extack: Extack | null, text: string, errno: number): number {
  extack?.set(text.slice(0, FORMATTED_EXTACK_CHARS));
  return errno;
}
