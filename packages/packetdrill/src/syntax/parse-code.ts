import { Reader } from './reader.ts';
import type { Assertion, BinaryOperator, CodeExpression } from './script.ts';

/** Functions of numbers, with the least and the most arguments they take. */
const FUNCTIONS: ReadonlyMap<string, readonly [least: number, most: number]> = new Map([
  ['abs', [1, 1]],
  ['min', [1, 16]],
  ['max', [1, 16]],
]);
/** Operators by how strongly they bind, weakest first, as in Python. Longer spellings come before those they begin with. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['or'],
  ['and'],
  ['==', '!=', '<=', '>=', '<', '>'],
  ['|'],
  ['&'],
  ['+', '-'],
  ['*', '//', '/', '%'],
];
/** `not` binds weaker than comparisons and stronger than `and`. */
const COMPARISONS = 2;
/** Operators of one level in a row: the tree leans to the left, and whoever walks it does so on the stack. */
const MAX_OPERATORS = 256;
const DECIMAL = /[0-9]+(?:\.[0-9]+)?(?![\w.])/y;
const WORDS: ReadonlySet<string> = new Set(['assert', 'and', 'or', 'not']);

/** Reads the assertions of a piece of code that stands in `text` from `from` to `to`. */
export function parseCode(name: string, text: string, from: number, to: number): readonly Assertion[] {
  const reader = new Reader(name, text, from, to, 'hash');
  const statements: Assertion[] = [];
  while (!reader.done) {
    const at = reader.position();
    if (!reader.acceptWord('assert')) reader.expected("'assert'");
    const start = reader.offset;
    const condition = parseLevel(reader, 0);
    const written = text.slice(start, reader.offset);
    const message = reader.accept(',') ? parseLevel(reader, 0) : null;
    reader.accept(';');
    statements.push({
      at,
      condition,
      message,
      text: written
        .replace(/#[^\n]*/g, '')
        .replace(/\s+/g, ' ')
        .trim(),
    });
  }
  return statements;
}

function parseLevel(reader: Reader, level: number): CodeExpression {
  const at = reader.position();
  if (level === COMPARISONS && reader.acceptWord('not')) {
    return { kind: 'unary', operator: 'not', operand: reader.nested(() => parseLevel(reader, level)), at };
  }
  const operators = LEVELS[level];
  if (operators === undefined) return parseUnary(reader);
  let left = parseLevel(reader, level + 1);
  // a < b < c means a < b and b < c, as in Python.
  let chain: CodeExpression | null = null;
  for (let count = 0; ; count++) {
    const operator = operators.find((text) => (/[a-z]/.test(text) ? reader.acceptWord(text) : reader.accept(text)));
    if (operator === undefined) return chain ?? left;
    if (count === MAX_OPERATORS) reader.fail(`more than ${MAX_OPERATORS} operators in a row`);
    const right = parseLevel(reader, level + 1);
    const step: CodeExpression = { kind: 'binary', operator, left, right, at };
    if (level !== COMPARISONS) {
      left = step;
      continue;
    }
    chain = chain === null ? step : { kind: 'binary', operator: 'and', left: chain, right: step, at };
    left = right;
  }
}

function parseUnary(reader: Reader): CodeExpression {
  return reader.nested(() => {
    const at = reader.position();
    if (reader.accept('-')) return { kind: 'unary', operator: '-', operand: parseUnary(reader), at };
    if (reader.accept('(')) {
      const inner = parseLevel(reader, 0);
      reader.expect(')');
      return inner;
    }
    if (reader.sees('"')) return { kind: 'text', value: reader.quoted('"'), at };
    if (reader.sees("'")) return { kind: 'text', value: reader.quoted("'"), at };
    if (reader.sees('0x')) return { kind: 'number', value: reader.integer()?.value ?? 0, at };
    const digits = reader.acceptMatch(DECIMAL);
    if (digits !== null) return { kind: 'number', value: Number(digits), at };
    return parseName(reader);
  });
}

function parseName(reader: Reader): CodeExpression {
  const at = reader.position();
  if (WORDS.has(reader.seeWord())) reader.expected('a value');
  const name = reader.word('a value');
  if (!reader.accept('(')) return { kind: 'name', name, at };
  const counts = FUNCTIONS.get(name);
  if (counts === undefined) return reader.fail(`'${name}' is no known function: abs, min, max`, at);
  const args: CodeExpression[] = [];
  if (!reader.accept(')')) {
    do args.push(parseLevel(reader, 0));
    while (reader.accept(','));
    reader.expect(')');
  }
  if (args.length < counts[0] || args.length > counts[1]) reader.fail(`wrong number of arguments for ${name}`, at);
  return { kind: 'call', name, arguments: args, at };
}
