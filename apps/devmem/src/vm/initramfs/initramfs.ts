/** The guest's first and only file system: busybox, ethtool, gve, our programs and scripts. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { CacheFolder, Manifest } from '../setup/cache-folder.ts';
import { GUEST_SCRIPTS } from '../setup/guest-programs.ts';
import type { GuestKernel } from '../setup/kernel.ts';
import { CpioArchive } from './cpio.ts';
import { librariesOf } from './elf.ts';
import { modulesInOrder } from './kernel-modules.ts';

/** gve drives the card; the others are built into some kernels and modules in others. */
const MODULES = ['gve', 'udmabuf'];
/** Where the guest finds what is ours. */
export const GUEST_FOLDER = '/devmem';
const CONSOLE = { major: 5, minor: 1 } as const;
const DIGEST_LETTERS = 16;
/** The first process, and what it and the scenarios share; a scenario itself comes with its run. */
const SCRIPTS: Readonly<Record<string, string>> = { init: '/init', functions: `${GUEST_FOLDER}/functions` };
/** Programs of the guest that are scripts. */
const COMMANDS = ['peer-send', 'prepare-queue'];
/** Changes when this file lays things out in another way. */
const LAYOUT = 2;

/** What it is made of. `programs` is null where they could not be built. */
export interface InitramfsParts {
  readonly kernel: GuestKernel;
  readonly tools: Manifest;
  readonly programs: Manifest | null;
}

/** Files by the path at which the guest has them. */
function scriptFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [name, target] of Object.entries(SCRIPTS)) files.set(target, join(GUEST_SCRIPTS, name));
  for (const name of COMMANDS) files.set(`/bin/${name}`, join(GUEST_SCRIPTS, 'commands', name));
  return files;
}

function digestOf({ kernel, tools, programs }: InitramfsParts): string {
  const hash = createHash('sha256').update(`${LAYOUT} ${kernel.release} ${kernel.modules}`);
  for (const { sha256 } of [...tools.taken, ...(programs?.taken ?? [])]) hash.update(sha256);
  for (const file of scriptFiles().values()) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, DIGEST_LETTERS);
}

function addTools(archive: CpioArchive, tools: Manifest): void {
  const { busybox, ethtool, root = '/' } = tools.paths as { busybox: string; ethtool: string; root?: string };
  archive.addFile('/bin/busybox', readFileSync(busybox), 0o755);
  archive.addLink('/bin/sh', 'busybox');
  const libraries = librariesOf(ethtool, root);
  if (libraries.size === 0) {
    archive.addFile('/bin/ethtool', readFileSync(ethtool), 0o755);
    return;
  }
  // Apart from /lib, which is for programs that the user brings, built against other libraries.
  const folder = `${GUEST_FOLDER}/ethtool`;
  const loader = [...libraries.keys()].map((path) => basename(path)).find((name) => name.startsWith('ld-'));
  archive.addFile(`${folder}/ethtool`, readFileSync(ethtool), 0o755);
  for (const [path, file] of libraries) archive.addFile(`${folder}/${basename(path)}`, readFileSync(file), 0o755);
  const start = `exec ${folder}/${loader} --library-path ${folder} ${folder}/ethtool "$@"`;
  archive.addFile('/bin/ethtool', `#!/bin/sh\n${start}\n`, 0o755);
}

function addModules(archive: CpioArchive, folder: string): void {
  const modules = modulesInOrder(folder, MODULES);
  for (const { name, content } of modules) archive.addFile(`${GUEST_FOLDER}/modules/${name}.ko`, content);
  archive.addFile(`${GUEST_FOLDER}/modules/order`, modules.map(({ name }) => `${name}\n`).join(''));
}

function build({ kernel, tools, programs }: InitramfsParts): Uint8Array {
  const archive = new CpioArchive();
  for (const folder of ['/dev', '/proc', '/sys', '/tmp', '/run']) archive.addFolder(folder);
  archive.addDevice('/dev/console', CONSOLE.major, CONSOLE.minor);
  addTools(archive, tools);
  addModules(archive, kernel.modules);
  for (const path of Object.values(programs?.paths ?? {})) {
    archive.addFile(`/bin/${basename(path)}`, readFileSync(path), 0o755);
  }
  for (const [target, file] of scriptFiles()) archive.addFile(target, readFileSync(file), 0o755);
  return archive.finish();
}

/** The archive for these parts, made or found. Returns its path. */
export async function ensureInitramfs(cache: CacheFolder, parts: InitramfsParts): Promise<string> {
  const part = join('initramfs', `${parts.kernel.release}-${digestOf(parts)}`);
  const manifest =
    cache.read(part) ??
    (await cache.make(part, (folder) => {
      writeFileSync(join(folder, 'initramfs.cpio'), build(parts));
      return { version: parts.kernel.release, paths: { archive: 'initramfs.cpio' }, taken: [] };
    }));
  return manifest.paths.archive as string;
}
