import { EINVAL, type Extack, RXH } from '@netmem/uapi';
import type { EthtoolOps, FlowHash, Rss, RxfhFields } from './ops.ts';

/** Flow types with a hash, by ynl's names. @kernel ethtool_rxfh_ft_nl2ioctl — net/ethtool/rss.c, 7.3 */
export const FLOW_HASH_TYPES = {
  ether: 0x12,
  ip4: 0x10,
  ip6: 0x11,
  tcp4: 0x01,
  udp4: 0x02,
  sctp4: 0x03,
  'ah-esp4': 0x04,
  tcp6: 0x05,
  udp6: 0x06,
  sctp6: 0x07,
  'ah-esp6': 0x08,
  ah4: 0x09,
  esp4: 0x0a,
  ah6: 0x0b,
  esp6: 0x0c,
  gtpu4: 0x13,
  gtpu6: 0x14,
  gtpc4: 0x15,
  gtpc6: 0x16,
  'gtpc-teid4': 0x17,
  'gtpc-teid6': 0x18,
  'gtpu-eh4': 0x19,
  'gtpu-eh6': 0x1a,
  'gtpu-ul4': 0x1b,
  'gtpu-ul6': 0x1c,
  'gtpu-dl4': 0x1d,
  'gtpu-dl6': 0x1e,
} as const;

/** A flow type with a hash. */
export type FlowHashType = keyof typeof FLOW_HASH_TYPES;

const SYMMETRIC_FIELDS: number = RXH.IP_SRC | RXH.IP_DST | RXH.L4_B_0_1 | RXH.L4_B_2_3;

/** Asks the driver what each flow type's hash covers; undefined where it does not tell. @kernel rss_prepare_flow_hash — net/ethtool/rss.c, 7.3 */
export function readFlowHash(ops: EthtoolOps, rssContext: number): FlowHash | undefined {
  if (ops.getRxfhFields === undefined || (rssContext !== 0 && ops.rxfhPerCtxFields !== true)) return undefined;
  const hash: Partial<Record<FlowHashType, number>> = {};
  for (const [name, flowType] of Object.entries(FLOW_HASH_TYPES) as [FlowHashType, number][]) {
    const fields: RxfhFields = { flowType, rssContext, data: 0 };
    if (ops.getRxfhFields(fields) === 0) hash[name] = fields.data;
  }
  return hash;
}

/** Whether source and destination are both in or both out, and nothing else is in. @kernel ethtool_rxfh_config_is_sym — net/ethtool/common.c, 7.3 */
export function isSymmetric(fields: number): boolean {
  if ((fields & ~SYMMETRIC_FIELDS) !== 0) return false;
  const bothIp = ((fields & RXH.IP_SRC) !== 0) === ((fields & RXH.IP_DST) !== 0);
  return bothIp && ((fields & RXH.L4_B_0_1) !== 0) === ((fields & RXH.L4_B_2_3) !== 0);
}

/**
 * Changes what flow types hash, after asking whether all of it goes together with a symmetric hash.
 *
 * @param symmetric - The hash is symmetric, or is to become or stop being so.
 * @returns 1 when something changed, 0 when nothing was to change, or a negative errno.
 * @kernel ethnl_set_rss_fields — net/ethtool/rss.c, 7.3
 */
export function setFlowHash(
  ops: EthtoolOps,
  rssContext: number,
  now: Rss,
  asked: FlowHash | undefined,
  symmetric: boolean,
  extack: Extack | null,
): number {
  if (symmetric && now.flowHash === undefined) {
    extack?.set('hash field config not reported', 'input-xfrm');
    return -EINVAL;
  }
  if (symmetric && Object.values(now.flowHash ?? {}).some((fields) => !isSymmetric(fields))) {
    extack?.set('hash field config is not symmetric', 'input-xfrm');
    return -EINVAL;
  }
  let changed = 0;
  for (const [name, flowType] of Object.entries(FLOW_HASH_TYPES) as [FlowHashType, number][]) {
    const data = asked?.[name];
    if (data === undefined || data === now.flowHash?.[name]) continue;
    if (symmetric && !isSymmetric(data)) {
      extack?.set('conflict with xfrm-input', name);
      return -EINVAL;
    }
    const error = ops.setRxfhFields?.({ flowType, rssContext, data }, extack) ?? 0;
    if (error < 0) return error;
    changed = 1;
  }
  return changed;
}
