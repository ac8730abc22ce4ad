/** The guest as a process: QEMU with our card plugged in. Whatever becomes of this program, it does not stay behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { qemuDeviceArguments } from '@netmem/vfio-user';
import type { QemuCommand } from '../setup/qemu.ts';
import type { RunFolder } from './run-folder.ts';

/** What is started. */
export interface GuestMachine {
  readonly qemu: QemuCommand;
  /** The bzImage. */
  readonly kernel: string;
  /** The files of this run. They are gone when the guest is. */
  readonly files: RunFolder;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** A reboot of the guest is one, instead of the end. */
  readonly mayReboot: boolean;
}

/** How QEMU ended. */
export interface QemuEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** What it complained about. */
  readonly complaints: string;
}

/**
 * A shell starts QEMU and waits for two things: that it ends, and that a pipe from us does, which happens even when we are killed without a warning.
 * Then it removes the files of the run, and may have nobody left to complain to meanwhile.
 * The pipe is descriptor 3; QEMU must not hold it. Descriptor 4 carries our standard input past the shell, which gives its background jobs none.
 */
const WATCHMAN = `
exec 4<&0
"$@" <&4 3<&- 4<&- &
guest=$!
exec 4<&-
trap '' PIPE
(read -r gone <&3; kill -9 $guest) </dev/null >/dev/null 2>&1 &
watch=$!
wait $guest
status=$?
exec 3<&-
kill $watch 2>/dev/null
rm -rf "$NETMEM_VM_RAM" "$NETMEM_VM_FILES"
exit $status
`;
/** On a busy machine an emulated processor gets its timer's interrupts late: that is no reason for a kernel to give up. */
const COMMAND_LINE = 'console=ttyS0 panic=-1 quiet no_timer_check nowatchdog';
const MIB = 2 ** 20;
const COMPLAINTS_MAX = 4000;

function qemuArguments(machine: GuestMachine): string[] {
  const { memoryMiB, cpus } = machine;
  const { memoryFile, socketPath, initrd } = machine.files;
  const memoryBytes = memoryMiB * MIB;
  return [
    ...['-machine', 'q35,memory-backend=m', '-accel', 'tcg', '-cpu', 'max', '-smp', String(cpus)],
    ...qemuDeviceArguments({ path: socketPath, memory: memoryFile, memoryBytes }),
    ...['-vga', 'none', '-display', 'none', '-monitor', 'none', '-nic', 'none', '-nodefaults'],
    ...['-serial', 'stdio', ...(machine.mayReboot ? [] : ['-no-reboot'])],
    ...['-kernel', machine.kernel, '-initrd', initrd],
    ...['-append', COMMAND_LINE],
  ];
}

/** A running guest. */
export class QemuProcess {
  /** Called with what the console shows, as it comes. */
  onOutput: (text: string) => void = () => {};
  readonly ended: Promise<QemuEnd>;
  readonly #child: ChildProcess;
  #complaints = '';

  constructor(machine: GuestMachine) {
    const [program, ...args] = machine.qemu.argv as [string, ...string[]];
    this.#child = spawn('sh', ['-c', WATCHMAN, 'sh', program, ...args, ...qemuArguments(machine)], {
      env: {
        ...process.env,
        ...machine.qemu.env,
        NETMEM_VM_RAM: machine.files.memoryFolder,
        NETMEM_VM_FILES: machine.files.path,
      },
      // The terminal's signals are for us; we decide what becomes of the guest.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.onOutput(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-COMPLAINTS_MAX);
    });
    // A guest that has just ended does not read any more.
    this.#child.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve({ code: null, complaints: error.message }));
      this.#child.on('close', (code) => resolve({ code, complaints: this.#complaints.trim() }));
    });
  }

  /** Types on the guest's console. */
  type(text: string | Uint8Array): void {
    this.#child.stdin?.write(text);
  }

  /** Ends the guest at once. {@link ended} tells when. */
  kill(): void {
    this.#child.stdio[3]?.destroy();
  }
}
