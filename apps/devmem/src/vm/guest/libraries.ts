/** Libraries that the user's own programs need, so that what was built on this machine runs in the guest as it is. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { elfNeeds, librariesOf } from '../initramfs/elf.ts';

/** Enough to see that a file is no program. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/** What was found, and what was not. */
export interface ProgramLibraries {
  /** Files of this machine by the path at which the guest has to have them. */
  readonly files: ReadonlyMap<string, string>;
  /** A sentence for each program that lacks one. */
  readonly missing: readonly string[];
}

/** Looks at every program below a folder. */
export function librariesForFolder(folder: string): ProgramLibraries {
  const files = new Map<string, string>();
  const missing: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const content = readFileSync(path);
    if (!content.subarray(0, MAGIC.length).equals(MAGIC) || !elfNeeds(content)?.interpreter) continue;
    try {
      for (const [target, file] of librariesOf(path, '/')) files.set(target, file);
    } catch (error) {
      missing.push((error as Error).message);
    }
  }
  return { files, missing };
}
