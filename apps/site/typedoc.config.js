import { OptionDefaults } from 'typedoc';

/** One program over the sources of all packages: no build is needed first. */
export default {
  name: 'netmem',
  plugin: ['./src/module-names.ts'],
  entryPoints: ['../../packages/*/src/index.ts', '../../packages/vnic/src/abi/index.ts'],
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
