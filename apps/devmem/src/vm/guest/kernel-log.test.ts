import { describe, expect, it } from 'vitest';
import { parseFault } from '../../faults/fault-option.ts';
import { isUnexpected, parseKernelMessage, provokedBy } from './kernel-log.ts';

const unexpected = (line: string): boolean => isUnexpected(parseKernelMessage(line));

describe('kernel log', () => {
  it('reads level and text, without the facility', () => {
    expect(parseKernelMessage('<12>[    1.0] text')).toEqual({ level: 4, text: '[    1.0] text' });
    expect(parseKernelMessage('no level')).toEqual({ level: 6, text: 'no level' });
  });

  it('finds what the kernel warns of', () => {
    expect(unexpected('<4>[    5.1] WARNING: CPU: 0 PID: 1 at net/core/page_pool.c:1')).toBe(true);
    expect(unexpected('<1>[    5.1] BUG: kernel NULL pointer dereference')).toBe(true);
    expect(unexpected('<6>[    5.1] eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 1 timed out')).toBe(true);
    expect(unexpected('<3>[    5.1] gve 0000:00:02.0: AQ command timed out')).toBe(true);
  });

  it('passes over what a driver says by the way, and what concerns other devices', () => {
    expect(unexpected('<6>[    5.1] gve 0000:00:02.0 eth0: Link is up')).toBe(false);
    expect(unexpected('<3>[    5.1] pci 0000:00:1f.3: something about the chipset')).toBe(false);
    expect(unexpected('<4>[    5.1] gve 0000:00:02.0: a remark')).toBe(false);
  });

  it('lets the watchdog bark at a card that was told to hang, and at no other', () => {
    const bark = parseKernelMessage('<4>[    9.1] eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out');
    expect(isUnexpected(bark, provokedBy([parseFault('hang-tx@100')]))).toBe(false);
    expect(isUnexpected(bark, provokedBy([parseFault('lose-interrupt@9')]))).toBe(false);
    expect(isUnexpected(bark, provokedBy([parseFault('drop@9')]))).toBe(true);
  });
});
