import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OptionDefaults } from 'typedoc';

/** The sources of every module that a package exports, subpaths too. */
function modules() {
  const manifests = globSync('../../packages/*/package.json', { cwd: import.meta.dirname }).toSorted();
  return manifests.flatMap((path) => {
    const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, path), 'utf8'));
    const sources = Object.values(exports).map((target) => target['@netmem/source']);
    return sources.filter((source) => source !== undefined).map((source) => join(dirname(path), source));
  });
}

/** One program over the sources of all packages: no build is needed first. */
export default {
  name: 'netmem',
  plugin: ['./src/module-names.ts'],
  entryPoints: modules(),
  tsconfig: './tsconfig.typedoc.json',
  out: './dist',
  readme: '../../README.md',
  projectDocuments: ['../../docs/*.md'],
  blockTags: [...OptionDefaults.blockTags, '@kernel'],

  // `tsc -b` checks types; this only reads them.
  skipErrorChecking: true,
  // No forge to link to: the site carries the sources itself, see src/build.ts.
  disableGit: true,
  basePath: '../../packages',
  sourceLinkTemplate: '../sources/{path}.txt',
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  searchInComments: true,
  searchInDocuments: true,
  navigation: { includeCategories: false, includeGroups: false },

  // A public name without a doc comment, or a link to nowhere, fails the site.
  validation: { notDocumented: true, invalidLink: true, invalidPath: true, notExported: false },
  treatValidationWarningsAsErrors: true,
  requiredToBeDocumented: [
    'Accessor',
    'Class',
    'Enum',
    'Function',
    'Interface',
    'Method',
    'Module',
    'TypeAlias',
    'Variable',
  ],
};
