import type { Mirror } from './mirrors.ts';
import { SCOPE } from './scope.ts';

/** The page: coverage per kernel file, then a table per file, absent names last. */
export function renderPage(mirrors: readonly Mirror[]): string {
  const files = [...new Set([...Object.keys(SCOPE), ...mirrors.map((mirror) => mirror.file)])].toSorted();
  const sections = files.map((file) => section(file, mirrors));
  return [
    '<!-- Written by `pnpm kernel-map` from the @kernel tags in packages/*/src. -->',
    '# Linux and TypeScript, name by name',
    '',
    'What mirrors a kernel function, structure or constant carries a `@kernel` tag; this page is made from them.',
    '*Absent* are the names of the receive path of device memory that nothing here mirrors yet.',
    '',
    '| Kernel file | full | partial | absent |',
    '| --- | ---: | ---: | ---: |',
    ...sections.map(({ row }) => row),
    '',
    ...sections.map(({ text }) => text),
  ].join('\n');
}

function section(file: string, all: readonly Mirror[]): { row: string; text: string } {
  const mirrors = all.filter((mirror) => mirror.file === file).toSorted(byKernelName);
  const known = new Map<string, boolean>();
  for (const { kernel, partial } of mirrors) {
    known.set(kernel, (known.get(kernel) ?? false) || partial === undefined);
  }
  const full = [...known.values()].filter(Boolean).length;
  const absent = (SCOPE[file] ?? []).filter((name) => !known.has(name)).toSorted();
  const rows = mirrors.map(
    (mirror) =>
      `| \`${mirror.kernel}\` | [\`${mirror.name}\`](../${mirror.path}) | ${mirror.version} | ${coverage(mirror)} |`,
  );
  const table = ['| Linux | TypeScript | as of | coverage |', '| --- | --- | --- | --- |', ...rows, ''];
  const missing = absent.length > 0 ? [`Absent: ${absent.map((name) => `\`${name}\``).join(', ')}.`, ''] : [];
  return {
    row: `| [${file}](#${anchor(file)}) | ${full} | ${known.size - full} | ${absent.length} |`,
    text: [`## ${file}`, '', ...(rows.length > 0 ? table : []), ...missing].join('\n'),
  };
}

function coverage(mirror: Mirror): string {
  return mirror.partial === undefined ? 'full' : `partial: ${mirror.partial.replaceAll('|', '\\|')}`;
}

function byKernelName(a: Mirror, b: Mirror): number {
  const left = `${a.kernel} ${a.name}`;
  const right = `${b.kernel} ${b.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The anchor a Markdown renderer gives a heading: letters, digits and dashes stay. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^\w-]/g, '');
}
