import {
  CMSG_HEADER_BYTES,
  cmsgSpace,
  DMABUF_CMSG_BYTES,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SOL_SOCKET,
  writeCmsgHeader,
} from '@netmem/uapi';
import type { Expression } from '../../syntax/script.ts';
import { intBytes, intsOf, memberOf, numberOf, numbersOf } from '../values.ts';

/** `struct dmabuf_cmsg` by its members' names. */
const DMABUF_MEMBERS = ['frag_offset', 'frag_size', 'frag_token', 'dmabuf_id', 'flags'] as const;

/** A control message as the stack wrote it. */
interface Received {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** Writes the control messages of a `msg_control` list; a string says what cannot be written. */
export function encodeControl(list: Expression): Uint8Array | string {
  if (list.kind !== 'list') return 'msg_control must be a list';
  const messages: { readonly level: number; readonly type: number; readonly data: Uint8Array }[] = [];
  for (const item of list.items) {
    const [level, type] = ['cmsg_level', 'cmsg_type'].map((name) => numberOf(memberOf(item, name) ?? item));
    const data = numbersOf(memberOf(item, 'cmsg_data') ?? item);
    if (typeof level !== 'number' || typeof type !== 'number' || data === null) {
      return 'a control message is {cmsg_level=…, cmsg_type=…, cmsg_data=…} with numbers';
    }
    messages.push({ level, type, data: intBytes(data) });
  }
  const bytes = new Uint8Array(messages.reduce((total, { data }) => total + cmsgSpace(data.length), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { level, type, data } of messages) {
    writeCmsgHeader(view, at, level, type, data.length);
    bytes.set(data, at + CMSG_HEADER_BYTES);
    at += cmsgSpace(data.length);
  }
  return bytes;
}

/** What differs between the control messages that came and those of a `msg_control` list, in words; null when nothing does. */
export function checkControl(expected: Expression, control: Uint8Array, length: number): string | null {
  if (expected.kind === 'any') return null;
  const items = expected.kind === 'list' ? expected.items : [];
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const received: Received[] = [...readCmsgs(view, 0, length)].map(({ level, type, dataAt, dataLength }) => ({
    level,
    type,
    data: control.slice(dataAt, dataAt + dataLength),
  }));
  const wrong = items.findIndex((item, i) => !isMessage(item, received[i]));
  if (wrong < 0 && received.length === items.length) return null;
  return `control messages are [${received.map(describe).join(', ')}]`;
}

function isDmabuf({ level, type, data }: Received): boolean {
  return (
    level === SOL_SOCKET &&
    (type === SCM_DEVMEM_DMABUF || type === SCM_DEVMEM_LINEAR) &&
    data.length >= DMABUF_CMSG_BYTES
  );
}

function membersOf(message: Received): ReadonlyMap<string, number> {
  const { data } = message;
  const read = readDmabufCmsg(new DataView(data.buffer, data.byteOffset, data.byteLength), 0);
  const values = [read.fragOffset, read.fragSize, read.fragToken, read.dmabufId, read.flags];
  return new Map(DMABUF_MEMBERS.map((name, i) => [name, values[i] ?? 0]));
}

function isMessage(expected: Expression, message: Received | undefined): boolean {
  if (message === undefined) return false;
  const matches = (name: string, actual: number): boolean => {
    const member = memberOf(expected, name);
    return member === undefined || member.kind === 'any' || numberOf(member) === actual;
  };
  if (!matches('cmsg_level', message.level) || !matches('cmsg_type', message.type)) return false;
  const data = memberOf(expected, 'cmsg_data');
  if (data === undefined || data.kind === 'any') return true;
  if (data.kind === 'struct' && isDmabuf(message)) {
    const members = membersOf(message);
    return data.fields.every(
      ({ name, value }) => value.kind === 'any' || (name !== null && members.get(name) === numberOf(value)),
    );
  }
  const wanted = numbersOf(data);
  const actual = intsOf(message.data);
  return wanted?.every((number, i) => number === actual[i]) === true;
}

function describe(message: Received): string {
  const data = isDmabuf(message)
    ? `{${[...membersOf(message)].map(([name, value]) => `${name}=${value}`).join(', ')}}`
    : `[${intsOf(message.data).join(', ')}]`;
  return `{cmsg_level=${message.level}, cmsg_type=${message.type}, cmsg_data=${data}}`;
}
