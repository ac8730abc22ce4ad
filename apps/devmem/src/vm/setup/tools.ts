/** What the guest has of user space: a static busybox and ethtool, from packages or from what is installed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram, sha256OfFile } from '../host-program.ts';
import { isStatic } from '../initramfs/elf.ts';
import { type AptArchive, type FetchProgress, PackageError, unpack } from './apt-archive.ts';
import type { Manifest } from './cache-folder.ts';

const PACKAGES = ['busybox-static', 'ethtool'];
/** Where packages have put them, now and before /usr was merged. */
const FOLDERS = ['usr/bin', 'bin', 'usr/sbin', 'sbin'];

/** The tools that are installed, as a part of the cache; or which are missing, as a sentence. */
export async function installedTools(): Promise<Manifest | string> {
  const busybox = findProgram('busybox');
  const ethtool = findProgram('ethtool');
  if (busybox === null || !isStatic(busybox)) return 'there is no statically linked busybox';
  if (ethtool === null) return 'there is no ethtool';
  const version = /v(\S+)/.exec((await runProgram(busybox, ['--help'])).stdout)?.[1] ?? 'unknown';
  const ethtoolVersion = /(\d\S*)/.exec((await runProgram(ethtool, ['--version'])).stdout)?.[1] ?? 'unknown';
  return {
    version,
    paths: { busybox, ethtool },
    taken: [
      { name: busybox, version, sha256: await sha256OfFile(busybox) },
      { name: ethtool, version: ethtoolVersion, sha256: await sha256OfFile(ethtool) },
    ],
  };
}

/** Unpacks the tools and the libraries that ethtool needs. @throws PackageError when the archive will not give them. */
export async function unpackTools(archive: AptArchive, folder: string, progress: FetchProgress): Promise<Manifest> {
  const packages = await archive.fetch(PACKAGES, true, progress);
  await unpack(packages, join(folder, 'root'));
  const find = (...names: string[]): string => {
    const paths = names.flatMap((name) => FOLDERS.map((where) => `root/${where}/${name}`));
    const path = paths.find((one) => existsSync(join(folder, one)));
    if (path === undefined) throw new PackageError(`the package with ${names[0]} does not hold it`);
    return path;
  };
  const taken = packages.map((file) => ({ name: file.name, version: file.version, sha256: file.sha256 }));
  const version = taken.find(({ name }) => name === 'busybox-static')?.version ?? '';
  return {
    version,
    paths: { root: 'root', busybox: find('busybox', 'busybox-static'), ethtool: find('ethtool') },
    taken,
  };
}
