/** One system call as it was made, and what came of it; text, so that two stacks are compared as a reader would. */
export interface Entry {
  /** The socket it was made on, as the scenario named it; empty for calls on none. */
  readonly on: string;
  readonly call: string;
  readonly args: string;
  /** `0`, `-EAGAIN`, and what was returned through memory. */
  readonly result: string;
}

/** What one scenario did on one stack. */
export type Transcript = readonly Entry[];

/** The call without its result: `c.recv(10)`. */
export function callText(entry: Entry): string {
  return `${entry.on === '' ? '' : `${entry.on}.`}${entry.call}(${entry.args})`;
}

/** The whole line: `c.recv(10) = 5 "hello"`. */
export function entryText(entry: Entry): string {
  return `${callText(entry)} = ${entry.result}`;
}

/** Longest data that are written out; longer ones are counted and hashed. */
const LONGEST_TEXT = 48;

/** Bytes as text where they are, else in hexadecimal; long ones as length and hash. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length > LONGEST_TEXT) return `${bytes.length} bytes #${hash(bytes).toString(16).padStart(8, '0')}`;
  const printable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x22);
  return printable ? `"${new TextDecoder().decode(bytes)}"` : `<${hex(bytes)}>`;
}

/** Bytes in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** FNV-1a, 32 bit. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

const encoder = new TextEncoder();

/** What a scenario sends: text as it is, a number as that many different bytes. */
export function payload(data: string | number | Uint8Array): Uint8Array {
  if (typeof data === 'string') return encoder.encode(data);
  if (typeof data !== 'number') return data;
  const bytes = new Uint8Array(data);
  for (let i = 0; i < data; i++) bytes[i] = ((i * 167) ^ (i >>> 8) ^ (i >>> 16)) & 0xff;
  return bytes;
}
