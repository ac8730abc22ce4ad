import { describe, expect, it } from 'vitest';
import { compareReleases, newestKernel, seriesAmong, seriesOf } from './kernel-packages.ts';

const NAMES = [
  'linux-binary-7.3.4+deb13-cloud-amd64',
  'linux-modules-7.3.4+deb13-cloud-amd64',
  'linux-image-7.3.4+deb13-cloud-amd64',
  'linux-binary-7.3.10+deb13-cloud-amd64',
  'linux-image-6.18.9+deb13-cloud-amd64',
  'linux-image-6.18.15+deb13-cloud-amd64',
  'linux-image-6.12.107+deb13-cloud-amd64-unsigned',
  'linux-image-6.12.107+deb13-cloud-amd64-dbg',
  'linux-image-6.12.107+deb13-rt-amd64',
  'linux-image-unsigned-7.0.0-12-generic',
  'linux-modules-7.0.0-12-generic',
];

describe('newestKernel', () => {
  it('compares numbers as numbers', () => {
    expect(newestKernel(NAMES, '6.18')).toEqual({
      release: '6.18.15+deb13-cloud-amd64',
      packages: ['linux-image-6.18.15+deb13-cloud-amd64'],
    });
    expect(compareReleases('6.18.9', '6.18.15')).toBeLessThan(0);
    expect(compareReleases('7.3', '7.3')).toBe(0);
    expect(compareReleases('7.3.1', '7.3')).toBeGreaterThan(0);
  });

  it('takes binary and modules where they come apart, and only if both are there', () => {
    const names = NAMES.filter((name) => !name.startsWith('linux-image-7.3'));
    expect(newestKernel(names, '7.3')).toEqual({
      release: '7.3.4+deb13-cloud-amd64',
      packages: ['linux-binary-7.3.4+deb13-cloud-amd64', 'linux-modules-7.3.4+deb13-cloud-amd64'],
    });
  });

  it('prefers binary and modules to an image package of the same release, which is empty then', () => {
    expect(newestKernel(NAMES, '7.3')?.packages).toHaveLength(2);
  });

  it("knows Ubuntu's names", () => {
    expect(newestKernel(NAMES, '7.0')).toEqual({
      release: '7.0.0-12-generic',
      packages: ['linux-image-unsigned-7.0.0-12-generic', 'linux-modules-7.0.0-12-generic'],
    });
  });

  it('finds none among variants, debug packages and other series', () => {
    expect(newestKernel(NAMES, '6.12')).toBeNull();
    expect(newestKernel(NAMES, '7')).toBeNull();
  });

  it('lists the series that are there, newest first', () => {
    expect(seriesAmong(NAMES)).toEqual(['7.3', '7.0', '6.18']);
    expect(seriesOf('6.18.15+deb13-cloud-amd64')).toBe('6.18');
  });
});
