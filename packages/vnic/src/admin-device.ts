import {
  ADMINQ_CONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DECONFIGURE_DEVICE_RESOURCES,
  ADMINQ_DESCRIBE_DEVICE,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_RESOURCE_EXHAUSTED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_CONFIGURE_DEVICE_RESOURCES,
  AQ_DESCRIBE_DEVICE,
  DEVICE_DESCRIPTOR,
  DEVICE_DESCRIPTOR_VERSION,
  DEVICE_OPTION,
  FEATURE_BUFFER_SIZES,
  FEATURE_FLOW_STEERING,
  FEATURE_JUMBO_FRAMES,
  FEATURE_MODIFY_RING,
  FEATURE_NIC_TIMESTAMP,
  FEATURE_RSS_CONFIG,
  type Layout,
  OPTION_BUFFER_SIZES,
  OPTION_DQO_RDA,
  OPTION_FLOW_STEERING,
  OPTION_ID_BUFFER_SIZES,
  OPTION_ID_DQO_RDA,
  OPTION_ID_FLOW_STEERING,
  OPTION_ID_JUMBO_FRAMES,
  OPTION_ID_MODIFY_RING,
  OPTION_ID_NIC_TIMESTAMP,
  OPTION_ID_RSS_CONFIG,
  OPTION_JUMBO_FRAMES,
  OPTION_MODIFY_RING,
  OPTION_NIC_TIMESTAMP,
  OPTION_RSS_CONFIG,
  QUEUE_FORMAT_DQO_RDA,
  RSS_KEY_BYTES,
  RSS_LUT_ENTRIES,
  readU64be,
  swap32,
} from './abi/index.ts';
import { type AdminCommand, store } from './admin-command.ts';
import type { Card } from './card.ts';
import { DESCRIBED_MTU, STATUS_EXISTS, STATUS_UNREACHABLE } from './choices.ts';
import type { NicConfig } from './options.ts';

/** Writes options one behind the other, behind the descriptor. */
class OptionWriter {
  count = 0;
  readonly #view: DataView;
  readonly #start: number;
  #next: number;

  constructor(view: DataView, start: number) {
    this.#view = view;
    this.#start = start;
    this.#next = start + DEVICE_DESCRIPTOR.$.sizeBytes;
  }

  /** Bytes of descriptor and options so far. */
  get totalBytes(): number {
    return this.#next - this.#start;
  }

  /** Starts an option of a layout's size, all zero; returns where its payload is. */
  add(id: number, payload: Layout<'supportedFeaturesMask'>, mask: number): number {
    const at = this.#next;
    const bytes = payload.$.sizeBytes;
    const body = at + DEVICE_OPTION.$.sizeBytes;
    for (let i = at; i < body + bytes; i++) this.#view.setUint8(i, 0);
    this.#view.setUint16(at + DEVICE_OPTION.optionId, id);
    this.#view.setUint16(at + DEVICE_OPTION.optionLength, bytes);
    this.#view.setUint32(body + payload.supportedFeaturesMask, mask);
    this.#next = body + bytes;
    this.count++;
    return body;
  }
}

/** The features that the card offers: their bits count only in the queue format's option. */
function featureMask(config: NicConfig): number {
  return (
    FEATURE_MODIFY_RING |
    FEATURE_JUMBO_FRAMES |
    FEATURE_BUFFER_SIZES |
    FEATURE_RSS_CONFIG |
    (config.maxFlowRules > 0 ? FEATURE_FLOW_STEERING : 0) |
    (config.nicTimestamp ? FEATURE_NIC_TIMESTAMP : 0)
  );
}

function writeOptions(config: NicConfig, view: DataView, options: OptionWriter): void {
  // DQO-RDA is the only queue format offered, so that every driver takes it.
  const format = options.add(OPTION_ID_DQO_RDA, OPTION_DQO_RDA, featureMask(config));
  view.setUint16(format + OPTION_DQO_RDA.txCompRingEntries, config.ringEntries);
  view.setUint16(format + OPTION_DQO_RDA.rxBuffRingEntries, config.ringEntries);
  const ring = options.add(OPTION_ID_MODIFY_RING, OPTION_MODIFY_RING, FEATURE_MODIFY_RING);
  view.setUint16(ring + OPTION_MODIFY_RING.maxRxRingSize, config.maxRingEntries);
  view.setUint16(ring + OPTION_MODIFY_RING.maxTxRingSize, config.maxRingEntries);
  view.setUint16(ring + OPTION_MODIFY_RING.minRxRingSize, config.minRxRing);
  view.setUint16(ring + OPTION_MODIFY_RING.minTxRingSize, config.minTxRing);
  const jumbo = options.add(OPTION_ID_JUMBO_FRAMES, OPTION_JUMBO_FRAMES, FEATURE_JUMBO_FRAMES);
  view.setUint16(jumbo + OPTION_JUMBO_FRAMES.maxMtu, config.maxMtu);
  const sizes = options.add(OPTION_ID_BUFFER_SIZES, OPTION_BUFFER_SIZES, FEATURE_BUFFER_SIZES);
  view.setUint16(sizes + OPTION_BUFFER_SIZES.packetBufferSize, config.packetBufferBytes);
  view.setUint16(sizes + OPTION_BUFFER_SIZES.headerBufferSize, config.headerBufferBytes);
  if (config.maxFlowRules > 0) {
    const steering = options.add(OPTION_ID_FLOW_STEERING, OPTION_FLOW_STEERING, FEATURE_FLOW_STEERING);
    view.setUint32(steering + OPTION_FLOW_STEERING.maxFlowRules, config.maxFlowRules);
  }
  if (config.nicTimestamp) options.add(OPTION_ID_NIC_TIMESTAMP, OPTION_NIC_TIMESTAMP, FEATURE_NIC_TIMESTAMP);
  const rss = options.add(OPTION_ID_RSS_CONFIG, OPTION_RSS_CONFIG, FEATURE_RSS_CONFIG);
  view.setUint16(rss + OPTION_RSS_CONFIG.hashKeySize, RSS_KEY_BYTES);
  view.setUint16(rss + OPTION_RSS_CONFIG.hashLutSize, RSS_LUT_ENTRIES);
}

