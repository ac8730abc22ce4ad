import { describe, expect, it } from 'vitest';
import { parseDuration, parseShare } from './quantities.ts';

describe('parseDuration', () => {
  it.each([
    ['5ms', 5e6],
    ['200us', 2e5],
    ['1.5s', 1.5e9],
    ['800 ns', 800],
    ['0s', 0],
  ])('%s is %d ns', (text, ns) => expect(parseDuration(text)).toBe(ns));

  it.each(['5', 'ms', '-1ms', '5 minutes', '2h', '3601s', ''])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(/such as 5ms/);
  });
});

describe('parseShare', () => {
  it.each([
    ['2%', 0.02],
    ['0.02', 0.02],
    ['100%', 1],
    ['0', 0],
    ['0.5 %', 0.005],
  ])('%s is %d', (text, share) => expect(parseShare(text)).toBeCloseTo(share, 12));

  it.each(['2', '101%', '-1%', '%', 'some'])('refuses %j', (text) => {
    expect(() => parseShare(text)).toThrow(/such as 2% or 0\.02/);
  });
});
