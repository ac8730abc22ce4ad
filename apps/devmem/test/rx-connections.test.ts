/** Several connections at once, over good cables and bad ones. */
import { describe, expect, it } from 'vitest';
import type { RxReport } from '../src/rx/report.ts';
import { reportOf, runDevmem, tapRefusal } from './run-devmem.ts';

const LONG = { timeout: 120_000 };
const MIB = 2 ** 20;

/** Every connection got the whole source, and every byte of it lies in device memory. */
function expectWhole(report: RxReport, connections: number, bytes: number): void {
  expect(report).toMatchObject({
    ok: true,
    error: null,
    bytes_linear: 0,
    tokens_outstanding: 0,
    inflight: 0,
    leaks: [],
  });
  expect(report).toMatchObject({ connections, bytes_devmem: connections * bytes, iommu_faults: 0, log_warnings: 0 });
  expect(report.streams).toHaveLength(connections);
  expect(report.sha256_sent).toMatch(/^[0-9a-f]{64}$/);
  for (const stream of report.streams) {
    expect(stream).toMatchObject({ bytes_devmem: bytes, sha256_devmem: report.sha256_sent });
    expect(stream.sha256_sent).toBe(report.sha256_sent);
  }
  expect(new Set(report.streams.map((stream) => stream.peer)).size).toBe(connections);
}

describe('devmem rx --connections', () => {
  it('sends the source over each from a second host', LONG, async () => {
    const args = ['--sender', 'embedded', '--bytes', '1MiB', '--connections', '5', '--dmabuf', '4MiB'];
    const finished = await runDevmem(['rx', ...args, '--json']);
    expect(finished.code, finished.stderr).toBe(0);
    expectWhole(reportOf(finished), 5, MIB);
  });

  it.skipIf(tapRefusal !== null)('sends the source over each from the kernel', LONG, async () => {
    const finished = await runDevmem(['rx', '--sender', 'kernel', '--bytes', '4MiB', '--connections', '4', '--json']);
    expect(finished.code, finished.stderr).toBe(0);
    expectWhole(reportOf(finished), 4, 4 * MIB);
  });

  it('says that all digests agree', LONG, async () => {
    const args = ['--sender', 'embedded', '--bytes', '64KiB', '--connections', '2'];
    const finished = await runDevmem(['rx', ...args]);
    expect(finished.stdout).toMatch(/the same as sent \(all connections agree\)/);
    expect(finished.stdout).toContain('2 connections at once');
  });
});

describe('devmem rx over a bad cable', () => {
  it('receives everything although frames are lost, reordered, doubled, corrupted and late', LONG, async () => {
    const cable = ['--loss', '2%', '--reorder', '2%', '--duplicate', '2%', '--corrupt', '0.01', '--delay', '5ms'];
    const args = ['--sender', 'embedded', '--bytes', '1MiB', '--connections', '3', ...cable, '--seed', '11'];
    const finished = await runDevmem(['rx', ...args, '--json']);
    expect(finished.code, finished.stderr).toBe(0);
    const report = reportOf(finished);
    expectWhole(report, 3, MIB);
    for (const count of Object.values(report.cable ?? {})) expect(count).toBeGreaterThan(0);
    expect(Object.keys(report.cable ?? {})).toEqual(['lost', 'reordered', 'duplicated', 'corrupted']);
  });

  it('tells a person what the cable did', LONG, async () => {
    const finished = await runDevmem(['rx', '--sender', 'embedded', '--bytes', '256KiB', '--loss', '5%']);
    expect(finished.stdout).toMatch(/^ {2}cable +[1-9]\d* frames lost, 0 reordered, 0 duplicated, 0 corrupted$/m);
  });
});

describe('devmem rx --no-checks', () => {
  it('says in which mode the figures were taken', LONG, async () => {
    const args = ['rx', '--sender', 'embedded', '--bytes', '256KiB', '--json'];
    expect(reportOf(await runDevmem(args))).toMatchObject({ ok: true, checks: true });
    expect(reportOf(await runDevmem([...args, '--no-checks']))).toMatchObject({ ok: true, checks: false, leaks: [] });
  });
});
