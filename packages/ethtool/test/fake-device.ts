// A device with every ethtool operation, which does what a test tells it to.

import { NETIF_F, NetDevice, type Network } from '@netmem/netdev';
import { createTestNetwork } from '@netmem/netdev/testing';
import { ENOENT, ETHTOOL_COALESCE } from '@netmem/uapi';
import { type Channels, type Coalesce, Ethtool, type EthtoolOps, type FlowRule, type RingParam } from '../src/index.ts';

export interface FakeDevice {
  network: Network;
  ethtool: Ethtool;
  dev: NetDevice;
  /** Every `set` that reached the driver. */
  calls: string[];
  /** Notifications. */
  events: string[];
  rings: RingParam;
  channels: Channels;
  indir: Uint32Array;
  key: Uint8Array;
  rules: FlowRule[];
  coalesce: Coalesce;
  /** What every `set` answers. */
  answer: number;
  /** Split as the driver says it is in effect; null to leave it. */
  effectiveSplit: number | null;
  /** Split while the driver is asked, configured and pending. */
  pending: number[][];
}

export const TABLE = 8;
export const KEY = 40;
export const QUEUES = 4;

export function makeFakeDevice(overrides: Partial<EthtoolOps> = {}): FakeDevice {
  const { network } = createTestNetwork();
  const ethtool = new Ethtool(network);
  const dev = new NetDevice({
    address: Uint8Array.of(2, 0, 0, 0, 0, 1),
    numRxQueues: QUEUES,
    numTxQueues: QUEUES,
    features: NETIF_F.SG | NETIF_F.HW_CSUM | NETIF_F.NTUPLE | NETIF_F.RXCSUM,
    hwFeatures: NETIF_F.SG | NETIF_F.TSO | NETIF_F.NTUPLE,
    queueMgmtOps: {
      memAlloc: () => ({}),
      memFree: () => undefined,
      start: () => 0,
      stop: () => ({}),
      validateQcfg: (idx) => {
        if (fake.vetoQueue === idx) return -5;
        return 0;
      },
    },
    ops: { open: () => 0, stop: () => 0, startXmit: () => 0, setXdp: () => 0 },
  });
  const fake: FakeDevice & { vetoQueue: number } = {
    network,
    ethtool,
    dev,
    calls: [],
    events: [],
    rings: {
      rxMax: 4096,
      rxMiniMax: 0,
      rxJumboMax: 2048,
      txMax: 4096,
      rx: 512,
      rxMini: 0,
      rxJumbo: 64,
      tx: 256,
      rxBufLen: 0,
      cqeSize: 0,
      txPush: false,
      rxPush: false,
      txPushBufLen: 0,
      txPushBufLenMax: 0,
      tcpDataSplit: 0,
      hdsThresh: 0,
      hdsThreshMax: 1023,
    },
    channels: {
      maxRx: 0,
      maxTx: 0,
      maxOther: 1,
      maxCombined: 4,
      rxCount: 0,
      txCount: 0,
      otherCount: 1,
      combinedCount: 4,
    },
    indir: Uint32Array.from({ length: TABLE }, (_, i) => i % QUEUES),
    key: Uint8Array.from({ length: KEY }, (_, i) => i),
    rules: [],
    coalesce: { rxCoalesceUsecs: 20, txCoalesceUsecs: 50, useAdaptiveRxCoalesce: false },
    answer: 0,
    effectiveSplit: null,
    pending: [],
    vetoQueue: -1,
  };
  const set = (what: string, apply: () => void): number => {
    fake.calls.push(what);
    if (fake.answer === 0) apply();
    return fake.answer;
  };
  const ops: EthtoolOps = {
    supportedRingParams: 0x7f,
    getDrvinfo: (out) => void Object.assign(out, { driver: 'fake', version: '1' }),
    getRingparam(out) {
      const { tcpDataSplit, hdsThresh } = out;
      Object.assign(out, fake.rings, { tcpDataSplit: fake.effectiveSplit ?? tcpDataSplit, hdsThresh });
    },
    setRingparam: (request) =>
      set(`rings ${request.rx} ${request.tcpDataSplit} ${request.hdsThresh}`, () => {
        fake.pending.push([dev.cfg.hdsConfig, dev.cfgPending.hdsConfig]);
        Object.assign(fake.rings, request);
      }),
    getChannels: (out) => void Object.assign(out, fake.channels),
    setChannels: (request) => set(`channels ${request.combinedCount}`, () => Object.assign(fake.channels, request)),
    getRxfhIndirSize: () => TABLE,
    getRxfhKeySize: () => KEY,
    getRxfh(out) {
      out.indir.set(fake.indir.subarray(0, out.indir.length));
      out.key.set(fake.key);
      return 0;
    },
    setRxfh: (request) =>
      set(`rss ${Object.keys(request).slice(1).join(' ')}`, () => {
        if (request.indir) fake.indir = request.indir;
        if (request.key) fake.key = request.key;
      }),
    getRuleTableSize: () => 4,
    getRules: () => fake.rules,
    insertRule: (rule) => set(`insert ${rule.location}`, () => fake.rules.push(rule)),
    deleteRule(location) {
      const at = fake.rules.findIndex((rule) => rule.location === location);
      if (at < 0) return -ENOENT;
      fake.rules.splice(at, 1);
      return 0;
    },
    getStrings: () => ['rx_packets', 'rx_dropped'],
    getStats: (out) => out.set([7, 1]),
    supportedCoalesceParams: ETHTOOL_COALESCE.RX_USECS | ETHTOOL_COALESCE.TX_USECS | ETHTOOL_COALESCE.USE_ADAPTIVE_RX,
    getCoalesce(out) {
      Object.assign(out, fake.coalesce);
      return 0;
    },
    setCoalesce: (request) => set('coalesce', () => void Object.assign(fake.coalesce, request)),
    reset: () => set('reset', () => undefined),
    ...overrides,
  };
  network.registerDevice(dev);
  ethtool.attach(dev, ops);
  ethtool.subscribe((event, which, context) => {
    fake.events.push([which.name, event, ...(context === 0 ? [] : [context])].join(' '));
  });
  return fake;
}
