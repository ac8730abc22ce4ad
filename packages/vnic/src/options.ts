import type { Port } from '@netmem/link';
import type { LinearMemory } from '@netmem/region';
import { MTU_MAX_DEFAULT, MTU_MIN, RX_HEADER_LEN_MAX, RX_RING_MIN_DEFAULT, TX_RING_MIN_DEFAULT } from './abi/index.ts';
import * as choices from './choices.ts';

/** How a card is built. Everything but port and memory has a default. */
export interface NicOptions {
  /** Where frames come from and go to. */
  readonly port: Port;
  /** Scratch is carved from here once, about 1 KiB per queue pair; best the memory that the port's slots live in. */
  readonly memory: LinearMemory;
  /** Six bytes; default 42:01:0a and three bytes of the seed. */
  readonly mac?: Uint8Array;
  /** Queue pairs, 1 to 256; default 16. The card has 2·maxQueues + 1 interrupt vectors. */
  readonly maxQueues?: number;
  /** Queue pairs that a driver should start with; default maxQueues. */
  readonly defaultQueues?: number;
  /** Ring size that a driver should start with, a power of two; default 1024. */
  readonly ringEntries?: number;
  /** Largest ring, a power of two up to 32768; default 4096. */
  readonly maxRingEntries?: number;
  /** Smallest ring, a power of two; default 512 to receive and 256 to send, or ringEntries where that is smaller. */
  readonly minRingEntries?: number;
  /** Largest receive buffer that is advertised, a power of two; default 4096. */
  readonly packetBufferBytes?: number;
  /** Bytes for split headers; 0 = the card cannot split; default 256. */
  readonly headerBufferBytes?: number;
  /** Default: what port and frame slots can carry, at most 8896. */
  readonly maxMtu?: number;
  /** Default 64; 0 = no flow steering. */
  readonly maxFlowRules?: number;
  /** In Mbit/s; default 100000. */
  readonly linkSpeedMbps?: number;
  /** Hand TSO packets to the port whole, as virtio cards do, instead of cutting them; default: what the port says of itself. */
  readonly superFrames?: boolean;
  /** Offer the card's clock to drivers, and say of each received packet when it came; default false, because Linux 7.3 then asks for the clock four times a second. */
  readonly nicTimestamp?: boolean;
  /** Keep to the moderation intervals that the driver writes; default false: interrupt at once. */
  readonly interruptModeration?: boolean;
  /** What happens to a packet with a wrong checksum; default 'deliver', marked. */
  readonly badChecksum?: 'deliver' | 'drop';
  /** Decides the default MAC address. Default 1. */
  readonly seed?: number;
}

/** Options with every default filled in. */
export interface NicConfig {
  readonly mac: Uint8Array;
  readonly maxQueues: number;
  readonly defaultQueues: number;
  readonly ringEntries: number;
  readonly maxRingEntries: number;
  readonly minRxRing: number;
  readonly minTxRing: number;
  readonly packetBufferBytes: number;
  readonly headerBufferBytes: number;
  readonly maxMtu: number;
  readonly maxFlowRules: number;
  readonly linkSpeedMbps: number;
  readonly superFrames: boolean;
  readonly nicTimestamp: boolean;
  readonly interruptModeration: boolean;
  readonly dropBadChecksum: boolean;
}

function within(name: string, value: number, low: number, high: number): number {
  if (!(Number.isInteger(value) && value >= low && value <= high)) {
    throw new RangeError(`nic: ${name} is ${value}; it must be an integer from ${low} to ${high}`);
  }
  return value;
}

function powerOfTwo(name: string, value: number, low: number, high: number): number {
  if ((within(name, value, low, high) & (value - 1)) !== 0) {
    throw new RangeError(`nic: ${name} is ${value}; it must be a power of two`);
  }
  return value;
}

/**
 * Fills in defaults and checks ranges.
 *
 * @throws RangeError naming the option that cannot be.
 */
export function resolveOptions(options: NicOptions): NicConfig {
  const { port } = options;
  const seed = options.seed ?? 1;
  const mac = options.mac ?? new Uint8Array([0x42, 0x01, 0x0a, (seed >>> 16) & 255, (seed >>> 8) & 255, seed & 255]);
  if (mac.length !== 6 || (mac[0] & 1) !== 0) throw new RangeError('nic: mac must be six bytes of a station address');
  const maxQueues = within('maxQueues', options.maxQueues ?? choices.QUEUES_DEFAULT, 1, choices.QUEUES_MAX);
  const maxRingEntries = powerOfTwo(
    'maxRingEntries',
    options.maxRingEntries ?? choices.RING_ENTRIES_MAX_DEFAULT,
    2,
    32768,
  );
  const entriesDefault = Math.min(choices.RING_ENTRIES_DEFAULT, maxRingEntries);
  const ringEntries = powerOfTwo('ringEntries', options.ringEntries ?? entriesDefault, 2, maxRingEntries);
  const given = options.minRingEntries;
  if (given !== undefined) powerOfTwo('minRingEntries', given, 2, ringEntries);
  const carried = Math.min(MTU_MAX_DEFAULT, port.mtu, port.slots.slotBytes - choices.FRAME_OVERHEAD_BYTES);
  const headerBufferBytes = options.headerBufferBytes ?? choices.HEADER_BUFFER_BYTES_DEFAULT;
  const packetBufferBytes = options.packetBufferBytes ?? choices.PACKET_BUFFER_BYTES_DEFAULT;
  const badChecksum = options.badChecksum ?? (choices.DROP_BAD_CHECKSUM ? 'drop' : 'deliver');
  return {
    mac: mac.slice(),
    maxQueues,
    defaultQueues: within('defaultQueues', options.defaultQueues ?? maxQueues, 1, maxQueues),
    ringEntries,
    maxRingEntries,
    minRxRing: given ?? Math.min(RX_RING_MIN_DEFAULT, ringEntries),
    minTxRing: given ?? Math.min(TX_RING_MIN_DEFAULT, ringEntries),
    packetBufferBytes: powerOfTwo('packetBufferBytes', packetBufferBytes, 1024, 8192),
    headerBufferBytes: within('headerBufferBytes', headerBufferBytes, 0, RX_HEADER_LEN_MAX),
    maxMtu: within('maxMtu', options.maxMtu ?? carried, MTU_MIN, 65535 - choices.FRAME_OVERHEAD_BYTES),
    maxFlowRules: within('maxFlowRules', options.maxFlowRules ?? choices.FLOW_RULES_DEFAULT, 0, 16384),
    linkSpeedMbps: within('linkSpeedMbps', options.linkSpeedMbps ?? choices.LINK_SPEED_MBPS, 1, 10_000_000),
    superFrames: options.superFrames ?? port.superFrames === true,
    nicTimestamp: options.nicTimestamp ?? false,
    interruptModeration: options.interruptModeration ?? choices.INTERRUPT_MODERATION,
    dropBadChecksum: badChecksum === 'drop',
  };
}
