/** The running kernel's TCP as the peer, in a network namespace made for each run. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  descendants,
  eventually,
  NOBODY,
  nobodyRefusal,
  reportOf,
  runDevmem,
  startDevmem,
  tapRefusal,
} from './run-devmem.ts';

const LONG = { timeout: 120_000 };

describe.skipIf(tapRefusal !== null)('devmem rx --sender kernel', () => {
  it.each(['device', 'udmabuf'])('receives from the kernel into %s memory, clean', LONG, async (exporter) => {
    const finished = await runDevmem([
      'rx',
      '--sender',
      'kernel',
      '--bytes',
      '32MiB',
      '--exporter',
      exporter,
      '--json',
    ]);
    expect(finished.code, finished.stderr).toBe(0);
    const report = reportOf(finished);
    expect(report).toMatchObject({
      ok: true,
      sender: 'kernel',
      bytes_devmem: 32 * 2 ** 20,
      bytes_linear: 0,
      leaks: [],
    });
    expect(report).toMatchObject({ tokens_outstanding: 0, inflight: 0, iommu_faults: 0, log_warnings: 0 });
    expect(report.sha256_devmem).toBe(report.sha256_sent);
    expect(report.gbit_per_cpu_s).toBeGreaterThan(0);
  });

  it('says so when the sender is killed in mid-stream, and leaks nothing', LONG, async () => {
    const running = startDevmem(['rx', '--sender', 'kernel', '--bytes', '16GiB', '--validate', 'none', '--json']);
    const [sender] = await eventually(() => {
      const found = descendants(running.child.pid as number, 'kernel-sender.ts');
      return found.length > 0 ? found : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.kill(sender as number, 'SIGKILL');
    const finished = await running.finished;
    expect(finished.code, finished.stderr).toBe(1);
    const report = reportOf(finished);
    expect(report).toMatchObject({ ok: false, tokens_outstanding: 0, inflight: 0, leaks: [] });
    expect(report.error).toMatch(/SIGKILL/);
    expect(report.bytes_devmem).toBeGreaterThan(0);
  });

  it('gives up when the sender is stopped in mid-stream, with a state dump', LONG, async () => {
    const running = startDevmem(['rx', '--sender', 'kernel', '--bytes', '16GiB', '--validate', 'none', '--json']);
    const [sender] = await eventually(() => {
      const found = descendants(running.child.pid as number, 'kernel-sender.ts');
      return found.length > 0 ? found : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.kill(sender as number, 'SIGSTOP');
    const finished = await running.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toMatch(/State of receiver:\n {2}page pool/);
    expect(reportOf(finished)).toMatchObject({ ok: false, error: 'no byte came for 10 s', inflight: 0, leaks: [] });
  });

  it('waits for any client, one after another and at once', LONG, async () => {
    const running = startDevmem(['rx', '--sender', 'none', '--connections', '3', '--json']);
    const said = await running.stderrMatching(/nsenter --target \d+.* nc /);
    const enter = /nsenter ([^\n]*) nc /.exec(said)?.[1]?.split(' ') ?? [];
    const client = (bytes: number): Promise<number | null> => {
      const script = `require('net').connect(5201, '10.99.0.2').end(Buffer.alloc(${bytes}, 42))`;
      const child = spawn('nsenter', [...enter, process.execPath, '-e', script], { stdio: 'inherit' });
      return new Promise((resolve) => child.on('close', resolve));
    };
    expect(await client(100_000)).toBe(0);
    expect(await Promise.all([client(300_000), client(1)])).toEqual([0, 0]);
    const finished = await running.finished;
    expect(finished.code, finished.stderr).toBe(0);
    expect(reportOf(finished)).toMatchObject({
      sender: 'none',
      connections: 3,
      bytes_devmem: 400_001,
      bytes_linear: 0,
      leaks: [],
    });
  });
});

describe.skipIf(nobodyRefusal !== null)('devmem rx where a TAP is refused', () => {
  it('names what was refused and takes the embedded sender instead', LONG, async () => {
    const finished = await runDevmem(['rx', '--bytes', '1MiB', '--json'], NOBODY);
    if (/"sender":"kernel"/.test(finished.stdout)) return; // here everybody may: nothing is refused
    expect(finished.code, finished.stderr).toBe(0);
    const report = reportOf(finished);
    expect(report).toMatchObject({ ok: true, sender: 'embedded' });
    expect(report.sender_reason).toMatch(/\S/);
    expect(finished.stderr).toContain(report.sender_reason);
  });

  it('ends with status 3 when only the kernel would do', LONG, async () => {
    const finished = await runDevmem(['rx', '--sender', 'kernel', '--bytes', '1MiB'], NOBODY);
    if (finished.code === 0) return; // as above
    expect(finished.code).toBe(3);
    expect(finished.stderr).toMatch(/^error: --sender kernel needs a TAP: /);
  });
});
