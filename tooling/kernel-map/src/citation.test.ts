import { describe, expect, it } from 'vitest';
import { parseCitation } from './citation.ts';
import type { Mirror } from './mirrors.ts';
import { renderPage } from './page.ts';

describe('parseCitation', () => {
  it('reads name, file and version', () => {
    expect(parseCitation('page_pool_put — net/core/page_pool.c, 7.3')).toEqual([
      { kernel: 'page_pool_put', file: 'net/core/page_pool.c', version: '7.3' },
    ]);
  });

  it('reads why a mirror is partial, over lines', () => {
    expect(parseCitation('gro — net/core/gro.c, 7.3 (partial: no\n frag_list)')).toMatchObject([
      { partial: 'no frag_list' },
    ]);
  });

  it('reads a comma list, a structure and text after the line', () => {
    expect(parseCitation('struct a, b() — a/b.h, 7.3\nMore words.')?.map(({ kernel }) => kernel)).toEqual([
      'struct a',
      'b',
    ]);
  });

  it.each(['page_pool_put', 'page_pool_put — net/core/page_pool.c', 'x — somewhere, 7.3'])('refuses %j', (text) => {
    expect(parseCitation(text)).toBeNull();
  });
});

describe('renderPage', () => {
  const mirror: Mirror = {
    kernel: 'page_pool_create',
    file: 'net/core/page_pool.c',
    version: '7.3',
    name: 'PagePool.create',
    path: 'packages/page-pool/src/pool.ts',
  };

  it('lists a mirror once and counts it, with the rest of the file absent', () => {
    const page = renderPage([mirror]);
    expect(page).toContain(
      '| `page_pool_create` | [`PagePool.create`](../packages/page-pool/src/pool.ts) | 7.3 | full |',
    );
    expect(page).toMatch(/\| \[net\/core\/page_pool\.c\]\(#netcorepage_poolc\) \| 1 \| 0 \| \d+ \|/);
    expect(page).toContain('`page_pool_destroy`');
  });

  it('says why a mirror is partial', () => {
    expect(renderPage([{ ...mirror, partial: 'one order' }])).toContain('| partial: one order |');
  });
});
