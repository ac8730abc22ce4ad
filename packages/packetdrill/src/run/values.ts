import { AF_INET, AF_INET6 } from '@netmem/uapi';
import type { ScriptConfig } from '../config.ts';
import { CONSTANTS } from '../constants.ts';
import type { Expression } from '../syntax/script.ts';
import type { SocketAddress } from './host.ts';

const INT_BYTES = 4;

/** The number an expression stands for; null when it stands for none. */
export function numberOf(expression: Expression): number | null {
  switch (expression.kind) {
    case 'integer':
      return expression.value;
    case 'word':
      return CONSTANTS.get(expression.name) ?? null;
    case 'or':
      return expression.terms.reduce((bits, term) => bits | (numberOf(term) ?? 0), 0);
    case 'call': {
      const [argument] = expression.arguments;
      return expression.name === 'htons' && argument?.kind === 'integer' ? argument.value : null;
    }
    default:
      return null;
  }
}

/** The member `name` of a struct; undefined when it has none or is no struct. */
export function memberOf(expression: Expression, name: string): Expression | undefined {
  if (expression.kind !== 'struct') return undefined;
  return expression.fields.find((field) => field.name === name)?.value;
}

/** All numbers of an expression in order, through lists and structs: how values of options are written. Null when something in it is no number. */
export function numbersOf(expression: Expression): readonly number[] | null {
  if (expression.kind === 'list' || expression.kind === 'struct') {
    const items = expression.kind === 'list' ? expression.items : expression.fields.map((field) => field.value);
    const numbers: number[] = [];
    for (const item of items) {
      const inner = numbersOf(item);
      if (inner === null) return null;
      numbers.push(...inner);
    }
    return numbers;
  }
  const number = numberOf(expression);
  return number === null ? null : [number];
}

/** Numbers as C ints, little-endian. */
export function intBytes(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(numbers.length * INT_BYTES);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setInt32(i * INT_BYTES, number, true);
  });
  return bytes;
}

/** The C ints at the beginning of `bytes`. */
export function intsOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / INT_BYTES) }, (_, i) => view.getInt32(i * INT_BYTES, true));
}

/** The bytes of a string: one per character, as `\xff` writes them. */
export function stringBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}

/** `...` as an address: the script's local or remote one. */
export function defaultAddress(config: ScriptConfig, which: 'local' | 'remote'): SocketAddress {
  const address = which === 'local' ? config.localAddress : config.remoteAddress;
  const port = which === 'local' ? config.bindPort : config.connectPort;
  if (config.ipVersion === 'ipv4') return { family: AF_INET, address, port };
  return { family: AF_INET6, address: config.ipVersion === 'ipv6' ? address : `::ffff:${address}`, port };
}

/** The address that an argument stands for; null when it is none. */
export function addressOf(
  expression: Expression,
  config: ScriptConfig,
  which: 'local' | 'remote',
): SocketAddress | null {
  if (expression.kind === 'any') return defaultAddress(config, which);
  const family = numberOf(memberOf(expression, 'sa_family') ?? expression);
  const port = memberOf(expression, 'sin_port') ?? memberOf(expression, 'sin6_port');
  const address = memberOf(expression, 'sin_addr') ?? memberOf(expression, 'sin6_addr');
  if (family === null || port === undefined || address === undefined) return null;
  const portNumber = numberOf(port);
  if (portNumber === null) return null;
  if (numberOf(address) === 0) return { family, address: family === AF_INET6 ? '::' : '0.0.0.0', port: portNumber };
  const [text] = address.kind === 'call' ? address.arguments : [];
  return text?.kind === 'string' ? { family, address: text.value, port: portNumber } : null;
}
