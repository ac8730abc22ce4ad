import { type Comment, type Export, firstSentence } from '@netmem/tsdoc';

/** What a README is made from. */
export interface Source {
  readonly manifest: Manifest;
  readonly module: Comment;
  readonly exports: readonly Export[];
  /** Modules besides the main one: `./abi` and its exports. */
  readonly subpaths: readonly {
    readonly name: string;
    readonly module: Comment;
    readonly exports: readonly Export[];
  }[];
}

/** The fields of a package.json a README shows. */
export interface Manifest {
  readonly name: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** More constants than this are listed by name only: a table of numbers is the reference's business. */
const TABLED_CONSTANTS = 12;

const HEADINGS = [
  ['namespace', 'Namespaces'],
  ['class', 'Classes'],
  ['function', 'Functions'],
  ['interface', 'Types'],
  ['const', 'Constants'],
] as const;

/** The Markdown of a package's README. */
export function render({ manifest, module, exports, subpaths }: Source): string {
  const peers = Object.keys(manifest.peerDependencies ?? {});
  const examples = examplesOf(module);
  return [
    '<!-- Written by `pnpm readme` from the module comment of src/index.ts: edit that. -->',
    `# ${manifest.name}`,
    '',
    markdown(module.summary),
    '',
    '## Install',
    '',
    '```sh',
    `npm install ${[manifest.name, ...peers].join(' ')}`,
    '```',
    '',
    ...(examples.length > 0 ? ['## Example', '', ...fenced(examples)] : []),
    '## API',
    '',
    ...listing(exports),
    ...subpaths.flatMap((sub) => [
      `### ${manifest.name}/${sub.name}`,
      '',
      markdown(sub.module.summary),
      '',
      ...fenced(examplesOf(sub.module)),
      ...listing(sub.exports),
    ]),
    'Shapes, units and every error are in the reference: `npx -y pnpm@12.21.0 site` builds it into `apps/site/dist`.',
    '',
  ].join('\n');
}

/** The code of each `@example` of a module comment. */
export function examplesOf(module: Comment): string[] {
  return module.tags.filter((tag) => tag.name === 'example').flatMap((tag) => programsIn(tag.text));
}

/** All code that a README shows of a module: what stands in its text, and its examples. All of it must run. */
export function programsOf(module: Comment): string[] {
  return [...programsIn(module.summary), ...examplesOf(module)];
}

/** The TypeScript in a Markdown text. */
export function programsIn(text: string): string[] {
  return [...text.matchAll(/```ts\n([\s\S]*?)\n```/g)].map((match) => match[1]!);
}

function fenced(programs: readonly string[]): string[] {
  return programs.flatMap((text) => ['```ts', text, '```', '']);
}

function listing(exports: readonly Export[]): string[] {
  return HEADINGS.flatMap(([kind, heading]) => {
    const group = exports.filter(
      ({ declaration }) => (declaration.kind === 'type' ? 'interface' : declaration.kind) === kind,
    );
    if (group.length === 0) return [];
    if (kind === 'const' && group.length > TABLED_CONSTANTS) {
      return [`**${heading}**: ${group.map(({ name }) => `\`${name}\``).join(', ')}.`, ''];
    }
    const rows = group.map(({ name, declaration }) => `| \`${name}\` | ${cell(declaration.comment)} |`);
    return [`| ${heading} | |`, '| --- | --- |', ...rows, ''];
  });
}

function cell(comment: Comment | undefined): string {
  return comment ? firstSentence(comment).replaceAll('|', '\\|') : '';
}

function markdown(text: string): string {
  return text.replace(/\{@link\s+([^}|\s]+)(?:\s*\|\s*([^}]*))?\}/g, (_, target, label) => label ?? `\`${target}\``);
}
