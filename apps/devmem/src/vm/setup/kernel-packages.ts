/** Which packages make up the newest kernel of a series, by their names alone. */

/** A kernel that an archive has. */
export interface KernelPackages {
  /** As `uname -r` prints it. */
  readonly release: string;
  readonly packages: readonly string[];
}

/**
 * How distributions name kernels whose modules include gve. Debian's cloud flavour is small and has all that is needed; from about 6.19 on its image
 * package is empty and binary and modules come apart, before that one package has both. Ubuntu has the image, which nobody signed, and the modules.
 */
const SHAPES: readonly { readonly marker: RegExp; readonly packages: (release: string) => readonly string[] }[] = [
  {
    marker: /^linux-binary-(\d\S*-cloud-amd64)$/,
    packages: (release) => [`linux-binary-${release}`, `linux-modules-${release}`],
  },
  { marker: /^linux-image-(\d\S*-cloud-amd64)$/, packages: (release) => [`linux-image-${release}`] },
  {
    marker: /^linux-image-unsigned-(\d\S*-(?:gcp|generic))$/,
    packages: (release) => [`linux-image-unsigned-${release}`, `linux-modules-${release}`],
  },
];

/** Prefixes of all names that {@link newestKernel} knows how to read. */
export const KERNEL_NAME_PREFIXES: readonly string[] = ['linux-binary-', 'linux-image-'];

/** The series that a release is of: `7.3.4+deb13-cloud-amd64` → `7.3`. */
export function seriesOf(release: string): string {
  return /^\d+\.\d+/.exec(release)?.[0] ?? release;
}

/** Compares releases by their numbers, in order of appearance. */
export function compareReleases(a: string, b: string): number {
  const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);
  const left = numbers(a);
  const right = numbers(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The newest kernel of a series among package names, which may be all that an archive has; null when there is none. */
export function newestKernel(names: readonly string[], series: string): KernelPackages | null {
  const known = new Set(names);
  let best: KernelPackages | null = null;
  for (const { marker, packages } of SHAPES) {
    for (const name of names) {
      const release = marker.exec(name)?.[1];
      if (release === undefined || seriesOf(release) !== series) continue;
      const needed = packages(release);
      if (!needed.every((one) => known.has(one))) continue;
      if (best === null || compareReleases(release, best.release) > 0) best = { release, packages: needed };
    }
  }
  return best;
}

/** All series that the names have a kernel of, newest first. */
export function seriesAmong(names: readonly string[]): string[] {
  const releases = names.flatMap((name) => SHAPES.map(({ marker }) => marker.exec(name)?.[1])).filter(isGiven);
  return [...new Set(releases.map(seriesOf))].sort((a, b) => compareReleases(b, a));
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined;
}
