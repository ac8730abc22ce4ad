/** Bytes of an IPv4 address. */
export const ADDRESS4_BYTES = 4;
/** Bytes of an IPv6 address. */
export const ADDRESS6_BYTES = 16;

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;

/**
 * Reads `'10.0.0.1'`. Four decimal parts without leading zeros: forms like `'10.1'` or `'010.0.0.1'`, which libc reads in surprising ways, are refused.
 *
 * @returns the address as uint32 (10.0.0.1 is 0x0a000001), or null.
 */
export function parseAddress4(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let address = 0;
  for (const part of parts) {
    if (!OCTET.test(part) || Number(part) > 255) return null;
    address = address * 256 + Number(part);
  }
  return address;
}

/** A uint32 (or int32) as `'10.0.0.1'`. */
export function formatAddress4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * Reads any text form of RFC 4291, 2.2, with one `::` and a dotted tail allowed. No zone (`%eth0`), no prefix length.
 *
 * @returns sixteen bytes, or null.
 */
export function parseAddress6(text: string): Uint8Array<ArrayBuffer> | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const given = head.length + tail.length;
  if (halves.length === 2 ? given > 7 : given !== 8) return null;
  const bytes = new Uint8Array(ADDRESS6_BYTES);
  const place = (groups: readonly number[], first: number): void => {
    groups.forEach((group, i) => {
      bytes[2 * (first + i)] = group >> 8;
      bytes[2 * (first + i) + 1] = group & 255;
    });
  };
  place(head, 0);
  place(tail, 8 - tail.length);
  return bytes;
}

function groupsOf(text: string, dottedTailAllowed: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let i = 0; i < parts.length; i++) {
    if (GROUP.test(parts[i])) {
      groups.push(Number.parseInt(parts[i], 16));
      continue;
    }
    const dotted = dottedTailAllowed && i === parts.length - 1 ? parseAddress4(parts[i]) : null;
    if (dotted === null) return null;
    groups.push(dotted >>> 16, dotted & 0xffff);
  }
  return groups;
}

/** Sixteen bytes at `at` in the one canonical form of RFC 5952: lower case, the longest run of zero groups (of two or more; the first of equals) as `::`. */
export function formatAddress6(bytes: Uint8Array, at: number = 0): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes[at + 2 * i] * 256 + bytes[at + 2 * i + 1]);
  let runAt = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > runLength) {
      runAt = i;
      runLength = end - i;
    }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (runAt < 0) return text(groups);
  return `${text(groups.slice(0, runAt))}::${text(groups.slice(runAt + runLength))}`;
}

/** An IPv4 address with its prefix length, read from `'10.0.0.2/24'`; without a length it is a host (`/32`). Null when it is neither. */
export function parsePrefix4(text: string): { address: number; prefixLength: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress4(slash < 0 ? text : text.slice(0, slash));
  const prefixLength = slash < 0 ? 32 : lengthOf(text.slice(slash + 1), 32);
  return address === null || prefixLength === null ? null : { address, prefixLength };
}

/** An IPv6 address with its prefix length, read from `'fd00::2/64'`; without a length it is a host (`/128`). Null when it is neither. */
export function parsePrefix6(text: string): { address: Uint8Array<ArrayBuffer>; prefixLength: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress6(slash < 0 ? text : text.slice(0, slash));
  const prefixLength = slash < 0 ? 128 : lengthOf(text.slice(slash + 1), 128);
  return address === null || prefixLength === null ? null : { address, prefixLength };
}

function lengthOf(text: string, maximum: number): number | null {
  return OCTET.test(text) && Number(text) <= maximum ? Number(text) : null;
}

/** The IPv4 netmask of a prefix length as uint32: 24 gives 0xffffff00. */
export function netmask4(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (-1 << (32 - prefixLength)) >>> 0;
}
