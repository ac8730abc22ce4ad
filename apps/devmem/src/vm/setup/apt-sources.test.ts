import { describe, expect, it } from 'vitest';
import { chooseMirror, parseOsRelease, parseTargets } from './apt-sources.ts';

const TARGETS = parseTargets(
  [
    'https://vendor.example/linux/debian/ trixie stable',
    'https://other.example/apt/ nodistro main',
    'http://mirror.example/debian-security/ trixie-security main',
    'http://mirror.example/debian/ trixie-updates main',
    'http://mirror.example/debian/ trixie main',
    '',
  ].join('\n'),
);

describe('chooseMirror', () => {
  it("finds the distribution's own archive among others", () => {
    expect(TARGETS).toHaveLength(5);
    expect(chooseMirror(TARGETS, 'debian', 'trixie')).toBe('http://mirror.example/debian/');
  });

  it('does with any suite of it', () => {
    expect(chooseMirror(TARGETS, 'debian', 'forky')).toBe('http://mirror.example/debian/');
  });

  it('takes a mirror with an unusual path by the suite', () => {
    const odd = parseTargets('http://cache.example/deb-proxy/ trixie main\n');
    expect(chooseMirror(odd, 'debian', 'trixie')).toBe('http://cache.example/deb-proxy/');
    expect(chooseMirror(odd, 'debian', '')).toBeNull();
  });

  it('finds none where there is none', () => {
    expect(chooseMirror([], 'ubuntu', 'noble')).toBeNull();
  });
});

describe('parseOsRelease', () => {
  it('reads fields with and without quotes, and does not mistake one for another', () => {
    expect(parseOsRelease('VERSION_ID="13"\nVERSION_CODENAME=trixie\nID=debian\n')).toEqual({
      id: 'debian',
      codename: 'trixie',
    });
    expect(parseOsRelease('ID="arch"\n')).toEqual({ id: 'arch', codename: '' });
  });
});
