import { describe, expect, it } from 'vitest';
import { differences, differenceText, explains, isAbout, judge, kernelNumber } from '../src/compare.ts';
import { KNOWN_DIFFERENCES, type KnownDifference } from '../src/known-differences.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';
import type { Entry } from '../src/transcript.ts';

const entry = (call: string, result: string, on: string = 'c', args: string = ''): Entry => ({
  on,
  call,
  args,
  result,
});
const known = (over: Partial<KnownDifference> = {}): KnownDifference => ({
  scenario: 'a',
  call: 'c.recv(',
  reason: 'choice: a test',
  ...over,
});
const kernel = [entry('send', '3'), entry('recv', '-EAGAIN'), entry('close', '0')];
const ours = [entry('send', '3'), entry('recv', '0'), entry('close', '0')];

describe('transcripts', () => {
  it('are the same when every line is', () => {
    expect(differences('a', 'lo', kernel, kernel)).toEqual([]);
  });

  it('differ by result, by call, and by a line too many on either side', () => {
    expect(differences('a', 'lo', kernel, ours)).toEqual([
      { scenario: 'a', wiring: 'lo', kernel: kernel[1], netmem: ours[1] },
    ]);
    expect(differences('a', 'lo', [entry('recv', '0', 'c', '1')], [entry('recv', '0', 'c', '2')])).toHaveLength(1);
    expect(differences('a', 'lo', [entry('recv', '0', 'c')], [entry('recv', '0', 's')])).toHaveLength(1);
    expect(differences('a', 'lo', kernel, kernel.slice(0, 2))).toMatchObject([
      { kernel: kernel[2], netmem: undefined },
    ]);
    expect(differences('a', 'lo', [], kernel)).toHaveLength(3);
  });

  it('show both lines', () => {
    const [difference] = differences('a', 'lo', kernel, ours);
    expect(differenceText(difference!)).toBe('a\n  kernel: c.recv() = -EAGAIN\n  lo: c.recv() = 0');
    const [missing] = differences('a', 'cable', kernel.slice(0, 1), []);
    expect(differenceText(missing!)).toBe('a\n  kernel: c.send() = 3\n  cable: nothing');
  });
});

describe('a listed difference', () => {
  const difference = { scenario: 'a', wiring: 'lo', kernel: kernel[1], netmem: ours[1] } as const;

  it('is about one scenario, calls that begin so, a wiring, and results', () => {
    expect(explains(known(), difference)).toBe(true);
    expect(explains(known({ kernel: '-EAGAIN', netmem: '0', on: 'lo' }), difference)).toBe(true);
    for (const other of [
      { scenario: 'b' },
      { call: 'c.send(' },
      { on: 'cable' },
      { kernel: '-EINVAL' },
      { netmem: '1' },
    ] as const) {
      expect(explains(known(other), difference), JSON.stringify(other)).toBe(false);
    }
  });

  it('never explains lines of different calls', () => {
    expect(explains(known(), { ...difference, netmem: entry('recv', '0', 'c', '5') })).toBe(false);
    expect(explains(known({ call: '' }), { ...difference, netmem: undefined })).toBe(false);
  });

  it('may be about older or newer kernels only', () => {
    expect([kernelNumber('6.18.44-fc'), kernelNumber('7.3.4')]).toEqual([6018, 7003]);
    const about = (over: Partial<KnownDifference>, release: string): boolean => isAbout(known(over), release);
    expect([about({}, '5.4.0'), about({ before: '6.12' }, '6.11.9'), about({ before: '6.12' }, '6.12.0')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([about({ since: '6.17' }, '6.16.1'), about({ since: '6.17' }, '6.17.0')]).toEqual([false, true]);
  });
});

describe('the verdict', () => {
  const found = differences('a', 'lo', kernel, ours);
  const judged = (list: readonly KnownDifference[], scenarios: readonly string[] = ['a']) =>
    judge(found, '6.18.0', new Set(scenarios), list);

  it('names what nobody listed', () => {
    expect(judged([])).toEqual({ unexplained: found, stale: [] });
    expect(judged([known()])).toEqual({ unexplained: [], stale: [] });
  });

  it('names what is listed and does not occur', () => {
    const stale = known({ call: 'c.close(' });
    expect(judged([known(), stale])).toEqual({ unexplained: [], stale: [stale] });
  });

  it('leaves alone what is about other kernels and scenarios that did not run', () => {
    expect(judged([known(), known({ before: '6.1' }), known({ scenario: 'b' })])).toEqual({
      unexplained: [],
      stale: [],
    });
    expect(judged([known({ before: '6.1' })]).unexplained).toEqual(found);
  });
});

describe('the list', () => {
  it('is about scenarios that exist, and each entry says what kind of difference it is', () => {
    const ids = new Set(SCENARIOS.map(({ id }) => id));
    expect(KNOWN_DIFFERENCES.filter(({ scenario }) => !ids.has(scenario))).toEqual([]);
    expect(KNOWN_DIFFERENCES.filter(({ reason }) => !/^(choice|absent|bug|version): ./.test(reason))).toEqual([]);
  });
});
