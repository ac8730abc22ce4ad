/** Where everything a guest needs is kept: one folder per part, each with a manifest of what it is made of. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** One thing that a part is made of. */
export interface TakenItem {
  readonly name: string;
  readonly version: string;
  /** Of the package file, or of the file itself when it did not come in a package. */
  readonly sha256: string;
}

/** What a finished part says of itself. `paths` are relative to the part's folder, or absolute for what lies elsewhere. */
export interface Manifest {
  readonly taken: readonly TakenItem[];
  readonly paths: Readonly<Record<string, string>>;
  /** Of a kernel: its release, as `uname -r` prints it. Of other parts: their version. */
  readonly version: string;
}

const MANIFEST = 'manifest.json';
const STAGING_PREFIX = '.making-';
/** Nobody makes a part for that long. */
const ABANDONED_MS = 3_600_000;

/** The user's cache, `$XDG_CACHE_HOME/netmem` or `~/.cache/netmem`. */
export class CacheFolder {
  readonly path: string;

  constructor(path: string = defaultCachePath()) {
    this.path = path;
  }

  /** The manifest of a finished part with its paths made absolute; null when it is not there, or not whole. */
  read(part: string): Manifest | null {
    const folder = join(this.path, part);
    try {
      const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Manifest;
      const paths = Object.fromEntries(
        Object.entries(manifest.paths).map(([name, path]) => [name, path.startsWith('/') ? path : join(folder, path)]),
      );
      return Object.values(paths).every((path) => existsSync(path)) ? { ...manifest, paths } : null;
    } catch {
      return null;
    }
  }

  /** Names of the finished parts below `group`. */
  list(group: string): string[] {
    const folder = join(this.path, group);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => !name.startsWith(STAGING_PREFIX))
      .map((name) => join(group, name));
  }

  /**
   * Makes a part in a folder beside it and renames that when it is whole: whoever is interrupted leaves nothing half done, and of two who make the
   * same part at once one wins.
   */
  async make(part: string, fill: (folder: string) => Promise<Manifest> | Manifest): Promise<Manifest> {
    const target = join(this.path, part);
    const staging = this.temporary();
    try {
      const manifest = await fill(staging);
      writeFileSync(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
      mkdirSync(join(target, '..'), { recursive: true });
      rmSync(target, { recursive: true, force: true });
      try {
        renameSync(staging, target);
      } catch (error) {
        // Somebody else was faster; theirs is as good.
        if (this.read(part) === null) throw error;
      }
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
    return this.read(part) as Manifest;
  }

  /** A new empty folder in the cache, on the same file system as the parts. The caller removes it. */
  temporary(): string {
    mkdirSync(this.path, { recursive: true });
    this.#sweep();
    return mkdtempSync(join(this.path, STAGING_PREFIX));
  }

  /** Removes what interrupted runs left. */
  #sweep(): void {
    const staged = readdirSync(this.path).filter((name) => name.startsWith(STAGING_PREFIX));
    for (const path of staged.map((name) => join(this.path, name))) {
      if (isAbandoned(path)) rmSync(path, { recursive: true, force: true });
    }
  }
}

function isAbandoned(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED_MS;
}

function defaultCachePath(): string {
  const { XDG_CACHE_HOME } = process.env;
  const base = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'netmem');
}
