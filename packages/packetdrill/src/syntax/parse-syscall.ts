import { CONSTANTS } from '../constants.ts';
import { checkNames, parseExpression, parseExpressions } from './parse-expression.ts';
import type { Reader } from './reader.ts';
import type { Expression, Position, SyscallEvent, Time } from './script.ts';

/** System calls with the least and the most arguments they take. */
const CALLS: ReadonlyMap<string, readonly [least: number, most: number]> = new Map([
  ['socket', [3, 3]],
  ['bind', [3, 3]],
  ['listen', [2, 2]],
  ['accept', [3, 3]],
  ['accept4', [4, 4]],
  ['connect', [3, 3]],
  ['read', [3, 3]],
  ['readv', [3, 3]],
  ['recv', [4, 4]],
  ['recvfrom', [6, 6]],
  ['recvmsg', [3, 3]],
  ['write', [3, 3]],
  ['writev', [3, 3]],
  ['send', [4, 4]],
  ['sendto', [6, 6]],
  ['sendmsg', [3, 3]],
  ['setsockopt', [5, 5]],
  ['getsockopt', [5, 5]],
  ['shutdown', [2, 2]],
  ['close', [1, 1]],
  ['poll', [3, 3]],
  ['fcntl', [2, 3]],
  ['ioctl', [3, 3]],
]);

/** Reads `...end name(arguments) = result ERRNO (note)`, of which the end, the errno and the note may be absent. */
export function parseSyscall(reader: Reader, at: Position, time: Time): SyscallEvent {
  const endAt = reader.position();
  const endNs = reader.accept('...') ? reader.time() : null;
  if (endNs !== null && (time.kind === 'at' || time.kind === 'after') && endNs < time.ns) {
    reader.fail('the call ends before it starts', endAt);
  }
  const nameAt = reader.position();
  const name = reader.word('a packet, a system call, a command or %{ }%');
  const counts = CALLS.get(name);
  if (counts === undefined) return reader.fail(`'${name}' is no known system call`, nameAt);
  reader.expect('(');
  const args = parseExpressions(reader, ')');
  if (args.length < counts[0] || args.length > counts[1]) {
    reader.fail(`${name} takes ${counts[0] === counts[1] ? counts[0] : counts.join(' to ')} arguments`, nameAt);
  }
  for (const argument of args) checkNames(reader, argument);
  reader.expect('=');
  const result = parseResult(reader);
  const errno = parseErrno(reader, result);
  return { kind: 'syscall', at, time, endNs, name, arguments: args, result, errno, note: parseNote(reader) };
}

function parseResult(reader: Reader): Expression {
  const result = parseExpression(reader);
  if (result.kind !== 'any' && result.kind !== 'integer') reader.fail("a result is a number or '...'", result.at);
  return result;
}

function parseErrno(reader: Reader, result: Expression): string | null {
  const at = reader.position();
  const name = reader.seeWord();
  if (name === '') return null;
  if (!/^E[A-Z0-9]+$/.test(name) || !CONSTANTS.has(name)) reader.fail(`'${name}' is no known errno`, at);
  if (result.kind === 'integer' && result.value !== -1) reader.fail('a call that fails returns -1', result.at);
  reader.acceptWord(name);
  return name;
}

function parseNote(reader: Reader): string | null {
  const at = reader.position();
  const from = reader.offset + 1;
  if (!reader.sees('(')) return null;
  const range = reader.rawUntil(')', at, from);
  const note = reader.text.slice(range.from, range.to).replace(/\s+/g, ' ').trim();
  return note === '' ? reader.fail('expected a note between the parentheses', at) : note;
}
