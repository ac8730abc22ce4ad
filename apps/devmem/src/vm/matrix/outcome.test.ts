import { describe, expect, it } from 'vitest';
import { SCENARIOS, type Scenario, scenarioScript } from '../run/scenarios.ts';
import type { VmReport } from '../run/vm-report.ts';
import { canRun, describeCell, formatMatrix } from './outcome.ts';

const report = (ok: boolean): VmReport => ({ ok }) as VmReport;
const scenario = (name: string): Scenario => SCENARIOS.find((one) => one.name === name) as Scenario;

describe('the matrix', () => {
  it('leaves out what a kernel has nothing for', () => {
    expect(canRun(scenario('zcrx'), '6.12.107+deb13-cloud-amd64')).toBe(false);
    expect(canRun(scenario('zcrx'), '6.18.15+deb13-cloud-amd64')).toBe(true);
    expect(canRun(scenario('devmem-tx'), '7.3.0-1003-gcp')).toBe(true);
    expect(canRun(scenario('ping'), '6.12.107')).toBe(true);
  });

  it('says what came out, and names the refusal of an older kernel', () => {
    const row = (release: string, ok: boolean) => ({ release, reports: new Map([['devmem-rx', report(ok)]]) });
    expect(describeCell(scenario('devmem-rx'), row('7.3.4', true))).toBe('passed');
    expect(describeCell(scenario('devmem-rx'), row('6.12.107', true))).toBe('ENODATA');
    expect(describeCell(scenario('devmem-rx'), row('6.12.107', false))).toBe('**failed**');
    expect(describeCell(scenario('ping'), row('7.3.4', true))).toBe('–');
  });

  it('is a Markdown table, a kernel per line', () => {
    const rows = [{ release: '7.3.4', reports: new Map([['ping', report(true)]]) }];
    expect(formatMatrix([scenario('ping'), scenario('tcp')], rows)).toBe(
      '| Kernel | ping | tcp |\n| --- | --- | --- |\n| 7.3.4 | passed | – |',
    );
  });

  it('has a script for every scenario', () => {
    for (const { name } of SCENARIOS) expect(scenarioScript(name)).toMatch(/exit \$\{FAILED:-0\}|reboot -f/);
  });
});
