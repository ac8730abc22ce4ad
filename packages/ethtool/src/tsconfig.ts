import { type HwtstampConfig, hwtstampValidate, type NetDevice } from '@netmem/netdev';
import { EOPNOTSUPP, type Extack, HWTSTAMP_FILTER, HWTSTAMP_TX, type NegativeErrno } from '@netmem/uapi';

/** @kernel tsconfig_prepare_data — net/ethtool/tsconfig.c, 7.3 (partial: a device has one clock) */
export function getTsConfig(dev: NetDevice): HwtstampConfig | NegativeErrno {
  if (dev.ops.hwtstampGet === undefined) return -EOPNOTSUPP;
  const config = blankConfig();
  const error = dev.ops.hwtstampGet(config);
  return error < 0 ? error : config;
}

/** @returns what is in effect afterwards, or a negative errno. @kernel ethnl_set_tsconfig — net/ethtool/tsconfig.c, 7.3 (partial: a device has one clock) */
export function setTsConfig(
  dev: NetDevice,
  request: Partial<HwtstampConfig>,
  extack: Extack | null,
): HwtstampConfig | NegativeErrno {
  if (dev.ops.hwtstampSet === undefined || dev.ops.hwtstampGet === undefined) return -EOPNOTSUPP;
  const now = blankConfig();
  const asked = dev.ops.hwtstampGet(now);
  // A driver that cannot tell is as one that has everything off.
  if (asked < 0 && asked !== -EOPNOTSUPP) return asked;
  const config: HwtstampConfig = { ...now, ...request };
  const valid = hwtstampValidate(config);
  if (valid < 0) return valid;
  const changed = config.txType !== now.txType || config.rxFilter !== now.rxFilter || config.flags !== now.flags;
  if (changed) {
    const error = dev.ops.hwtstampSet(config, extack);
    if (error < 0) return error;
  }
  return getTsConfig(dev);
}

function blankConfig(): HwtstampConfig {
  return { flags: 0, txType: HWTSTAMP_TX.OFF, rxFilter: HWTSTAMP_FILTER.NONE };
}
