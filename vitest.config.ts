import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their sources: no build step before tests.
const conditions = ['@netmem/source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters: ['default', './tooling/vitest-reporter/src/index.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // No test measures time; a busy two-core machine must not make one fail.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ['{packages,apps,tooling}/*/src/**/*.test.ts', '{packages,apps,tooling}/*/test/**/*.test.ts'],
        },
      },
    ],
  },
});
