import { describe, expect, it } from 'vitest';
import { KernelBug, LOG_RING_LINES, LOG_SEVERE_LINES, MachineLog, RATELIMIT_INTERVAL_NS } from '../index.ts';

describe('MachineLog', () => {
  it('keeps lines with time, level and subsystem', () => {
    let now = 5;
    const log = new MachineLog(() => now);
    log.emit('info', 'eth0', 'link up');
    now = 9;
    log.warn('bad', 'mm');
    log.warn('worse');
    expect(log.entries).toEqual([
      { seq: 1, timeNs: 5, level: 'info', subsystem: 'eth0', text: 'link up' },
      { seq: 2, timeNs: 9, level: 'warn', subsystem: 'mm', text: 'bad' },
      { seq: 3, timeNs: 9, level: 'warn', subsystem: 'kernel', text: 'worse' },
    ]);
  });

  it('overwrites the oldest lines, but no warning before somebody saw it', () => {
    const log = new MachineLog();
    log.warn('first');
    for (let i = 0; i < LOG_RING_LINES + 10; i++) log.emit('debug', 'x', `line ${i}`);
    expect(log.entries).toHaveLength(LOG_RING_LINES);
    expect(log.entries[0]?.text).toBe('line 10');
    expect(log.entries.at(-1)?.text).toBe(`line ${LOG_RING_LINES + 9}`);
    expect(log.logged).toBe(LOG_RING_LINES + 11);
    expect(log.unexpected().map((entry) => entry.text)).toEqual(['first']);
  });

  it('counts warn and worse as unexpected until they are expected, before or after', () => {
    const log = new MachineLog();
    for (const level of ['debug', 'info', 'notice', 'warn', 'err', 'crit'] as const) log.emit(level, 'x', `a ${level}`);
    expect(log.unexpected().map((entry) => entry.level)).toEqual(['warn', 'err', 'crit']);
    log.expect(/^a (warn|err)$/g);
    log.expect('crit');
    expect(log.unexpected()).toEqual([]);
    log.warn('a warn');
    log.emit('crit', 'x', 'more crit');
    log.assertClean();
    log.warn('another');
    expect(() => log.assertClean()).toThrow(KernelBug);
    expect(() => log.assertClean()).toThrow(/1, the first: \[warn\] kernel: another/);
  });

  it('tells which expectations nothing met', () => {
    const log = new MachineLog();
    log.warn('one');
    log.expect('one');
    log.expect('two');
    log.expect('three');
    log.emit('info', 'x', 'three');
    log.warn('now two');
    expect(log.unmet()).toEqual(['three']);
  });

  it('warns once per key', () => {
    const log = new MachineLog();
    log.warnOnce('a', 'text 1');
    log.warnOnce('a', 'text 2');
    log.warnOnce('b', 'text 3');
    expect(log.entries.map((entry) => entry.text)).toEqual(['text 1', 'text 3']);
  });

  it('lets a call site through ten times in five seconds, and says how many more there were', () => {
    let nowNs = 7;
    const log = new MachineLog(() => nowNs);
    const passed = (site: string, calls: number) =>
      Array.from({ length: calls }, () => log.ratelimit(site)).filter(Boolean).length;
    expect(passed('a', 12)).toBe(10);
    expect(passed('b', 3)).toBe(3);
    nowNs = 7 + RATELIMIT_INTERVAL_NS;
    expect(passed('a', 1)).toBe(0);
    nowNs++;
    expect(passed('a', 11)).toBe(10);
    expect(passed('b', 11)).toBe(10);
    expect(log.entries.map((entry) => entry.text)).toEqual(['a: 3 callbacks suppressed']);
    nowNs += 2 * RATELIMIT_INTERVAL_NS;
    passed('a', 1);
    nowNs += 2 * RATELIMIT_INTERVAL_NS;
    passed('a', 1);
    expect(log.entries.map((entry) => entry.text).slice(1)).toEqual(['a: 1 callbacks suppressed']);
  });

  it('bounds what it keeps of a run that went wrong', () => {
    const log = new MachineLog();
    for (let i = 0; i < LOG_SEVERE_LINES + 3; i++) log.warn(`w${i}`);
    expect(log.unexpected()).toHaveLength(LOG_SEVERE_LINES);
    expect(log.unexpectedLost).toBe(3);
    log.expect('w');
    expect(() => log.assertClean()).not.toThrow();
  });
});

describe('KernelBug', () => {
  it('names the rule and the netmem it is about', () => {
    const bug = new KernelBug('no memory', 'netmem_address(0)', 0);
    expect(bug).toBeInstanceOf(Error);
    expect([bug.name, bug.rule, bug.ref, bug.message]).toEqual([
      'KernelBug',
      'no memory',
      0,
      'no memory: netmem_address(0)',
    ]);
    expect(new KernelBug('a', 'b').ref).toBeNull();
  });
});
