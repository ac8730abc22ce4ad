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

  it('lets tests import only what is in the table, and names nothing twice', () => {
    const names = new Set(ROWS.map(shortName));
    for (const row of ROWS) {
      for (const name of row.tests) expect(names, `tests of ${row.name} import ${name}`).toContain(name);
      const all = [...row.imports, ...row.tests];
      expect(new Set(all).size, row.name).toBe(all.length);
    }
  });

  it('gives each package a row of its own', () => {
    expect(new Set(ROWS.map(shortName)).size).toBe(ROWS.length);
  });
});
