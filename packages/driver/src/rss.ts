import { type Rss, type RxfhParam, rssDefault } from '@netmem/ethtool';
import { EINVAL, ENOMEM, EOPNOTSUPP, ETH_RSS_HASH, type Extack } from '@netmem/uapi';
import {
  ADMINQ_CONFIGURE_RSS,
  AQ_CONFIGURE_RSS,
  RSS_HASH_ALG_TOEPLITZ,
  RSS_HASH_TYPES_LINUX,
  writeU64be,
} from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';

const LUT_ENTRY_BYTES = 4;

/** What the card was told. */
export interface RssState {
  readonly key: Uint8Array;
  readonly indir: Uint32Array;
}

/** Makes the first table: a key from the machine's seed, the default spread. */
export function initRss(gve: GveDevice): number {
  const key = new Uint8Array(gve.geometry.rssKeyBytes);
  gve.machine.random.fork(`${gve.fn.name} rss key`).bytes(key);
  return configureRss(gve, { key, indir: rssDefault(gve.geometry.rssLutEntries, gve.settings.rxQueues) });
}

/** After the number of queues changed: a table that the user did not choose follows it. */
export function refreshRss(gve: GveDevice): number {
  const { rss, settings, netdev, geometry } = gve;
  if (rss === null || netdev.rxfhConfigured) return 0;
  const indir = rssDefault(geometry.rssLutEntries, settings.rxQueues);
  const same = indir.every((queue, i) => queue === rss.indir[i]);
  return same ? 0 : configureRss(gve, { key: rss.key, indir });
}

/** Sends CONFIGURE_RSS and remembers it, for ethtool and for after a reset. */
export function configureRss(gve: GveDevice, state: RssState): number {
  const { dma, adminq, machine } = gve;
  const lutAt = Math.ceil(state.key.length / LUT_ENTRY_BYTES) * LUT_ENTRY_BYTES;
  const buffer = dma.allocCoherent(lutAt + state.indir.length * LUT_ENTRY_BYTES);
  if (buffer === null) return -ENOMEM;
  machine.memory.bytes.set(state.key, buffer.address);
  state.indir.forEach((queue, i) => {
    machine.memory.view.setUint32(buffer.address + lutAt + i * LUT_ENTRY_BYTES, queue);
  });
  const result = adminq.execute(ADMINQ_CONFIGURE_RSS, (view, at) => {
    view.setUint16(at + AQ_CONFIGURE_RSS.hashTypes, RSS_HASH_TYPES_LINUX);
    view.setUint8(at + AQ_CONFIGURE_RSS.hashAlg, RSS_HASH_ALG_TOEPLITZ);
    view.setUint16(at + AQ_CONFIGURE_RSS.hashKeySize, state.key.length);
    view.setUint16(at + AQ_CONFIGURE_RSS.hashLutSize, state.indir.length);
    writeU64be(view, at + AQ_CONFIGURE_RSS.hashKeyAddr, buffer.iova);
    writeU64be(view, at + AQ_CONFIGURE_RSS.hashLutAddr, buffer.iova + lutAt);
  });
  dma.freeCoherent(buffer);
  if (result === 0) gve.rss = state;
  return result;
}

/** ethtool's get_rxfh. */
export function getRxfh(gve: GveDevice, out: Rss): number {
  if (gve.rss === null) return -EOPNOTSUPP;
  out.hfunc = ETH_RSS_HASH.TOP;
  out.indir = gve.rss.indir.slice();
  out.key = gve.rss.key.slice();
  return 0;
}

/** ethtool's set_rxfh: Toeplitz only, no input transformation. */
export function setRxfh(gve: GveDevice, request: RxfhParam, extack: Extack | null): number {
  const { rss } = gve;
  if (rss === null) return -EOPNOTSUPP;
  if (request.hfunc !== undefined && request.hfunc !== ETH_RSS_HASH.TOP) {
    extack?.set('only the toeplitz hash function is supported');
    return -EOPNOTSUPP;
  }
  if (request.inputXfrm !== undefined && request.inputXfrm !== 0) return -EOPNOTSUPP;
  if (request.indir !== undefined && request.indir.length !== rss.indir.length) return -EINVAL;
  if (request.key !== undefined && request.key.length !== rss.key.length) return -EINVAL;
  return configureRss(gve, { key: (request.key ?? rss.key).slice(), indir: (request.indir ?? rss.indir).slice() });
}
