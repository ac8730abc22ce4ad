import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleFilter } from './console-filter.ts';

function shown(chunks: readonly string[]): string {
  let out = '';
  const filter = new ConsoleFilter((text) => {
    out += text;
  });
  for (const chunk of chunks) filter.push(chunk);
  return out;
}

describe('ConsoleFilter', () => {
  it('hides lines for us and nothing else', () => {
    expect(shown(['@boot 7.3\r\n/ # mail a@b\r\n@exit 0\r\nend'])).toBe('/ # mail a@b\r\nend');
  });

  it('does not keep a prompt back', () => {
    expect(shown(['/ # '])).toBe('/ # ');
    expect(shown(['one\n', '@', 'hidden', '\n', 'two'])).toBe('one\ntwo');
  });

  it('shows the same however the output is cut', () => {
    const text = 'a\n@b\nc@d\r\n@\n\n@e f\r\ng';
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        expect(shown(at.slice(1).map((end, i) => text.slice(at[i], end)))).toBe('a\nc@d\r\n\ng');
      }),
    );
  });
});
