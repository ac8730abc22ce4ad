import { EINVAL, EOPNOTSUPP, type Extack, type NegativeErrno } from '@netmem/uapi';
import type { Coalesce, EthtoolOps } from './ops.ts';

/** @kernel coalesce_prepare_data — net/ethtool/coalesce.c, 7.3 */
export function getCoalesce(ops: EthtoolOps): Coalesce | NegativeErrno {
  if (ops.getCoalesce === undefined) return -EOPNOTSUPP;
  const out: Coalesce = {};
  const error = ops.getCoalesce(out);
  return error < 0 ? error : out;
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_set_coalesce — net/ethtool/coalesce.c, 7.3 */
export function setCoalesce(ops: EthtoolOps, request: Coalesce, extack: Extack | null): number {
  if (ops.setCoalesce === undefined || ops.getCoalesce === undefined) return -EOPNOTSUPP;
  const now = getCoalesce(ops);
  if (typeof now === 'number') return now;
  let changed = false;
  const merged: Coalesce = { ...now };
  for (const [field, value] of Object.entries(request) as [keyof Coalesce, never][]) {
    if (value === undefined) continue;
    if (now[field] === undefined) {
      extack?.set('cannot modify an unsupported parameter');
      return -EINVAL;
    }
    if (now[field] === value) continue;
    merged[field] = value;
    changed = true;
  }
  if (!changed) return 0;
  const error = ops.setCoalesce(merged, extack);
  return error < 0 ? error : 1;
}
