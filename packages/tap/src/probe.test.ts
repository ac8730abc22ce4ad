import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { probeTap } from './index.ts';

describe('probeTap', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'probe-'));
    vi.stubEnv('PATH', folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  function fakeUnshare(script: string): void {
    writeFileSync(join(folder, 'unshare'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'unshare'), 0o755);
  }

  it('says that `unshare` is missing', async () => {
    expect(await probeTap()).toEqual({ ok: false, reason: 'the `unshare` command is missing: install util-linux' });
  });

  it('says why there is no namespace', async () => {
    fakeUnshare('echo "unshare: unshare failed: Operation not permitted" >&2; exit 1');
    expect(await probeTap()).toEqual({
      ok: false,
      reason: 'no network namespace: unshare: unshare failed: Operation not permitted',
    });
  });

  it('passes on what the child says', async () => {
    fakeUnshare('echo "open /dev/net/tun: no such file or directory (ENOENT). Load the driver"');
    expect(await probeTap()).toMatchObject({ ok: false, reason: expect.stringContaining('ENOENT') });
    fakeUnshare('echo ok');
    expect(await probeTap()).toEqual({ ok: true });
  });

  it('does not wait for ever', { timeout: 20_000 }, async () => {
    fakeUnshare('exec /bin/sleep 60');
    expect(await probeTap()).toEqual({ ok: false, reason: 'the probe gave no answer within 3 s' });
  });
});
