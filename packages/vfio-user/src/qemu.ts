import { ENOSYS, VfioUserError } from './vfio-user-error.ts';

/** The oldest QEMU whose vfio-user client works. */
export const QEMU_OLDEST: readonly [number, number, number] = [10, 1, 1];

/**
 * Finds out whether a QEMU has a vfio-user client that works.
 *
 * @param text - What `qemu-system-x86_64 --version` prints, or a version by itself.
 * @returns the version's three numbers.
 * @throws VfioUserError `ENOSYS` for one older than 10.1.1, and for what is no QEMU's version.
 */
export function requireQemuVersion(text: string): readonly [number, number, number] {
  const found = /(?:^|version )(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  const oldest = QEMU_OLDEST.join('.');
  if (found === null) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new VfioUserError(
      ENOSYS,
      'qemu',
      shown,
      `It is no version of QEMU: give the path of a QEMU of ${oldest} or newer`,
    );
  }
  const version = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] as const;
  for (let i = 0; i < version.length; i++) {
    if (version[i] === QEMU_OLDEST[i]) continue;
    if (version[i] > QEMU_OLDEST[i]) break;
    const advice = `Its vfio-user client is missing or does not work: install QEMU ${oldest} or newer (Debian: trixie-backports)`;
    throw new VfioUserError(ENOSYS, 'qemu', version.join('.'), advice);
  }
  return version;
}

/** A guest's RAM and the socket it finds the device at. */
export interface QemuDeviceOptions {
  /** Where the server listens. */
  readonly path: string;
  /** The file that becomes the guest's RAM; QEMU makes it. On a tmpfs, such as `/dev/shm`, nothing is ever written to a disk. */
  readonly memory: string;
  readonly memoryBytes: number;
}

/**
 * What QEMU has to be told besides machine, kernel and disks: RAM in a file that is shared, and the device. The machine has to
 * be given `memory-backend=m`, as in `-machine q35,memory-backend=m`. Start QEMU when the server listens.
 */
export function qemuDeviceArguments({ path, memory, memoryBytes }: QemuDeviceOptions): string[] {
  const device = { driver: 'vfio-user-pci', rombar: 0, socket: { path, type: 'unix' } };
  // A comma ends a value in QEMU's own syntax, two are one.
  const file = memory.replaceAll(',', ',,');
  const backend = `memory-backend-file,id=m,size=${memoryBytes},mem-path=${file},share=on`;
  return ['-m', `size=${memoryBytes}B`, '-object', backend, '-device', JSON.stringify(device)];
}
