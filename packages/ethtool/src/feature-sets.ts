import { featureBit, featureNames, NETIF_F_NEVER_CHANGE, type NetDevice } from '@netmem/netdev';
import { EINVAL, EOPNOTSUPP, type Extack } from '@netmem/uapi';

/** Features by name. */
export interface FeaturesReply {
  /** Those that the user may switch; all others are fixed. */
  readonly hw: ReadonlySet<string>;
  /** Those that the user asked for. */
  readonly wanted: ReadonlySet<string>;
  /** Those that are on. */
  readonly active: ReadonlySet<string>;
  /** Those that nothing can change. */
  readonly nochange: ReadonlySet<string>;
}

/** @kernel features_prepare_data — net/ethtool/features.c, 7.3 */
export function getFeatures(dev: NetDevice): FeaturesReply {
  return {
    hw: new Set(featureNames(dev.hwFeatures)),
    wanted: new Set(featureNames(dev.wantedFeatures)),
    active: new Set(featureNames(dev.features)),
    nochange: new Set(featureNames(NETIF_F_NEVER_CHANGE)),
  };
}

/**
 * A fixed feature that is asked to change stays as it is, without an error: compare `active` afterwards.
 *
 * @returns 1 when the active set changed, 0 when not, or a negative errno.
 * @kernel ethnl_set_features — net/ethtool/features.c, 7.3
 */
export function setFeatures(dev: NetDevice, changes: Readonly<Record<string, boolean>>, extack: Extack | null): number {
  let wanted = dev.wantedFeatures;
  if (Object.keys(changes).length === 0) return -EINVAL;
  for (const [name, on] of Object.entries(changes)) {
    const bit = featureBit(name);
    if (bit === 0) {
      extack?.set('bit name not found', 'wanted');
      return -EOPNOTSUPP;
    }
    wanted = on ? wanted | bit : wanted & ~bit;
  }
  const before = dev.features;
  if (wanted !== dev.wantedFeatures) {
    dev.wantedFeatures = (dev.wantedFeatures & ~dev.hwFeatures) | (wanted & dev.hwFeatures);
    dev.updateFeatures();
  }
  return dev.features === before ? 0 : 1;
}
