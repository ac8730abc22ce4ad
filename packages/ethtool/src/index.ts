/**
 * What `ethtool` configures on a network device: rings with tcp-data-split and its threshold, channels, receive-side scaling with its contexts, ntuple rules, features,
 * coalescing, time stamps; and what it shows: statistics, driver, link.
 *
 * Typed requests with the kernel's questions in the kernel's order: abilities, limits, XDP, memory providers, tables and rules that still point at a
 * queue. What is configured and what is in effect are kept apart, a change is committed only when the driver succeeds, and listeners hear of it.
 *
 * Use it to configure a device of `@netmem/netdev`, and implement `EthtoolOps` when you write its driver.
 *
 * It is not netlink and not the `ethtool` program: no messages, no text output, no command line.
 *
 * @example
 * ```ts
 * import { Ethtool, rssEqual } from '@netmem/ethtool';
 * import { createPacketDriver, createTestNetwork } from '@netmem/netdev/testing';
 * import { Extack, TCP_DATA_SPLIT } from '@netmem/uapi';
 *
 * const { network } = createTestNetwork();
 * const driver = createPacketDriver(network, { queues: 4 });
 * const ethtool = new Ethtool(network);
 * ethtool.attach(driver.netdev, driver.ethtoolOps);
 * ethtool.subscribe((event, dev) => console.log(dev.name, event)); // eth0 rings
 *
 * console.log(ethtool.setRings(driver.netdev, { tcpDataSplit: TCP_DATA_SPLIT.ENABLED, hdsThresh: 0 })); // 0
 * const extack = new Extack();
 * console.log(ethtool.setRings(driver.netdev, { hdsThresh: 4096 }, extack), extack.message); // -22 requested ring size exceeds maximum
 * console.log(rssEqual(8, 2, 2).join(' ')); // 2 3 2 3 2 3 2 3
 * ```
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
  FlowHash,
  LinkKsettings,
  RingParam,
  Rss,
  RxfhFields,
  RxfhParam,
  TimestampInfo,
} from './ops.ts';
export type { RingsReply, RingsRequest } from './rings.ts';
export { type RssContext, rxfhContextLost } from './rss-contexts.ts';
export type { FlowHashType } from './rss-fields.ts';
export type { RssCreateRequest, RssRequest } from './rss-request.ts';
export { rssDefault, rssEqual, rssWeight } from './rss-table.ts';
export type { RxfhRequest } from './rxfh.ts';
