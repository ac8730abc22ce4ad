/** A kernel for the guest: given as two paths, or unpacked from the distribution's packages. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256OfFile } from '../host-program.ts';
import { type AptArchive, type FetchProgress, PackageError, unpack } from './apt-archive.ts';
import type { Manifest } from './cache-folder.ts';
import { KERNEL_NAME_PREFIXES, newestKernel, seriesAmong } from './kernel-packages.ts';

/** A kernel that can be booted. */
export interface GuestKernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** The bzImage. */
  readonly image: string;
  /** Folder with the modules somewhere below. */
  readonly modules: string;
}

/** Offsets of the Linux x86 boot protocol: the magic word, and the pointer to the version string, which counts from 512. */
const BOOT_MAGIC_AT = 0x202;
const BOOT_MAGIC = 'HdrS';
const VERSION_POINTER_AT = 0x20e;
const VERSION_BASE = 0x200;
const VERSION_MAX_BYTES = 256;

/** The release in the header of a bzImage; null when the file is none. */
export function releaseOfImage(path: string): string | null {
  const fd = openSync(path, 'r');
  try {
    const header = Buffer.alloc(0x210);
    if (readSync(fd, header, 0, header.length, 0) < header.length) return null;
    if (header.toString('latin1', BOOT_MAGIC_AT, BOOT_MAGIC_AT + 4) !== BOOT_MAGIC) return null;
    const text = Buffer.alloc(VERSION_MAX_BYTES);
    readSync(fd, text, 0, text.length, header.readUInt16LE(VERSION_POINTER_AT) + VERSION_BASE);
    return /^[^\0 ]+/.exec(text.toString('latin1'))?.[0] ?? null;
  } finally {
    closeSync(fd);
  }
}

/** Files of modules below a folder, by module name (`gve`), compressed or not. */
export function findModules(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const name = /^(.+)\.ko(?:\.xz|\.zst|\.gz)?$/.exec(entry.name)?.[1];
    if (name !== undefined && entry.isFile()) found.set(name.replaceAll('-', '_'), join(entry.parentPath, entry.name));
  }
  return found;
}

/** A kernel that lies elsewhere, as a part of the cache. @returns why not, as a sentence. */
export async function adoptKernel(image: string, modules: string): Promise<Manifest | string> {
  if (!existsSync(image)) return `--kernel ${image}: there is no such file`;
  if (!existsSync(modules) || !statSync(modules).isDirectory()) return `--modules ${modules}: there is no such folder`;
  const release = releaseOfImage(image);
  if (release === null) return `--kernel ${image}: that is no x86 kernel image (bzImage)`;
  if (!findModules(modules).has('gve')) return `--modules ${modules}: there is no gve.ko in it`;
  const taken = [{ name: image, version: release, sha256: await sha256OfFile(image) }];
  return { version: release, paths: { image, modules }, taken };
}

/** What an archive says of a series. */
export type KernelLookup =
  | { readonly release: string; readonly packages: readonly string[] }
  | { readonly series: string[] };

/** The newest kernel of a series in an archive, or the series that it has instead. */
export async function lookUpKernel(archive: AptArchive, series: string): Promise<KernelLookup> {
  const prefixes = [...KERNEL_NAME_PREFIXES, 'linux-modules-'];
  const names = (await Promise.all(prefixes.map((prefix) => archive.names(prefix)))).flat();
  return newestKernel(names, series) ?? { series: seriesAmong(names) };
}

/**
 * Unpacks a kernel into `folder`.
 *
 * @throws PackageError when the archive will not give it, or it has no gve.
 */
export async function unpackKernel(
  archive: AptArchive,
  names: readonly string[],
  release: string,
  folder: string,
  progress: FetchProgress,
): Promise<Manifest> {
  const packages = await archive.fetch(names, false, progress);
  await unpack(packages, join(folder, 'root'));
  const candidates = [`root/usr/lib/modules/${release}/vmlinuz`, `root/boot/vmlinuz-${release}`];
  const image = candidates.find((path) => existsSync(join(folder, path)));
  const modules = [`root/usr/lib/modules/${release}`, `root/lib/modules/${release}`].find((path) =>
    existsSync(join(folder, path)),
  );
  if (image === undefined || modules === undefined) throw new PackageError(`${names.join(' and ')} hold no kernel`);
  if (!findModules(join(folder, modules)).has('gve')) throw new PackageError(`kernel ${release} has no gve.ko`);
  const taken = packages.map((file) => ({ name: file.name, version: file.version, sha256: file.sha256 }));
  return { version: release, paths: { image, modules: modules }, taken };
}

/** The kernel of a manifest. */
export function guestKernel({ version, paths }: Manifest): GuestKernel {
  return { release: version, image: paths.image as string, modules: paths.modules as string };
}
