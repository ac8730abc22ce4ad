import { describe, expect, it } from 'vitest';
import { describeFaults } from './card-faults.ts';
import { parseFault } from './fault-option.ts';

describe('--fault', () => {
  it('names a frame that comes or goes, an interrupt, or what the card does', () => {
    expect(parseFault('drop@100')).toEqual({ what: 'drop', nth: 100, sent: false, delayNs: 0 });
    expect(parseFault('corrupt@tx7')).toEqual({ what: 'corrupt', nth: 7, sent: true, delayNs: 0 });
    expect(parseFault('delay@1:5ms')).toEqual({ what: 'delay', nth: 1, sent: false, delayNs: 5e6 });
    expect(parseFault('delay-interrupt@3:200us')).toMatchObject({ what: 'delay-interrupt', delayNs: 200_000 });
    expect(parseFault('reset@1000')).toMatchObject({ what: 'reset', nth: 1000 });
  });

  it.each([
    'drop',
    'drop@',
    'drop@0',
    'drop@x',
    'burn@1',
    'delay@1',
    'drop@1:5ms',
    'delay@1:5',
    'reset@tx1',
    'lose-interrupt@tx1',
  ])('refuses %s, and says what can be said', (text) => {
    expect(() => parseFault(text)).toThrow(/^Give /);
  });

  it('reports in words', () => {
    const none = {
      ...{ dropped: 0, duplicated: 0, corrupted: 0, delayed: 0 },
      ...{ interrupts_delayed: 0, interrupts_lost: 0, hangs: 0, resets: 0 },
    };
    expect(describeFaults(null)).toBe(null);
    expect(describeFaults(none)).toContain('none of those');
    expect(describeFaults({ ...none, dropped: 1, interrupts_lost: 2 })).toBe('1 frame dropped, 2 interrupts lost');
  });
});
