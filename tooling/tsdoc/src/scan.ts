import { type Comment, parseComment } from './comment.ts';

/** What a declaration declares. Members of classes, interfaces and object literals are `member`. */
export type Kind = 'class' | 'interface' | 'function' | 'const' | 'type' | 'member';

/** A declaration of a source file with its doc comment, if it has one. */
export interface Declaration {
  /** `PagePool` or `PagePool.putFullNetmem`. */
  readonly name: string;
  readonly kind: Kind;
  /** What a member is a member of. */
  readonly ownerKind: Kind | undefined;
  readonly exported: boolean;
  readonly line: number;
  readonly comment: Comment | undefined;
}

/** A source file, scanned. */
export interface Scan {
  /** The comment with `@packageDocumentation`. */
  readonly module: Comment | undefined;
  readonly declarations: readonly Declaration[];
}

const TOP =
  /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(class|interface|function|const|let|type)\b\*?\s+([\w$]+)/;
const MEMBER =
  /^ {2}(?:(?:public|protected|private|static|readonly|override|async|abstract|declare|accessor|get|set)\s+|\*)*(\[[\w.]+\]|#?[\w$]+)\s*[?!]?\s*[(<:=;,]/;
const STATEMENT = new Set(['if', 'for', 'while', 'switch', 'return', 'const', 'let', 'throw', 'do', 'try', 'case']);

/**
 * Scans a source as the formatter leaves it: top-level declarations start in column 0, their members in column 2.
 * Comments deeper inside are not documentation.
 */
export function scan(text: string): Scan {
  const lines = text.split('\n');
  const declarations: Declaration[] = [];
  let module: Comment | undefined;
  let pending: Comment | undefined;
  let owner: { name: string; kind: Kind; hasMembers: boolean } | undefined;
  const declare = (name: string, kind: Kind, exported: boolean, index: number): void => {
    const ownerKind = kind === 'member' ? owner?.kind : undefined;
    declarations.push({ name, kind, ownerKind, exported, line: index + 1, comment: pending });
    pending = undefined;
  };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (/^\s*\/\*\*/.test(line)) {
      const start = index;
      while (!lines[index]!.includes('*/') && index < lines.length - 1) index++;
      const raw = lines.slice(start, index + 1).join('\n');
      const comment = parseComment(raw.trim());
      if (comment.tags.some((tag) => tag.name === 'packageDocumentation')) module = comment;
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
      declare(`${owner!.name}.${member[1]!}`, 'member', false, index);
      continue;
    }
    // A class heritage that the formatter broke opens its body on a line of its own.
    if (owner && /^(?:\{|\} ?(?:as const|satisfies).*|.*\{)$/.test(line) && !/^\s/.test(line)) owner.hasMembers = true;
    if (/^\S/.test(line)) pending = undefined;
  }
  return { module, declarations };
}
