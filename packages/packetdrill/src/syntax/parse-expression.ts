import { parseAddress4, parseAddress6 } from '@netmem/wire';
import { CONSTANTS } from '../constants.ts';
import type { Reader } from './reader.ts';
import type { Expression, Field, Position } from './script.ts';

/** Functions of values, with what their arguments are. */
const FUNCTIONS: ReadonlyMap<string, readonly ('integer' | 'address4' | 'address6')[]> = new Map([
  ['htons', ['integer'] as const],
  ['htonl', ['integer'] as const],
  ['inet_addr', ['address4'] as const],
  ['inet6_addr', ['address6'] as const],
]);

/** Reads a value: `...`, a number, a name, a string, values with `|` between them, `[ ]`, `{ }`, or a function of values. */
export function parseExpression(reader: Reader): Expression {
  const at = reader.position();
  const first = parsePrimary(reader);
  if (!reader.sees('|')) return first;
  const terms = [first];
  while (reader.accept('|')) terms.push(parsePrimary(reader));
  for (const term of terms) {
    if (term.kind !== 'integer' && term.kind !== 'word') reader.fail("only numbers and names go with '|'", term.at);
  }
  return { kind: 'or', terms, at };
}

/** Reads values up to and including `close`. */
export function parseExpressions(reader: Reader, close: string): readonly Expression[] {
  if (reader.accept(close)) return [];
  const items: Expression[] = [];
  do items.push(parseExpression(reader));
  while (reader.accept(','));
  reader.expect(close);
  return items;
}

function parsePrimary(reader: Reader): Expression {
  return reader.nested(() => {
    const at = reader.position();
    if (reader.accept('...')) return { kind: 'any', at };
    if (reader.sees('"')) return parseString(reader, at);
    if (reader.accept('[')) return { kind: 'list', items: parseExpressions(reader, ']'), at };
    if (reader.accept('{')) return { kind: 'struct', fields: parseFields(reader), at };
    const number = reader.integer();
    if (number !== null) return { kind: 'integer', ...number, at };
    const name = reader.word('a value');
    if (reader.accept('(')) return { kind: 'call', name, arguments: parseExpressions(reader, ')'), at };
    return { kind: 'word', name, at };
  });
}

function parseString(reader: Reader, at: Position): Expression {
  let value = '';
  while (reader.sees('"')) value += reader.quoted();
  return { kind: 'string', value, open: reader.accept('...'), at };
}

function parseFields(reader: Reader): readonly Field[] {
  if (reader.accept('}')) return [];
  const fields: Field[] = [];
  do fields.push(parseField(reader));
  while (reader.accept(','));
  reader.expect('}');
  return fields;
}

/** `name = value`, `name(count) = value`, or a value. */
function parseField(reader: Reader): Field {
  const value = parseExpression(reader);
  if (!reader.sees('=')) return { name: null, count: null, value };
  const count = value.kind === 'call' && value.arguments.length === 1 ? (value.arguments[0] as Expression) : null;
  if (value.kind !== 'word' && count === null) reader.fail('a name must stand before =', value.at);
  reader.expect('=');
  const { name } = value as Expression & { readonly name: string };
  return { name, count, value: parseExpression(reader) };
}

/** Refuses names that stand for nothing and functions that nobody knows, wherever they stand in `expression`. */
export function checkNames(reader: Reader, expression: Expression): void {
  switch (expression.kind) {
    case 'word':
      if (!CONSTANTS.has(expression.name)) reader.fail(`'${expression.name}' is no known constant`, expression.at);
      return;
    case 'or':
      for (const term of expression.terms) checkNames(reader, term);
      return;
    case 'list':
      for (const item of expression.items) checkNames(reader, item);
      return;
    case 'struct':
      checkFields(reader, expression.fields);
      return;
    case 'call':
      checkCall(reader, expression);
      return;
  }
}

function checkFields(reader: Reader, fields: readonly Field[]): void {
  for (const { count, value } of fields) {
    if (count !== null) checkNames(reader, count);
    checkNames(reader, value);
  }
}

function checkCall(reader: Reader, call: Expression & { readonly kind: 'call' }): void {
  const types = FUNCTIONS.get(call.name);
  if (types === undefined) reader.fail(`'${call.name}' is no known function`, call.at);
  if (types.length !== call.arguments.length) reader.fail(`${call.name} takes one argument`, call.at);
  const [type] = types;
  const argument = call.arguments[0] as Expression;
  if (type === 'integer') {
    if (argument.kind !== 'integer') reader.fail(`${call.name} takes a number`, argument.at);
    return;
  }
  if (argument.kind !== 'string' || argument.open) reader.fail(`${call.name} takes a string`, argument.at);
  const address = type === 'address4' ? parseAddress4(argument.value) : parseAddress6(argument.value);
  if (address === null)
    reader.fail(`'${argument.value}' is no ${type === 'address4' ? 'IPv4' : 'IPv6'} address`, argument.at);
}
