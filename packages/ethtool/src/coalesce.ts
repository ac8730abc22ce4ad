import { EINVAL, EOPNOTSUPP, ETHTOOL_COALESCE, type Extack, type NegativeErrno } from '@netmem/uapi';
import type { Coalesce, EthtoolOps } from './ops.ts';

type Field = keyof Coalesce;

/** A parameter: its bit, what it is before anybody set it, and ynl's name. Those with false as their first value are modes. */
interface Parameter {
  readonly bit: number;
  readonly blank: number | false;
  readonly attr: string;
}

const C = ETHTOOL_COALESCE;

/** In the order that a request is looked through. @kernel ethnl_coalesce_set_policy — net/ethtool/coalesce.c, 7.3 (partial: no profiles) */
const PARAMETERS: Readonly<Record<Field, Parameter>> = {
  rxCoalesceUsecs: { bit: C.RX_USECS, blank: 0, attr: 'rx-usecs' },
  rxMaxCoalescedFrames: { bit: C.RX_MAX_FRAMES, blank: 0, attr: 'rx-max-frames' },
  rxCoalesceUsecsIrq: { bit: C.RX_USECS_IRQ, blank: 0, attr: 'rx-usecs-irq' },
  rxMaxCoalescedFramesIrq: { bit: C.RX_MAX_FRAMES_IRQ, blank: 0, attr: 'rx-max-frames-irq' },
  txCoalesceUsecs: { bit: C.TX_USECS, blank: 0, attr: 'tx-usecs' },
  txMaxCoalescedFrames: { bit: C.TX_MAX_FRAMES, blank: 0, attr: 'tx-max-frames' },
  txCoalesceUsecsIrq: { bit: C.TX_USECS_IRQ, blank: 0, attr: 'tx-usecs-irq' },
  txMaxCoalescedFramesIrq: { bit: C.TX_MAX_FRAMES_IRQ, blank: 0, attr: 'tx-max-frames-irq' },
  statsBlockCoalesceUsecs: { bit: C.STATS_BLOCK_USECS, blank: 0, attr: 'stats-block-usecs' },
  useAdaptiveRxCoalesce: { bit: C.USE_ADAPTIVE_RX, blank: false, attr: 'use-adaptive-rx' },
  useAdaptiveTxCoalesce: { bit: C.USE_ADAPTIVE_TX, blank: false, attr: 'use-adaptive-tx' },
  pktRateLow: { bit: C.PKT_RATE_LOW, blank: 0, attr: 'pkt-rate-low' },
  rxCoalesceUsecsLow: { bit: C.RX_USECS_LOW, blank: 0, attr: 'rx-usecs-low' },
  rxMaxCoalescedFramesLow: { bit: C.RX_MAX_FRAMES_LOW, blank: 0, attr: 'rx-max-frames-low' },
  txCoalesceUsecsLow: { bit: C.TX_USECS_LOW, blank: 0, attr: 'tx-usecs-low' },
  txMaxCoalescedFramesLow: { bit: C.TX_MAX_FRAMES_LOW, blank: 0, attr: 'tx-max-frames-low' },
  pktRateHigh: { bit: C.PKT_RATE_HIGH, blank: 0, attr: 'pkt-rate-high' },
  rxCoalesceUsecsHigh: { bit: C.RX_USECS_HIGH, blank: 0, attr: 'rx-usecs-high' },
  rxMaxCoalescedFramesHigh: { bit: C.RX_MAX_FRAMES_HIGH, blank: 0, attr: 'rx-max-frames-high' },
  txCoalesceUsecsHigh: { bit: C.TX_USECS_HIGH, blank: 0, attr: 'tx-usecs-high' },
  txMaxCoalescedFramesHigh: { bit: C.TX_MAX_FRAMES_HIGH, blank: 0, attr: 'tx-max-frames-high' },
  rateSampleInterval: { bit: C.RATE_SAMPLE_INTERVAL, blank: 0, attr: 'rate-sample-interval' },
  useCqeModeTx: { bit: C.USE_CQE_TX, blank: false, attr: 'use-cqe-mode-tx' },
  useCqeModeRx: { bit: C.USE_CQE_RX, blank: false, attr: 'use-cqe-mode-rx' },
  txAggrMaxBytes: { bit: C.TX_AGGR_MAX_BYTES, blank: 0, attr: 'tx-aggr-max-bytes' },
  txAggrMaxFrames: { bit: C.TX_AGGR_MAX_FRAMES, blank: 0, attr: 'tx-aggr-max-frames' },
  txAggrTimeUsecs: { bit: C.TX_AGGR_TIME_USECS, blank: 0, attr: 'tx-aggr-time-usecs' },
};
const ENTRIES = Object.entries(PARAMETERS) as readonly [Field, Parameter][];

/** What the driver can set, and what else it reports that is not 0. @kernel coalesce_fill_reply — net/ethtool/coalesce.c, 7.3 (partial: no profiles) */
export function getCoalesce(ops: EthtoolOps): Coalesce | NegativeErrno {
  if (ops.getCoalesce === undefined) return -EOPNOTSUPP;
  const reported: Coalesce = {};
  const error = ops.getCoalesce(reported);
  if (error < 0) return error;
  const reply: Coalesce = {};
  for (const [field, { bit, blank }] of ENTRIES) {
    const value = reported[field] ?? blank;
    if (((ops.supportedCoalesceParams ?? 0) & bit) !== 0 || value !== blank) Object.assign(reply, { [field]: value });
  }
  return reply;
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_set_coalesce — net/ethtool/coalesce.c, 7.3 (partial: no profiles) */
export function setCoalesce(ops: EthtoolOps, request: Coalesce, extack: Extack | null): number {
  if (ops.setCoalesce === undefined || ops.getCoalesce === undefined) return -EOPNOTSUPP;
  for (const [field, { bit, attr }] of ENTRIES) {
    if (request[field] === undefined || ((ops.supportedCoalesceParams ?? 0) & bit) !== 0) continue;
    extack?.set('cannot modify an unsupported parameter', attr);
    return -EINVAL;
  }
  const first = applyChange(ops, request, extack);
  // The driver may have put the numbers of the old mode away with it: they are set once more.
  if (first !== BOTH_CHANGED) return first;
  const second = applyChange(ops, request, extack);
  return second < 0 ? second : 1;
}

/** Mode and numbers were changed in one call. */
const BOTH_CHANGED = 2;

function applyChange(ops: EthtoolOps, request: Coalesce, extack: Extack | null): number {
  const now: Coalesce = {};
  const asked = ops.getCoalesce?.(now) ?? -EOPNOTSUPP;
  if (asked < 0) return asked;
  let numbers = false;
  let modes = false;
  const merged: Coalesce = { ...now };
  for (const [field, { blank }] of ENTRIES) {
    const value = request[field];
    if (value === undefined || value === (now[field] ?? blank)) continue;
    Object.assign(merged, { [field]: value });
    if (blank === false) modes = true;
    else numbers = true;
  }
  if (!numbers && !modes) return 0;
  const error = ops.setCoalesce?.(merged, extack) ?? -EOPNOTSUPP;
  if (error < 0) return error;
  return numbers && modes ? BOTH_CHANGED : 1;
}
