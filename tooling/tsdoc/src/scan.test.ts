import { describe, expect, it } from 'vitest';
import { firstSentence, parseComment } from './comment.ts';
import { scan } from './scan.ts';

const SOURCE = `/**
 * A module. Second sentence.
 *
 * @example
 * \`\`\`ts
 * // @notATag
 * run();
 * \`\`\`
 *
 * @packageDocumentation
 */
import { x } from './x.ts';

/** A pool. */
export class Pool<T extends object>
  extends Base<T>
{
  /** Count. */
  readonly #held: number = 0;

  /**
   * Puts one back.
   *
   * @kernel page_pool_put — net/core/page_pool.c, 7.3
   */
  put(ref: number): void {
    if (ref === 0) return;
    for (const a of b) c(a);
  }

  bare(): void {}
}

/** A table. */
export const OPS = {
  /** Opens. */
  open: 1,
};

export type Bare = string;
export function wide(
  a: number,
): void {
  call(a);
}
function inner(): void {}
`;

describe('scan', () => {
  const result = scan(SOURCE);
  const byName = new Map(result.declarations.map((declaration) => [declaration.name, declaration]));

  it('finds the module comment and keeps code fences whole', () => {
    expect(result.module?.summary).toBe('A module. Second sentence.');
    expect(result.module?.tags).toEqual([
      { name: 'example', text: '```ts\n// @notATag\nrun();\n```' },
      { name: 'packageDocumentation', text: '' },
    ]);
  });

  it('names declarations and members, and nothing inside a body', () => {
    expect([...byName.keys()]).toEqual([
      'Pool',
      'Pool.#held',
      'Pool.put',
      'Pool.bare',
      'OPS',
      'OPS.open',
      'Bare',
      'wide',
      'inner',
    ]);
  });

  it('gives each declaration its own comment and no other', () => {
    expect(byName.get('Pool')?.comment?.summary).toBe('A pool.');
    expect(byName.get('Pool.put')?.comment?.tags).toEqual([
      { name: 'kernel', text: 'page_pool_put — net/core/page_pool.c, 7.3' },
    ]);
    expect(byName.get('Pool.bare')?.comment).toBeUndefined();
    expect(byName.get('OPS.open')?.comment?.summary).toBe('Opens.');
  });

  it('knows where a declaration ends, and which members are fields', () => {
    const lines = SOURCE.split('\n');
    const put = byName.get('Pool.put')!;
    expect(lines.slice(put.line - 1, put.endLine - 1).join('\n')).toMatch(/^ {2}put.*for \(const a.*\n {2}}\n$/s);
    expect(result.declarations.filter(({ isField }) => isField).map(({ name }) => name)).toEqual(['Pool.#held']);
  });

  it('tells exported from private', () => {
    expect(result.declarations.filter((declaration) => declaration.exported).map(({ name }) => name)).toEqual([
      'Pool',
      'OPS',
      'Bare',
      'wide',
    ]);
  });
});

describe('parseComment', () => {
  it('takes a kernel tag that follows text on its line', () => {
    expect(parseComment('/** Puts one. @kernel put — a.c, 7.3 */')).toEqual({
      summary: 'Puts one.',
      tags: [{ name: 'kernel', text: 'put — a.c, 7.3' }],
    });
  });
});

describe('firstSentence', () => {
  it.each([
    ['/** One. Two. */', 'One.'],
    ['/** Bytes, e.g. 1.5 of them. More. */', 'Bytes, e.g. 1.5 of them.'],
    ['/** See {@link Pool} and {@link Pool.put | put}. */', 'See `Pool` and put.'],
    ['/** No dot\n * at all\n *\n * Next paragraph. */', 'No dot at all'],
  ])('of %j', (raw, sentence) => {
    expect(firstSentence(parseComment(raw))).toBe(sentence);
  });
});
