import { scan } from '@netmem/tsdoc';
import { describe, expect, it } from 'vitest';
import { hasTest, isPublic, reachedBy, type Spanned } from './tested.ts';

const SOURCE = `/** Opens. */
export function open(): void {
  prepare();
}
function prepare(): void {
  allocate();
}
function allocate(): void {}
function fill(): void {}
function forgotten(): void {
  allocate();
}
export class Pool {
  put(): void {
    this.#recycle();
  }
  #recycle(): void {}
  constructor() {
    fill();
  }
  /** @internal */
  drop(): void {}
}
`;
const lines = SOURCE.split('\n');
const all: Spanned[] = scan(SOURCE).declarations.map((declaration) => ({
  declaration,
  text: lines.slice(declaration.line - 1, declaration.endLine - 1).join('\n'),
}));
const exported = new Set(['open', 'Pool']);
const tested = (name: string, ...words: string[]): boolean => {
  const { declaration } = all.find((candidate) => candidate.declaration.name === name)!;
  const known = { words: new Set(words), exported, reached: reachedBy(new Set(words), all) };
  return hasTest(declaration, `kernel_${name}`, known);
};

describe('isPublic', () => {
  it.each([
    ['open', true],
    ['prepare', false],
    ['Pool.put', true],
    ['Pool.#recycle', false],
    ['Pool.drop', false],
  ])('%s: %s', (name, expected) => {
    expect(isPublic(all.find(({ declaration }) => declaration.name === name)!.declaration, exported)).toBe(expected);
  });
});

describe('hasTest', () => {
  it('of a public function: a test names it', () => {
    expect(tested('open', 'open')).toBe(true);
    expect(tested('open', 'kernel_open')).toBe(false);
    expect(tested('Pool.put', 'Pool')).toBe(false);
  });

  it('of an internal one: a test names it, in either language, or leads to it over any number of calls', () => {
    expect(tested('prepare', 'kernel_prepare')).toBe(true);
    expect(tested('prepare', 'open')).toBe(true);
    expect(tested('allocate', 'open')).toBe(true);
    expect(tested('Pool.#recycle', 'put')).toBe(true);
  });

  it('of what the construction of a tested class runs', () => {
    expect(tested('fill', 'Pool')).toBe(true);
    expect(tested('fill', 'constructor')).toBe(false);
  });

  it('not of what nothing tested leads to', () => {
    expect(tested('forgotten', 'open', 'allocate')).toBe(false);
    expect(tested('Pool.#recycle', 'Pool')).toBe(false);
  });
});
