import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { pattern, tcpFrame } from '../test/frames.ts';
import {
  DEVICE_STATUS_LINK,
  IRQ_DOORBELL_CLEAR_PBA,
  IRQ_DOORBELL_ENABLE,
  IRQ_DOORBELL_NO_INT_MODE,
  irqDoorbellWithInterval,
  REG_DEVICE_STATUS,
} from './abi/index.ts';

/** The block of receive queue 0 of four pairs: the second half of the eight. */
const RX_BLOCK = 4;

function packet(card: UpFixture): void {
  card.port.push(tcpFrame({ payload: pattern(20) }));
  card.driver.settle(0);
}

function state(card: UpFixture) {
  const { armed, pending, quiet } = card.nic.inspect().blocks[RX_BLOCK];
  return { armed, pending, quiet };
}

describe('notification blocks', () => {
  it('signal once and disarm themselves', () => {
    const card = cardUp();
    expect(state(card)).toEqual({ armed: true, pending: false, quiet: false });
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(state(card)).toEqual({ armed: false, pending: false, quiet: false });
  });

  it('remember an event while disarmed and signal at once when armed again: nobody looks twice', () => {
    const card = cardUp();
    packet(card);
    card.host.takeInterrupts(RX_BLOCK);
    packet(card);
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    expect(state(card)).toEqual({ armed: false, pending: true, quiet: false });
    card.driver.writeBlock(RX_BLOCK);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    // The signal is work: a pump that stopped at "nothing done" would lose it.
    expect(card.nic.run(64)).toBe(1);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(state(card)).toEqual({ armed: false, pending: false, quiet: false });
  });

  it('signal a batch of completions once', () => {
    const card = cardUp();
    for (let n = 0; n < 10; n++) card.port.push(tcpFrame({ payload: pattern(20, n) }));
    card.driver.settle(0);
    expect(card.rx[0].pollAll().length).toBe(10);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(state(card).pending).toBe(false);
  });

  it('signal only the block of the queue that has something', () => {
    const card = cardUp();
    packet(card);
    for (let vector = 0; vector <= card.driver.blocks; vector++) {
      expect(card.host.takeInterrupts(vector)).toBe(vector === RX_BLOCK ? 1 : 0);
    }
  });

  it('drop a pending event on CLEAR_PBA', () => {
    const card = cardUp();
    packet(card);
    packet(card);
    card.driver.writeBlock(RX_BLOCK, IRQ_DOORBELL_ENABLE | IRQ_DOORBELL_CLEAR_PBA);
    card.driver.settle(0);
    card.host.takeInterrupts(RX_BLOCK);
    expect(state(card)).toEqual({ armed: true, pending: false, quiet: false });
  });

  it('disarm on a write without ENABLE', () => {
    const card = cardUp();
    card.driver.writeBlock(RX_BLOCK, 0);
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    expect(state(card)).toEqual({ armed: false, pending: true, quiet: false });
  });

  it('never signal in NO_INT_MODE, and owe the event to whoever leaves it', () => {
    const card = cardUp();
    card.driver.writeBlock(RX_BLOCK, (IRQ_DOORBELL_NO_INT_MODE | 0x18) >>> 0);
    packet(card);
    expect(card.rx[0].poll()).not.toBeNull();
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    card.driver.writeBlock(RX_BLOCK);
    card.driver.settle(0);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
  });

  it('keep an interval that one write sets when the next only re-arms, before the card has looked', () => {
    const card = cardUp();
    card.driver.writeBlock(RX_BLOCK, irqDoorbellWithInterval(20));
    card.driver.writeBlock(RX_BLOCK);
    card.driver.settle(0);
    expect(card.nic.inspect().blocks[RX_BLOCK].intervalNs).toBe(20_000);
    card.driver.writeBlock(RX_BLOCK, irqDoorbellWithInterval(8190));
    card.driver.settle(0);
    expect(card.nic.inspect().blocks[RX_BLOCK].intervalNs).toBe(8_190_000);
  });

  it('hold an interrupt back for the interval on a card that moderates, and lose none', () => {
    const card = cardUp({ interruptModeration: true });
    card.driver.writeBlock(RX_BLOCK, irqDoorbellWithInterval(20));
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    card.driver.writeBlock(RX_BLOCK);
    packet(card);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    expect(state(card)).toEqual({ armed: true, pending: true, quiet: false });
    card.host.clock.advance(19_999);
    card.nic.run(1);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(0);
    card.host.clock.advance(1);
    card.nic.run(1);
    expect(card.host.takeInterrupts(RX_BLOCK)).toBe(1);
    expect(card.host.clock.scheduled).toBe(0);
  });

  it('schedule one wake-up at a time, however often they are armed', () => {
    const card = cardUp({ interruptModeration: true });
    card.driver.writeBlock(RX_BLOCK, irqDoorbellWithInterval(8190));
    packet(card);
    for (let n = 0; n < 50; n++) {
      card.driver.writeBlock(RX_BLOCK);
      packet(card);
    }
    expect(card.host.clock.scheduled).toBe(1);
  });

  it('never leave an event behind, whatever the history', () => {
    const steps = fc.array(fc.constantFrom('packet', 'arm', 'disarm', 'run'), { maxLength: 40 });
    const card = cardUp({}, { entries: 256 });
    fc.assert(
      fc.property(steps, (history) => {
        // The state machine of the drawing, and what was written or arrived since the card last looked.
        let armed = true;
        let pending = false;
        let written: boolean | null = null;
        let arrived = 0;
        card.driver.writeBlock(RX_BLOCK, IRQ_DOORBELL_ENABLE | IRQ_DOORBELL_CLEAR_PBA);
        card.driver.settle(0);
        card.host.takeInterrupts(RX_BLOCK);
        for (const step of [...history, 'run', 'arm', 'run']) {
          if (step === 'arm' || step === 'disarm') {
            written = step === 'arm';
            card.driver.writeBlock(RX_BLOCK, written ? undefined : 0);
          } else if (step === 'packet') {
            arrived++;
            card.port.push(tcpFrame({ payload: pattern(4) }));
          } else {
            let signals = 0;
            const signal = () => {
              signals++;
              armed = false;
              pending = false;
            };
            if (written !== null) armed = written;
            if (armed && pending) signal();
            if (arrived > 0) pending = true;
            if (armed && pending) signal();
            card.driver.settle(0);
            expect(card.rx[0].pollAll().length).toBe(arrived);
            expect(card.host.takeInterrupts(RX_BLOCK)).toBe(signals);
            expect(state(card)).toEqual({ armed, pending, quiet: false });
            written = null;
            arrived = 0;
          }
        }
        expect(pending).toBe(false);
        card.rx[0].post(256);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe('management', () => {
  it('signals link changes, once each', () => {
    const card = cardUp();
    const vector = card.driver.blocks;
    card.host.takeInterrupts(vector);
    card.port.linkUp = false;
    card.driver.settle(0);
    expect(card.driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_LINK).toBe(0);
    expect(card.host.takeInterrupts(vector)).toBe(1);
    card.driver.settle(0);
    card.nic.setLinkUp(false);
    card.port.linkUp = true;
    card.driver.settle(0);
    expect(card.host.takeInterrupts(vector)).toBe(0);
    card.nic.setLinkUp(true);
    expect(card.driver.readRegister(REG_DEVICE_STATUS) & DEVICE_STATUS_LINK).toBe(DEVICE_STATUS_LINK);
    expect(card.host.takeInterrupts(vector)).toBe(1);
  });
});
