import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { descendants, eventually, reportOf, runDevmem, startDevmem } from './run-devmem.ts';

const CLEAN = {
  ok: true,
  error: null,
  bytes_linear: 0,
  tokens_outstanding: 0,
  inflight: 0,
  iommu_faults: 0,
  log_warnings: 0,
  leaks: [],
};

describe('devmem rx --sender embedded', () => {
  it.each(['device', 'udmabuf'])(
    'receives a generated stream into %s memory, clean',
    { timeout: 60_000 },
    async (exporter) => {
      const finished = await runDevmem([
        'rx',
        '--sender',
        'embedded',
        '--bytes',
        '8MiB',
        '--exporter',
        exporter,
        '--json',
      ]);
      expect(finished.code, finished.stderr).toBe(0);
      const report = reportOf(finished);
      expect(report).toMatchObject({
        ...CLEAN,
        sender: 'embedded',
        exporter,
        bytes_devmem: 8 * 2 ** 20,
        connections: 1,
      });
      expect(report.sha256_devmem).toMatch(/^[0-9a-f]{64}$/);
      expect(report.sha256_devmem).toBe(report.sha256_sent);
      expect(report.frags).toBe(report.tokens_issued);
      expect(report.tokens_returned).toBe(report.tokens_issued);
    },
  );

  it.each(['device', 'udmabuf'])(
    'checks the pattern in %s memory, on four queues and little memory',
    { timeout: 60_000 },
    async (exporter) => {
      const args = [
        '--bytes',
        '1MiB',
        '--validate',
        'pattern',
        '--queues',
        '4',
        '--dmabuf',
        '256KiB',
        '--exporter',
        exporter,
      ];
      const finished = await runDevmem(['rx', '--sender', 'embedded', '--json', ...args]);
      expect(finished.code, finished.stderr).toBe(0);
      expect(reportOf(finished)).toMatchObject({ ...CLEAN, sha256_sent: null, sha256_devmem: null, queues: 4 });
    },
  );

  it('writes what it received to a file, and a trace beside it', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'devmem-'));
    try {
      const [file, out, trace] = ['sent', 'received', 'trace'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(file, Buffer.from(Array.from({ length: 300_001 }, (_, i) => (i * 7919) >>> 5)));
      const where = ['--file', file, '--out', out, '--trace', trace, '--exporter', 'udmabuf'];
      const finished = await runDevmem(['rx', '--sender', 'embedded', ...where, '--json']);
      expect(finished.code, finished.stderr).toBe(0);
      const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
      expect(reportOf(finished)).toMatchObject({ sha256_sent: digest, sha256_devmem: digest });
      expect(readFileSync(out).equals(readFileSync(file))).toBe(true);
      expect(readFileSync(trace, 'utf8')).toMatch(/page_pool_state_hold: /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('tells a person what happened, without colour or bar when nobody watches', { timeout: 60_000 }, async () => {
    const finished = await runDevmem(['rx', '--sender', 'embedded', '--bytes', '64KiB']);
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toMatch(/^Received, every byte where it should be\.\n/);
    expect(finished.stdout).toContain('65536 bytes (64 KiB)');
    expect(finished.stdout + finished.stderr).not.toContain('\u001b');
  });

  it('decides everything by its seed', { timeout: 60_000 }, async () => {
    const run = async (): Promise<number> => {
      const finished = await runDevmem(['rx', '--sender', 'embedded', '--bytes', '2MiB', '--seed', '7', '--json']);
      return reportOf(finished).frags;
    };
    expect(await run()).toBe(await run());
  });

  it('ends with a report on SIGINT', { timeout: 60_000 }, async () => {
    const running = startDevmem(['rx', '--sender', 'embedded', '--bytes', '4GiB', '--json']);
    // It listens for signals once its receiver runs, which a busy machine takes its time for.
    const receivers = (): number[] => descendants(running.child.pid as number, 'receiver.ts');
    if (process.platform === 'linux') await eventually(() => receivers()[0]);
    setTimeout(() => running.child.kill('SIGINT'), 1500);
    const finished = await running.finished;
    expect(finished.code, finished.stderr).toBe(130);
    expect(reportOf(finished)).toMatchObject({ ok: false, error: 'interrupted', inflight: 0, tokens_outstanding: 0 });
  });

  it('ends with a report when time is up', { timeout: 60_000 }, async () => {
    const finished = await runDevmem(['rx', '--sender', 'embedded', '--bytes', '4GiB', '--timeout', '2', '--json']);
    expect(finished.code, finished.stderr).toBe(1);
    expect(reportOf(finished)).toMatchObject({ ok: false, error: 'not finished after --timeout 2 s', inflight: 0 });
  });
});

describe('devmem rx, used wrongly', () => {
  it.each([
    [['--queues', '1'], /--queues/],
    [['--dmabuf', '5000'], /--dmabuf/],
    [['--exporter', 'device', '--out', 'x'], /--out/],
    [['--validate', 'pattern', '--file', 'x'], /--validate pattern/],
    [['--sender', 'none', '--bytes', '1M'], /--sender none/],
    [['--connections', '0'], /--connections/],
    [['--corrupt', '1%', '--vnet-hdr'], /--corrupt cannot be noticed in the frames of --vnet-hdr/],
    [['--sender', 'embedded', '--loss', '101%'], /--loss.*such as 2% or 0\.02/],
    [['--sender', 'embedded', '--delay', '5'], /--delay.*such as 5ms/],
    [['--sender', 'embedded', '--bytes', '1', '--pcap', 'no/such/folder'], /--pcap no\/such\/folder: ENOENT/],
    [['--replay', 'x', '--sender', 'kernel'], /--replay.*cannot be used with.*--sender/],
    [['--replay', 'x', '--bytes', '3'], /--replay.*cannot be used with.*--bytes/],
    [['--replay', 'x', '--loss', '1%'], /--replay.*cannot be used with.*--loss/],
    [['--replay', 'does-not-exist'], /--replay does-not-exist: ENOENT/],
    [['--replay', 'package.json'], /--replay package\.json: .*neither pcapng nor pcap/],
    [['--listen', '1.2.3.4.5:1'], /--listen/],
    [['--listen', '70000'], /--listen/],
    [['--bytes', '-3'], /--bytes/],
    [['--file', 'does-not-exist'], /does-not-exist/],
    [['--nonsense'], /--nonsense/],
  ])('says in one line what to do: %j', { timeout: 20_000 }, async (args, pattern) => {
    const finished = await runDevmem(['rx', ...args]);
    expect(finished.code).toBe(2);
    expect(finished.stdout).toBe('');
    expect(finished.stderr).toMatch(pattern);
    expect(finished.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('prints units and defaults in its help', async () => {
    const finished = await runDevmem(['rx', '--help']);
    expect(finished.code).toBe(0);
    for (const text of ['10.99.0.2:5201', '64MiB', '120', 'SECONDS', 'Exit status'])
      expect(finished.stdout).toContain(text);
  });
});
