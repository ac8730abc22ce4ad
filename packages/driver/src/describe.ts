import type { DmaDevice, Machine } from '@netmem/machine';
import { EINVAL, ENOMEM, type ErrPtr } from '@netmem/uapi';
import {
  ADMINQ_DESCRIBE_DEVICE,
  ADMINQ_PAGE_BYTES,
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
  MTU_MIN,
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
  RSS_KEY_BYTES,
  RSS_LUT_ENTRIES,
  RX_RING_MIN_DEFAULT,
  TX_RING_MIN_DEFAULT,
  writeU64be,
} from '@netmem/vnic/abi';
import type { AdminQueue } from './admin-queue.ts';

const MAC_BYTES = 6;
const MODIFY_RING_WITHOUT_MINIMA_BYTES = 8;
/** What every card can fill when it does not say. */
const PACKET_BUFFER_BYTES_DEFAULT = 2048;

/** What the card is, as far as the driver has a use for it. */
export interface DeviceGeometry {
  readonly mac: Uint8Array;
  readonly maxMtu: number;
  readonly counters: number;
  /** Queues to start with; 0: as many as there are. */
  readonly defaultQueues: number;
  readonly rxEntries: number;
  readonly txEntries: number;
  /** Null: the sizes are fixed. */
  readonly modifyRing: { maxRx: number; maxTx: number; minRx: number; minTx: number } | null;
  readonly packetBufferBytes: number;
  /** 0: the card splits no headers. */
  readonly headerBufferBytes: number;
  /** 0: no flow steering. */
  readonly maxFlowRules: number;
  /** The card has a default of its own, and CONFIGURE_RSS is not needed at probe. */
  readonly rssOffered: boolean;
  readonly rssKeyBytes: number;
  readonly rssLutEntries: number;
  /** The card has a clock, and says of received packets when they came. */
  readonly nicTimestamp: boolean;
}

/** Sends DESCRIBE_DEVICE and reads the answer. `-EINVAL`: an answer that no DQO-RDA card gives; otherwise the command's errno. */
export function describeDevice(machine: Machine, dma: DmaDevice, adminq: AdminQueue): ErrPtr<DeviceGeometry> {
  const buffer = dma.allocCoherent(ADMINQ_PAGE_BYTES);
  if (buffer === null) return -ENOMEM;
  const described = adminq.execute(ADMINQ_DESCRIBE_DEVICE, (view, at) => {
    writeU64be(view, at + AQ_DESCRIBE_DEVICE.descriptorAddr, buffer.iova);
    view.setUint32(at + AQ_DESCRIBE_DEVICE.version, DEVICE_DESCRIPTOR_VERSION);
    view.setUint32(at + AQ_DESCRIBE_DEVICE.availableLength, ADMINQ_PAGE_BYTES);
  });
  const geometry = described < 0 ? described : parseDescriptor(machine.memory.view, buffer.address, ADMINQ_PAGE_BYTES);
  dma.freeCoherent(buffer);
  return geometry;
}

