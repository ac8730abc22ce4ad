/**
 * The admin queue: one page of 64 slots of 64 bytes, big-endian. Offsets count from the slot's first byte; the payload
 * starts at 8 (Linux: gve_adminq.h).
 */
import { type Layout, layout } from './layout.ts';

/** What the card is and can do: AQ_DESCRIBE_DEVICE, DEVICE_DESCRIPTOR. */
export const ADMINQ_DESCRIBE_DEVICE = 0x01;
/** Gives the card notification blocks and counters: AQ_CONFIGURE_DEVICE_RESOURCES. */
export const ADMINQ_CONFIGURE_DEVICE_RESOURCES = 0x02;
/** Queue page lists, which DQO-RDA does without; UNIMPLEMENTED here. */
export const ADMINQ_REGISTER_PAGE_LIST = 0x03;
/** As ADMINQ_REGISTER_PAGE_LIST. */
export const ADMINQ_UNREGISTER_PAGE_LIST = 0x04;
/** AQ_CREATE_TX_QUEUE. */
export const ADMINQ_CREATE_TX_QUEUE = 0x05;
/** AQ_CREATE_RX_QUEUE. */
export const ADMINQ_CREATE_RX_QUEUE = 0x06;
/** AQ_DESTROY_QUEUE; the card does not touch the rings once it is done. */
export const ADMINQ_DESTROY_TX_QUEUE = 0x07;
/** As ADMINQ_DESTROY_TX_QUEUE. */
export const ADMINQ_DESTROY_RX_QUEUE = 0x08;
/** Takes back what CONFIGURE_DEVICE_RESOURCES gave. No payload. */
export const ADMINQ_DECONFIGURE_DEVICE_RESOURCES = 0x09;
/** Key, table and hash types of receive-side scaling: AQ_CONFIGURE_RSS. */
export const ADMINQ_CONFIGURE_RSS = 0x0a;
/** Tells the card a setting, such as the MTU: AQ_SET_DRIVER_PARAMETER. */
export const ADMINQ_SET_DRIVER_PARAMETER = 0x0b;
/** Attaches the stats report, or detaches it: AQ_REPORT_STATS. */
export const ADMINQ_REPORT_STATS = 0x0c;
/** Asks for the link's speed: AQ_REPORT_LINK_SPEED. */
export const ADMINQ_REPORT_LINK_SPEED = 0x0d;
/** Asks what packet types mean: AQ_GET_PTYPE_MAP. */
export const ADMINQ_GET_PTYPE_MAP = 0x0e;
/** Introduces the driver: AQ_VERIFY_DRIVER_COMPATIBILITY, DRIVER_INFO. */
export const ADMINQ_VERIFY_DRIVER_COMPATIBILITY = 0x0f;
/** Reads flow rules back: AQ_QUERY_FLOW_RULES. */
export const ADMINQ_QUERY_FLOW_RULES = 0x10;
/** Reads the card's clock: AQ_REPORT_NIC_TIMESTAMP. */
export const ADMINQ_REPORT_NIC_TIMESTAMP = 0x11;
/** Reads key, table and hash types back: AQ_QUERY_RSS. */
export const ADMINQ_QUERY_RSS = 0x12;
/** The command proper lies in DMA memory; its status goes to this, outer, slot. */
export const ADMINQ_EXTENDED_COMMAND = 0xff;
/** Inner opcode. */
export const ADMINQ_CONFIGURE_FLOW_RULE = 0x101;

