const START = '<!-- packages, written by `pnpm readme` -->';
const END = '<!-- /packages -->';

/** One row of the table in the root README. */
export interface PackageRow {
  /** Folder name below packages/. */
  readonly folder: string;
  readonly name: string;
  readonly description: string;
  /** Imports of other packages, folder names. */
  readonly imports: readonly string[];
}

/** Puts the package table between its markers, bottom of the graph first. Throws when the markers are missing. */
export function withPackageTable(readme: string, rows: readonly PackageRow[]): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} … ${END}`);
  const lines = bottomUp(rows).map(
    ({ folder, name, description }) =>
      `| [\`${name}\`](packages/${folder}/README.md) | ${description.replaceAll('|', '\\|')} |`,
  );
  const table = ['| Package | What it is |', '| --- | --- |', ...lines].join('\n');
  return `${readme.slice(0, start)}${START}\n${table}\n${readme.slice(end)}`;
}

/** Orders rows so that each comes after what it imports, by name where the graph leaves a choice. */
function bottomUp(rows: readonly PackageRow[]): PackageRow[] {
  const sorted: PackageRow[] = [];
  const done = new Set<string>();
  let rest = rows.toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
  while (rest.length > 0) {
    const next = rest.find((row) => row.imports.every((name) => done.has(name)));
    if (!next) throw new Error(`packages import each other: ${rest.map((row) => row.folder).join(', ')}`);
    sorted.push(next);
    done.add(next.folder);
    rest = rest.filter((row) => row !== next);
  }
  return sorted;
}
