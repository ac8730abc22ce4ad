import { CONSTANTS } from '../constants.ts';
import type { BinaryOperator, CodeEvent, CodeExpression } from '../syntax/script.ts';
import type { HostTcpInfo } from './host.ts';
import type { Session } from './session.ts';

/** What an expression of an assertion can be. */
type Value = number | string | boolean;

/** A name that stands for nothing, or operands that an operator does not take: the assertion fails with these words. */
class Nonsense {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Checks the assertions of a piece of code against the `tcp_info` of the socket under test. */
export function playCode(session: Session, event: CodeEvent): void {
  const { host, descriptors } = session;
  const fd = descriptors.underTest?.hostFd;
  const info = fd === undefined ? null : (host.tcpInfo?.(fd) ?? null);
  for (const { at, condition, message, text } of event.statements) {
    const result = evaluate(condition, info);
    if (!(result instanceof Nonsense) && isTrue(result)) continue;
    const values = [...new Set(namesOf(condition))].map((name) => `${name} = ${show(lookUp(name, info))}`);
    const said = message === null ? '' : `: ${show(evaluate(message, info))}`;
    const why = result instanceof Nonsense ? ` (${result.message})` : '';
    session.fail(at.line, {
      kind: 'code',
      message: `the assertion does not hold${said}${why}`,
      expected: text,
      actual: values.length === 0 ? null : values.join(', '),
    });
    return;
  }
}

function show(value: Value | Nonsense): string {
  return value instanceof Nonsense ? `(${value.message})` : String(value);
}

function isTrue(value: Value): boolean {
  return typeof value === 'string' ? value !== '' : Boolean(value);
}

function lookUp(name: string, info: HostTcpInfo | null): Value | Nonsense {
  if (name === 'True' || name === 'False') return name === 'True';
  const known = info !== null && Object.hasOwn(info, name) ? info[name] : CONSTANTS.get(name);
  if (known !== undefined) return known;
  return new Nonsense(
    info === null ? `there is no socket whose ${name} could be asked for` : `tcp_info has no ${name}`,
  );
}

function namesOf(expression: CodeExpression): string[] {
  switch (expression.kind) {
    case 'name':
      return [expression.name];
    case 'unary':
      return namesOf(expression.operand);
    case 'binary':
      return [...namesOf(expression.left), ...namesOf(expression.right)];
    case 'call':
      return expression.arguments.flatMap(namesOf);
    default:
      return [];
  }
}

function evaluate(expression: CodeExpression, info: HostTcpInfo | null): Value | Nonsense {
  switch (expression.kind) {
    case 'number':
    case 'text':
      return expression.value;
    case 'name':
      return lookUp(expression.name, info);
    case 'unary': {
      const operand = evaluate(expression.operand, info);
      if (operand instanceof Nonsense) return operand;
      if (expression.operator === 'not') return !isTrue(operand);
      return typeof operand === 'number' ? -operand : new Nonsense('- takes a number');
    }
    case 'binary':
      return evaluateBinary(expression, info);
    case 'call': {
      const values = expression.arguments.map((argument) => evaluate(argument, info));
      const nonsense = values.find((value) => value instanceof Nonsense);
      if (nonsense !== undefined) return nonsense;
      const numbers = values.map(Number);
      if (expression.name === 'abs') return Math.abs(numbers[0] ?? 0);
      return expression.name === 'min' ? Math.min(...numbers) : Math.max(...numbers);
    }
  }
}

function evaluateBinary(
  expression: CodeExpression & { readonly kind: 'binary' },
  info: HostTcpInfo | null,
): Value | Nonsense {
  const { operator } = expression;
  const left = evaluate(expression.left, info);
  if (left instanceof Nonsense) return left;
  // The right side of `and` and `or` is looked at only when it matters.
  if (operator === 'and' || operator === 'or') {
    return isTrue(left) === (operator === 'or') ? left : evaluate(expression.right, info);
  }
  const right = evaluate(expression.right, info);
  if (right instanceof Nonsense) return right;
  if (operator === '==') return plain(left) === plain(right);
  if (operator === '!=') return plain(left) !== plain(right);
  if (typeof left === 'string' || typeof right === 'string') return new Nonsense(`${operator} takes numbers`);
  return calculate(operator, Number(left), Number(right));
}

/** True is 1, as in Python. */
function plain(value: Value): number | string {
  return typeof value === 'string' ? value : Number(value);
}

function calculate(operator: BinaryOperator, a: number, b: number): Value | Nonsense {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) return new Nonsense('division by zero');
  switch (operator) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '|':
      return a | b;
    case '&':
      return a & b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '//':
      return Math.floor(a / b);
    // Python's remainder has the sign of the divisor.
    default:
      return a - b * Math.floor(a / b);
  }
}
