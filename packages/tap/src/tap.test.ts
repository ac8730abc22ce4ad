import { readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NAMESPACE_ENVIRONMENT, probeTap, spawnInNetworkNamespace } from './index.ts';

const probe = await probeTap();
if (!probe.ok) console.warn(`TAP tests are skipped: ${probe.reason}`);

const script = join(import.meta.dirname, '../test/scenarios.ts');

/** Runs a scenario in a network namespace of its own; what it found out comes back. */
// biome-ignore lint/suspicious/noExplicitAny: results are what scenarios.ts returns, as JSON.
function inNamespace(scenario: string): Promise<any> {
  return new Promise((resolve, reject) => {
    const child = spawnInNetworkNamespace(script, [scenario], {
      nodeArguments: ['--conditions=@netmem/source'],
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (text) => {
      stdout += text;
    });
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout));
      else reject(new Error(`scenario ${scenario} ended with ${code}: ${stderr}`));
    });
  });
}

describe.skipIf(!probe.ok)('a TAP', { timeout: 30_000 }, () => {
  it('lives in a namespace of its own, and the host sees nothing of it', async () => {
    const before = Object.keys(networkInterfaces());
    const { namespace, interfaces, name } = await inNamespace('namespace');
    expect(namespace).not.toBe(readlinkSync('/proc/self/ns/net'));
    expect(interfaces).toContain(name);
    expect(Object.keys(networkInterfaces())).toEqual(before);
    expect(process.env[NAMESPACE_ENVIRONMENT]).toBeUndefined();
  });

  it('receives what the kernel sends, in order, and nothing when there is nothing', async () => {
    const result = await inNamespace('from the kernel');
    expect(result).toMatchObject({
      idle: 0,
      texts: ['one', 'two', 'three'],
      ethernet: { source: result.kernelMac, destination: '02:00:00:00:00:02' },
      ipv4: { source: '10.99.0.1', destination: '10.99.0.2' },
      inUse: 0,
    });
    expect(result.rxFrames).toBeGreaterThanOrEqual(3);
  });

  it('sends what the kernel accepts, with checksums finished, damage and all', async () => {
    const { received, stats, inUse } = await inNamespace('to the kernel');
    expect(received).toEqual(['whole', 'partial', 'last']);
    expect(stats).toMatchObject({ txFrames: 4, txDropped: 0 });
    expect(inUse).toBe(0);
  });

  it('speaks ARP with the kernel', async () => {
    expect(await inNamespace('arp')).toEqual({
      broadcast: 'ff:ff:ff:ff:ff:ff',
      texts: ['who has it?'],
      to: '02:00:00:00:00:02',
    });
  });

  it('shows the SYN of a real connect(), as the codecs read it', async () => {
    const { flags, options, window } = await inNamespace('syn');
    expect(flags).toBe(2);
    expect(options).toMatchObject({ mss: 1460, sackPermitted: true, timestamp: { echo: 0 } });
    expect(options.windowScale).toBeGreaterThanOrEqual(0);
    expect(options.windowScale).toBeLessThanOrEqual(14);
    expect(window).toBeGreaterThan(0);
  });

  it('is waited for, for a bounded time', async () => {
    const { empty, waitedMs, ready, looked, endless } = await inNamespace('poll');
    expect({ empty, ready, looked, endless }).toEqual({
      empty: false,
      ready: true,
      looked: true,
      endless: 'RangeError',
    });
    // Not how long it took, but that it did wait.
    expect(waitedMs).toBeGreaterThan(25);
  });

  it('is left alone for a moment, and what came is there afterwards', async () => {
    const { pausedMs, ready, refused } = await inNamespace('pause');
    expect(ready).toBe(true);
    expect(refused).toEqual(['RangeError', 'RangeError', 'RangeError']);
    // Not how long it took, but that it did pause.
    expect(pausedMs).toBeGreaterThan(19);
  });

  it('leaves frames with the kernel while there is no slot for them', async () => {
    const { slots, text } = await inNamespace('without slots');
    expect(slots.map((slot: number) => slot > 0)).toEqual([true, true, false]);
    expect(text).toBe('three');
  });

  it('knows its link, and drops and counts what is sent while it is down', async () => {
    expect(await inNamespace('link state')).toEqual({
      states: [true, false, true, false],
      taken: true,
      dropped: 1,
      lastErrno: 5,
      inUse: 0,
    });
  });

  it('drops and counts what it cannot send, and stays up', async () => {
    const { taken, stats, lastErrno, linkUp, inUse } = await inNamespace('not sendable');
    expect({ taken, lastErrno, linkUp, inUse }).toEqual({
      taken: [true, true, true],
      lastErrno: 22,
      linkUp: true,
      inUse: 0,
    });
    expect(stats).toMatchObject({ txFrames: 1, txDropped: 2 });
  });

  it('takes thousands of frames without keeping one', async () => {
    const { taken, stats, inUse } = await inNamespace('frames');
    expect({ taken, inUse }).toEqual({ taken: 1000, inUse: 0 });
    expect(stats).toMatchObject({ txFrames: 1000, txBytes: 60_000, txDropped: 0 });
  });

  it('sets addresses, MTU and a name of the kernel’s choosing', async () => {
    const { name, mtu, addresses, largest, changed, index, linkUp } = await inNamespace('settings');
    expect(name).toMatch(/^tap\d+$/);
    expect(addresses).toEqual(expect.arrayContaining(['10.99.0.1/30', 'fd00:99::1/64']));
    expect({ mtu, changed, linkUp }).toEqual({ mtu: 9000, changed: ['10.98.0.1/16'], linkUp: true });
    expect(index).toBeGreaterThan(0);
    expect(largest).toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('allow an MTU of 9982, not 9983'),
    });
  });

  it('says what is wrong and what to do, by name', async () => {
    const errors = await inNamespace('errors');
    expect(errors).toMatchObject({
      busy: {
        code: 'EBUSY',
        errno: 16,
        syscall: 'TUNSETIFF',
        message: expect.stringContaining('Somebody has this interface open'),
      },
      name: { code: 'EINVAL', syscall: 'TUNSETIFF', message: expect.stringContaining('1 to 15 bytes') },
      slash: { code: 'EINVAL' },
      notATap: { code: 'EINVAL', message: expect.stringContaining('is no TAP') },
      smallMtu: { code: 'EINVAL', syscall: 'SIOCSIFMTU', message: expect.stringContaining('from 68 to 65521') },
      largeMtu: { code: 'EINVAL', message: expect.stringContaining('allow an MTU of 2030') },
      address: { code: 'EINVAL', syscall: 'SIOCSIFADDR', message: expect.stringContaining('10.0.0.1/24') },
      network: { code: 'EINVAL', syscall: 'SIOCSIFADDR' },
      neighbourAddress: { code: 'EINVAL', message: expect.stringContaining('IPv4') },
      neighbourMac: { code: 'EINVAL', message: expect.stringContaining('Ethernet address') },
      badStart: { code: 'EINVAL' },
      left: [],
    });
  });

  it('that is closed receives nothing, drops what is sent, and may be closed again', async () => {
    expect(await inNamespace('closed')).toMatchObject({
      received: 0,
      taken: true,
      dropped: 1,
      linkUp: false,
      inUse: 0,
    });
  });

  it('whose interface somebody deleted says so instead of spinning, and throws nothing on data', async () => {
    expect(await inNamespace('deleted')).toMatchObject({
      poll: { code: 'ENODEV', syscall: 'poll', message: expect.stringContaining('deleted') },
      received: 0,
      taken: true,
      linkUp: false,
      inUse: 0,
      lastErrno: 77,
    });
  });

  describe('with a virtio header before each frame', () => {
    it('receives what the kernel leaves uncut, and says what is left to do', async () => {
      const { frames, facts, same, superFrames, inUse } = await inNamespace('super-frames from the kernel');
      expect({ same, superFrames, inUse }).toEqual({ same: true, superFrames: true, inUse: 0 });
      expect(frames).toBeLessThan(10);
      expect(facts).toEqual([
        {
          flags: 1,
          gsoType: 1,
          gsoSize: 1400,
          checksumStart: 34,
          checksumOffset: 16,
          partial: true,
          length: 14 + 20 + 20,
          inOrder: true,
        },
      ]);
    });

    it('sends what the kernel is to cut', async () => {
      const { taken, same, stats, inUse } = await inNamespace('super-frames to the kernel');
      expect({ taken, same, inUse }).toEqual({ taken: true, same: true, inUse: 0 });
      expect(stats).toMatchObject({ txDropped: 0, txFrames: 2 });
    });

    it('passes ordinary frames, their checksums finished or not', async () => {
      expect(await inNamespace('plain frames with a header')).toEqual({
        received: ['whole', 'partial'],
        answer: ['answer'],
        inUse: 0,
      });
    });

    it('drops and counts what the kernel refuses, and stays up', async () => {
      const { taken, stats, lastErrno, linkUp, inUse } = await inNamespace('bad super-frames to the kernel');
      expect({ taken, lastErrno, linkUp, inUse }).toEqual({
        taken: [true, true, true],
        lastErrno: 22,
        linkUp: true,
        inUse: 0,
      });
      expect(stats).toMatchObject({ txFrames: 1, txDropped: 2 });
    });

    it('needs slots for whole super-frames, with room before them, and takes any MTU then', async () => {
      const { small, noHeadroom, mtu, beyond } = await inNamespace('vnet settings');
      expect(small).toMatchObject({
        code: 'EINVAL',
        message: expect.stringContaining('slots of 65557 bytes with a headroom of 10: they have 2048 and 16'),
      });
      expect(noHeadroom).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('65557 and 8') });
      expect(mtu).toBe(65_521);
      expect(beyond).toMatchObject({ code: 'EINVAL', syscall: 'SIOCSIFMTU' });
    });
  });

  describe('with several queues', () => {
    it('gets a flow’s frames on the queue on which it was answered last', async () => {
      expect(await inNamespace('a flow follows its queue')).toEqual({
        moved: [true, true, true, true, true, true],
        queues: 4,
        fds: 4,
        inUse: 0,
      });
    });

    it('takes turns, and keeps each flow in order', async () => {
      const { count, longest, seen } = await inNamespace('queues take turns');
      expect(count).toBe(160);
      expect(longest).toBeLessThanOrEqual(32);
      const numbers = Array.from({ length: 80 }, (_, i) => `${i}`);
      expect(seen).toEqual({ 5000: numbers, 5001: numbers });
    });

    it('says what is wrong with their number, and closes all of them', async () => {
      expect(await inNamespace('queue errors')).toEqual({
        many: expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining('1 to 256 queues, not 257') }),
        none: expect.objectContaining({ code: 'EINVAL' }),
        busy: expect.objectContaining({ code: 'EINVAL', syscall: 'TUNSETIFF' }),
        closed: [-1, -1, 0],
      });
    });
  });
});