/** Not executed yet; an error when the event counter says done. Linux: EINVAL. */
export const ADMINQ_STATUS_UNSET = 0x0;
/** Done. */
export const ADMINQ_STATUS_PASSED = 0x1;
/** Linux: EAGAIN. */
export const ADMINQ_STATUS_ABORTED = 0xffff_fff0;
/** What should be made is there. Linux: EINVAL. */
export const ADMINQ_STATUS_ALREADY_EXISTS = 0xffff_fff1;
/** Linux: EAGAIN. */
export const ADMINQ_STATUS_CANCELLED = 0xffff_fff2;
/** Linux: EAGAIN. */
export const ADMINQ_STATUS_DATALOSS = 0xffff_fff3;
/** Linux: ETIME; for a flow rule its driver resets the card. */
export const ADMINQ_STATUS_DEADLINE_EXCEEDED = 0xffff_fff4;
/** Something has to be done first. Linux: EAGAIN. */
export const ADMINQ_STATUS_FAILED_PRECONDITION = 0xffff_fff5;
/** Linux: EINVAL. */
export const ADMINQ_STATUS_INTERNAL_ERROR = 0xffff_fff6;
/** A field has a value that cannot be, or names memory out of reach. Linux: EINVAL. */
export const ADMINQ_STATUS_INVALID_ARGUMENT = 0xffff_fff7;
/** What is named does not exist. Linux: EINVAL. */
export const ADMINQ_STATUS_NOT_FOUND = 0xffff_fff8;
/** A number is beyond what the card has. Linux: EINVAL. */
export const ADMINQ_STATUS_OUT_OF_RANGE = 0xffff_fff9;
/** Linux: EACCES. */
export const ADMINQ_STATUS_PERMISSION_DENIED = 0xffff_fffa;
/** Linux: EACCES. */
export const ADMINQ_STATUS_UNAUTHENTICATED = 0xffff_fffb;
/** More was asked for than the card has. Linux: ENOMEM. */
export const ADMINQ_STATUS_RESOURCE_EXHAUSTED = 0xffff_fffc;
/** Linux: EAGAIN. */
export const ADMINQ_STATUS_UNAVAILABLE = 0xffff_fffd;
/** The card does not know the command, or was built without the feature. Linux: EOPNOTSUPP. */
export const ADMINQ_STATUS_UNIMPLEMENTED = 0xffff_fffe;
/** Linux: EINVAL. */
export const ADMINQ_STATUS_UNKNOWN_ERROR = 0xffff_ffff;

/** What every command has. */
export const AQ_COMMAND: Layout<'opcode' | 'status' | 'payload'> = layout('adminq_command', 'big', 64, {
  opcode: [0, 'u32'],
  status: [4, 'u32'],
  payload: [8, 'bytes[56]'],
});

/** The version of DESCRIBE_DEVICE's reply that there is. */
export const DEVICE_DESCRIPTOR_VERSION = 1;

/** The card writes a DEVICE_DESCRIPTOR and its options at `descriptorAddr`. */
export const AQ_DESCRIBE_DEVICE: Layout<'descriptorAddr' | 'version' | 'availableLength'> = layout(
  'adminq_describe_device',
  'big',
  64,
  { descriptorAddr: [8, 'u64'], version: [16, 'u32'], availableLength: [20, 'u32'] },
);

/** No format chosen; refused. */
export const QUEUE_FORMAT_UNSPECIFIED = 0;
/** The older ring layout, raw addressing; not offered. */
export const QUEUE_FORMAT_GQI_RDA = 1;
/** The older ring layout, page lists; not offered. */
export const QUEUE_FORMAT_GQI_QPL = 2;
/** The layout of this module, raw addressing: the one that this card has. */
export const QUEUE_FORMAT_DQO_RDA = 3;
/** The layout of this module, page lists; not offered. */
export const QUEUE_FORMAT_DQO_QPL = 4;

/** The card fills `irqDbAddr + k·irqDbStride` with the BE32 doorbell index of notification block k. */
export const AQ_CONFIGURE_DEVICE_RESOURCES: Layout<
  'counterArray' | 'irqDbAddr' | 'numCounters' | 'numIrqDbs' | 'irqDbStride' | 'ntfyBlkMsixBaseIdx' | 'queueFormat'
> = layout('adminq_configure_device_resources', 'big', 64, {
  counterArray: [8, 'u64'],
  irqDbAddr: [16, 'u64'],
  numCounters: [24, 'u32'],
  numIrqDbs: [28, 'u32'],
  irqDbStride: [32, 'u32'],
  ntfyBlkMsixBaseIdx: [36, 'u32'],
  queueFormat: [40, 'u8'],
});

