import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Prints `N passed, M failed` as the last line of a run. A file that cannot be imported, a hook that throws and a
 * stray rejection count as failures: a run that never reached its tests must not look green.
 */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) count[test.result().state]++;
    }
    process.once('exit', () => process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`));
  }
}
