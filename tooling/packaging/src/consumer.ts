import { execFileSync } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT, type Tarball } from './tarballs.ts';

/** The environment of a user's machine: its own node and npm, nothing of this workspace on the path. */
const OUTSIDE: NodeJS.ProcessEnv = {
  HOME: process.env.HOME,
  PATH: (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter),
};

/**
 * Installs the tarballs into an empty project with the machine's npm, imports every module with the machine's node and
 * type-checks a program that imports them all. Throws at the first thing that does not work.
 */
export function consume(folder: string, tarballs: readonly Tarball[]): void {
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: folder, env: OUTSIDE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  // What packages need from outside; the copies pnpm installed, so that nothing is downloaded here.
  const types = join(ROOT, 'node_modules/@types/node');
  const outside = [join(ROOT, 'packages/tap/node_modules/koffi'), types, beside(types, '../undici-types')];
  const quiet = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  run(
    'npm',
    'install',
    ...quiet,
    ...outside.map((path) => realpathSync(path)),
    ...tarballs.map((tarball) => tarball.path),
  );

  const modules = tarballs.flatMap((tarball) => tarball.modules);
  writeFileSync(
    join(folder, 'use.mjs'),
    `for (const name of ${JSON.stringify(modules)}) await import(name);\nconsole.log(process.version);\n`,
  );
  console.log(`imported ${modules.length} modules under node ${run('node', 'use.mjs').trim()}`);

  for (const nodeTypes of [false, true]) {
    const names = tarballs.filter((tarball) => tarball.nodeTypes === nodeTypes).flatMap((tarball) => tarball.modules);
    if (names.length > 0) typeCheck(folder, nodeTypes ? 'on-node' : 'anywhere', names);
  }
}

/**
 * Type-checks a program that imports the modules, in both ways of finding modules. It lists no ambient types, so what
 * claims to run anywhere must not need Node's.
 */
function typeCheck(folder: string, program: string, modules: readonly string[]): void {
  // A module that resolved to `any` would have every export: the expected error proves that the types are real.
  const uses = modules.flatMap((name, index) => [
    `import * as m${index} from '${name}';`,
    '// @ts-expect-error',
    `m${index}.noSuchExport;`,
  ]);
  writeFileSync(join(folder, `${program}.ts`), `${uses.join('\n')}\n`);
  const options = { strict: true, noEmit: true, types: [], target: 'es2024', lib: ['es2024', 'esnext', 'dom'] };
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const config = { compilerOptions: { ...options, module, moduleResolution }, files: [`${program}.ts`] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    console.log(`type-checked ${program}: ${modules.length} modules, module resolution ${moduleResolution}`);
  }
}

/** A package that pnpm put beside another one, as its dependency. */
function beside(path: string, name: string): string {
  return join(realpathSync(path), '..', name);
}
