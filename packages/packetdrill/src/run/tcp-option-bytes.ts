import { optionBytes, type TcpOption } from '../syntax/tcp-option.ts';

// Kinds of IANA's registry.
const EOL = 0;
const NOP = 1;
const MSS = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMP = 8;
const FAST_OPEN = 34;

function hexOf(view: DataView, at: number, length: number): string {
  let hex = '';
  for (let i = 0; i < length; i++)
    hex += view
      .getUint8(at + i)
      .toString(16)
      .padStart(2, '0');
  return hex;
}

/** Options as they stand in a header, in order, nothing added. */
export function encodeOptions(options: readonly TcpOption[]): Uint8Array {
  const bytes = new Uint8Array(options.reduce((total, option) => total + optionBytes(option), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const option of options) {
    writeOption(view, at, option);
    at += optionBytes(option);
  }
  return bytes;
}

function writeOption(view: DataView, at: number, option: TcpOption): void {
  const start = (kind: number): void => {
    view.setUint8(at, kind);
    view.setUint8(at + 1, optionBytes(option));
  };
  switch (option.kind) {
    case 'nop':
    case 'eol':
      view.setUint8(at, option.kind === 'nop' ? NOP : EOL);
      return;
    case 'sackOK':
      start(SACK_PERMITTED);
      return;
    case 'mss':
      start(MSS);
      view.setUint16(at + 2, option.bytes);
      return;
    case 'wscale':
      start(WINDOW_SCALE);
      view.setUint8(at + 2, option.shift);
      return;
    case 'TS':
      start(TIMESTAMP);
      view.setUint32(at + 2, option.value);
      view.setUint32(at + 6, option.echo);
      return;
    case 'sack':
      start(SACK);
      option.blocks.forEach(([left, right], i) => {
        view.setUint32(at + 2 + 8 * i, left);
        view.setUint32(at + 6 + 8 * i, right);
      });
      return;
    case 'FO':
    case 'other': {
      start(option.kind === 'FO' ? FAST_OPEN : option.number);
      const hex = option.kind === 'FO' ? option.cookie : option.data;
      for (let i = 0; i < hex.length / 2; i++)
        view.setUint8(at + 2 + i, Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
      return;
    }
  }
}

/** Options of a header, in order; what does not fit the header is reported as one last option of that kind with what is left. */
export function decodeOptions(view: DataView, at: number, length: number): readonly TcpOption[] {
  const options: TcpOption[] = [];
  const end = at + length;
  let here = at;
  while (here < end) {
    const kind = view.getUint8(here);
    const size = kind === NOP || kind === EOL ? 1 : here + 1 < end ? view.getUint8(here + 1) : 0;
    if (size === 0 || (size < 2 && kind !== NOP && kind !== EOL) || here + size > end) {
      options.push({ kind: 'other', number: kind, data: hexOf(view, here + 1, end - here - 1) });
      return options;
    }
    options.push(readOption(view, here, kind, size));
    here += size;
  }
  return options;
}

function readOption(view: DataView, at: number, kind: number, size: number): TcpOption {
  if (kind === NOP) return { kind: 'nop' };
  if (kind === EOL) return { kind: 'eol' };
  if (kind === MSS && size === 4) return { kind: 'mss', bytes: view.getUint16(at + 2) };
  if (kind === WINDOW_SCALE && size === 3) return { kind: 'wscale', shift: view.getUint8(at + 2) };
  if (kind === SACK_PERMITTED && size === 2) return { kind: 'sackOK' };
  if (kind === TIMESTAMP && size === 10)
    return { kind: 'TS', value: view.getUint32(at + 2), echo: view.getUint32(at + 6) };
  if (kind === SACK && size >= 10 && size % 8 === 2) {
    const blocks = Array.from({ length: (size - 2) / 8 }, (_, i): [number, number] => [
      view.getUint32(at + 2 + 8 * i),
      view.getUint32(at + 6 + 8 * i),
    ]);
    return { kind: 'sack', blocks };
  }
  if (kind === FAST_OPEN) return { kind: 'FO', cookie: hexOf(view, at + 2, size - 2) };
  return { kind: 'other', number: kind, data: hexOf(view, at + 2, size - 2) };
}
