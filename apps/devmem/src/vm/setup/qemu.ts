/** QEMU: given, installed, or unpacked from the distribution's packages; in any case one that speaks vfio-user as a client. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QEMU_OLDEST } from '@netmem/vfio-user';
import { findProgram, runProgram, sha256OfFile } from '../host-program.ts';
import { type AptArchive, type FetchProgress, PackageError, unpack } from './apt-archive.ts';
import type { Manifest } from './cache-folder.ts';
import { compareReleases } from './kernel-packages.ts';

/** The oldest release that will do. */
export const QEMU_MINIMUM: string = QEMU_OLDEST.join('.');
const QEMU_NAME = 'qemu-system-x86_64';
const QEMU_PACKAGE = 'qemu-system-x86';
const PROBE_TIMEOUT_MS = 20_000;

/** How QEMU is started: what stands before its own options, and what has to be in the environment. */
export interface QemuCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
}

/** The version in what `--version` prints; null when that is no QEMU. */
export function parseQemuVersion(text: string): string | null {
  return /^QEMU emulator version (\d+(?:\.\d+)+)/m.exec(text)?.[1] ?? null;
}

/** Why this QEMU cannot be used, as a sentence that begins with its name; null when it can. */
export async function whyNotQemu(command: Omit<QemuCommand, 'version'>): Promise<string | null> {
  const [program, ...args] = command.argv as [string, ...string[]];
  const options = { env: command.env, timeoutMs: PROBE_TIMEOUT_MS };
  const shown = await runProgram(program, [...args, '--version'], options);
  const version = parseQemuVersion(shown.stdout);
  const name = command.argv.find((word) => word.endsWith(QEMU_NAME)) ?? program;
  if (version === null) return `${name} is no QEMU that runs here: ${shown.stderr.trim().split('\n')[0]}`;
  if (compareReleases(version, QEMU_MINIMUM) < 0) return `${name} is QEMU ${version}; vfio-user needs ${QEMU_MINIMUM}`;
  const device = await runProgram(program, [...args, '-device', 'vfio-user-pci,help'], options);
  return device.code === 0 ? null : `${name} was built without vfio-user-pci`;
}

async function versionOf(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const [program, ...args] = argv as [string, ...string[]];
  return parseQemuVersion((await runProgram(program, [...args, '--version'], { env })).stdout) ?? '';
}

/** A QEMU that lies elsewhere, as a part of the cache. @returns why not, as a sentence. */
export async function adoptQemu(path: string): Promise<Manifest | string> {
  const reason = await whyNotQemu({ argv: [path], env: {} });
  if (reason !== null) return reason;
  const version = await versionOf([path], {});
  return { version, paths: { program: path }, taken: [{ name: path, version, sha256: await sha256OfFile(path) }] };
}

/** The one that is installed; null when there is none, a sentence when it will not do. */
export async function installedQemu(): Promise<Manifest | string | null> {
  const path = findProgram(QEMU_NAME);
  return path === null ? null : adoptQemu(path);
}

/**
 * Unpacks QEMU with every library it needs into `folder`.
 *
 * @throws PackageError when the archive will not give it, or what came cannot be used.
 */
export async function unpackQemu(archive: AptArchive, folder: string, progress: FetchProgress): Promise<Manifest> {
  const packages = await archive.fetch([QEMU_PACKAGE], true, progress);
  await unpack(packages, join(folder, 'root'));
  const paths = { root: 'root', program: `root/usr/bin/${QEMU_NAME}` };
  const command = unpackedCommand(join(folder, paths.root), join(folder, paths.program));
  const reason = await whyNotQemu(command);
  if (reason !== null)
    throw new PackageError(`what ${QEMU_PACKAGE} of ${archive.suites.at(-1)} unpacks to cannot be used: ${reason}`);
  const version = await versionOf(command.argv, command.env);
  const taken = packages.map((file) => ({ name: file.name, version: file.version, sha256: file.sha256 }));
  return { version, paths, taken };
}

/** Started by its own dynamic loader, so that not one library of the machine is used. */
function unpackedCommand(root: string, program: string): Omit<QemuCommand, 'version'> {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const loader = [join(libraries, 'ld-linux-x86-64.so.2'), join(root, 'usr/lib64/ld-linux-x86-64.so.2')];
  const data = ['qemu', 'seabios'].flatMap((name) => ['-L', join(root, 'usr/share', name)]);
  return {
    argv: [
      loader.find((path) => existsSync(path)) ?? (loader[0] as string),
      '--library-path',
      libraries,
      program,
      ...data,
    ],
    env: { QEMU_MODULE_DIR: join(libraries, 'qemu') },
  };
}

/** How the QEMU of a manifest is started. */
export function qemuCommand({ version, paths }: Manifest): QemuCommand {
  const program = paths.program as string;
  const root = paths.root;
  return root === undefined ? { version, argv: [program], env: {} } : { version, ...unpackedCommand(root, program) };
}