/** Exported for its test: a descriptor comes from the other side of a seam and is not to be trusted. */
export function parseDescriptor(view: DataView, at: number, available: number): ErrPtr<DeviceGeometry> {
  const total = view.getUint16(at + DEVICE_DESCRIPTOR.totalLength);
  const mtu = view.getUint16(at + DEVICE_DESCRIPTOR.mtu);
  const rxEntries = view.getUint16(at + DEVICE_DESCRIPTOR.rxQueueEntries);
  const txEntries = view.getUint16(at + DEVICE_DESCRIPTOR.txQueueEntries);
  if (total > available || mtu < MTU_MIN || !isPowerOfTwo(rxEntries) || !isPowerOfTwo(txEntries)) return -EINVAL;
  const options = readOptions(view, at, total);
  if (options === null) return -EINVAL;
  const format = options.get(OPTION_ID_DQO_RDA);
  if (format === undefined) return -EINVAL;
  // A feature is on when its option is there and its bit is set in the *queue format's* mask; its own mask says nothing.
  const features = view.getUint32(format.at + OPTION_DQO_RDA.supportedFeaturesMask);
  const offered = (id: number, feature: number): DeviceOption | null =>
    (features & feature) !== 0 ? (options.get(id) ?? null) : null;

  const jumbo = offered(OPTION_ID_JUMBO_FRAMES, FEATURE_JUMBO_FRAMES);
  const buffers = offered(OPTION_ID_BUFFER_SIZES, FEATURE_BUFFER_SIZES);
  const steering = offered(OPTION_ID_FLOW_STEERING, FEATURE_FLOW_STEERING);
  const rss = offered(OPTION_ID_RSS_CONFIG, FEATURE_RSS_CONFIG);
  const mac = new Uint8Array(MAC_BYTES);
  for (let i = 0; i < MAC_BYTES; i++) mac[i] = view.getUint8(at + DEVICE_DESCRIPTOR.mac + i);
  return {
    mac,
    maxMtu: jumbo === null ? mtu : view.getUint16(jumbo.at + OPTION_JUMBO_FRAMES.maxMtu),
    counters: view.getUint16(at + DEVICE_DESCRIPTOR.counters),
    defaultQueues: view.getUint16(at + DEVICE_DESCRIPTOR.defaultNumQueues),
    rxEntries,
    txEntries,
    modifyRing: readModifyRing(view, offered(OPTION_ID_MODIFY_RING, FEATURE_MODIFY_RING)),
    packetBufferBytes:
      buffers === null
        ? PACKET_BUFFER_BYTES_DEFAULT
        : view.getUint16(buffers.at + OPTION_BUFFER_SIZES.packetBufferSize),
    headerBufferBytes: buffers === null ? 0 : view.getUint16(buffers.at + OPTION_BUFFER_SIZES.headerBufferSize),
    maxFlowRules: steering === null ? 0 : view.getUint32(steering.at + OPTION_FLOW_STEERING.maxFlowRules),
    rssOffered: rss !== null,
    rssKeyBytes: rss === null ? RSS_KEY_BYTES : view.getUint16(rss.at + OPTION_RSS_CONFIG.hashKeySize),
    rssLutEntries: rss === null ? RSS_LUT_ENTRIES : view.getUint16(rss.at + OPTION_RSS_CONFIG.hashLutSize),
    nicTimestamp: offered(OPTION_ID_NIC_TIMESTAMP, FEATURE_NIC_TIMESTAMP) !== null,
  };
}

interface DeviceOption {
  /** Where the payload starts. */
  readonly at: number;
  readonly length: number;
}

/** Shortest payload that an option makes sense with; a longer one comes from a newer card and is accepted. */
const SHORTEST: ReadonlyMap<number, number> = new Map([
  [OPTION_ID_DQO_RDA, OPTION_DQO_RDA.$.sizeBytes],
  [OPTION_ID_MODIFY_RING, MODIFY_RING_WITHOUT_MINIMA_BYTES],
  [OPTION_ID_JUMBO_FRAMES, OPTION_JUMBO_FRAMES.$.sizeBytes],
  [OPTION_ID_BUFFER_SIZES, OPTION_BUFFER_SIZES.$.sizeBytes],
  [OPTION_ID_FLOW_STEERING, OPTION_FLOW_STEERING.$.sizeBytes],
  [OPTION_ID_RSS_CONFIG, OPTION_RSS_CONFIG.$.sizeBytes],
  [OPTION_ID_NIC_TIMESTAMP, OPTION_NIC_TIMESTAMP.$.sizeBytes],
]);

/** Walks the options; null when one reaches past the end. Unknown ones, short ones and ones that require something are passed over. */
function readOptions(view: DataView, at: number, total: number): Map<number, DeviceOption> | null {
  const options = new Map<number, DeviceOption>();
  const end = at + total;
  let here = at + DEVICE_DESCRIPTOR.$.sizeBytes;
  for (let left = view.getUint16(at + DEVICE_DESCRIPTOR.numDeviceOptions); left > 0; left--) {
    if (here + DEVICE_OPTION.$.sizeBytes > end) return null;
    const id = view.getUint16(here + DEVICE_OPTION.optionId);
    const length = view.getUint16(here + DEVICE_OPTION.optionLength);
    const required = view.getUint32(here + DEVICE_OPTION.requiredFeaturesMask);
    here += DEVICE_OPTION.$.sizeBytes;
    if (here + length > end) return null;
    const shortest = SHORTEST.get(id);
    if (required === 0 && shortest !== undefined && length >= shortest) options.set(id, { at: here, length });
    here += length;
  }
  return options;
}

function readModifyRing(view: DataView, option: DeviceOption | null): DeviceGeometry['modifyRing'] {
  if (option === null) return null;
  const { at } = option;
  const hasMinima = option.length >= OPTION_MODIFY_RING.$.sizeBytes;
  return {
    maxRx: view.getUint16(at + OPTION_MODIFY_RING.maxRxRingSize),
    maxTx: view.getUint16(at + OPTION_MODIFY_RING.maxTxRingSize),
    minRx: hasMinima ? view.getUint16(at + OPTION_MODIFY_RING.minRxRingSize) : RX_RING_MIN_DEFAULT,
    minTx: hasMinima ? view.getUint16(at + OPTION_MODIFY_RING.minTxRingSize) : TX_RING_MIN_DEFAULT,
  };
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
