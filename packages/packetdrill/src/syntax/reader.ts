import { PacketdrillError } from '../packetdrill-error.ts';
import type { Position } from './script.ts';

const NS_PER_SECOND = 1_000_000_000;
const FRACTION_DIGITS = 9;
/** A hundred days: as far as nanoseconds are exact in a number. */
const MAX_SECONDS = 8_640_000;
/** Expressions within expressions: nobody writes more, and the parser's stack holds it. */
const MAX_DEPTH = 64;

const BLANK = /[ \t\r\n]/;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const DIGITS = /[0-9]+/y;
const HEX = /0x([0-9A-Fa-f]+)/y;

/** The text of a script and a place in it. What is looked at next never starts with blanks or a comment. */
export class Reader {
  readonly name: string;
  readonly text: string;
  readonly #comments: 'c' | 'hash';
  #at: number;
  readonly #end: number;
  readonly #lineStarts: readonly number[];
  #depth = 0;

  /** Reads `text` from `from` to `to`; places are those in the whole text. `comments`: C's, or `#` to the end of the line. */
  constructor(name: string, text: string, from: number = 0, to: number = text.length, comments: 'c' | 'hash' = 'c') {
    this.name = name;
    this.text = text;
    this.#comments = comments;
    this.#end = to;
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    this.#at = from;
    this.#skip();
  }

