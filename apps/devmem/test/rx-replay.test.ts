/** Captures that the command writes, and captures as its source. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CapturedPacket, DIRECTION_INBOUND, DIRECTION_OUTBOUND, readCapture } from '@netmem/pcap';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RxReport } from '../src/rx/report.ts';
import { foreignCapture } from './foreign-capture.ts';
import { reportOf, runDevmem, tapRefusal } from './run-devmem.ts';

const LONG = { timeout: 120_000 };
const MIB = 2 ** 20;
const SENT = ['--sender', 'embedded', '--bytes', '1MiB'];

const folder = mkdtempSync(join(tmpdir(), 'devmem-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function rx(...args: string[]): Promise<RxReport> {
  const finished = await runDevmem(['rx', ...args, '--json']);
  expect(finished.code, finished.stderr + finished.stdout).toBe(0);
  return reportOf(finished);
}

function packetsOf(path: string, direction?: number): CapturedPacket[] {
  const { packets, error } = readCapture(readFileSync(path));
  expect(error).toBeNull();
  return packets.filter((packet) => direction === undefined || packet.direction === direction);
}

const bytesOf = (packets: readonly CapturedPacket[]): string[] =>
  packets.map(({ data }) => Buffer.from(data).toString('hex'));

describe('devmem rx --pcap', () => {
  it('writes each packet with its time, rx queue and header split', LONG, async () => {
    const path = join(folder, 'written.pcapng');
    const report = await rx(...SENT, '--queues', '4', '--delay', '1ms', '--pcap', path);
    const packets = packetsOf(path);
    expect(packets).toHaveLength(report.pcap_packets ?? -1);
    const inbound = packets.filter(({ direction }) => direction === DIRECTION_INBOUND);
    const comments = new Set(inbound.map(({ comments }) => comments.join()));
    // The bound queue is the last one; ARP has no rule and no headers to split.
    expect(comments).toContain('rx queue 3, headers 66, payload 1448');
    expect([...comments].filter((comment) => !comment.startsWith('rx queue 3, headers '))).toEqual([
      expect.stringMatching(/^rx queue [012], not split$/),
    ]);
    expect(packets.some(({ comments }) => comments[0] === 'tx, headers 66, payload 0')).toBe(true);
    const times = packets.map(({ timestampNs }) => timestampNs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBeGreaterThan(5);
    // A millisecond there and one back: the first answer to an answer comes no earlier.
    const [synAck, ack] = [2, 3].map((n) => packets.filter(({ data }) => data[12] === 8 && data[13] === 0)[n - 1]);
    expect((ack?.timestampNs ?? 0) - (synAck?.timestampNs ?? 0)).toBeGreaterThanOrEqual(2e6);
  });
});

describe('devmem rx --replay', () => {
  const recorded = join(folder, 'recorded.pcapng');
  let original: RxReport;
  beforeAll(async () => {
    original = await rx(...SENT, '--seed', '7', '--pcap', recorded);
  }, 60_000);

  it('with the same seed receives the same bytes, and answers with the same frames', LONG, async () => {
    const again = join(folder, 'again.pcapng');
    const report = await rx('--replay', recorded, '--seed', '7', '--pcap', again);
    expect(report).toMatchObject({
      sender: 'replay',
      bytes_devmem: MIB,
      sha256_sent: original.sha256_sent,
      sha256_devmem: original.sha256_devmem,
      frags: original.frags,
      drops: 0,
      leaks: [],
    });
    expect(report.replay).toMatchObject({ connections: 1, incomplete: 0, aligned: 0, skipped: 0, damage: null });
    for (const direction of [DIRECTION_INBOUND, DIRECTION_OUTBOUND]) {
      const before = bytesOf(packetsOf(recorded, direction));
      expect(bytesOf(packetsOf(again, direction)).slice(0, before.length)).toEqual(before);
    }
  });

  it('with another seed aligns what the recorded client acknowledges', LONG, async () => {
    const report = await rx('--replay', recorded, '--seed', '8', '--exporter', 'udmabuf');
    expect(report).toMatchObject({ bytes_devmem: MIB, sha256_devmem: original.sha256_devmem, leaks: [] });
    expect(report.replay?.aligned).toBeGreaterThan(700);
  });

  it('receives what was recorded on a bad cable, connection by connection', LONG, async () => {
    const path = join(folder, 'bad.pcapng');
    const cable = ['--loss', '3%', '--reorder', '3%', '--duplicate', '3%', '--corrupt', '2%', '--delay', '2ms'];
    const before = await rx(...SENT, '--connections', '2', ...cable, '--seed', '5', '--pcap', path);
    for (const seed of ['5', '6']) {
      const report = await rx('--replay', path, '--seed', seed);
      expect(report).toMatchObject({ bytes_devmem: 2 * MIB, connections: 2, bytes_linear: 0, leaks: [] });
      for (const stream of report.streams) expect(stream.sha256_devmem).toBe(before.sha256_sent);
    }
  });

  it('receives what there is of a capture that was cut short', LONG, async () => {
    const path = join(folder, 'cut.pcapng');
    writeFileSync(path, readFileSync(recorded).subarray(0, 500_000));
    const report = await rx('--replay', path, '--seed', '7');
    expect(report.replay).toMatchObject({ incomplete: 1, damage: expect.stringMatching(/ends after the file/) });
    expect(report.bytes_devmem).toBeGreaterThan(400_000);
    expect(report).toMatchObject({ sha256_devmem: report.sha256_sent, leaks: [], tokens_outstanding: 0 });
  });

  it.skipIf(tapRefusal !== null)('receives what the kernel once sent', LONG, async () => {
    const path = join(folder, 'kernel.pcapng');
    const before = await rx('--sender', 'kernel', '--bytes', '2MiB', '--connections', '2', '--pcap', path);
    expect(new Date((packetsOf(path)[0]?.seconds ?? 0) * 1000).getFullYear()).toBeGreaterThan(2000);
    const report = await rx('--replay', path);
    expect(report).toMatchObject({ bytes_devmem: 4 * MIB, sha256_devmem: before.sha256_sent, leaks: [] });
  });

  it(
    'receives a capture from elsewhere: one direction, no ARP, a far client, checksums left to a card',
    LONG,
    async () => {
      const path = join(folder, 'foreign.pcap');
      const { file, sha256, bytes } = foreignCapture();
      writeFileSync(path, file);
      const report = await rx('--replay', path, '--listen', '192.0.2.10:80');
      expect(report).toMatchObject({ bytes_devmem: bytes, sha256_devmem: sha256, sha256_sent: sha256, leaks: [] });
      expect(report.replay).toMatchObject({ connections: 1, incomplete: 0, skipped: 1 });
      expect(report.streams[0]?.peer).toBe('198.51.100.7:40000');
    },
  );

  it('says which connections are in the capture when ours is not', LONG, async () => {
    const finished = await runDevmem(['rx', '--replay', recorded, '--listen', '10.99.0.2:80']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(
      /^error: --replay .*: no connection to 10\.99\.0\.2:80 begins in it, .*say --listen 10\.99\.0\.2:5201\.\n$/,
    );
  });
});
