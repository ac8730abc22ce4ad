import { describe, expect, it } from 'vitest';
import { makePlainDevice } from '../test/plain-device.ts';
import { allocSkb, makeWorld, type World } from '../test/world.ts';
import { NETDEV_BUDGET, type NetDevice, type SkBuff, SoftNet } from './index.ts';

const PROTO = 0x88b5;

function packet(world: World, dev: NetDevice): SkBuff {
  const skb = allocSkb(world.network);
  skb.dev = dev;
  skb.protocol = PROTO;
  skb.put(20);
  return skb;
}

describe('SoftNet', () => {
  it('works the backlog off in turns, with what is polled', () => {
    const world = makeWorld();
    const { dev } = makePlainDevice(world.network);
    let seen = 0;
    world.network.addPacketType(PROTO, {
      receive(skb) {
        seen++;
        skb.consume();
      },
    });
    for (let i = 0; i < 100; i++) world.network.softnet.enqueueBacklog(packet(world, dev));
    expect(world.network.softnet).toBeInstanceOf(SoftNet);
    world.machine.step();
    expect([seen, world.network.softnet.backlogLength]).toEqual([64, 36]);
    world.machine.run();
    expect([seen, world.network.softnet.processed, world.network.softnet.timeSqueeze]).toEqual([100, 100, 0]);
    expect(seen).toBeLessThan(NETDEV_BUDGET);
  });

  it('flushBacklog drops the packets of one device and keeps the others', () => {
    const world = makeWorld();
    const one = makePlainDevice(world.network).dev;
    const other = makePlainDevice(world.network).dev;
    for (const dev of [one, other, one]) world.network.softnet.enqueueBacklog(packet(world, dev));
    world.network.softnet.flushBacklog(one);
    expect([world.network.softnet.backlogLength, world.network.skbs.dropped('DEV_READY')]).toEqual([1, 2]);
  });

  it('scheduleOutput runs a queue once however often it was asked, and again while it has more', () => {
    const world = makeWorld();
    const { dev, sent } = makePlainDevice(world.network, { numTxQueues: 2 });
    dev.open();
    for (const queue of dev.txQueues) queue.stop();
    for (let i = 0; i < 150; i++) {
      const skb = packet(world, dev);
      skb.queueMapping = i & 1;
      world.network.transmit(skb);
    }
    for (const queue of dev.txQueues) {
      queue.wake();
      world.network.softnet.scheduleOutput(queue);
    }
    world.machine.step();
    expect(sent).toHaveLength(128);
    world.machine.run();
    expect(sent).toHaveLength(150);
    expect(dev.txQueues.map((queue) => queue.qlen)).toEqual([0, 0]);
  });
});
