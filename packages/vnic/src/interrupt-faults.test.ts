import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import { ADMINQ_DESTROY_RX_QUEUE } from './abi/index.ts';
import { injectInterruptFaults } from './index.ts';
import type { FaultyInterruptHost, InterruptFault } from './interrupt-faults.ts';

/** The block of receive queue 0 of four pairs. */
const RX_BLOCK = 4;

function cardWith(faults: readonly InterruptFault[]): { card: UpFixture; host: FaultyInterruptHost } {
  let between: FaultyInterruptHost | null = null;
  const card = cardUp({
    between: (host) => {
      between = injectInterruptFaults(host, faults);
      return { host: between, attach: (nic) => nic };
    },
  });
  return { card, host: between as unknown as FaultyInterruptHost };
}

function packet(card: UpFixture): void {
  card.port.push(tcpFrame({ payload: pattern(20) }));
  card.driver.settle(0);
}

describe('faults of interrupts', () => {
  it('let one come late and leave the others alone', () => {
    const { card, host } = cardWith([{ action: 'delay', nth: 2, delayNs: 5000 }]);
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    card.driver.writeBlock(RX_BLOCK);
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    card.driver.settle(4999);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    card.driver.settle(5000);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(host.faults).toEqual({ delayed: 1, lost: 0 });
  });

  it('lose one: its block stays silent until the driver arms it again', () => {
    const { card, host } = cardWith([{ action: 'lose', nth: 1 }]);
    packet(card);
    packet(card);
    card.driver.settle(1e9);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    expect(host.faults).toEqual({ delayed: 0, lost: 1 });
    card.driver.writeBlock(RX_BLOCK);
    card.driver.settle(0);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(card.rx[0].pollAll().length).toBe(2);
  });

  it('refuse what cannot be', () => {
    const { host } = cardWith([]);
    expect(() => injectInterruptFaults(host, [{ action: 'delay', nth: 1 }])).toThrow(RangeError);
    expect(() => injectInterruptFaults(host, [{ action: 'lose', nth: 0 }])).toThrow(RangeError);
  });
});

describe('queues that hang', () => {
  it('post no completion and tell nobody, until they are made anew', () => {
    const card = cardUp();
    packet(card);
    expect(card.rx[0].pollAll().length).toBe(1);
    const { deviceStatus } = card.nic.inspect();
    card.nic.hangQueues('rx');
    card.nic.hangQueues('tx');
    packet(card);
    card.tx[0].send({ pieces: [tcpFrame()] });
    card.driver.settle(1e6);
    expect(card.rx[0].pollAll()).toEqual([]);
    expect(card.port.transmitted).toBe(0);
    expect(card.nic.stats.rx[0].stopped).toBe(1);
    expect(card.nic.inspect().deviceStatus).toBe(deviceStatus);
    card.driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 0);
    const rx = card.driver.createRxQueue(0, { entries: 64, packetBufferBytes: 2048, headerBufferBytes: 0 });
    rx.post(8);
    packet(card);
    expect(rx.pollAll().length).toBe(1);
  });
});
