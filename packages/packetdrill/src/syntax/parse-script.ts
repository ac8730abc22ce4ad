import { readConfig } from '../config.ts';
import { parseCode } from './parse-code.ts';
import { parsePacket } from './parse-packet.ts';
import { parseSyscall } from './parse-syscall.ts';
import { Reader } from './reader.ts';
import type { CodeEvent, Position, Script, ScriptCommand, ScriptEvent, ScriptOption, Time } from './script.ts';

const OPTION_VALUE = /[^\s"`]+/y;

/**
 * Reads a script.
 *
 * @param text - The whole script. @param name - What messages call it, usually the file's name.
 * @throws PacketdrillError (EINVAL) with line and column when the text does not follow the grammar, names something unknown, or contradicts itself.
 */
export function parseScript(text: string, name: string = 'script'): Script {
  const reader = new Reader(name, text);
  const options: ScriptOption[] = [];
  while (reader.sees('--')) options.push(parseOption(reader));
  const ipVersion = readConfig(name, options).wireVersion;
  const setUp = parseCommand(reader);
  const events: ScriptEvent[] = [];
  let cleanUp: ScriptCommand | null = null;
  while (!reader.done) {
    cleanUp = parseCommand(reader);
    if (cleanUp === null) events.push(parseEvent(reader, ipVersion, events.at(-1)));
    else if (!reader.done) reader.fail('a command without a time stands before the first event or behind the last');
  }
  if (events.length === 0) reader.fail('the script has no event');
  return { name, options, setUp, events, cleanUp, lines: text.split('\n') };
}

function parseOption(reader: Reader): ScriptOption {
  const at = reader.position();
  reader.expect('--');
  const key = reader.word('the name of an option');
  if (!reader.accept('=')) return { key, value: null, at };
  const value = reader.sees('"') ? reader.quoted() : reader.acceptMatch(OPTION_VALUE);
  if (value === null) reader.expected(`a value for --${key}`);
  return { key, value, at };
}

function parseCommand(reader: Reader): ScriptCommand | null {
  const at = reader.position();
  if (!reader.sees('`')) return null;
  const { from, to } = reader.rawUntil('`', at, reader.offset + 1);
  return { text: reader.text.slice(from, to).trim(), at };
}

function parseEvent(reader: Reader, ipVersion: 4 | 6, before: ScriptEvent | undefined): ScriptEvent {
  const at = reader.position();
  const time = parseTime(reader);
  const event = parseAction(reader, ipVersion, at, time);
  const expectsPacket = event.kind === 'packet' && event.packet.direction === 'out';
  if (time.kind === 'any' && !expectsPacket) reader.fail("'*' is for packets that are expected", at);
  if (time.kind === 'between' && !expectsPacket) reader.fail('a time range is for packets that are expected', at);
  if (time.kind === 'at' && before?.time.kind === 'at' && time.ns < before.time.ns) {
    reader.fail('time goes backwards', at);
  }
  return event;
}

function parseAction(reader: Reader, ipVersion: 4 | 6, at: Position, time: Time): ScriptEvent {
  if (reader.sees('<') || reader.sees('>')) return { kind: 'packet', at, time, packet: parsePacket(reader, ipVersion) };
  const command = parseCommand(reader);
  if (command !== null) return { kind: 'command', at, time, text: command.text };
  if (reader.sees('%{')) return parseCodeEvent(reader, at, time);
  return parseSyscall(reader, at, time);
}

function parseCodeEvent(reader: Reader, at: Position, time: Time): CodeEvent {
  const { from, to } = reader.rawUntil('}%', reader.position(), reader.offset + 2);
  const statements = parseCode(reader.name, reader.text, from, to);
  return { kind: 'code', at, time, text: reader.text.slice(from, to).trim(), statements };
}

/** `0.1`, `+0.1`, `0.1~0.2`, `+0.1~+0.2`, `*`; and `0.1~+0.2`, which ends 0.2 s after it begins. */
function parseTime(reader: Reader): Time {
  if (reader.accept('*')) return { kind: 'any' };
  const at = reader.position();
  const relative = reader.accept('+');
  const fromNs = reader.time();
  if (!reader.accept('~')) return relative ? { kind: 'after', ns: fromNs } : { kind: 'at', ns: fromNs };
  if (relative) reader.expect('+');
  const fromStart = !relative && reader.accept('+');
  const toNs = reader.time() + (fromStart ? fromNs : 0);
  if (toNs < fromNs) reader.fail('the time range is backwards', at);
  return { kind: 'between', relative, fromNs, toNs };
}
