import { Machine } from '@netmem/machine';
import { describe, expect, it } from 'vitest';
import type { DmabufBinding } from './binding.ts';
import { BindingIds, bindingIds } from './binding-ids.ts';

const binding = {} as DmabufBinding;

describe('BindingIds', () => {
  it('goes in a circle from 1, passing over what is in use, and never hands out 0', () => {
    const ids = new BindingIds(3);
    expect([ids.allocate(binding), ids.allocate(binding), ids.allocate(binding)]).toEqual([1, 2, 3]);
    expect(ids.allocate(binding)).toBe(-16);
    ids.release(1);
    ids.release(3);
    expect([ids.allocate(binding), ids.allocate(binding), ids.allocate(binding)]).toEqual([1, 3, -16]);
    expect(ids.get(2)).toBe(binding);
    ids.release(2);
    expect(ids.get(2)).toBe(undefined);
  });

  it('does not hand a fresh one out again soon', () => {
    const ids = new BindingIds();
    const first = ids.allocate(binding);
    ids.release(first);
    expect(ids.allocate(binding)).toBe(first + 1);
  });

  it('is one table per machine', () => {
    const machine = new Machine();
    expect(bindingIds(machine)).toBe(bindingIds(machine));
    expect(bindingIds(new Machine())).not.toBe(bindingIds(machine));
  });
});
