import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryName, formatEntry, type HistoryEntry, parseEntry } from './entry.ts';
import { judge } from './judge.ts';
import { renderRatios, renderVerdicts } from './report.ts';
import { currentCommit, describeMachine, HISTORY_FOLDER, readHistory, writeEntry } from './store.ts';

const ENTRY: HistoryEntry = {
  recorded: '2026-11-28T19:53:17.149Z',
  commit: 'f6a729d8a479+',
  machine: { cpu: 'Xeon', cores: 2, platform: 'linux-x64', node: 'v26.10.0', compiler: null },
  ratios: { 'path.packet_over_yardstick': { value: 1, min: 0.9, max: 1.1 } },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netmem-history-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a history', () => {
  it('is read back as it was written, oldest first', () => {
    const older = { ...ENTRY, recorded: '2025-01-01T00:00:00.000Z', commit: null };
    expect(writeEntry(ENTRY, folder)).toBe('2026-11-28T1953-f6a729d8a479-changed.json');
    expect(writeEntry(older, folder)).toBe('2025-01-01T0000.json');
    writeFileSync(join(folder, 'README.md'), 'not an entry');
    expect(readHistory(folder)).toEqual([older, ENTRY]);
  });

  it('that is committed can be read', () => {
    for (const entry of readHistory(HISTORY_FOLDER)) expect(entry.recorded).toMatch(/^20\d\d-/);
  });

  it.each<[string, string, string]>([
    ['text', 'no', 'x.json: not JSON'],
    ['no date', formatEntry({ ...ENTRY, recorded: 'yesterday' }), 'x.json: "recorded" is not a date'],
    ['no machine', JSON.stringify({ recorded: ENTRY.recorded }), 'x.json: "machine" lacks cpu, platform or node'],
    ['no ratios', JSON.stringify({ ...ENTRY, ratios: undefined }), 'x.json: no "ratios"'],
    [
      'half a ratio',
      JSON.stringify({ ...ENTRY, ratios: { a: { value: 1 } } }),
      'x.json: "a" is not value, min and max',
    ],
  ])('names a file with %s', (_what, text, message) => {
    expect(() => parseEntry('x.json', text)).toThrow(message);
  });

  it('knows this machine and this commit', () => {
    expect(describeMachine('cc 1')).toMatchObject({ node: process.version, compiler: 'cc 1' });
    expect(currentCommit() ?? '0123456789ab').toMatch(/^[0-9a-f]{12}\+?$/);
    expect(entryName({ ...ENTRY, commit: 'abc' })).toBe('2026-11-28T1953-abc.json');
  });
});

describe('what a check says', () => {
  it('names what is worse, how it was, and what to do', () => {
    const verdicts = judge({ 'path.packet_over_yardstick': { value: 2, min: 2, max: 2 } }, ENTRY);
    const text = renderVerdicts(verdicts, ENTRY, ENTRY.machine);
    expect(text).toContain('Against f6a729d8a479+ of 2026-11-28T19:53:17.149Z on such a machine.');
    expect(text).toMatch(/over the yardstick +2\.00, was 1\.00, up to 1\.25 {3}WORSE/);
    expect(text).toMatch(/over the C twin +not measured/);
    expect(text).toContain('Worse beyond noise: path.packet_over_yardstick.');
    expect(text).toContain('pnpm bench --record');
  });

  it('says when the machine is a stranger', () => {
    const text = renderVerdicts(judge({}, null), null, ENTRY.machine);
    expect(text).toContain('No machine in the history is like this one (Xeon, linux-x64, Node v26.10.0)');
    expect(text).toContain('Nothing is worse beyond noise.');
    expect(renderRatios(ENTRY.ratios)).toMatch(/over the yardstick +1\.00 {3}0\.90–1\.10/);
  });
});