/** Ring sizes count entries. The card writes QUEUE_RESOURCES at `queueResourcesAddr`. */
export const AQ_CREATE_TX_QUEUE: Layout<
  | 'queueId'
  | 'queueResourcesAddr'
  | 'txRingAddr'
  | 'queuePageListId'
  | 'ntfyId'
  | 'txCompRingAddr'
  | 'txRingSize'
  | 'txCompRingSize'
> = layout('adminq_create_tx_queue', 'big', 64, {
  queueId: [8, 'u32'],
  queueResourcesAddr: [16, 'u64'],
  txRingAddr: [24, 'u64'],
  queuePageListId: [32, 'u32'],
  ntfyId: [36, 'u32'],
  txCompRingAddr: [40, 'u64'],
  txRingSize: [48, 'u16'],
  txCompRingSize: [50, 'u16'],
});

/** `rxDescRingAddr` is the completion ring, `rxDataRingAddr` the buffer ring. */
export const AQ_CREATE_RX_QUEUE: Layout<
  | 'queueId'
  | 'index'
  | 'ntfyId'
  | 'queueResourcesAddr'
  | 'rxDescRingAddr'
  | 'rxDataRingAddr'
  | 'queuePageListId'
  | 'rxRingSize'
  | 'packetBufferSize'
  | 'rxBuffRingSize'
  | 'enableRsc'
  | 'headerBufferSize'
> = layout('adminq_create_rx_queue', 'big', 64, {
  queueId: [8, 'u32'],
  index: [12, 'u32'],
  ntfyId: [20, 'u32'],
  queueResourcesAddr: [24, 'u64'],
  rxDescRingAddr: [32, 'u64'],
  rxDataRingAddr: [40, 'u64'],
  queuePageListId: [48, 'u32'],
  rxRingSize: [52, 'u16'],
  packetBufferSize: [54, 'u16'],
  rxBuffRingSize: [56, 'u16'],
  enableRsc: [58, 'u8'],
  headerBufferSize: [60, 'u16'],
});

/** DESTROY_TX_QUEUE and DESTROY_RX_QUEUE alike. */
export const AQ_DESTROY_QUEUE: Layout<'queueId'> = layout('adminq_destroy_queue', 'big', 64, { queueId: [8, 'u32'] });

/** The 64 bytes that the card writes at queueResourcesAddr before CREATE_* completes. */
export const QUEUE_RESOURCES: Layout<'dbIndex' | 'counterIndex'> = layout('queue_resources', 'big', 64, {
  dbIndex: [0, 'u32'],
  counterIndex: [4, 'u32'],
});

/** Type of parameter: the MTU in bytes. */
export const DRIVER_PARAMETER_MTU = 1;

/** `parameterType` is DRIVER_PARAMETER_*. */
export const AQ_SET_DRIVER_PARAMETER: Layout<'parameterType' | 'parameterValue'> = layout(
  'adminq_set_driver_parameter',
  'big',
  64,
  { parameterType: [8, 'u32'], parameterValue: [16, 'u64'] },
);

/** Length 0 and address 0 detach the report. Interval in milliseconds. */
export const AQ_REPORT_STATS: Layout<'statsReportLen' | 'statsReportAddr' | 'interval'> = layout(
  'adminq_report_stats',
  'big',
  64,
  { statsReportLen: [8, 'u64'], statsReportAddr: [16, 'u64'], interval: [24, 'u64'] },
);

/** The card writes one BE64 there: the speed in Mbit/s. */
export const AQ_REPORT_LINK_SPEED: Layout<'linkSpeedAddress'> = layout('adminq_report_link_speed', 'big', 64, {
  linkSpeedAddress: [8, 'u64'],
});

/** The card writes PTYPE_MAP_BYTES at `ptypeMapAddr`; `ptypeMapLen` must be at least that. */
export const AQ_GET_PTYPE_MAP: Layout<'ptypeMapLen' | 'ptypeMapAddr'> = layout('adminq_get_ptype_map', 'big', 64, {
  ptypeMapLen: [8, 'u64'],
  ptypeMapAddr: [16, 'u64'],
});

