import { printPacket } from './print-packet.ts';
import type { Expression, Field, Script, ScriptEvent, SyscallEvent, Time } from './script.ts';

const NS_PER_SECOND = 1_000_000_000;
const FRACTION_DIGITS = 9;

/** Nanoseconds as seconds, without zeros at the end: `0.2`. */
export function printTime(ns: number): string {
  const fraction = String(ns % NS_PER_SECOND)
    .padStart(FRACTION_DIGITS, '0')
    .replace(/0+$/, '');
  const seconds = Math.floor(ns / NS_PER_SECOND);
  return fraction === '' ? String(seconds) : `${seconds}.${fraction}`;
}

/** An argument or a result as a script writes it. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'any':
      return '...';
    case 'integer':
      return expression.hex ? `0x${expression.value.toString(16)}` : String(expression.value);
    case 'word':
      return expression.name;
    case 'string':
      return `${quote(expression.value)}${expression.open ? '...' : ''}`;
    case 'or':
      return expression.terms.map(printExpression).join('|');
    case 'list':
      return `[${expression.items.map(printExpression).join(', ')}]`;
    case 'struct':
      return `{${expression.fields.map(printField).join(', ')}}`;
    case 'call':
      return `${expression.name}(${expression.arguments.map(printExpression).join(', ')})`;
  }
}

function printField({ name, count, value }: Field): string {
  const text = printExpression(value);
  if (name === null) return text;
  return `${name}${count === null ? '' : `(${printExpression(count)})`}=${text}`;
}

/** A string in double quotes; everything but printable ASCII is escaped. */
function quote(text: string): string {
  const inner = text.replace(/["\\]|[^ -~]/g, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    const code = char.charCodeAt(0);
    return code > 0xff ? char : `\\x${code.toString(16).padStart(2, '0')}`;
  });
  return `"${inner}"`;
}

function printEventTime(time: Time): string {
  switch (time.kind) {
    case 'at':
      return printTime(time.ns);
    case 'after':
      return `+${printTime(time.ns)}`;
    case 'between': {
      const sign = time.relative ? '+' : '';
      return `${sign}${printTime(time.fromNs)}~${sign}${printTime(time.toNs)}`;
    }
    case 'any':
      return '*';
  }
}

function printSyscall(event: SyscallEvent): string {
  const args = event.arguments.map(printExpression).join(', ');
  const errno = event.errno === null ? '' : ` ${event.errno}`;
  const note = event.note === null ? '' : ` (${event.note})`;
  return `${event.name}(${args}) = ${printExpression(event.result)}${errno}${note}`;
}

/** One event as a script writes it, on one line but for code that has several. */
export function printEvent(event: ScriptEvent): string {
  const time = printEventTime(event.time);
  switch (event.kind) {
    case 'packet':
      return `${time} ${printPacket(event.packet)}`;
    case 'syscall':
      return `${time}${event.endNs === null ? '' : `...${printTime(event.endNs)}`} ${printSyscall(event)}`;
    case 'code':
      return `${time} %{ ${event.text} }%`;
    case 'command':
      return `${time} \`${event.text}\``;
  }
}

/** A whole script in one form of writing it. Parsed again it is the same script, but for places. */
export function printScript(script: Script): string {
  const lines = script.options.map(({ key, value }) => {
    if (value === null) return `--${key}`;
    return `--${key}=${/^[^\s"`]+$/.test(value) ? value : quote(value)}`;
  });
  if (script.setUp !== null) lines.push(`\`${script.setUp.text}\``);
  lines.push(...script.events.map(printEvent));
  if (script.cleanUp !== null) lines.push(`\`${script.cleanUp.text}\``);
  return `${lines.join('\n')}\n`;
}
