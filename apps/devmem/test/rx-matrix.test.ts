/**
 * Every kind of link, memory and DMA, from the kernel and over a bad cable. Six rows hold every pair of values; `DEVMEM_MATRIX=all` runs all 24.
 */
import { describe, expect, it } from 'vitest';
import type { RxReport } from '../src/rx/report.ts';
import { reportOf, runDevmem, tapRefusal } from './run-devmem.ts';

const LONG = { timeout: 120_000 };
const MIB = 2 ** 20;

interface Row {
  readonly mtu: number;
  readonly vnetHdr: boolean;
  readonly exporter: string;
  readonly dma: string;
}

const PAIRS: readonly Row[] = [
  { mtu: 1500, vnetHdr: false, exporter: 'device', dma: 'coherent' },
  { mtu: 1500, vnetHdr: true, exporter: 'udmabuf', dma: 'non-coherent' },
  { mtu: 9000, vnetHdr: false, exporter: 'udmabuf', dma: 'swiotlb' },
  { mtu: 1500, vnetHdr: true, exporter: 'device', dma: 'swiotlb' },
  { mtu: 9000, vnetHdr: true, exporter: 'udmabuf', dma: 'coherent' },
  { mtu: 9000, vnetHdr: false, exporter: 'device', dma: 'non-coherent' },
];

function everyRow(): Row[] {
  return [1500, 9000].flatMap((mtu) =>
    [false, true].flatMap((vnetHdr) =>
      ['device', 'udmabuf'].flatMap((exporter) =>
        ['coherent', 'non-coherent', 'swiotlb'].map((dma) => ({ mtu, vnetHdr, exporter, dma })),
      ),
    ),
  );
}

const rows = process.env.DEVMEM_MATRIX === 'all' ? everyRow() : PAIRS;
const name = '$exporter memory, $dma DMA, MTU $mtu, vnet_hdr $vnetHdr';

/** Runs the command and expects that every byte is where it should be and nothing was left. Returns what the cable did. */
async function expectClean(row: Row, bytes: number, args: readonly string[]): Promise<RxReport['cable']> {
  const { mtu, vnetHdr, exporter, dma } = row;
  const finished = await runDevmem([
    'rx',
    ...['--json', '--bytes', `${bytes}`, '--mtu', `${mtu}`, '--exporter', exporter, '--dma', dma],
    ...(vnetHdr ? ['--vnet-hdr'] : []),
    ...args,
  ]);
  expect(finished.code, finished.stderr).toBe(0);
  const report = reportOf(finished);
  expect(report).toMatchObject({ ok: true, error: null, bytes_devmem: bytes, bytes_linear: 0, exporter, dma });
  expect(report).toMatchObject({ tokens_outstanding: 0, inflight: 0, iommu_faults: 0, log_warnings: 0, leaks: [] });
  expect(report.tokens_returned).toBe(report.tokens_issued);
  expect(report.sha256_sent).toMatch(/^[0-9a-f]{64}$/);
  expect(report.sha256_devmem).toBe(report.sha256_sent);
  return report.cable;
}

describe.skipIf(tapRefusal !== null)('devmem rx --sender kernel', () => {
  it.concurrent.each(rows)(`receives into ${name}`, LONG, async (row) => {
    expect(await expectClean(row, 4 * MIB, ['--sender', 'kernel'])).toBe(null);
  });
});

describe('devmem rx --sender embedded, with loss, reorder and duplication', () => {
  const cable = ['--loss', '2%', '--reorder', '2%', '--duplicate', '2%', '--delay', '200us'];
  it.concurrent.each(rows)(`receives into ${name}`, LONG, async (row) => {
    const faults = await expectClean(row, 2 * MIB, ['--sender', 'embedded', ...cable, '--seed', `${row.mtu}`]);
    expect(faults?.lost).toBeGreaterThan(0);
  });
});

describe.skipIf(tapRefusal !== null)('devmem rx --sender kernel over a bad cable', () => {
  it.concurrent.each([
    [PAIRS[0] as Row, ['--loss', '2%', '--reorder', '2%', '--duplicate', '2%', '--corrupt', '2%']],
    [PAIRS[4] as Row, ['--loss', '2%', '--reorder', '2%', '--duplicate', '2%', '--delay', '1ms']],
  ])('receives into $exporter memory, MTU $mtu, vnet_hdr $vnetHdr', LONG, async (row, cable) => {
    const faults = await expectClean(row, 8 * MIB, ['--sender', 'kernel', ...cable]);
    expect(faults?.lost).toBeGreaterThan(0);
  });
});

describe('devmem rx --mtu', () => {
  it("goes down to what TCP's least segment needs", LONG, async () => {
    await expectClean({ mtu: 88, vnetHdr: false, exporter: 'device', dma: 'coherent' }, 4096, ['--sender', 'embedded']);
    const finished = await runDevmem(['rx', '--mtu', '87']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(/--mtu.*Give a whole number from 88 to 9000/);
  });
});

describe('devmem rx --dma', () => {
  it('knows no other mode', LONG, async () => {
    const finished = await runDevmem(['rx', '--dma', 'fast']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(/--dma.*Allowed choices are coherent, non-coherent, swiotlb/);
  });
});
