import {
  ADMINQ_CONFIGURE_RSS,
  ADMINQ_QUERY_RSS,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_PASSED,
  AQ_CONFIGURE_RSS,
  AQ_QUERY_RSS,
  QUERY_RSS_DESCRIPTOR,
  RSS_HASH_ALG_TOEPLITZ,
  RSS_HASH_UDPV6_EX,
  RSS_KEY_BYTES,
  RSS_LUT_ENTRIES,
  readU64be,
} from './abi/index.ts';
import { type AdminCommand, fetch, store } from './admin-command.ts';
import type { Card } from './card.ts';
import { STATUS_UNREACHABLE } from './choices.ts';

const KNOWN_HASH_TYPES = (RSS_HASH_UDPV6_EX << 1) - 1;
const LUT_BYTES = 4 * RSS_LUT_ENTRIES;

/** A field of 0 leaves that part as it is: drivers before Linux 6.14 name no algorithm when the user did not. */
const UNCHANGED = 0;

/** The whole command is checked and fetched before any of it takes effect. */
function configureRss(card: Card, command: DataView, at: number): number {
  const aq = AQ_CONFIGURE_RSS;
  const types = command.getUint16(at + aq.hashTypes);
  const keyBytes = command.getUint16(at + aq.hashKeySize);
  const entries = command.getUint16(at + aq.hashLutSize);
  const algorithm = command.getUint8(at + aq.hashAlg);
  const known = (algorithm === UNCHANGED || algorithm === RSS_HASH_ALG_TOEPLITZ) && (types & ~KNOWN_HASH_TYPES) === 0;
  const keySizeFits = keyBytes === UNCHANGED || keyBytes === RSS_KEY_BYTES;
  const lutSizeFits = entries === UNCHANGED || entries === RSS_LUT_ENTRIES;
  if (!known || !keySizeFits || !lutSizeFits) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const { rss, adminData } = card;
  const { bytes, view, base } = adminData;
  if (entries !== UNCHANGED) {
    if (!fetch(card, readU64be(command, at + aq.hashLutAddr), adminData, LUT_BYTES)) return STATUS_UNREACHABLE;
    for (let i = 0; i < RSS_LUT_ENTRIES; i++) {
      if (view.getUint32(base + 4 * i) >= card.rx.length) return ADMINQ_STATUS_INVALID_ARGUMENT;
    }
  }
  if (keyBytes !== UNCHANGED) {
    const keyAddress = readU64be(command, at + aq.hashKeyAddr);
    if (card.dma.read(keyAddress, adminData, LUT_BYTES, RSS_KEY_BYTES) !== RSS_KEY_BYTES) return STATUS_UNREACHABLE;
    rss.setKey(bytes.subarray(base + LUT_BYTES, base + LUT_BYTES + RSS_KEY_BYTES));
  }
  if (entries !== UNCHANGED) for (let i = 0; i < RSS_LUT_ENTRIES; i++) rss.table[i] = view.getUint32(base + 4 * i);
  if (types !== UNCHANGED) rss.hashTypes = types;
  return ADMINQ_STATUS_PASSED;
}

function queryRss(card: Card, command: DataView, at: number): number {
  const { rss, adminData } = card;
  const { bytes, view, base } = adminData;
  const reply = QUERY_RSS_DESCRIPTOR;
  const keyAt = base + reply.$.sizeBytes;
  const lutAt = keyAt + RSS_KEY_BYTES;
  const total = lutAt + LUT_BYTES - base;
  if (readU64be(command, at + AQ_QUERY_RSS.availableLength) < total) return ADMINQ_STATUS_INVALID_ARGUMENT;
  bytes.fill(0, base, keyAt);
  view.setUint32(base + reply.totalLength, total);
  view.setUint16(base + reply.hashTypes, rss.hashTypes);
  view.setUint8(base + reply.hashAlg, RSS_HASH_ALG_TOEPLITZ);
  bytes.set(rss.key, keyAt);
  for (let i = 0; i < RSS_LUT_ENTRIES; i++) view.setUint32(lutAt + 4 * i, rss.table[i]);
  const address = readU64be(command, at + AQ_QUERY_RSS.rssDescriptorAddr);
  return store(card, address, adminData, total) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

/** Receive-side scaling. */
export const RSS_COMMANDS: readonly AdminCommand[] = [
  { opcode: ADMINQ_CONFIGURE_RSS, name: 'CONFIGURE_RSS', run: configureRss },
  { opcode: ADMINQ_QUERY_RSS, name: 'QUERY_RSS', run: queryRss },
];
