/** The console for a person: everything as it comes, except lines that are for the program that started the guest. */

/** Passes text on, character by character where it can, and holds back only what may become such a line. */
export class ConsoleFilter {
  readonly #out: (text: string) => void;
  #atLineStart = true;
  #held = '';

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  push(text: string): void {
    let shown = '';
    for (const character of text) {
      if (this.#held !== '') {
        this.#held += character;
        if (character === '\n') this.#held = '';
        continue;
      }
      if (this.#atLineStart && character === '@') {
        this.#held = character;
        continue;
      }
      // A carriage return does not end a line here: one stands before each newline.
      if (character !== '\r') this.#atLineStart = character === '\n';
      shown += character;
    }
    if (shown !== '') this.#out(shown);
  }
}
