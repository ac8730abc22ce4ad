/** A doc comment, taken apart. */
export interface Comment {
  /** Text before the first block tag, Markdown. */
  readonly summary: string;
  /** Block and modifier tags in order: `{ name: 'example', text: '...' }`. */
  readonly tags: readonly Tag[];
}

/** One `@tag` of a comment and the text that follows it. */
export interface Tag {
  readonly name: string;
  readonly text: string;
}

const FENCE = /^\s*(?:```|~~~)/;
// The one tag that may follow text on its line: `/** Puts one back. @kernel x — y, 7.3 */`.
const LATE_KERNEL = /(?<=[^\s`]) @kernel (?=\S)/;
const TAG = /^\s*@([a-zA-Z]+)\b(.*)$/;

/** Takes a raw comment, delimiters included, apart. An `@` inside a code fence starts no tag. */
export function parseComment(raw: string): Comment {
  const body = raw.replace(/^\/\*\*/, '').replace(/\*\/$/, '');
  const summary: string[] = [];
  const tags: { name: string; lines: string[] }[] = [];
  let fenced = false;
  for (const line of body.split('\n')) {
    const text = line.replace(/^\s*\* ?/, '').trimEnd();
    if (!fenced && LATE_KERNEL.test(text)) {
      const [before, after] = text.split(LATE_KERNEL) as [string, string];
      (tags.at(-1)?.lines ?? summary).push(before);
      tags.push({ name: 'kernel', lines: [after.trim()] });
      continue;
    }
    const tag = fenced ? null : TAG.exec(text);
    if (FENCE.test(text)) fenced = !fenced;
    if (tag) tags.push({ name: tag[1]!, lines: [tag[2]!.trim()] });
    else (tags.at(-1)?.lines ?? summary).push(text);
  }
  return {
    summary: summary.join('\n').trim(),
    tags: tags.map(({ name, lines }) => ({ name, text: lines.join('\n').trim() })),
  };
}

/** The first sentence of a comment on one line, `{@link x}` as code: what a table cell holds. */
export function firstSentence(comment: Comment): string {
  const paragraph = comment.summary.split(/\n\s*\n/)[0]!.replace(/\s+/g, ' ');
  const plain = paragraph.replace(/\{@link\s+([^}|\s]+)(?:\s*\|?\s*([^}]*))?\}/g, (_, target, label) =>
    label ? label : `\`${target}\``,
  );
  // Not the dot of "e.g. x", "i.e. x" or "1.5": a sentence ends before a capital, a backtick or the end.
  const end = /[.!?](?=\s+(?:[A-Z`(]|$))(?<!e\.g\.|i\.e\.)/.exec(plain);
  return (end ? plain.slice(0, end.index + 1) : plain).trim();
}
