import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elfNeeds, isStatic, librariesOf } from './elf.ts';

const linux = process.platform === 'linux' && process.arch === 'x64';

describe('elfNeeds', () => {
  it('is null for what is no ELF', () => {
    expect(elfNeeds(Buffer.from('#!/bin/sh\n'))).toBeNull();
    expect(elfNeeds(Buffer.alloc(100))).toBeNull();
  });

  if (linux) {
    it('finds loader and libraries of the program that runs this', () => {
      const needs = elfNeeds(readFileSync(process.execPath));
      expect(needs?.interpreter).toMatch(/ld-linux-x86-64/);
      expect(needs?.libraries).toContain('libc.so.6');
      expect(isStatic(process.execPath)).toBe(false);
    });

    it('finds the files of all of them, those of libraries too', () => {
      const found = librariesOf(process.execPath, '/');
      expect(found.has('/lib/libc.so.6')).toBe(true);
      for (const file of found.values()) expect(elfNeeds(readFileSync(file))).not.toBeNull();
    });

    it('names a library that is not there', () => {
      expect(() => librariesOf(process.execPath, '/proc')).toThrow(/needs .* which is not in/);
    });
  } else console.warn('Left out, because this is no x86-64 Linux: reading its own programs.');
});
