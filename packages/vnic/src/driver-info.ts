import type { Region } from '@netmem/region';
import { DRIVER_INFO } from './abi/index.ts';

/** What a driver says of itself with VERIFY_DRIVER_COMPATIBILITY. */
export interface DriverInfo {
  /** DRIVER_OS_*. */
  readonly osType: number;
  readonly driverVersion: readonly [major: number, minor: number, sub: number];
  readonly osVersion: readonly [major: number, minor: number, sub: number];
  /** The low 32 bits of the first capability word: DRIVER_CAPABILITY_*. */
  readonly capabilities: number;
  readonly osVersionStrings: readonly [string, string];
}

/** Printable ASCII up to the first zero; what else is there shows as '?'. */
function text(region: Region, at: number, length: number): string {
  let out = '';
  for (let i = 0; i < length; i++) {
    const byte = region.bytes[region.base + at + i];
    if (byte === 0) break;
    out += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  }
  return out;
}

/** Reads the 304 bytes at the start of `region`. */
export function readDriverInfo(region: Region): DriverInfo {
  const { view, base } = region;
  const info = DRIVER_INFO;
  return {
    osType: view.getUint8(base + info.osType),
    driverVersion: [
      view.getUint8(base + info.driverMajor),
      view.getUint8(base + info.driverMinor),
      view.getUint8(base + info.driverSub),
    ],
    osVersion: [
      view.getUint32(base + info.osVersionMajor),
      view.getUint32(base + info.osVersionMinor),
      view.getUint32(base + info.osVersionSub),
    ],
    // Big-endian 64 bits: the low half is the second word.
    capabilities: view.getUint32(base + info.driverCapabilityFlags + 4),
    osVersionStrings: [text(region, info.osVersionStr1, 128), text(region, info.osVersionStr2, 128)],
  };
}
