import { describe, expect, it } from 'vitest';
import { UNTOUCHED } from './card-figures.ts';
import { Observations, type Tally } from './observations.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { buildVmReports, type VmReport } from './vm-report.ts';

const scenario = (name: string): Scenario => SCENARIOS.find((one) => one.name === name) as Scenario;
const CLEAN_END = { code: 0, complaints: '' };

/** A guest that says these lines, while the card's counter of received packets grows by one with each. */
function reports(
  names: readonly string[],
  lines: readonly string[],
  outcome: Partial<OutcomeOverrides> = {},
): VmReport[] {
  const scenarios = names.map(scenario);
  let packets = 0;
  const tally = (): Tally => ({
    card: { ...UNTOUCHED, rx_packets: packets, ...outcome.card },
    cpuSeconds: packets,
    cable: { lost: 0, reordered: 0, duplicated: 0, corrupted: 0 },
    transfers: [],
    cardEvents: [],
  });
  const listener = { step() {}, remark() {}, console() {} };
  const seen = new Observations(scenarios, [], listener, tally);
  for (const line of lines) {
    packets++;
    const [word, ...rest] = line.split(' ');
    seen.event({ word: word as string, rest: rest.join(' ') });
  }
  return buildVmReports({
    scenarios,
    seed: 1,
    qemu: '11.1.3',
    release: outcome.release ?? '7.3.4',
    seen,
    outcome: outcome.end ?? CLEAN_END,
    seconds: 9,
    cardFaults: null,
    peerFindings: [],
    pcapPackets: null,
  });
}

interface OutcomeOverrides {
  readonly end: string | typeof CLEAN_END;
  readonly release: string;
  readonly card: Partial<typeof UNTOUCHED>;
}

const GOOD = ['boot 7.3.4 3.5', 'scenario ping', 'ok ping', 'status 0', 'exit 0'];

describe('a guest that runs scenarios', () => {
  it('passes when every step did', () => {
    const [report] = reports(['ping'], GOOD);
    expect(report).toMatchObject({ ok: true, error: null, scenario: 'ping', steps: [{ ok: true, text: 'ping' }] });
    expect(report?.card?.rx_packets).toBe(5);
  });

  it('has a report for each of several, with its own share of what was counted', () => {
    const lines = [
      'boot',
      'scenario ping',
      'ok a',
      'status 0',
      'scenario tcp',
      'ok b',
      'ok c',
      'fail d',
      'status 1',
      'exit 0',
    ];
    const [ping, tcp] = reports(['ping', 'tcp'], lines);
    expect(ping).toMatchObject({ ok: true, card: { rx_packets: 5 }, cpu_seconds: 5 });
    expect(tcp).toMatchObject({ ok: false, error: 'd', card: { rx_packets: 5 } });
    expect(tcp?.steps).toHaveLength(3);
  });

  it('goes on with the same one after a restart', () => {
    const lines = ['boot', 'scenario robust', 'ok a', 'boot', 'scenario robust', 'ok b', 'status 0', 'exit 0'];
    const [robust] = reports(['robust'], lines);
    expect(robust).toMatchObject({ ok: true, steps: [{ text: 'a' }, { text: 'b' }] });
  });

  it.each<[string, string[], Partial<OutcomeOverrides>, RegExp]>([
    ['a step that failed', ['boot', 'scenario ping', 'fail it', 'status 0'], {}, /^it$/],
    [
      'a warning of the kernel',
      [...GOOD.slice(0, 3), 'kernel <4>[ 1.0] WARNING: at x', 'status 0'],
      {},
      /kernel says: .*WARNING/,
    ],
    ['a status', ['boot', 'scenario ping', 'ok it', 'status 3'], {}, /ended with status 3/],
    ['no step', ['boot', 'scenario ping', 'status 0'], {}, /did nothing/],
    ['no boot', [], { end: { code: 1, complaints: 'no memory' } }, /did not boot: no memory/],
    ['an end in the middle', ['boot', 'scenario ping', 'ok it'], {}, /ended in the middle/],
    ['no time left', ['boot', 'scenario ping', 'ok it'], { end: 'not finished' }, /^not finished$/],
    ['a stray access of the card', GOOD, { card: { iommu_faults: 2 } }, /2 accesses of the card were not mapped/],
    ['a queue that the card stopped', GOOD, { card: { faults: 1 } }, /stopped 1 queues/],
  ])('fails for %s', (_, lines, outcome, error) => {
    const [report] = reports(['ping'], lines, outcome);
    expect(report?.ok).toBe(false);
    expect(report?.error).toMatch(error);
  });

  it('expects of the card what the scenario is about, unless the kernel is too old for that', () => {
    const lines = ['boot', 'scenario devmem-rx', 'ok it', 'status 0'];
    expect(reports(['devmem-rx'], lines)[0]?.error).toBe('the card split no header off');
    expect(reports(['devmem-rx'], lines, { card: { rx_split: 1 } })[0]?.ok).toBe(true);
    expect(reports(['devmem-rx'], lines, { release: '6.12.107' })[0]?.ok).toBe(true);
  });
});