/** The driver's DRIVER_INFO lies at `driverInfoAddr`. */
export const AQ_VERIFY_DRIVER_COMPATIBILITY: Layout<'driverInfoLen' | 'driverInfoAddr'> = layout(
  'adminq_verify_driver_compatibility',
  'big',
  64,
  { driverInfoLen: [8, 'u64'], driverInfoAddr: [16, 'u64'] },
);

/** `osType` of Linux. */
export const DRIVER_OS_LINUX = 1;
/** `osType` of FreeBSD. */
export const DRIVER_OS_FREEBSD = 3;
/** `osType` of DPDK. */
export const DRIVER_OS_DPDK = 5;
/** Bit of the first capability word: the driver can do GQI-QPL. */
export const DRIVER_CAPABILITY_GQI_QPL: number = 1 << 0;
/** As DRIVER_CAPABILITY_GQI_QPL, for GQI-RDA. */
export const DRIVER_CAPABILITY_GQI_RDA: number = 1 << 1;
/** As DRIVER_CAPABILITY_GQI_QPL, for DQO-QPL. */
export const DRIVER_CAPABILITY_DQO_QPL: number = 1 << 2;
/** As DRIVER_CAPABILITY_GQI_QPL, for DQO-RDA; the card refuses a driver without it. */
export const DRIVER_CAPABILITY_DQO_RDA: number = 1 << 3;
/** The driver takes bit 15 of a completion tag for "missed"; this card never misses. */
export const DRIVER_CAPABILITY_ALT_MISS_COMPL: number = 1 << 4;
/** The driver can post receive buffers of several sizes. */
export const DRIVER_CAPABILITY_FLEXIBLE_BUFFER_SIZE: number = 1 << 5;
/** The driver takes RSS keys and tables of any size. */
export const DRIVER_CAPABILITY_FLEXIBLE_RSS_SIZE: number = 1 << 6;

/** What a driver says of itself; version strings are ASCII, filled up with zeroes. */
export const DRIVER_INFO: Layout<
  | 'osType'
  | 'driverMajor'
  | 'driverMinor'
  | 'driverSub'
  | 'osVersionMajor'
  | 'osVersionMinor'
  | 'osVersionSub'
  | 'driverCapabilityFlags'
  | 'osVersionStr1'
  | 'osVersionStr2'
> = layout('driver_info', 'big', 304, {
  osType: [0, 'u8'],
  driverMajor: [1, 'u8'],
  driverMinor: [2, 'u8'],
  driverSub: [3, 'u8'],
  osVersionMajor: [4, 'u32'],
  osVersionMinor: [8, 'u32'],
  osVersionSub: [12, 'u32'],
  driverCapabilityFlags: [16, 'bytes[32]'],
  osVersionStr1: [48, 'bytes[128]'],
  osVersionStr2: [176, 'bytes[128]'],
});

/** The card writes a NIC_TS_REPORT at `nicTsReportAddr`. */
export const AQ_REPORT_NIC_TIMESTAMP: Layout<'nicTsReportLen' | 'nicTsReportAddr'> = layout(
  'adminq_report_nic_timestamp',
  'big',
  64,
  { nicTsReportLen: [8, 'u64'], nicTsReportAddr: [16, 'u64'] },
);

/** What REPORT_NIC_TIMESTAMP writes: the card's clock in nanoseconds; the rest is reserved. */
export const NIC_TS_REPORT: Layout<'nicTimestamp'> = layout('nic_ts_report', 'big', 40, { nicTimestamp: [0, 'u64'] });

/** Names the inner command; `innerOpcode` is ADMINQ_CONFIGURE_FLOW_RULE. */
export const AQ_EXTENDED_COMMAND: Layout<'innerOpcode' | 'innerLength' | 'innerCommandAddr'> = layout(
  'adminq_extended_command',
  'big',
  64,
  { innerOpcode: [8, 'u32'], innerLength: [12, 'u32'], innerCommandAddr: [16, 'u64'] },
);
