const REGISTRY = Symbol.for('@netmem/single-copy');

type Copies = Map<string, string>;

/**
 * Refuses to load a package twice into one process.
 *
 * Packages that carry identity (this one, `netmem`, `page-pool`, `netdev`) call it when they are loaded. Two copies would each
 * have their own classes and tables, and fail much later in ways that nobody would trace to the install.
 *
 * @param name - The package, `@netmem/machine`.
 * @param version - Its version.
 * @param url - Where the module was loaded from (`import.meta.url`), to tell the copies apart; may be missing.
 * @throws Error naming both versions and places.
 */
export function assertSingleCopy(name: string, version: string, url: string = 'an unknown place'): void {
  const host = globalThis as { [REGISTRY]?: Copies };
  host[REGISTRY] ??= new Map();
  const copies = host[REGISTRY];
  const here = `${version} (${url})`;
  const other = copies.get(name);
  if (other !== undefined) {
    throw new Error(
      `Two copies of ${name} in one process: ${other} and ${here}. Objects of one mean nothing to the other: ` +
        'make your dependencies agree on one version, and deduplicate the install.',
    );
  }
  copies.set(name, here);
}
