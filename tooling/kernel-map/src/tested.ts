import type { Declaration } from '@netmem/tsdoc';

/** A declaration of a package and the source text it spans, comment left out. */
export interface Spanned {
  readonly declaration: Declaration;
  readonly text: string;
}

/** What is known of a package when its mirrors are asked for tests. */
export interface PackageTests {
  /** Identifiers in the package's tests: code, titles and comments. */
  readonly words: ReadonlySet<string>;
  /** Names that users of the package can import, `namespace.member` as `member`. */
  readonly exported: ReadonlySet<string>;
  /** What {@link reachedBy} found. */
  readonly reached: ReadonlySet<Declaration>;
}

/** `PagePool.#put` → `put`. */
export function wordOf(name: string): string {
  return name.split('.').at(-1)!.replace('#', '');
}

/**
 * Whether a user can call it: exported from a module of the package, or a member of what is; neither `#private` nor
 * marked `@internal`.
 */
export function isPublic(declaration: Declaration, exported: ReadonlySet<string>): boolean {
  const internal = declaration.comment?.tags.some((tag) => tag.name === 'internal') ?? false;
  return exported.has(declaration.name.split('.')[0]!) && !declaration.name.includes('#') && !internal;
}

/**
 * Whether a mirror with behaviour has a test, as far as names can tell:
 *
 * - a public one has when a test of its package names it;
 * - an internal one has when a test names it, by its own or the kernel's name, or when something that has a test leads to
 *   it.
 *
 * This reads names. It finds mirrors that nobody tests; that a test looks at what matters, it cannot know.
 */
export function hasTest(declaration: Declaration, kernelName: string, tests: PackageTests): boolean {
  if (tests.words.has(wordOf(declaration.name))) return true;
  if (isPublic(declaration, tests.exported)) return false;
  return tests.words.has(kernelName) || tests.reached.has(declaration);
}

const IDENTIFIER = /[\w$]+/g;

/**
 * The declarations to which `words`, those of the tests, lead: directly, or through others. What a declaration's text
 * names, it leads to; who names a class leads to what its construction runs, its constructor and fields.
 */
export function reachedBy(words: ReadonlySet<string>, all: readonly Spanned[]): Set<Declaration> {
  const byWord = Map.groupBy(all, ({ declaration }) => wordOf(declaration.name));
  const constructed = Map.groupBy(
    all.filter(({ declaration: { name, isField } }) => isField || name.endsWith('.constructor')),
    ({ declaration }) => declaration.name.split('.')[0]!,
  );
  const reached = new Set<Declaration>();
  const enter = ({ declaration, text }: Spanned): void => {
    if (reached.has(declaration)) return;
    reached.add(declaration);
    for (const [inner] of text.matchAll(IDENTIFIER)) visit(inner);
    if (declaration.kind === 'class') constructed.get(declaration.name)?.forEach(enter);
  };
  const visit = (word: string): void => {
    // `constructor` is said of every class alike; Object.prototype's names would lead anywhere.
    if (word !== 'constructor') byWord.get(word)?.forEach(enter);
  };
  for (const word of words) visit(word);
  return reached;
}
