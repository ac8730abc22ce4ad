/** DESCRIBE_DEVICE's reply: a descriptor of 40 bytes and TLV options (Linux: gve_adminq.h). */
import { type Layout, layout } from './layout.ts';

/** The head of the reply; `totalLength` counts the options that follow as well. */
export const DEVICE_DESCRIPTOR: Layout<
  | 'maxRegisteredPages'
  | 'txQueueEntries'
  | 'rxQueueEntries'
  | 'defaultNumQueues'
  | 'mtu'
  | 'counters'
  | 'txPagesPerQpl'
  | 'rxPagesPerQpl'
  | 'mac'
  | 'numDeviceOptions'
  | 'totalLength'
> = layout('device_descriptor', 'big', 40, {
  maxRegisteredPages: [0, 'u64'],
  txQueueEntries: [10, 'u16'],
  rxQueueEntries: [12, 'u16'],
  defaultNumQueues: [14, 'u16'],
  mtu: [16, 'u16'],
  counters: [18, 'u16'],
  txPagesPerQpl: [20, 'u16'],
  rxPagesPerQpl: [22, 'u16'],
  mac: [24, 'bytes[6]'],
  numDeviceOptions: [30, 'u16'],
  totalLength: [32, 'u16'],
});

/** Header of one option. `requiredFeaturesMask` must be 0, else drivers ignore the option. */
export const DEVICE_OPTION: Layout<'optionId' | 'optionLength' | 'requiredFeaturesMask'> = layout(
  'device_option',
  'big',
  8,
  { optionId: [0, 'u16'], optionLength: [2, 'u16'], requiredFeaturesMask: [4, 'u32'] },
);

/** Not offered. */
export const OPTION_ID_GQI_RAW_ADDRESSING = 0x1;
/** Not offered. */
export const OPTION_ID_GQI_RDA = 0x2;
/** Not offered. */
export const OPTION_ID_GQI_QPL = 0x3;
/** The queue format that is offered: OPTION_DQO_RDA. */
export const OPTION_ID_DQO_RDA = 0x4;
/** Ring sizes can be changed: OPTION_MODIFY_RING. */
export const OPTION_ID_MODIFY_RING = 0x6;
/** Not offered. */
export const OPTION_ID_DQO_QPL = 0x7;
/** The largest MTU: OPTION_JUMBO_FRAMES. */
export const OPTION_ID_JUMBO_FRAMES = 0x8;
/** Buffers and header split: OPTION_BUFFER_SIZES. */
export const OPTION_ID_BUFFER_SIZES = 0xa;
/** Flow rules: OPTION_FLOW_STEERING. */
export const OPTION_ID_FLOW_STEERING = 0xb;
/** The card has a clock: OPTION_NIC_TIMESTAMP. */
export const OPTION_ID_NIC_TIMESTAMP = 0xd;
/** RSS can be read and set: OPTION_RSS_CONFIG. */
export const OPTION_ID_RSS_CONFIG = 0xe;

// Bits of the queue-format option's supported_features_mask: a feature is on only if its option is present and its bit
// is set *there*.
/** Ring sizes can be changed. */
export const FEATURE_MODIFY_RING: number = 1 << 0;
/** The MTU of the jumbo option holds. */
export const FEATURE_JUMBO_FRAMES: number = 1 << 2;
/** Buffer sizes and header split can be chosen. */
export const FEATURE_BUFFER_SIZES: number = 1 << 4;
/** Flow rules. */
export const FEATURE_FLOW_STEERING: number = 1 << 5;
/** RSS can be read and set; a driver that does not see this bit sends CONFIGURE_RSS when it probes. */
export const FEATURE_RSS_CONFIG: number = 1 << 7;
/** The card has a clock. */
export const FEATURE_NIC_TIMESTAMP: number = 1 << 8;

// Option payloads; offsets count from the byte after the option header.

/** Linux skips the two ring sizes. */
export const OPTION_DQO_RDA: Layout<'supportedFeaturesMask' | 'txCompRingEntries' | 'rxBuffRingEntries'> = layout(
  'device_option_dqo_rda',
  'big',
  8,
  { supportedFeaturesMask: [0, 'u32'], txCompRingEntries: [4, 'u16'], rxBuffRingEntries: [6, 'u16'] },
);

/** Length 8 leaves the minima out. */
export const OPTION_MODIFY_RING: Layout<
  'supportedFeaturesMask' | 'maxRxRingSize' | 'maxTxRingSize' | 'minRxRingSize' | 'minTxRingSize'
> = layout('device_option_modify_ring', 'big', 12, {
  supportedFeaturesMask: [0, 'u32'],
  maxRxRingSize: [4, 'u16'],
  maxTxRingSize: [6, 'u16'],
  minRxRingSize: [8, 'u16'],
  minTxRingSize: [10, 'u16'],
});

/** `maxMtu` replaces the descriptor's mtu. */
export const OPTION_JUMBO_FRAMES: Layout<'supportedFeaturesMask' | 'maxMtu'> = layout(
  'device_option_jumbo_frames',
  'big',
  8,
  { supportedFeaturesMask: [0, 'u32'], maxMtu: [4, 'u16'] },
);

/** `headerBufferSize` 0 means that the card splits no headers. */
export const OPTION_BUFFER_SIZES: Layout<'supportedFeaturesMask' | 'packetBufferSize' | 'headerBufferSize'> = layout(
  'device_option_buffer_sizes',
  'big',
  8,
  { supportedFeaturesMask: [0, 'u32'], packetBufferSize: [4, 'u16'], headerBufferSize: [6, 'u16'] },
);

/** Locations of rules go from 0 to `maxFlowRules` - 1. */
export const OPTION_FLOW_STEERING: Layout<'supportedFeaturesMask' | 'maxFlowRules'> = layout(
  'device_option_flow_steering',
  'big',
  12,
  { supportedFeaturesMask: [0, 'u32'], maxFlowRules: [8, 'u32'] },
);

/** Nothing but its presence. */
export const OPTION_NIC_TIMESTAMP: Layout<'supportedFeaturesMask'> = layout('device_option_nic_timestamp', 'big', 4, {
  supportedFeaturesMask: [0, 'u32'],
});

/** Bytes of the key, entries of the table. */
export const OPTION_RSS_CONFIG: Layout<'supportedFeaturesMask' | 'hashKeySize' | 'hashLutSize'> = layout(
  'device_option_rss_config',
  'big',
  8,
  { supportedFeaturesMask: [0, 'u32'], hashKeySize: [4, 'u16'], hashLutSize: [6, 'u16'] },
);
