import { describe, expect, it } from 'vitest';
import { makeCardOverProtocol } from '../test/card-over-protocol.ts';

describe('vnic behind the protocol', () => {
  it('receives and sends, with an interrupt for each', () => {
    const { driver, port, host, device, client } = makeCardOverProtocol({ maxQueues: 1 });
    driver.start();
    driver.configureResources();
    const tx = driver.createTxQueue(0, 64);
    const rx = driver.createRxQueue(0, { entries: 64, packetBufferBytes: 2048, headerBufferBytes: 0 });
    rx.post(64);
    for (let block = 0; block < driver.blocks; block++) driver.writeBlock(block);
    driver.settle();
    const frame = Uint8Array.from({ length: 60 }, (_, i) => i);
    port.push(frame);
    driver.settle();
    expect(rx.poll()?.frame).toEqual(frame);
    expect(host.takeInterrupts(1)).toBe(1);
    tx.send({ pieces: [frame], tag: 7 });
    driver.settle();
    expect(port.takeAll()).toEqual([frame]);
    expect(host.takeInterrupts(0)).toBe(1);
    expect(client.msix.stray).toBe(0);
    expect(client.unserved).toBe(0);
    expect(device.stats.dmaFaults).toBe(0);
  });
});
