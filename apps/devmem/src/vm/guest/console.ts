/** What the guest's console says, line by line: lines for us begin with `@` and a word, everything else is for people. */

/** A line for us. */
export interface ConsoleEvent {
  readonly word: string;
  readonly rest: string;
}

/** Firmware clears the screen and moves the cursor before a kernel speaks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\x1b(?:\[[0-9;?=]*[A-Za-z]|c)/g;
const LINE_MAX = 4096;

/** Splits a console's output. A line never grows without bound. */
export class ConsoleReader {
  readonly #onEvent: (event: ConsoleEvent) => void;
  readonly #onText: (line: string) => void;
  #rest = '';

  constructor(onEvent: (event: ConsoleEvent) => void, onText: (line: string) => void) {
    this.#onEvent = onEvent;
    this.#onText = onText;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-LINE_MAX);
    for (const line of lines) this.#line(line);
  }

  /** The console is closed: what is left is a line. */
  end(): void {
    this.#line(this.#rest);
    this.#rest = '';
  }

  #line(raw: string): void {
    const line = raw.replaceAll(ESCAPES, '').replaceAll('\r', '').trimEnd();
    if (line === '') return;
    const event = /^@([a-z]+)(?: (.*))?$/.exec(line);
    if (event === null) this.#onText(line);
    else this.#onEvent({ word: event[1] as string, rest: event[2] ?? '' });
  }
}
