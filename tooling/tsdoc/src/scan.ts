import { type Comment, parseComment } from './comment.ts';

/**
 * What a declaration declares. Members of classes, interfaces and object literals are `member`; `export * as x` makes a
 * `namespace`.
 */
export type Kind = 'class' | 'interface' | 'function' | 'const' | 'type' | 'member' | 'namespace';

/** A declaration of a source file with its doc comment, if it has one. */
export interface Declaration {
  /** `PagePool` or `PagePool.putFullNetmem`. */
  readonly name: string;
  readonly kind: Kind;
  /** What a member is a member of. */
  readonly ownerKind: Kind | undefined;
  readonly exported: boolean;
  readonly line: number;
  /** First line after it: where the next declaration's comment, or the next declaration, or the file's end is. */
  readonly endLine: number;
  /** A field of a class: data, not behaviour. Methods and accessors are none. */
  readonly isField: boolean;
  readonly comment: Comment | undefined;
}

/** A source file, scanned. */
export interface Scan {
  /** The comment with `@packageDocumentation` or `@module`. */
  readonly module: Comment | undefined;
  readonly declarations: readonly Declaration[];
}

const TOP =
  /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(class|interface|function|const|let|type)\b\*?\s+([\w$]+)/;
const MEMBER =
  /^ {2}(?:(?:public|protected|private|static|readonly|override|async|abstract|declare|accessor|get|set)\s+|\*)*(\[[\w.]+\]|#?[\w$]+)\s*[?!]?\s*([(<:=;,])/;
const MODULE_TAGS = new Set(['packageDocumentation', 'module']);
const STATEMENT = new Set(['if', 'for', 'while', 'switch', 'return', 'const', 'let', 'throw', 'do', 'try', 'case']);

/**
 * Scans a source as the formatter leaves it: top-level declarations start in column 0, their members in column 2.
 * Comments deeper inside are not documentation.
 */
export function scan(text: string): Scan {
  const lines = text.split('\n');
  const declarations: (Declaration & { endLine: number })[] = [];
  let module: Comment | undefined;
  let pending: Comment | undefined;
  let owner: { name: string; kind: Kind; hasMembers: boolean } | undefined;
  const endPrevious = (index: number): void => {
    const previous = declarations.at(-1);
    if (previous?.endLine === Number.POSITIVE_INFINITY) previous.endLine = index + 1;
  };
  const declare = (name: string, kind: Kind, exported: boolean, index: number, isField = false): void => {
    endPrevious(index);
    const ownerKind = kind === 'member' ? owner?.kind : undefined;
    const endLine = Number.POSITIVE_INFINITY;
    declarations.push({ name, kind, ownerKind, exported, line: index + 1, endLine, isField, comment: pending });
    pending = undefined;
  };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (/^\s*\/\*\*/.test(line)) {
      const start = index;
      // Deeper in, a comment stands inside what it explains.
      if (/^(?: {2})?\/\*\*/.test(line)) endPrevious(index);
      while (!lines[index]!.includes('*/') && index < lines.length - 1) index++;
      const raw = lines.slice(start, index + 1).join('\n');
      const comment = parseComment(raw.trim());
      if (comment.tags.some((tag) => MODULE_TAGS.has(tag.name))) module = comment;
      else pending = comment;
      continue;
    }
    if (/^\s*(?:\/\/.*)?$/.test(line)) continue;
    const top = TOP.exec(line);
    if (top) {
      const kind = (top[2] === 'let' ? 'const' : top[2]) as Kind;
      declare(top[3]!, kind, top[1] !== undefined, index);
      owner = { name: top[3]!, kind, hasMembers: kind !== 'function' && /[{(]\s*$|[{(]\s*\/[/*].*$/.test(line) };
      continue;
    }
    const member = owner?.hasMembers ? MEMBER.exec(line) : null;
    if (member && !STATEMENT.has(member[1]!)) {
      const isField = owner!.kind === 'class' && member[2] !== '(' && member[2] !== '<';
      declare(`${owner!.name}.${member[1]!}`, 'member', false, index, isField);
      continue;
    }
    // A class heritage that the formatter broke opens its body on a line of its own.
    if (
      owner &&
      owner.kind !== 'function' &&
      /^(?:\{|\} ?(?:as const|satisfies).*|.*\{)$/.test(line) &&
      !/^\s/.test(line)
    )
      owner.hasMembers = true;
    if (/^\S/.test(line)) pending = undefined;
  }
  endPrevious(lines.length);
  return { module, declarations };
}
