import { parseComment } from '@netmem/tsdoc';
import { describe, expect, it } from 'vitest';
import { examplesOf, programsOf, render } from './render.ts';

const module = parseComment(`/**
 * Counts sheep, see {@link Sheep}.
 *
 * @example
 * \`\`\`ts
 * count(1);
 * \`\`\`
 *
 * @packageDocumentation
 */`);
const declaration = {
  name: 'count',
  kind: 'function',
  ownerKind: undefined,
  exported: true,
  line: 1,
  endLine: 2,
  isField: false,
  comment: parseComment('/** Counts a | b. And more. */'),
} as const;

const herd = {
  name: 'herd',
  declaration: { ...declaration, name: 'herd', kind: 'namespace', comment: parseComment('/** Many. */') },
  members: [{ name: 'count', declaration, members: [] }],
} as const;

describe('render', () => {
  const manifest = { name: '@netmem/sheep', peerDependencies: { '@netmem/machine': 'workspace:^' } };
  const text = render({ manifest, module, exports: [{ name: 'count', declaration, members: [] }, herd], subpaths: [] });

  it('installs the peers with the package', () => {
    expect(text).toContain('npm install @netmem/sheep @netmem/machine\n');
  });

  it('shows the comment, the example and the first sentence of each export', () => {
    expect(text).toContain('Counts sheep, see `Sheep`.');
    expect(text).toContain('```ts\ncount(1);\n```');
    expect(text).toContain('| `count` | Counts a \\| b. |');
    expect(text).toContain('| Namespaces | |\n| --- | --- |\n| `herd` | Many. |');
  });

  it('takes the code of an example without its fence', () => {
    expect(examplesOf(module)).toEqual(['count(1);']);
  });

  it('takes code in the text for a program too', () => {
    const shown = parseComment(
      '/**\n * Like this:\n *\n * ```ts\n * a();\n * ```\n *\n * @example\n * ```ts\n * b();\n * ```\n */',
    );
    expect(programsOf(shown)).toEqual(['a();', 'b();']);
  });
});
