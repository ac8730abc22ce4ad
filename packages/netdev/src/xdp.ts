import { EBUSY, EOPNOTSUPP, type Extack, TCP_DATA_SPLIT } from '@netmem/uapi';
import type { XdpProgram } from './device-ops.ts';
import { devGetMinMpChannelCount } from './memory-provider.ts';
import type { NetDevice } from './netdevice.ts';

/**
 * Attaches an XDP program, or with null takes it off. The caller holds the instance lock.
 *
 * @returns 0; `-EBUSY` for a program that cannot handle several buffers while tcp-data-split is configured on, or while any queue has a memory
 * provider; `-EOPNOTSUPP` when the driver has no XDP; or the driver's errno.
 * @kernel dev_xdp_install — net/core/dev.c, 7.3
 */
export function devXdpAttach(dev: NetDevice, prog: XdpProgram | null, extack: Extack | null = null): number {
  dev.assertLocked();
  if (dev.ops.setXdp === undefined) {
    extack?.set("underlying driver doesn't support XDP in native mode");
    return -EOPNOTSUPP;
  }
  if (dev.cfg.hdsConfig === TCP_DATA_SPLIT.ENABLED && prog !== null && !prog.hasFrags) {
    extack?.set('unable to install XDP to device using tcp-data-split');
    return -EBUSY;
  }
  if (devGetMinMpChannelCount(dev) > 0) {
    extack?.set('unable to install XDP to device using memory provider');
    return -EBUSY;
  }
  const error = dev.ops.setXdp(prog, extack);
  if (error === 0) dev.xdpProg = prog;
  return error;
}

/**
 * Passes an XDP program on to a lower device, as a bond does. The caller holds the instance lock.
 *
 * @returns as {@link devXdpAttach}, with texts of its own.
 * @kernel netif_xdp_propagate — net/core/dev.c, 7.3
 */
export function devXdpPropagate(dev: NetDevice, prog: XdpProgram | null, extack: Extack | null = null): number {
  dev.assertLocked();
  if (dev.ops.setXdp === undefined) return -EOPNOTSUPP;
  if (dev.cfg.hdsConfig === TCP_DATA_SPLIT.ENABLED && prog !== null && !prog.hasFrags) {
    extack?.set('unable to propagate XDP to device using tcp-data-split');
    return -EBUSY;
  }
  if (devGetMinMpChannelCount(dev) > 0) {
    extack?.set('unable to propagate XDP to device using memory provider');
    return -EBUSY;
  }
  const error = dev.ops.setXdp(prog, extack);
  if (error === 0) dev.xdpProg = prog;
  return error;
}

/**
 * Attaches an AF_XDP zero-copy pool to a receive queue, or with null takes it off. The caller holds the instance lock.
 *
 * @returns 0; `-EBUSY` while any queue of the device has a memory provider, or when the queue has a pool already.
 * @kernel xp_assign_dev — net/xdp/xsk_buff_pool.c, 7.3
 */
export function devXskAttach(dev: NetDevice, idx: number, pool: object | null): number {
  dev.assertLocked();
  const rxq = dev.rxQueues[idx];
  if (pool !== null) {
    if (rxq.xskPool !== null) return -EBUSY;
    if (devGetMinMpChannelCount(dev) > 0) return -EBUSY;
  }
  rxq.xskPool = pool;
  return 0;
}
