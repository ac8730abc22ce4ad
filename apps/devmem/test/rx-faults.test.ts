import { describe, expect, it } from 'vitest';
import { reportOf, runDevmem } from './run-devmem.ts';

const EMBEDDED = ['rx', '--sender', 'embedded', '--bytes', '8MiB', '--json'];

function faults(...specs: readonly string[]): string[] {
  return specs.flatMap((spec) => ['--fault', spec]);
}

describe('devmem rx --fault', () => {
  it('loses, repeats, damages and delays the very frames that were named, and the stream is whole', async () => {
    const asked = faults('drop@100', 'drop@tx20', 'duplicate@300', 'corrupt@400', 'delay@500:1ms');
    const finished = await runDevmem([...EMBEDDED, ...asked]);
    expect(finished.code, finished.stderr).toBe(0);
    const report = reportOf(finished);
    expect(report).toMatchObject({ ok: true, bytes_linear: 0, leaks: [] });
    expect(report.sha256_devmem).toBe(report.sha256_sent);
    expect(report.faults).toMatchObject({ dropped: 2, duplicated: 1, corrupted: 1, delayed: 1, hangs: 0, resets: 0 });
  });

  it('delays an interrupt and has the card ask for a reset in mid-stream, and the stream is whole', async () => {
    const finished = await runDevmem([...EMBEDDED, ...faults('delay-interrupt@30:3ms', 'reset@2000')]);
    expect(finished.code, finished.stderr).toBe(0);
    const report = reportOf(finished);
    expect(report).toMatchObject({ ok: true, bytes_linear: 0, leaks: [] });
    expect(report.sha256_devmem).toBe(report.sha256_sent);
    expect(report.faults).toMatchObject({ interrupts_delayed: 1, resets: 1 });
  });

  it('shows what a card that hangs does: no stream, and nothing leaked', async () => {
    const finished = await runDevmem([...EMBEDDED, ...faults('hang-rx@1000')]);
    expect(finished.code).toBe(1);
    const report = reportOf(finished);
    expect(report).toMatchObject({ ok: false, tokens_outstanding: 0, inflight: 0, leaks: [] });
    expect(report.faults).toMatchObject({ hangs: 1 });
    expect(report.bytes_devmem).toBeLessThan(8 * 2 ** 20);
  });

  it('says what can be asked for', async () => {
    const finished = await runDevmem(['rx', '--fault', 'burn@1']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toContain('Give one of drop, duplicate');
    expect(finished.stderr).not.toContain('    at ');
  });
});
