import { devGetMinMpChannelCount, type NetDevice } from '@netmem/netdev';
import { EINVAL, EOPNOTSUPP, type Extack, type NegativeErrno, RX_CLS_FLOW_DISC } from '@netmem/uapi';
import type { Channels, EthtoolOps } from './ops.ts';
import { readRss } from './rss.ts';
import { maxEntry, rssContexts } from './rss-contexts.ts';

/** What channels-set is asked for. Only what is given changes. */
export interface ChannelsRequest {
  rxCount?: number;
  txCount?: number;
  otherCount?: number;
  combinedCount?: number;
}

function current(ops: EthtoolOps): Channels {
  const channels: Channels = {
    maxRx: 0,
    maxTx: 0,
    maxOther: 0,
    maxCombined: 0,
    rxCount: 0,
    txCount: 0,
    otherCount: 0,
    combinedCount: 0,
  };
  ops.getChannels?.(channels);
  return channels;
}

/** @kernel channels_prepare_data — net/ethtool/channels.c, 7.3 */
export function getChannels(ops: EthtoolOps): Channels | NegativeErrno {
  return ops.getChannels === undefined ? -EOPNOTSUPP : current(ops);
}

/** @returns 1 when something changed, 0 when nothing was to change, or a negative errno. @kernel ethnl_set_channels — net/ethtool/channels.c, 7.3 */
export function setChannels(dev: NetDevice, ops: EthtoolOps, request: ChannelsRequest, extack: Extack | null): number {
  if (ops.getChannels === undefined || ops.setChannels === undefined) return -EOPNOTSUPP;
  const channels = current(ops);
  const oldTotal = channels.combinedCount + Math.max(channels.rxCount, channels.txCount);
  let changed = false;
  for (const [field, value] of Object.entries(request) as [keyof ChannelsRequest, number | undefined][]) {
    if (value === undefined || channels[field] === value) continue;
    channels[field] = value;
    changed = true;
  }
  if (!changed) return 0;

  const attr = overLimit(channels);
  if (attr !== null) {
    extack?.set('requested channel count exceeds maximum', attr);
    return -EINVAL;
  }
  if (channels.combinedCount === 0 && (channels.rxCount === 0 || channels.txCount === 0)) {
    const direction = channels.rxCount === 0 ? 'rx-count' : 'tx-count';
    extack?.set(
      'requested channel counts would result in no RX or TX channel being configured',
      request.combinedCount === undefined ? direction : 'combined-count',
    );
    return -EINVAL;
  }
  const error = checkMaxChannel(dev, ops, channels, extack);
  if (error < 0) return error;
  for (let i = channels.combinedCount + Math.min(channels.rxCount, channels.txCount); i < oldTotal; i++) {
    if (dev.rxQueues[i]?.xskPool != null) {
      extack?.set('requested channel counts are too low due to busy queues (AF_XDP or queue leasing)');
      return -EINVAL;
    }
  }
  const result = ops.setChannels(channels);
  return result < 0 ? result : 1;
}

function overLimit(channels: Channels): string | null {
  if (channels.rxCount > channels.maxRx) return 'rx-count';
  if (channels.txCount > channels.maxTx) return 'tx-count';
  if (channels.otherCount > channels.maxOther) return 'other-count';
  return channels.combinedCount > channels.maxCombined ? 'combined-count' : null;
}

/**
 * What still points at receive queues keeps them. Both sides count differently: a table or rule names the highest queue in use, a provider the number
 * of queues needed, and yet all three must be exceeded. So a device needs one channel more than its highest provider-bound queue asks for.
 *
 * @kernel ethtool_check_max_channel — net/ethtool/common.c, 7.3
 */
function checkMaxChannel(dev: NetDevice, ops: EthtoolOps, channels: Channels, extack: Extack | null): number {
  const receive = channels.combinedCount + channels.rxCount;
  const table = maxRssQueue(dev, ops);
  if (receive <= table) {
    extack?.set(`requested channel counts are too low for existing indirection table (${table})`);
    return -EINVAL;
  }
  if (receive <= maxRuleQueue(dev, ops)) {
    extack?.set('requested channel counts are too low for existing ntuple filter settings');
    return -EINVAL;
  }
  const provider = devGetMinMpChannelCount(dev);
  if (receive <= provider) {
    extack?.set(`requested channel counts are too low for existing memory provider setting (${provider})`);
    return -EINVAL;
  }
  return 0;
}

// A main table that the user did not choose is made anew for the new count; no driver does that for contexts. @kernel ethtool_get_max_rxfh_channel — net/ethtool/common.c, 7.3
function maxRssQueue(dev: NetDevice, ops: EthtoolOps): number {
  const ofContexts = rssContexts(dev).maxQueue();
  if (!dev.rxfhConfigured) return ofContexts;
  const rss = readRss(ops);
  return typeof rss === 'number' ? ofContexts : Math.max(ofContexts, maxEntry(rss.indir));
}

// A rule that spreads by a context adds its ring to what the context's table says. @kernel ethtool_get_max_rxnfc_channel — net/ethtool/common.c, 7.3
function maxRuleQueue(dev: NetDevice, ops: EthtoolOps): number {
  let max = 0;
  for (const rule of ops.getRules?.() ?? []) {
    if (rule.ring === RX_CLS_FLOW_DISC) continue;
    const ctx = rule.rssContext === undefined ? null : rssContexts(dev).load(rule.rssContext);
    max = Math.max(max, rule.ring + (ctx === null ? 0 : maxEntry(ctx.indir)));
  }
  return max;
}