function describeDevice(card: Card, command: DataView, at: number): number {
  if (command.getUint32(at + AQ_DESCRIBE_DEVICE.version) !== DEVICE_DESCRIPTOR_VERSION) {
    return ADMINQ_STATUS_UNIMPLEMENTED;
  }
  const { config } = card;
  const { bytes, view, base } = card.adminData;
  bytes.fill(0, base, base + DEVICE_DESCRIPTOR.$.sizeBytes);
  const options = new OptionWriter(view, base);
  writeOptions(config, view, options);
  view.setUint16(base + DEVICE_DESCRIPTOR.txQueueEntries, config.ringEntries);
  view.setUint16(base + DEVICE_DESCRIPTOR.rxQueueEntries, config.ringEntries);
  view.setUint16(base + DEVICE_DESCRIPTOR.defaultNumQueues, config.defaultQueues);
  view.setUint16(base + DEVICE_DESCRIPTOR.mtu, Math.min(DESCRIBED_MTU, config.maxMtu));
  view.setUint16(base + DEVICE_DESCRIPTOR.counters, 2 * config.maxQueues);
  bytes.set(config.mac, base + DEVICE_DESCRIPTOR.mac);
  view.setUint16(base + DEVICE_DESCRIPTOR.numDeviceOptions, options.count);
  view.setUint16(base + DEVICE_DESCRIPTOR.totalLength, options.totalBytes);
  if (options.totalBytes > command.getUint32(at + AQ_DESCRIBE_DEVICE.availableLength)) {
    return ADMINQ_STATUS_INVALID_ARGUMENT;
  }
  const address = readU64be(command, at + AQ_DESCRIBE_DEVICE.descriptorAddr);
  return store(card, address, card.adminData, options.totalBytes) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

function configureResources(card: Card, command: DataView, at: number): number {
  const aq = AQ_CONFIGURE_DEVICE_RESOURCES;
  if (card.configured) return STATUS_EXISTS;
  const blocks = command.getUint32(at + aq.numIrqDbs);
  const base = command.getUint32(at + aq.ntfyBlkMsixBaseIdx);
  const stride = command.getUint32(at + aq.irqDbStride);
  if (command.getUint8(at + aq.queueFormat) !== QUEUE_FORMAT_DQO_RDA) return ADMINQ_STATUS_INVALID_ARGUMENT;
  if (base > 1 || (blocks > 1 && stride < 4)) return ADMINQ_STATUS_INVALID_ARGUMENT;
  // One vector is left for management, wherever the blocks start.
  if (blocks > card.pci.msixVectors - 1) return ADMINQ_STATUS_RESOURCE_EXHAUSTED;
  const address = readU64be(command, at + aq.irqDbAddr);
  for (let block = 0; block < blocks; block++) {
    const index = swap32(card.doorbells.blockIndex(block));
    if (card.dma.store32(address + block * stride, index) < 0) return STATUS_UNREACHABLE;
  }
  card.configure(blocks, base, command.getUint32(at + aq.numCounters));
  return ADMINQ_STATUS_PASSED;
}

function deconfigureResources(card: Card): number {
  card.deconfigure();
  return ADMINQ_STATUS_PASSED;
}

/** Getting to know the card, and giving it what it needs to run. */
export const DEVICE_COMMANDS: readonly AdminCommand[] = [
  { opcode: ADMINQ_DESCRIBE_DEVICE, name: 'DESCRIBE_DEVICE', run: describeDevice },
  { opcode: ADMINQ_CONFIGURE_DEVICE_RESOURCES, name: 'CONFIGURE_DEVICE_RESOURCES', run: configureResources },
  { opcode: ADMINQ_DECONFIGURE_DEVICE_RESOURCES, name: 'DECONFIGURE_DEVICE_RESOURCES', run: deconfigureResources },
];
