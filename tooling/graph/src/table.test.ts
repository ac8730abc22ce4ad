import { describe, expect, it } from 'vitest';
import { ROWS, shortName } from './table.ts';

describe('the package table', () => {
  it('lists every package above the ones it imports, so that no cycle is possible', () => {
    const seen = new Set<string>();
    for (const row of ROWS) {
      for (const name of row.imports) expect(seen, `${row.name} imports ${name}`).toContain(name);
      seen.add(shortName(row));
    }
  });

  it('gives each package a row of its own', () => {
    expect(new Set(ROWS.map(shortName)).size).toBe(ROWS.length);
  });
});
