import { regionBytes } from './command-info.ts';
import type { DeviceSession } from './device-session.ts';
import * as protocol from './protocol.ts';
import type { Request } from './request.ts';
import type { VfioUserDevice } from './vfio-user-device.ts';
import { E2BIG, EINVAL } from './vfio-user-error.ts';

const { REGION_MESSAGE, WRITE_MULTI_ENTRY, WRITE_MULTI_MESSAGE } = protocol;
/** Bytes that one entry of REGION_WRITE_MULTI carries. */
const MULTI_BYTES_MAX = 8;

/** 0, or the errno of an access that does not lie within its region. */
function check(device: VfioUserDevice, region: number, offset: number, count: number): number {
  if (count > protocol.REGION_ACCESS_BYTES_MAX) return E2BIG;
  return offset >= 0 && offset + count <= regionBytes(device.function, region) ? 0 : EINVAL;
}

/** The widest access that a bus would make: 4, 2 or 1 bytes, aligned. */
function width(offset: number, left: number): number {
  if ((offset & 3) === 0 && left >= 4) return 4;
  return (offset & 1) === 0 && left >= 2 ? 2 : 1;
}

/** Starts the answer to an access, which repeats what was asked; returns where it is, or -1 when nobody wants one. */
function beginAnswer(
  session: DeviceSession,
  request: Request,
  length: number,
  region: number,
  offset: number,
  count: number,
): number {
  const reply = session.reply(request, length);
  if (reply < 0) return reply;
  const { view } = session.writer;
  protocol.writeU64(view, reply + REGION_MESSAGE.offset, offset);
  view.setUint32(reply + REGION_MESSAGE.region, region, true);
  view.setUint32(reply + REGION_MESSAGE.count, count, true);
  return reply;
}

/** REGION_READ. EINVAL: not within a region. E2BIG: more than one access may have. */
export function readRegion(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (length < REGION_MESSAGE.$bytes) return EINVAL;
  const { device } = session;
  const offset = protocol.readU64(view, at + REGION_MESSAGE.offset);
  const region = view.getUint32(at + REGION_MESSAGE.region, true);
  const count = view.getUint32(at + REGION_MESSAGE.count, true);
  const errno = check(device, region, offset, count);
  if (errno > 0) return errno;
  const reply = beginAnswer(session, request, REGION_MESSAGE.$bytes + count, region, offset, count);
  if (reply < 0) return 0;
  const { writer } = session;
  const to = reply + REGION_MESSAGE.data;
  if (region === protocol.REGION_CONFIG) {
    writer.bytes.set(device.config.bytes.subarray(offset, offset + count), to);
    return 0;
  }
  for (let done = 0; done < count; ) {
    const size = width(offset + done, count - done);
    const value = device.readBar(region, offset + done, size);
    if (size === 4) writer.view.setUint32(to + done, value, true);
    else if (size === 2) writer.view.setUint16(to + done, value, true);
    else writer.view.setUint8(to + done, value);
    done += size;
  }
  return 0;
}

/** REGION_WRITE. Errors as for REGION_READ; EINVAL as well when there is less data than it says. */
export function writeRegion(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (length < REGION_MESSAGE.$bytes) return EINVAL;
  const { device } = session;
  const offset = protocol.readU64(view, at + REGION_MESSAGE.offset);
  const region = view.getUint32(at + REGION_MESSAGE.region, true);
  const count = view.getUint32(at + REGION_MESSAGE.count, true);
  const errno = check(device, region, offset, count);
  if (errno > 0) return errno;
  if (length < REGION_MESSAGE.$bytes + count) return EINVAL;
  beginAnswer(session, request, REGION_MESSAGE.$bytes, region, offset, count);
  store(device, request, region, offset, at + REGION_MESSAGE.data, count);
  return 0;
}

/** REGION_WRITE_MULTI: several writes of up to 8 bytes. All are checked before the first is made. */
export function writeRegions(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (length < WRITE_MULTI_MESSAGE.$bytes) return EINVAL;
  const { device } = session;
  const writes = protocol.readU64(view, at + WRITE_MULTI_MESSAGE.count);
  const entries = at + WRITE_MULTI_MESSAGE.entries;
  if (writes < 0 || length < WRITE_MULTI_MESSAGE.$bytes + writes * WRITE_MULTI_ENTRY.$bytes) return EINVAL;
  for (let n = 0; n < writes; n++) {
    const entry = entries + n * WRITE_MULTI_ENTRY.$bytes;
    const count = view.getUint32(entry + WRITE_MULTI_ENTRY.count, true);
    const offset = protocol.readU64(view, entry + WRITE_MULTI_ENTRY.offset);
    if (count > MULTI_BYTES_MAX) return E2BIG;
    const errno = check(device, view.getUint32(entry + WRITE_MULTI_ENTRY.region, true), offset, count);
    if (errno > 0) return errno;
  }
  for (let n = 0; n < writes; n++) {
    const entry = entries + n * WRITE_MULTI_ENTRY.$bytes;
    const region = view.getUint32(entry + WRITE_MULTI_ENTRY.region, true);
    const offset = protocol.readU64(view, entry + WRITE_MULTI_ENTRY.offset);
    const count = view.getUint32(entry + WRITE_MULTI_ENTRY.count, true);
    store(device, request, region, offset, entry + WRITE_MULTI_ENTRY.data, count);
  }
  const reply = session.reply(request, WRITE_MULTI_MESSAGE.$bytes);
  if (reply >= 0) protocol.writeU64(session.writer.view, reply + WRITE_MULTI_MESSAGE.count, writes);
  return 0;
}

function store(
  device: VfioUserDevice,
  { bytes, view }: Request,
  region: number,
  offset: number,
  from: number,
  count: number,
): void {
  if (region === protocol.REGION_CONFIG) {
    device.writeConfig(offset, bytes, from, count);
    return;
  }
  for (let done = 0; done < count; ) {
    const size = width(offset + done, count - done);
    const at = from + done;
    const value = size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) : view.getUint8(at);
    device.writeBar(region, offset + done, size, value);
    done += size;
  }
}
