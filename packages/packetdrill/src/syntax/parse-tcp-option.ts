import type { Reader } from './reader.ts';
import { optionBytes, type TcpOption } from './tcp-option.ts';

const MAX_U32 = 0xffffffff;
const MAX_OPTION_BYTES = 40;
/** RFC 7413: a cookie has 4 to 16 bytes. */
const COOKIE = /(?:[0-9A-Fa-f]{2}){1,16}(?![0-9A-Za-z_])/y;

/** Reads `<mss 1460,nop,…>`, or `<...>`, which is null. The reader stands at `<`. */
export function parseTcpOptions(reader: Reader): readonly TcpOption[] | null {
  const at = reader.position();
  reader.expect('<');
  if (reader.accept('...')) {
    reader.expect('>');
    return null;
  }
  const options: TcpOption[] = [];
  do options.push(parseOption(reader));
  while (reader.accept(','));
  reader.expect('>');
  const bytes = options.reduce((total, option) => total + optionBytes(option), 0);
  if (bytes > MAX_OPTION_BYTES) reader.fail(`the options take ${bytes} bytes; a header has room for 40`, at);
  if (bytes % 4 !== 0) reader.fail(`the options take ${bytes} bytes, which is no multiple of 4: add nop`, at);
  return options;
}

function parseOption(reader: Reader): TcpOption {
  const kind = reader.seeWord();
  if (kind === 'nop' || kind === 'eol' || kind === 'sackOK') {
    reader.acceptWord(kind);
    return { kind };
  }
  if (reader.acceptWord('mss')) return { kind: 'mss', bytes: reader.unsigned('the MSS in bytes', 0xffff) };
  if (reader.acceptWord('wscale')) return { kind: 'wscale', shift: reader.unsigned('the window scale', 0xff) };
  if (reader.acceptWord('sack')) return { kind: 'sack', blocks: parseBlocks(reader) };
  if (reader.acceptWord('FO')) return { kind: 'FO', cookie: (reader.acceptMatch(COOKIE) ?? '').toLowerCase() };
  if (!reader.acceptWord('TS')) reader.expected('a TCP option');
  if (!reader.acceptWord('val')) reader.expected("'val'");
  const value = reader.unsigned('a timestamp', MAX_U32);
  if (!reader.acceptWord('ecr')) reader.expected("'ecr'");
  return { kind: 'TS', value, echo: reader.unsigned('a timestamp', MAX_U32) };
}

function parseBlocks(reader: Reader): (readonly [number, number])[] {
  const blocks: (readonly [number, number])[] = [];
  do {
    const left = reader.unsigned('a sequence number', MAX_U32);
    reader.expect(':');
    blocks.push([left, reader.unsigned('a sequence number', MAX_U32)]);
  } while (/[0-9]/.test(reader.peek(1)));
  return blocks;
}
