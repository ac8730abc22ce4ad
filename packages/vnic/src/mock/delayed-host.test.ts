import { describe, expect, it } from 'vitest';
import { type CardOptions, cardUp, makeCard } from '../../test/card-fixture.ts';
import { addRule } from '../../test/flow-rules.ts';
import { pattern, tcpFrame, udpFrame } from '../../test/frames.ts';
import {
  ADMINQ_DESTROY_RX_QUEUE,
  ADMINQ_REPORT_LINK_SPEED,
  AQ_REPORT_LINK_SPEED,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
  writeU64be,
} from '../abi/index.ts';
import { createDelayedHost, type DelayedHost } from './index.ts';

function delayed(seed: number): { options: CardOptions; host: () => DelayedHost } {
  let made: DelayedHost | null = null;
  return {
    options: {
      between: (host) => {
        const between = createDelayedHost(host, seed);
        made = between;
        return { host: between, attach: (nic) => between.attach(nic) };
      },
    },
    host: () => made as DelayedHost,
  };
}

/** A life: bring-up, traffic both ways, steering, a queue restarted, release. Everything a driver can see, as values. */
function life(options: CardOptions): unknown {
  const seen: unknown[] = [];
  const { driver, port, rx, tx, nic } = cardUp({ ...options, maxFlowRules: 8 }, { queues: 2, headerBufferBytes: 256 });
  seen.push(driver.describe().totalLength);
  for (let n = 0; n < 40; n++) {
    port.push(tcpFrame({ sourcePort: 1000 + n, payload: pattern(n * 30, n) }));
    tx[n % 2].send({ pieces: [udpFrame(pattern(100 + n))], tag: n, report: n % 8 === 7, generalContext: true });
    driver.settle();
    for (const queue of rx) {
      for (const packet of queue.pollAll()) {
        seen.push([queue.id, packet.header, packet.payload, packet.completions]);
        queue.post(1);
      }
    }
    driver.settle();
    seen.push(tx[n % 2].pollAll(), port.takeAll());
  }
  seen.push(addRule(driver, 2, { queue: 1 }));
  seen.push(driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 1));
  const again = driver.createRxQueue(1, { entries: 64, packetBufferBytes: 512, headerBufferBytes: 256 });
  again.post(32);
  driver.settle();
  port.push(tcpFrame({ payload: pattern(1200) }));
  driver.settle();
  seen.push(
    again.pollAll(),
    driver.release(),
    nic.stats.rx.map((queue) => queue.dropped),
  );
  return seen;
}

describe('delayed host', () => {
  const direct = life({});

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('the outcome is that of a direct host (seed %i)', (seed) => {
    expect(life(delayed(seed).options)).toEqual(direct);
  });

  it('really delays: a doorbell has done nothing when the write returns, nor after one run', () => {
    const { options, host } = delayed(9);
    const { driver, nic } = makeCard(options);
    driver.writeRegister(REG_ADMINQ_PFN, driver.adminPage.iova / 4096);
    expect(host().writesUnderWay).toBe(1);
    nic.run(64);
    expect(nic.inspect().adminqLive).toBe(false);
    driver.settle();
    expect(nic.inspect().adminqLive).toBe(true);
  });

  it('a register read pushes the writes before it, in order', () => {
    const { options, host } = delayed(10);
    const { driver, nic } = makeCard(options);
    driver.start();
    const fill = (slot: DataView, at: number) =>
      writeU64be(slot, at + AQ_REPORT_LINK_SPEED.linkSpeedAddress, driver.scratch.iova);
    driver.queueCommand(ADMINQ_REPORT_LINK_SPEED, fill);
    driver.writeRegister(0x14, 1);
    driver.writeRegister(REG_ADMINQ_PFN, 0);
    expect(host().writesUnderWay).toBe(2);
    expect(driver.readRegister(REG_ADMINQ_EVENT_COUNTER)).toBe(0);
    expect(host().writesUnderWay).toBe(0);
    nic.run(64);
    // The page was taken away after the doorbell: nothing ran.
    expect(driver.readRegister(REG_ADMINQ_PFN)).toBe(0);
    expect(driver.statusOf(0)).toBe(0);
  });

  it.each([21, 22, 23, 24, 25])(
    'a driver that polls only when interrupted and re-arms misses no packet (seed %i)',
    (seed) => {
      const { options } = delayed(seed);
      const { driver, port, host, rx } = cardUp({ ...options, interruptModeration: seed % 2 === 0 }, { entries: 256 });
      const block = driver.blocks >>> 1;
      let polled = 0;
      let interrupts = 0;
      const PACKETS = 150;
      for (let step = 0; step < PACKETS * 4; step++) {
        if (step < PACKETS) port.push(tcpFrame({ payload: pattern(8, step) }));
        driver.nic.run(1 + (step % 3));
        host.clock.advance(3000 + (step % 7) * 1000);
        if (host.takeInterrupts(block) === 0) continue;
        interrupts++;
        polled += rx[0].pollAll().length;
        driver.writeBlock(block, step % 5 === 0 ? 0x141 : 0x19);
      }
      expect(polled).toBe(PACKETS);
      expect(interrupts).toBeGreaterThan(3);
    },
  );
});
