/** Makes sure that everything a guest needs is there, fetching what is missing. */
import { join } from 'node:path';
import { CommandError, EXIT } from '../../exit-codes.ts';
import { ensureInitramfs, type InitramfsParts } from '../initramfs/initramfs.ts';
import type { FetchProgress } from './apt-archive.ts';
import { Archives, missing } from './archives.ts';
import type { CacheFolder, Manifest } from './cache-folder.ts';
import { buildGuestPrograms } from './guest-programs.ts';
import { adoptKernel, type GuestKernel, guestKernel, lookUpKernel, unpackKernel } from './kernel.ts';
import { compareReleases, seriesOf } from './kernel-packages.ts';
import type { SetupProgress } from './progress.ts';
import { adoptQemu, installedQemu, QEMU_MINIMUM, type QemuCommand, qemuCommand, unpackQemu } from './qemu.ts';
import { installedTools, unpackTools } from './tools.ts';

/** What the user said about where things come from. */
export interface SetupOptions {
  /** A QEMU to use; null for what is installed or can be fetched. */
  readonly qemu: string | null;
  /** A kernel image to use, with its modules; null for one that can be fetched. */
  readonly kernel: string | null;
  readonly modules: string | null;
  /** Series of the kernel, `7.3`. */
  readonly series: string;
  /** Look for newer packages even though everything is there. */
  readonly update: boolean;
}

/** A part as it is reported. */
export interface PreparedPart {
  readonly part: 'qemu' | 'kernel' | 'tools' | 'programs';
  readonly manifest: Manifest;
}

/** Everything to start a guest with. */
export interface GuestKit {
  readonly qemu: QemuCommand;
  readonly kernel: GuestKernel;
  readonly initramfs: string;
  /** Why the guest has no test programs; null when it has. */
  readonly programsMissing: string | null;
  readonly parts: readonly PreparedPart[];
}

class Preparation {
  readonly #cache: CacheFolder;
  readonly #options: SetupOptions;
  readonly #progress: SetupProgress;
  readonly #archives: Archives;

  constructor(cache: CacheFolder, options: SetupOptions, progress: SetupProgress) {
    this.#cache = cache;
    this.#options = options;
    this.#progress = progress;
    this.#archives = new Archives(cache, progress);
  }

  async prepare(): Promise<GuestKit> {
    try {
      const qemu = await this.#qemu();
      const kernel = await this.#kernel();
      const tools = await this.#tools();
      const programs = await this.#programs();
      const built = typeof programs === 'string' ? null : programs;
      const initramfs = await this.#initramfs({ kernel: guestKernel(kernel), tools, programs: built });
      const parts: PreparedPart[] = [
        { part: 'qemu', manifest: qemu },
        { part: 'kernel', manifest: kernel },
        { part: 'tools', manifest: tools },
      ];
      if (built !== null) parts.push({ part: 'programs', manifest: built });
      return {
        qemu: qemuCommand(qemu),
        kernel: guestKernel(kernel),
        initramfs,
        programsMissing: typeof programs === 'string' ? programs : null,
        parts,
      };
    } finally {
      this.#archives.close();
    }
  }

  async #qemu(): Promise<Manifest> {
    const { qemu } = this.#options;
    if (qemu !== null) {
      const adopted = await adoptQemu(qemu);
      if (typeof adopted === 'string') throw new CommandError(EXIT.usage, `error: --qemu: ${adopted}`);
      return this.#cache.make('qemu', () => adopted);
    }
    const cached = this.#cache.read('qemu');
    if (cached !== null && !this.#options.update) return cached;
    const installed = await installedQemu();
    if (installed !== null && typeof installed !== 'string') return this.#cache.make('qemu', () => installed);
    const why = installed === null ? '' : ` (${installed})`;
    return this.#archives.ask(`QEMU ${QEMU_MINIMUM} or newer${why}`, (archive) =>
      this.#making('qemu', 'QEMU', (folder, progress) => unpackQemu(archive, folder, progress)),
    );
  }

  async #kernel(): Promise<Manifest> {
    const { kernel, modules, series, update } = this.#options;
    if (kernel !== null && modules !== null) {
      const adopted = await adoptKernel(kernel, modules);
      if (typeof adopted === 'string') throw new CommandError(EXIT.usage, `error: ${adopted}`);
      return this.#cache.make(join('kernels', `given-${adopted.version}`), () => adopted);
    }
    const cached = newestCached(this.#cache, series);
    if (cached !== null && !update) return cached;
    const others = new Set<string>();
    try {
      return await this.#archives.ask(`a kernel of series ${series}`, async (archive) => {
        const found = await lookUpKernel(archive, series);
        if ('series' in found) {
          for (const one of found.series) others.add(one);
          return null;
        }
        const part = join('kernels', found.release);
        const there = this.#cache.read(part);
        if (there !== null) return there;
        return this.#making(part, `Linux ${found.release}`, (folder, progress) =>
          unpackKernel(archive, found.packages, found.release, folder, progress),
        );
      });
    } catch (error) {
      if (cached !== null) return cached;
      if (error instanceof CommandError && others.size > 0) {
        const there = [...others].sort((a, b) => compareReleases(b, a)).join(', ');
        throw new CommandError(error.exitCode, `${error.message}; there are ${there}`);
      }
      throw error;
    }
  }

  async #tools(): Promise<Manifest> {
    const cached = this.#cache.read('tools');
    if (cached !== null) return cached;
    const installed = await installedTools();
    if (typeof installed !== 'string') return this.#cache.make('tools', () => installed);
    return this.#archives.ask(`tools of the guest (${installed})`, (archive) =>
      this.#making('tools', 'busybox and ethtool', (folder, progress) => unpackTools(archive, folder, progress)),
    );
  }

  async #initramfs(parts: InitramfsParts): Promise<string> {
    try {
      return await ensureInitramfs(this.#cache, parts);
    } catch (error) {
      throw missing('an initramfs', (error as Error).message);
    }
  }

  async #programs(): Promise<Manifest | string> {
    let building = false;
    const programs = await buildGuestPrograms(this.#cache, () => {
      building = true;
      this.#progress.begin('test programs of the guest');
    });
    if (building) this.#progress.end();
    return programs;
  }

  async #making(
    part: string,
    label: string,
    fill: (folder: string, progress: FetchProgress) => Promise<Manifest>,
  ): Promise<Manifest> {
    this.#progress.begin(label);
    try {
      return await this.#cache.make(part, (folder) => fill(folder, (percent) => this.#progress.percent(percent)));
    } finally {
      this.#progress.end();
    }
  }
}

function newestCached(cache: CacheFolder, series: string): Manifest | null {
  const kernels = cache
    .list('kernels')
    .map((part) => cache.read(part))
    .filter((manifest) => manifest !== null)
    .filter(({ version }) => seriesOf(version) === series);
  return kernels.sort((a, b) => compareReleases(b.version, a.version))[0] ?? null;
}

/**
 * Finds or makes everything. What is there already is not looked for again, and no network is needed then.
 *
 * @throws CommandError: usage when a given path will not do, environment when something cannot be had here.
 */
export function prepareGuest(cache: CacheFolder, options: SetupOptions, progress: SetupProgress): Promise<GuestKit> {
  return new Preparation(cache, options, progress).prepare();
}
