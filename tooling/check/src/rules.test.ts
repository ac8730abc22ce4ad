import { describe, expect, it } from 'vitest';
import { inspect, MAX_LINES } from './rules.ts';

const messages = (path: string, text: string): string[] => inspect(path, text).map((finding) => finding.message);
const machinePath = ['', 'home', 'someone', 'file'].join('/');
const registry = ['registry', 'example', 'org'].join('.');

describe('inspect', () => {
  it('accepts a source of exactly the limit and refuses one line more', () => {
    expect(messages('packages/a/src/a.ts', '\n'.repeat(MAX_LINES))).toEqual([]);
    expect(messages('packages/a/src/a.ts', '\n'.repeat(MAX_LINES + 1))).toHaveLength(1);
  });

  it('lets tests and documents be long', () => {
    expect(messages('packages/a/src/a.test.ts', '\n'.repeat(MAX_LINES + 1))).toEqual([]);
    expect(messages('docs/a.md', '\n'.repeat(MAX_LINES + 1))).toEqual([]);
  });

  it('finds an absolute path and a registry, with the line', () => {
    expect(inspect('a.md', `fine\nsee ${machinePath}\n`)).toMatchObject([{ path: 'a.md', line: 2 }]);
    expect(inspect('a.md', `https://${registry}/x\n`)).toMatchObject([{ line: 1 }]);
  });

  it('does not mistake a relative path or a URL for a machine path', () => {
    expect(messages('a.md', 'packages/home/x ./root/y https://example.org/home/z\n')).toEqual([]);
  });

  it('refuses a test that does not run, in tests only', () => {
    const text = `${['it', 'skip'].join('.')}('x', () => {});\n`;
    expect(messages('packages/a/src/a.test.ts', text)).toHaveLength(1);
    expect(messages('packages/a/src/a.ts', text)).toEqual([]);
  });
});
