import { scan } from '@netmem/tsdoc';
import { describe, expect, it } from 'vitest';
import { isTestable } from './citation.ts';

describe('isTestable', () => {
  const { declarations } = scan(`export const FLAGS = {
  UP: 1,
};
export const ops = {
  open: 1,
};
export interface Shape {
  size: number;
}
export class Pool {
  size = 0;
  put(): void {}
}
export class Counters {
  packets: number = 0;
}
export function run(): void {}
`);
  it.each([
    ['FLAGS', false],
    ['FLAGS.UP', false],
    ['ops.open', true],
    ['Shape', false],
    ['Shape.size', false],
    ['Pool', true],
    ['Pool.size', false],
    ['Pool.put', true],
    ['Counters', false],
    ['run', true],
  ])('%s: %s', (name, expected) => {
    const declaration = declarations.find((candidate) => candidate.name === name);
    expect(declaration && isTestable(declaration, declarations)).toBe(expected);
  });
});
