/** Payloads of commands as a client sends them: what stands behind the header. */
import * as protocol from '../protocol.ts';

const { HEADER_BYTES } = protocol;

/** `length` bytes of payload whose fields are at the offsets of the whole message. */
function payload(length: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  fill(new DataView(bytes.buffer));
  return bytes.subarray(HEADER_BYTES);
}

/** VERSION, as QEMU says it. */
export function versionPayload(capabilities: object = { max_msg_fds: 16, max_data_xfer_size: 1 << 20 }): Uint8Array {
  const json = new TextEncoder().encode(`${JSON.stringify({ capabilities })}\0`);
  const { major, minor, json: at } = protocol.VERSION_MESSAGE;
  const bytes = payload(at + json.length, (view) => {
    view.setUint16(major, 0, true);
    view.setUint16(minor, 0, true);
  });
  bytes.set(json, at - HEADER_BYTES);
  return bytes;
}

/** A range that a client maps. */
export interface MockMapping {
  readonly iova: number;
  readonly size: number;
  /** Position in the shared file; 0 also for what is not in it. */
  readonly offset: number;
  /** Default: readable and writable. */
  readonly access?: number;
}

/** DMA_MAP. */
export function mapPayload({ iova, size, offset, access = 3 }: MockMapping): Uint8Array {
  const at = protocol.DMA_MAP_MESSAGE;
  return payload(at.$bytes, (view) => {
    view.setUint32(at.argsz, at.$bytes - HEADER_BYTES, true);
    view.setUint32(at.flags, access, true);
    protocol.writeU64(view, at.offset, offset);
    protocol.writeU64(view, at.iova, iova);
    protocol.writeU64(view, at.size, size);
  });
}

/** DMA_UNMAP; `all` with iova and size 0 removes everything. */
export function unmapPayload(iova: number, size: number, all: boolean = false): Uint8Array {
  const at = protocol.DMA_UNMAP_MESSAGE;
  return payload(at.$bytes, (view) => {
    view.setUint32(at.argsz, at.$bytes - HEADER_BYTES, true);
    view.setUint32(at.flags, all ? protocol.DMA_UNMAP_ALL : 0, true);
    protocol.writeU64(view, at.iova, iova);
    protocol.writeU64(view, at.size, size);
  });
}

/** DEVICE_GET_INFO. */
export function deviceInfoPayload(): Uint8Array {
  const at = protocol.DEVICE_INFO_MESSAGE;
  return payload(at.$bytes, (view) => view.setUint32(at.argsz, at.$bytes - HEADER_BYTES, true));
}

/** DEVICE_GET_REGION_INFO. */
export function regionInfoPayload(region: number): Uint8Array {
  const at = protocol.REGION_INFO_MESSAGE;
  return payload(at.$bytes, (view) => {
    view.setUint32(at.argsz, at.$bytes - HEADER_BYTES, true);
    view.setUint32(at.index, region, true);
  });
}

/** DEVICE_GET_IRQ_INFO. */
export function irqInfoPayload(index: number): Uint8Array {
  const at = protocol.IRQ_INFO_MESSAGE;
  return payload(at.$bytes, (view) => {
    view.setUint32(at.argsz, at.$bytes - HEADER_BYTES, true);
    view.setUint32(at.index, index, true);
  });
}

/** DEVICE_SET_IRQS. */
export function setIrqsPayload(
  flags: number,
  index: number,
  start: number,
  count: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const at = protocol.SET_IRQS_MESSAGE;
  const bytes = payload(at.$bytes + data.length, (view) => {
    view.setUint32(at.argsz, at.$bytes - HEADER_BYTES + data.length, true);
    view.setUint32(at.flags, flags, true);
    view.setUint32(at.index, index, true);
    view.setUint32(at.start, start, true);
    view.setUint32(at.count, count, true);
  });
  bytes.set(data, at.$bytes - HEADER_BYTES);
  return bytes;
}

/** REGION_READ with no data, REGION_WRITE with some. */
export function regionPayload(
  region: number,
  offset: number,
  count: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const at = protocol.REGION_MESSAGE;
  const bytes = payload(at.$bytes + data.length, (view) => {
    protocol.writeU64(view, at.offset, offset);
    view.setUint32(at.region, region, true);
    view.setUint32(at.count, count, true);
  });
  bytes.set(data, at.data - HEADER_BYTES);
  return bytes;
}

/** One write of REGION_WRITE_MULTI. */
export interface MockRegionWrite {
  readonly region: number;
  readonly offset: number;
  readonly count: number;
  readonly value: number;
}

/** REGION_WRITE_MULTI. */
export function writeMultiPayload(writes: readonly MockRegionWrite[]): Uint8Array {
  const at = protocol.WRITE_MULTI_MESSAGE;
  const entry = protocol.WRITE_MULTI_ENTRY;
  return payload(at.$bytes + writes.length * entry.$bytes, (view) => {
    protocol.writeU64(view, at.count, writes.length);
    writes.forEach(({ region, offset, count, value }, n) => {
      const start = at.entries + n * entry.$bytes;
      protocol.writeU64(view, start + entry.offset, offset);
      view.setUint32(start + entry.region, region, true);
      view.setUint32(start + entry.count, count, true);
      view.setUint32(start + entry.data, value, true);
    });
  });
}

/** A little-endian integer of 1, 2 or 4 bytes. */
export function littleEndian(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 0xff);
}

/** A whole message. */
export function message(id: number, command: number, body: Uint8Array, flags: number = 0): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(protocol.HEADER.id, id, true);
  view.setUint16(protocol.HEADER.command, command, true);
  view.setUint32(protocol.HEADER.size, bytes.length, true);
  view.setUint32(protocol.HEADER.flags, flags, true);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}
