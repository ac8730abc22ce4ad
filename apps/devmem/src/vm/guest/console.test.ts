import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConsoleEvent, ConsoleReader } from './console.ts';

function read(chunks: readonly string[]): { events: ConsoleEvent[]; lines: string[] } {
  const events: ConsoleEvent[] = [];
  const lines: string[] = [];
  const reader = new ConsoleReader(
    (event) => events.push(event),
    (line) => lines.push(line),
  );
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { events, lines };
}

const CONSOLE = '\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n@boot 7.3.4 3.5\r\n[    1.0] text\r\n\r\n@ok\n@not-one\nlast';

describe('ConsoleReader', () => {
  it('tells lines for us from lines for people', () => {
    expect(read([CONSOLE])).toEqual({
      events: [
        { word: 'boot', rest: '7.3.4 3.5' },
        { word: 'ok', rest: '' },
      ],
      lines: ['SeaBIOS', '[    1.0] text', '@not-one', 'last'],
    });
  });

  it('reads the same however the output is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(CONSOLE.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), CONSOLE.length];
        const chunks = at.slice(1).map((end, i) => CONSOLE.slice(at[i], end));
        expect(read(chunks)).toEqual(read([CONSOLE]));
      }),
    );
  });

  it('does not grow with a line that never ends', () => {
    const { lines } = read(Array.from({ length: 100 }, () => 'x'.repeat(1000)));
    expect(lines[0]?.length).toBe(4096);
  });
});
