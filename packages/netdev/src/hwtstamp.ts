// How a device is told to stamp packets with the time of its own clock.

import {
  EINVAL,
  ENODEV,
  EOPNOTSUPP,
  ERANGE,
  type Extack,
  HWTSTAMP_FILTER,
  HWTSTAMP_FLAG_MASK,
  HWTSTAMP_TX,
} from '@netmem/uapi';
import type { NetDevice } from './netdevice.ts';

/** Which packets a device stamps. @kernel struct kernel_hwtstamp_config — include/linux/net_tstamp.h, 7.3 */
export interface HwtstampConfig {
  flags: number;
  /** A `HWTSTAMP_TX` value. */
  txType: number;
  /** A `HWTSTAMP_FILTER` value. A driver that cannot tell packets apart so finely writes what it stamps instead. */
  rxFilter: number;
}

/**
 * Tells a device which packets to stamp, as SIOCSHWTSTAMP does. `config` then says what it really does.
 *
 * @returns 0; `-EINVAL` for flags that are none; `-ERANGE` for a type or filter that is none; `-EOPNOTSUPP`: the driver stamps nothing; `-ENODEV` while
 * it is not registered or is detached; or the driver's errno.
 * @kernel dev_set_hwtstamp — net/core/dev_ioctl.c, 7.3
 */
export function devSetHwtstamp(dev: NetDevice, config: HwtstampConfig, extack: Extack | null = null): number {
  const valid = hwtstampValidate(config);
  if (valid < 0) return valid;
  if (dev.ops.hwtstampSet === undefined) return -EOPNOTSUPP;
  if (!dev.registered || !dev.present) return -ENODEV;
  dev.lock.lock();
  try {
    return dev.ops.hwtstampSet(config, extack);
  } finally {
    dev.lock.unlock();
  }
}

/** Asks a device which packets it stamps: 0, `-EOPNOTSUPP` or `-ENODEV` as above. @kernel dev_get_hwtstamp — net/core/dev_ioctl.c, 7.3 */
export function devGetHwtstamp(dev: NetDevice, out: HwtstampConfig): number {
  if (dev.ops.hwtstampGet === undefined) return -EOPNOTSUPP;
  if (!dev.registered || !dev.present) return -ENODEV;
  dev.lock.lock();
  try {
    return dev.ops.hwtstampGet(out);
  } finally {
    dev.lock.unlock();
  }
}

/** 0; `-EINVAL` for flags that are none; `-ERANGE` for a type or filter that is none. @kernel net_hwtstamp_validate — net/core/dev_ioctl.c, 7.3 */
export function hwtstampValidate(config: HwtstampConfig): number {
  if ((config.flags & ~HWTSTAMP_FLAG_MASK) !== 0) return -EINVAL;
  const types: readonly number[] = Object.values(HWTSTAMP_TX);
  const filters: readonly number[] = Object.values(HWTSTAMP_FILTER);
  return types.includes(config.txType) && filters.includes(config.rxFilter) ? 0 : -ERANGE;
}