  /** Offset of what is looked at next. */
  get offset(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Line and column of an offset, by default of what is looked at next. */
  position(at: number = this.#at): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.#lineStarts[low] as number) + 1 };
  }

  /** Throws: what is at `at` makes no sense. */
  fail(message: string, at: Position = this.position()): never {
    throw new PacketdrillError(this.name, at, message);
  }

  /** Throws: something else should stand here. */
  expected(what: string): never {
    return this.fail(`expected ${what}, found ${this.#found()}`);
  }

  /** Whether `text` is next. */
  sees(text: string): boolean {
    return this.#at + text.length <= this.#end && this.text.startsWith(text, this.#at);
  }

  /** The characters that come next, blanks not skipped. For lookahead only. */
  peek(length: number, from: number = 0): string {
    return this.text.slice(this.#at + from, Math.min(this.#at + from + length, this.#end));
  }

  /** Takes `text` if it is next. */
  accept(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#moveTo(this.#at + text.length);
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.expected(`'${text}'`);
  }

  /** The word that is next, not taken; empty when none is. */
  seeWord(): string {
    return this.#match(WORD)?.[0] ?? '';
  }

  /** Takes a word. */
  word(what: string): string {
    const word = this.seeWord();
    if (word === '') this.expected(what);
    this.#moveTo(this.#at + word.length);
    return word;
  }

  /** Takes the word `word` if it is next and ends there. */
  acceptWord(word: string): boolean {
    if (this.seeWord() !== word) return false;
    this.#moveTo(this.#at + word.length);
    return true;
  }

  /** Takes what a sticky regular expression matches here, or null. Whatever follows blanks must be part of the expression. */
  acceptMatch(pattern: RegExp): string | null {
    const match = this.#match(pattern);
    if (match === null) return null;
    this.#moveTo(this.#at + match[0].length);
    return match[0];
  }

  /** Takes a whole number without sign, at most `max`. */
  unsigned(what: string, max: number): number {
    const digits = this.#match(DIGITS)?.[0];
    if (digits === undefined) return this.expected(what);
    const value = Number(digits);
    if (value > max) this.fail(`${what} is out of range: at most ${max}`);
    this.#moveTo(this.#at + digits.length);
    return value;
  }

  /** Takes a number in C's notation: decimal with an optional minus, or hex. Null when none is next. */
  integer(): { readonly value: number; readonly hex: boolean } | null {
    const hex = this.#match(HEX);
    if (hex === null && this.sees('0x')) this.expected('hex digits');
    const negative = hex === null && this.sees('-');
    const digits = hex?.[1] ?? this.#match(DIGITS, negative ? 1 : 0)?.[0];
    if (digits === undefined) return null;
    const value = Number.parseInt(digits, hex === null ? 10 : 16);
    if (!Number.isSafeInteger(value)) this.fail('the number is out of range');
    this.#moveTo(this.#at + (hex?.[0].length ?? digits.length + (negative ? 1 : 0)));
    return { value: negative && value !== 0 ? -value : value, hex: hex !== null };
  }

  /** Takes a time in seconds, `0`, `.5`, `0.1`, and returns nanoseconds. `0...1` is the time 0 and an ellipsis. */
  time(): number {
    const start = this.position();
    const whole = this.#match(DIGITS)?.[0] ?? '';
    const dotAt = whole.length;
    const fraction = this.peek(1, dotAt) === '.' ? (this.#match(DIGITS, dotAt + 1)?.[0] ?? '') : '';
    if (whole === '' && fraction === '') this.expected('a time');
    const seconds = Number(whole === '' ? '0' : whole);
    if (seconds > MAX_SECONDS) this.fail(`the time is out of range: at most ${MAX_SECONDS} s`, start);
    if (fraction.length > FRACTION_DIGITS) this.fail('a time has at most nine digits behind the point', start);
    this.#moveTo(this.#at + whole.length + (fraction === '' ? 0 : 1 + fraction.length));
    return seconds * NS_PER_SECOND + Number(fraction.padEnd(FRACTION_DIGITS, '0'));
  }

  /** Takes everything up to `close` and `close` itself; the opening was taken before. Blanks count. */
  rawUntil(close: string, openedAt: Position, from: number): { readonly from: number; readonly to: number } {
    const to = this.text.indexOf(close, from);
    if (to < 0 || to + close.length > this.#end) this.fail(`'${close}' is missing`, openedAt);
    this.#moveTo(to + close.length);
    return { from, to };
  }

  /** Takes a string in double quotes; backslash, n, t, r, 0, x41 and the quote can be escaped. */
  quoted(quote: '"' | "'" = '"'): string {
    const start = this.position();
    if (!this.sees(quote)) this.expected('a string');
    let at = this.#at + 1;
    let value = '';
    for (;;) {
      const char = at < this.#end ? this.text[at] : undefined;
      if (char === undefined || char === '\n') return this.fail('the string has no end', start);
      if (char === quote) break;
      if (char === '\\') {
        const [text, length] = this.#escape(at);
        value += text;
        at += length;
      } else {
        value += char;
        at++;
      }
    }
    this.#moveTo(at + 1);
    return value;
  }

  #escape(at: number): readonly [text: string, length: number] {
    const char = this.text[at + 1] ?? '';
    if (char === 'x') {
      const digits = /^[0-9A-Fa-f]{2}/.exec(this.text.slice(at + 2, at + 4))?.[0];
      if (digits === undefined) return this.fail('expected two hex digits', this.position(at));
      return [String.fromCharCode(Number.parseInt(digits, 16)), 4];
    }
    const text = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\', '"': '"', "'": "'" }[char];
    if (text === undefined) return this.fail('unknown escape in a string', this.position(at));
    return [text, 2];
  }

  /** Runs `parse` one level deeper; too many levels are refused before they exhaust the stack. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    const result = parse();
    this.#depth--;
    return result;
  }

  #match(pattern: RegExp, from: number = 0): RegExpExecArray | null {
    pattern.lastIndex = this.#at + from;
    const match = pattern.exec(this.text);
    return match !== null && pattern.lastIndex <= this.#end ? match : null;
  }

  #moveTo(at: number): void {
    this.#at = at;
    this.#skip();
  }

  #skip(): void {
    for (;;) {
      while (this.#at < this.#end && BLANK.test(this.text[this.#at] as string)) this.#at++;
      if (this.#comments === 'hash' ? this.sees('#') : this.sees('//')) {
        const end = this.text.indexOf('\n', this.#at);
        this.#at = end < 0 || end > this.#end ? this.#end : end;
      } else if (this.#comments === 'c' && this.sees('/*')) {
        const end = this.text.indexOf('*/', this.#at + 2);
        if (end < 0 || end + 2 > this.#end) this.fail('the comment has no end');
        this.#at = end + 2;
      } else {
        return;
      }
    }
  }

  #found(): string {
    if (this.done) return this.#end < this.text.length ? 'the end of the code' : 'the end of the script';
    const rest = this.text.slice(this.#at, Math.min(this.#at + 24, this.#end));
    const token = /^(?:[A-Za-z0-9_]+|\.{3}|%\{|\}%|[^\s])/u.exec(rest)?.[0] ?? rest[0];
    return `'${token}'`;
  }
}
