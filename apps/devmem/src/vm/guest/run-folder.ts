/** The files of one run: the guest's RAM, the socket of the card, the initramfs. Gone when the run is. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { CpioArchive } from '../initramfs/cpio.ts';
import type { ProgramLibraries } from './libraries.ts';

const PREFIX = 'netmem-vm-';
const SHARED_MEMORY = '/dev/shm';
const MIB = 2 ** 20;
/** A tmpfs that has less left would kill the guest with SIGBUS. */
const SPARE_MIB = 64;

/** What the guest gets for this run besides what every guest has. */
export interface GuestOverlay {
  /** Shell variables for /run/devmem/settings. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** The script that init runs. */
  readonly start: string;
  /** Further files, by their path. */
  readonly files: ReadonlyMap<string, string>;
  /** A folder whose contents are found in /share; null for none. */
  readonly share: SharedFolder | null;
}

/** The user's own files. */
export interface SharedFolder {
  readonly path: string;
  /** What its programs need. */
  readonly libraries: ProgramLibraries;
}

/** RAM in memory where there is room for it, else on a disk, which works as well and more slowly. */
function folderForMemory(memoryMiB: number, otherwise: string): string {
  try {
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    if ((bavail * bsize) / MIB >= memoryMiB + SPARE_MIB) return mkdtempSync(join(SHARED_MEMORY, PREFIX));
  } catch {
    // No shared memory on this machine, or none for us.
  }
  return otherwise;
}

/** The folder and what is in it. */
export class RunFolder {
  readonly path: string;
  readonly memoryFile: string;
  readonly socketPath: string;
  readonly initrd: string;
  /** Where {@link memoryFile} lies. */
  readonly memoryFolder: string;

  constructor(memoryMiB: number, initramfs: string, overlay: GuestOverlay) {
    this.path = mkdtempSync(join(tmpdir(), PREFIX));
    this.memoryFolder = folderForMemory(memoryMiB, this.path);
    this.memoryFile = join(this.memoryFolder, 'ram');
    this.socketPath = join(this.path, 'card.sock');
    this.initrd = join(this.path, 'initrd');
    copyFileSync(initramfs, this.initrd);
    appendFileSync(this.initrd, overlayArchive(overlay));
  }

  remove(): void {
    for (const folder of [this.memoryFolder, this.path]) {
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Values are quoted, so that nothing in them is the shell's business. */
function shellQuoted(value: string | number): string {
  return `'${String(value).replaceAll("'", "'\\''")}'`;
}

function overlayArchive({ settings, start, files, share }: GuestOverlay): Uint8Array {
  const archive = new CpioArchive();
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${shellQuoted(value)}\n`);
  archive.addFile('/run/devmem/settings', lines.join(''));
  archive.addFile('/run/devmem/start', start, 0o755);
  for (const [path, content] of files) archive.addFile(path, content, 0o755);
  if (share !== null) addShare(archive, share);
  return archive.finish();
}

function addShare(archive: CpioArchive, { path: folder, libraries }: SharedFolder): void {
  archive.addFolder('/share');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const target = join('/share', relative(folder, path));
    // A link is followed: what it points to may not be in the guest.
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) archive.addFolder(target);
    else if (stats?.isFile()) archive.addFile(target, readFileSync(path), stats.mode & 0o777);
  }
  for (const [target, file] of libraries.files) archive.addFile(target, readFileSync(file), 0o755);
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const stats = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (stats?.isFile()) bytes += stats.size;
  }
  return bytes;
}
