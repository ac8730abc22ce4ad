/** `devmem vm shell`: a guest for a person, or for one command. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../exit-codes.ts';
import { usageError } from '../../host/options.ts';
import type { ConsoleEvent } from '../guest/console.ts';
import { isUnexpected, parseKernelMessage } from '../guest/kernel-log.ts';
import { librariesForFolder } from '../guest/libraries.ts';
import { folderBytes, type SharedFolder } from '../guest/run-folder.ts';
import type { VmOptions } from '../options.ts';
import { GuestSession, type GuestTask, type GuestWatcher } from '../run/guest-session.ts';
import { observePort } from '../run/observe-port.ts';
import type { StopSignal } from '../run/scenario-run.ts';
import { GUEST_SCRIPTS } from '../setup/guest-programs.ts';
import type { GuestKit } from '../setup/prepare.ts';
import { ConsoleFilter } from './console-filter.ts';
import { connectTerminal, terminalSize } from './terminal.ts';

const MIB = 2 ** 20;
/** What is shared lies in the guest's RAM twice while it is unpacked. */
const COPIES_OF_SHARE = 2;

/** What `devmem vm shell` was asked for. */
export interface ShellRequest {
  /** A folder to find as /share; null for none. */
  readonly share: string | null;
  /** A command to run instead of a shell; null for a shell. */
  readonly command: string | null;
}

/** @throws CommandError with the usage exit status when there is no such folder. */
function openShare(path: string | null): SharedFolder | null {
  if (path === null) return null;
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageError(`--share ${path}: there is no such folder.`);
  }
  const libraries = librariesForFolder(path);
  for (const sentence of libraries.missing) process.stderr.write(`warning: ${sentence}\n`);
  return { path, libraries };
}

function taskOf({ command }: ShellRequest, share: SharedFolder | null): GuestTask {
  const bytes = share === null ? 0 : folderBytes(share.path);
  return {
    start: readFileSync(join(GUEST_SCRIPTS, 'shell'), 'utf8'),
    files: new Map(),
    settings: { COMMAND: command ?? '', ...terminalSize() },
    share,
    extraMemoryMiB: Math.ceil((COPIES_OF_SHARE * bytes) / MIB),
    superFrames: false,
    mayReboot: false,
  };
}

/**
 * Runs it and returns the command's exit status, or the shell's.
 *
 * @throws CommandError for a folder that is not there; what {@link GuestSession.start} throws.
 */
export async function runShell(
  kit: GuestKit,
  request: ShellRequest,
  options: VmOptions,
  stop: StopSignal,
): Promise<number> {
  const share = openShare(request.share);
  const interactive = request.command === null;
  const observed = observePort(options);
  let status: number | null = null;
  let session: GuestSession | null = null;
  const filter = new ConsoleFilter((text) => process.stdout.write(text));
  const watcher: GuestWatcher = {
    output: (text) => {
      if (interactive) filter.push(text);
    },
    text: (line) => {
      if (!interactive && status === null) process.stdout.write(`${line}\n`);
    },
    event: (event: ConsoleEvent) => {
      if (event.word === 'boot' && interactive) connect();
      else if (event.word === 'exit') status = Number(event.rest);
      else if (event.word === 'fail') process.stderr.write(`${event.rest}\n`);
      else if (event.word === 'kernel') reportKernel(event.rest);
      else session?.request(event);
    },
    card: ({ kind, detail }) => {
      if (options.verbose) process.stderr.write(`card: ${kind}: ${detail}\n`);
    },
  };
  let escaped: (reason: string) => void = () => {};
  const left = new Promise<string>((resolve) => {
    escaped = resolve;
  });
  let disconnect: () => void = () => {};
  // Before the guest's first process runs nobody reads what is typed.
  const connect = (): void => {
    disconnect();
    if (session !== null) disconnect = connectTerminal(session.qemu, () => escaped(''));
  };
  session = await GuestSession.start(kit, options, taskOf(request, share), watcher, observed.wrap);
  const timer = interactive
    ? undefined
    : setTimeout(() => escaped(`not finished after --timeout ${options.timeout} s`), options.timeout * 1000);
  try {
    const outcome = await Promise.race([session.ended, stop.stopped, left]);
    if (typeof outcome === 'string') {
      if (outcome !== '') process.stderr.write(`error: ${outcome}\n`);
    } else if (status === null) {
      process.stderr.write(`error: the guest ended in the middle: ${outcome.complaints || 'without a complaint'}\n`);
    }
    return status ?? (outcome === '' ? EXIT.ok : EXIT.failed);
  } finally {
    clearTimeout(timer);
    disconnect();
    await session.close();
    observed.close();
  }
}

function reportKernel(line: string): void {
  const message = parseKernelMessage(line);
  if (isUnexpected(message)) process.stderr.write(`kernel: ${message.text}\n`);
}
