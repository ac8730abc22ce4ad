/** The user's terminal as the guest's console. */
import type { QemuProcess } from '../guest/qemu-process.ts';

/** Ctrl-], which telnet uses as well. */
const ESCAPE = 0x1d;

/** Rows and columns for the guest, which cannot know them. */
export function terminalSize(): { readonly ROWS: number; readonly COLUMNS: number } {
  const { rows = 24, columns = 80 } = process.stdout;
  return { ROWS: rows, COLUMNS: columns };
}

/**
 * Sends what is typed to the guest until that is undone. A terminal is raw meanwhile: Ctrl-C is the guest's.
 *
 * @param onEscape - Ctrl-] was typed. @returns what undoes it.
 */
export function connectTerminal(qemu: QemuProcess, onEscape: () => void): () => void {
  const { stdin } = process;
  const onData = (chunk: Buffer): void => {
    if (stdin.isTTY && chunk.includes(ESCAPE)) onEscape();
    else qemu.type(chunk);
  };
  // Somebody who pipes commands in has no more.
  const onEnd = (): void => qemu.type('\nexit\n');
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onData).on('end', onEnd).resume();
  return () => {
    stdin.off('data', onData).off('end', onEnd).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  };
}
