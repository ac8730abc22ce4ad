/** As much of ELF as it takes to know which libraries a program of this machine's kind needs. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

const MAGIC = 0x464c457f;
const CLASS_64 = 2;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DYNAMIC_ENTRY_BYTES = 16;

/** What a program asks of the system to be started. */
export interface ElfNeeds {
  /** Path of the dynamic loader; null for a static program. */
  readonly interpreter: string | null;
  /** Names of libraries. */
  readonly libraries: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function segmentsOf(file: Buffer): Segment[] {
  const at = Number(file.readBigUInt64LE(0x20));
  const size = file.readUInt16LE(0x36);
  return Array.from({ length: file.readUInt16LE(0x38) }, (_, index) => {
    const header = at + index * size;
    return {
      type: file.readUInt32LE(header),
      offset: Number(file.readBigUInt64LE(header + 8)),
      address: Number(file.readBigUInt64LE(header + 16)),
      size: Number(file.readBigUInt64LE(header + 32)),
    };
  });
}

function stringAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at));
}

/** Reads the program and dynamic headers; null when the file is no 64-bit little-endian ELF. */
export function elfNeeds(file: Buffer): ElfNeeds | null {
  if (file.length < 64 || file.readUInt32LE(0) !== MAGIC || file[4] !== CLASS_64 || file[5] !== 1) return null;
  const segments = segmentsOf(file);
  const interp = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const interpreter = interp === undefined ? null : stringAt(file, interp.offset);
  if (dynamic === undefined) return { interpreter, libraries: [] };
  const entries: [tag: number, value: number][] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += DYNAMIC_ENTRY_BYTES) {
    const tag = Number(file.readBigInt64LE(at));
    if (tag === DT_NULL) break;
    entries.push([tag, Number(file.readBigUInt64LE(at + 8))]);
  }
  const table = entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? 0;
  const loaded = segments.find((one) => one.type === PT_LOAD && table >= one.address && table < one.address + one.size);
  const base = loaded === undefined ? table : table - loaded.address + loaded.offset;
  return {
    interpreter,
    libraries: entries.filter(([tag]) => tag === DT_NEEDED).map(([, name]) => stringAt(file, base + name)),
  };
}

/** Whether a program runs without any library. */
export function isStatic(path: string): boolean {
  const needs = elfNeeds(readFileSync(path));
  return needs !== null && needs.interpreter === null && needs.libraries.length === 0;
}

const LIBRARY_FOLDERS = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib64', 'lib64', 'usr/lib', 'lib'];

/**
 * Everything that a program needs beside itself.
 *
 * @param root - Where its libraries are looked for. @returns real files by the path at which the program expects them.
 * @throws Error naming a library that is not there.
 */
export function librariesOf(program: string, root: string): Map<string, string> {
  const found = new Map<string, string>();
  const find = (name: string): string => {
    const path = LIBRARY_FOLDERS.map((folder) => join(root, folder, name)).find((one) => existsSync(one));
    if (path === undefined) throw new Error(`${basename(program)} needs ${name}, which is not in ${root}`);
    return realpathSync(path);
  };
  const visit = (path: string): void => {
    const needs = elfNeeds(readFileSync(path));
    if (needs?.interpreter) found.set(needs.interpreter, find(basename(needs.interpreter)));
    for (const name of needs?.libraries ?? []) {
      const target = `/lib/${name}`;
      if (found.has(target)) continue;
      const library = find(name);
      found.set(target, library);
      visit(library);
    }
  };
  visit(program);
  return found;
}
