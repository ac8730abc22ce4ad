import type { Declaration } from '@netmem/tsdoc';

/** A `@kernel` tag, read: which name of which kernel file a declaration mirrors, and how much of it. */
export interface Citation {
  /** The kernel's name, `struct x` for a structure. */
  readonly kernel: string;
  /** Path in the kernel tree. */
  readonly file: string;
  readonly version: string;
  /** Why the mirror is partial; absent when it is full. */
  readonly partial?: string;
}

const FORM = /^(.+?)\s+[—–-]\s+([\w./-]+\.[chSy](?:aml)?),\s*([\d.]*\d)\.?(?:\s*\(partial:\s*([\s\S]+)\))?$/;

/** Reads the text of one `@kernel` tag; null when it does not have the form. Several names share a comma list. */
export function parseCitation(text: string): Citation[] | null {
  const paragraph = text
    .split(/\n\s*\n/)[0]!
    .replace(/\s+/g, ' ')
    .trim();
  const match = FORM.exec(paragraph) ?? FORM.exec(text.split('\n')[0]!.trim());
  if (!match) return null;
  const [, names, file, version, partial] = match;
  return names!.split(/,\s*/).map((name) => ({
    kernel: name.replaceAll('`', '').replace(/\(\)$/, ''),
    file: file!,
    version: version!,
    ...(partial === undefined ? {} : { partial }),
  }));
}

/**
 * Whether a mirror has behaviour that a test can meet: shapes (interfaces, types, their members, fields of classes,
 * classes of fields alone) have none, nor have constants and tables of constants. `all` are the file's declarations.
 */
export function isTestable(declaration: Declaration, all: readonly Declaration[]): boolean {
  const kind = declaration.ownerKind ?? declaration.kind;
  const isConstant = kind === 'const' && /^[A-Z0-9_]+$/.test(declaration.name.split('.')[0]!);
  const isShape = kind === 'interface' || kind === 'type' || declaration.isField || isRecord(declaration, all);
  return !isShape && !isConstant;
}

/** A class that has fields and nothing else. */
function isRecord({ kind, name }: Declaration, all: readonly Declaration[]): boolean {
  if (kind !== 'class') return false;
  const members = all.filter((other) => other.kind === 'member' && other.name.startsWith(`${name}.`));
  return members.length > 0 && members.every((member) => member.isField);
}
