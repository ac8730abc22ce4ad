import { NETIF_F, type NetDevice } from '@netmem/netdev';
import {
  EINVAL,
  ENOSPC,
  EOPNOTSUPP,
  type Extack,
  type NegativeErrno,
  RX_CLS_FLOW_DISC,
  RX_CLS_LOC_ANY,
} from '@netmem/uapi';
import { completeRule, type FlowRequest, type FlowRule } from './flow-rule.ts';
import type { EthtoolOps } from './ops.ts';
import { rssContexts } from './rss-contexts.ts';
import { rxRingCount } from './rss-request.ts';

/** @kernel ethtool_get_rxnfc — net/ethtool/ioctl.c, 7.3 */
export function getRules(ops: EthtoolOps): readonly FlowRule[] | NegativeErrno {
  if (ops.getRules === undefined) return -EOPNOTSUPP;
  return [...ops.getRules()].sort((a, b) => a.location - b.location);
}

/** @returns the rule's location, or a negative errno. @kernel ethtool_set_rxnfc — net/ethtool/ioctl.c, 7.3 */
export function insertRule(dev: NetDevice, ops: EthtoolOps, request: FlowRequest, extack: Extack | null): number {
  if (ops.insertRule === undefined || ops.getRules === undefined) return -EOPNOTSUPP;
  if ((dev.features & NETIF_F.NTUPLE) === 0) return -EOPNOTSUPP;
  const rule = completeRule(request);
  if (rule === null || !contextFits(dev, ops, rule)) return -EINVAL;
  if (rule.ring !== RX_CLS_FLOW_DISC && !(rule.ring >= 0 && rule.ring < rxRingCount(dev, ops))) return -EINVAL;
  const size = ops.getRuleTableSize?.() ?? 0;
  if (rule.location === RX_CLS_LOC_ANY) {
    rule.location = highestFree(size, ops.getRules());
    if (rule.location < 0) return -ENOSPC;
  }
  if (!(rule.location >= 0 && rule.location < size)) return -EINVAL;
  const error = ops.insertRule(rule, extack);
  return error < 0 ? error : rule.location;
}

/** @kernel ethtool_set_rxnfc — net/ethtool/ioctl.c, 7.3 */
export function deleteRule(dev: NetDevice, ops: EthtoolOps, location: number): number {
  if (ops.deleteRule === undefined) return -EOPNOTSUPP;
  if ((dev.features & NETIF_F.NTUPLE) === 0) return -EOPNOTSUPP;
  return ops.deleteRule(location);
}

// A ring beside a context makes sense only to a device that adds the two.
function contextFits(dev: NetDevice, ops: EthtoolOps, rule: FlowRule): boolean {
  if (rule.rssContext === undefined) return true;
  if (ops.capRssRxnfcAdds !== true && rule.ring !== 0) return false;
  return rule.rssContext === 0 || rssContexts(dev).load(rule.rssContext) !== null;
}

// The ethtool program fills a table from its end, so that rules with a location of their own, which come first, stay first.
function highestFree(size: number, rules: readonly FlowRule[]): number {
  const taken = new Set(rules.map((rule) => rule.location));
  for (let location = size - 1; location >= 0; location--) if (!taken.has(location)) return location;
  return -1;
}
