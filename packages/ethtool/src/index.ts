/**
 * Rings, channels, RSS, ntuple filters, features, coalescing and statistics of a simulated Linux network device.
 *
 * @packageDocumentation
 */
export type { ChannelsRequest } from './channels.ts';
export { Ethtool, type EthtoolEvent, type EthtoolListener, type NamedStat } from './ethtool.ts';
export type { FeaturesReply } from './feature-sets.ts';
export { completeRule, type FlowRequest, type FlowRule, type FlowSpec } from './flow-rule.ts';
export type {
  Channels,
  Coalesce,
  DriverInfo,
  EthtoolOps,
  LinkKsettings,
  RingParam,
  Rss,
  RxfhParam,
  TimestampInfo,
} from './ops.ts';
export type { RingsReply, RingsRequest } from './rings.ts';
export type { RssRequest } from './rss.ts';
export { rssDefault, rssEqual, rssWeight } from './rss-table.ts';
