import type { Region } from '@netmem/region';
import { DEVICE_DESCRIPTOR, DEVICE_OPTION } from '../abi/index.ts';

/** DESCRIBE_DEVICE's reply in plain values. */
export interface MockDeviceDescription {
  readonly txQueueEntries: number;
  readonly rxQueueEntries: number;
  readonly defaultNumQueues: number;
  readonly mtu: number;
  readonly counters: number;
  readonly mac: Uint8Array;
  readonly totalLength: number;
  /** Payload bytes by option id. */
  readonly options: ReadonlyMap<number, DataView>;
}

/** Reads a descriptor at the start of a region. */
export function readDescription(region: Region): MockDeviceDescription {
  const { bytes, view, base } = region;
  const desc = DEVICE_DESCRIPTOR;
  const options = new Map<number, DataView>();
  let at = base + desc.$.sizeBytes;
  for (let n = view.getUint16(base + desc.numDeviceOptions); n > 0; n--) {
    const length = view.getUint16(at + DEVICE_OPTION.optionLength);
    const body = at + DEVICE_OPTION.$.sizeBytes;
    const payload = bytes.slice(body, body + length);
    if (view.getUint32(at + DEVICE_OPTION.requiredFeaturesMask) === 0) {
      options.set(view.getUint16(at + DEVICE_OPTION.optionId), new DataView(payload.buffer));
    }
    at = body + length;
  }
  return {
    txQueueEntries: view.getUint16(base + desc.txQueueEntries),
    rxQueueEntries: view.getUint16(base + desc.rxQueueEntries),
    defaultNumQueues: view.getUint16(base + desc.defaultNumQueues),
    mtu: view.getUint16(base + desc.mtu),
    counters: view.getUint16(base + desc.counters),
    mac: bytes.slice(base + desc.mac, base + desc.mac + 6),
    totalLength: view.getUint16(base + desc.totalLength),
    options,
  };
}
