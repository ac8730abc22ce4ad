/** The stock iperf3 as client, in the network namespace of the receiver. */
import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { IperfReport } from '../src/iperf/report.ts';
import { type Finished, runDevmem, startDevmem, tapRefusal } from './run-devmem.ts';

const LONG = { timeout: 120_000 };

const installed = spawnSync('iperf3', ['--version']).status === 0;
if (!installed) console.warn('Left out, because iperf3 is not installed here.');
const canRun = installed && tapRefusal === null;

interface Served {
  readonly server: Finished;
  readonly report: IperfReport;
  readonly clientCode: number | null;
  readonly clientText: string;
}

/** Has a client of our own, `iperf3 -c … args`, tested by `devmem iperf`. @param signal - Sent to the client when it has told of its first interval. */
async function serve(
  serverArgs: readonly string[],
  clientArgs: readonly string[],
  signal: NodeJS.Signals | null = null,
): Promise<Served> {
  const running = startDevmem(['iperf', '--sender', 'none', '--json', '--timeout', '100', ...serverArgs]);
  const said = await running.stderrMatching(/^ *nsenter .* iperf3 -c .*$/m);
  const [program, ...words] = (/^ *(nsenter .*)$/m.exec(said)?.[1] ?? '').split(' ') as [string, ...string[]];
  const client = spawn(program, [...words, ...clientArgs], { stdio: ['ignore', 'pipe', 'pipe'] });
  let clientText = '';
  const take = (chunk: Buffer): void => {
    clientText += chunk.toString();
    if (signal !== null && clientText.includes('bits/sec')) client.kill(signal);
  };
  client.stdout.on('data', take);
  client.stderr.on('data', take);
  const clientCode = await new Promise<number | null>((resolve) => client.on('close', resolve));
  const server = await running.finished;
  return { server, report: JSON.parse(server.stdout) as IperfReport, clientCode, clientText };
}

/** Every byte that the client sent is in device memory, nothing else is, and nothing was left. */
function expectClean(report: IperfReport, streams: number): void {
  expect(report).toMatchObject({ ok: true, error: null, refused: null, bytes_linear: 0 });
  expect(report).toMatchObject({ tokens_outstanding: 0, inflight: 0, iommu_faults: 0, log_warnings: 0, leaks: [] });
  expect(report.bytes_devmem).toBeGreaterThan(0);
  expect(report.tokens_returned).toBe(report.tokens_issued);
  expect(report.streams).toHaveLength(streams);
}

describe.skipIf(!canRun)('devmem iperf serves a stock iperf3', () => {
  it.concurrent.each<[server: string, client: string, streams: number]>([
    ['--mtu 9000', '-P 4 -n 16M', 4],
    ['--vnet-hdr', '-P 4 -n 64M -l 1M', 4],
    ['--vnet-hdr --mtu 9000 --dma swiotlb', '-n 64M -Z', 1],
    ['--dma non-coherent --exporter udmabuf --queues 4', '-P 16 -n 4M', 16],
    ['', '-l 1000 -k 2000 -M 1000 -w 64K -N -C reno', 1],
    ['--loss 1% --reorder 1% --duplicate 1%', '-P 2 -n 8M', 2],
  ])('devmem iperf %s: iperf3 -c %s', LONG, async (serverText, clientText, streams) => {
    const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
    const { server, report, clientCode, clientText: printed } = await serve(words(serverText), words(clientText));
    expect(clientCode, printed).toBe(0);
    expect(printed).toContain('iperf Done.');
    expect(server.code, server.stderr).toBe(0);
    expectClean(report, streams);
    expect(report.bytes_sent).toBe(report.bytes_devmem);
  });

  it('leaves out what comes in the seconds that do not count', LONG, async () => {
    const { report, clientCode, clientText } = await serve([], ['-t', '1', '-O', '1', '-J']);
    expect(clientCode, clientText).toBe(0);
    expectClean(report, 1);
    const { end } = JSON.parse(clientText) as { end: { sum_sent: { bytes: number }; sum_received: { bytes: number } } };
    expect(end.sum_sent.bytes).toBe(report.bytes_sent);
    expect(end.sum_received.bytes).toBeGreaterThan(0);
    expect(end.sum_received.bytes).toBeLessThan(report.bytes_devmem);
  });

  it.concurrent.each([
    ['SIGKILL', 'the client went away in the middle of the test'],
    ['SIGINT', 'the client ended the test before its time'],
  ] as const)('that ends by %s in mid-stream: %s', LONG, async (signal, error) => {
    const { server, report } = await serve([], ['-t', '60', '-P', '2', '-i', '0.2', '--forceflush'], signal);
    expect(server.code, server.stderr).toBe(1);
    expect(report).toMatchObject({ ok: false, error, bytes_linear: 0, tokens_outstanding: 0, inflight: 0, leaks: [] });
    expect(report.bytes_devmem).toBeGreaterThan(0);
  });

  it('refuses to send, and says so on both sides', LONG, async () => {
    const { server, report, clientCode, clientText } = await serve([], ['-R']);
    expect(clientCode).toBe(1);
    expect(clientText).toContain('an option you are trying to set is not implemented yet');
    expect(server.code).toBe(1);
    expect(report).toMatchObject({ ok: false, bytes_devmem: 0, inflight: 0, leaks: [] });
    expect(report.refused).toMatch(/^-R /);
  });

  it('runs the client itself, and reports what it printed', LONG, async () => {
    const finished = await runDevmem(['iperf', '--time', '1', '--parallel', '2', '--vnet-hdr', '--json']);
    expect(finished.code, finished.stderr).toBe(0);
    const report = JSON.parse(finished.stdout) as IperfReport;
    expectClean(report, 2);
    const { end } = report.iperf3 as { end: { sum_sent: { bytes: number }; sum_received: { bytes: number } } };
    expect(end.sum_sent.bytes).toBe(report.bytes_sent);
    expect(end.sum_received.bytes).toBe(report.bytes_devmem);
  });
});

describe.skipIf(tapRefusal !== null)('devmem iperf without a client', () => {
  it('ends when the time is up, and leaves nothing', LONG, async () => {
    const finished = await runDevmem(['iperf', '--sender', 'none', '--timeout', '1', '--json']);
    expect(finished.code).toBe(1);
    const report = JSON.parse(finished.stdout) as IperfReport;
    expect(report).toMatchObject({ ok: false, bytes_devmem: 0, streams: [], inflight: 0, leaks: [] });
    expect(report.error).toMatch(/1 s/);
  });
});
