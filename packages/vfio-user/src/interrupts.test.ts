import { describe, expect, it } from 'vitest';
import { makePlainDevice, type PlainDevice } from '../test/plain-device.ts';
import {
  announceVector,
  connectLoopback,
  disableVectors,
  enableCommands,
  payloads,
  prepareMsix,
} from './mock/index.ts';
import * as protocol from './protocol.ts';
import { EINVAL } from './vfio-user-error.ts';

const RETRY_NS = 10_000_000;
const MSIX_CONTROL_HIGH = 0x43;

/** A connected device whose MSI-X the guest has set up. */
function enabled(): PlainDevice {
  const fixture = makePlainDevice({ connected: true });
  const { client, device } = fixture;
  prepareMsix(client, device.function.pci);
  for (const { command, body } of enableCommands(device.function.pci)) {
    expect(client.callNow(command, body).errno).toBe(0);
  }
  return fixture;
}

function announce({ client }: PlainDevice, vector: number): void {
  const { command, body } = announceVector(vector);
  expect(client.callNow(command, body).errno).toBe(0);
}

describe('interrupts', () => {
  it('are messages to where the table says, which is read once', () => {
    const { device, host, client } = enabled();
    for (let n = 0; n < 5; n++) {
      host.raise(n % 3);
      device.step();
    }
    expect([0, 1, 2].map((vector) => client.msix.take(vector))).toEqual([2, 2, 1]);
    expect(device.stats).toMatchObject({ interrupts: 5, tableReads: 1, interruptsHeld: 0, interruptsRefused: 0 });
  });

  it('reach a guest of QEMU before 11.1, which has another layout', () => {
    const { device, host, client } = enabled();
    client.narrowDma = true;
    for (let n = 0; n < 5; n++) {
      host.raise(n % 3);
      device.step();
    }
    expect([0, 1, 2].map((vector) => client.msix.take(vector))).toEqual([2, 2, 1]);
    expect(client.unserved).toBe(0);
    expect(device.stats).toMatchObject({ interrupts: 5, tableReads: 1, interruptsHeld: 0 });
  });

  it('are merged while they wait, as a pending bit is', () => {
    const { device, host, client } = enabled();
    host.raise(1);
    host.raise(1);
    device.step();
    expect(client.msix.take(1)).toBe(1);
    host.raise(-1);
    host.raise(3);
    host.raise(Number.NaN);
    device.step();
    expect(device.stats.interrupts).toBe(1);
  });

  it('follow the table when the guest announces a change, and only then', () => {
    const fixture = enabled();
    const { device, host, client } = fixture;
    host.raise(0);
    device.step();
    announce(fixture, 0);
    host.raise(0);
    device.step();
    expect(device.stats.tableReads).toBe(2);
    expect(client.msix.take(0)).toBe(2);
  });

  it('wait while their vector is masked, show in the pending bits, and come when it is unmasked', () => {
    const fixture = enabled();
    const { device, host, client } = fixture;
    client.msix.mask(1, true);
    announce(fixture, 1);
    host.raise(1);
    host.raise(2);
    device.step();
    expect([1, 2].map((vector) => client.msix.take(vector))).toEqual([0, 1]);
    expect(client.readRegionNow(1, 2048, 4)).toBe(2);
    expect(client.readRegionNow(1, 2052, 4)).toBe(0);
    client.msix.mask(1, false);
    announce(fixture, 1);
    expect(client.msix.take(1)).toBe(1);
    expect(client.readRegionNow(1, 2048, 4)).toBe(0);
    expect(client.msix.stray).toBe(0);
  });

  it('are tried again after a while when nobody announces anything', () => {
    const { device, host, client, time } = enabled();
    client.msix.mask(0, true);
    host.raise(0);
    device.step();
    expect(device.nextDeadlineNs).toBe(RETRY_NS);
    client.msix.mask(0, false);
    time.nowNs = RETRY_NS - 1;
    device.step();
    expect(client.msix.take(0)).toBe(0);
    time.nowNs = RETRY_NS;
    device.step();
    expect(client.msix.take(0)).toBe(1);
    expect(device.nextDeadlineNs).toBe(Number.POSITIVE_INFINITY);
  });

  it('wait for a table that has no address or cannot be read, for vectors never written, and behind the function mask', () => {
    const obstacles: [string, (fixture: PlainDevice) => void, (fixture: PlainDevice) => void][] = [
      [
        'memory decoding off',
        ({ client }) => client.writeRegion(protocol.REGION_CONFIG, 4, 2, 4),
        ({ client }) => client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6),
      ],
      [
        'reads refused',
        ({ client }) => {
          client.msix.refuseReads = true;
        },
        ({ client }) => {
          client.msix.refuseReads = false;
        },
      ],
      [
        'function mask',
        ({ client }) => client.writeRegion(protocol.REGION_CONFIG, MSIX_CONTROL_HIGH, 1, 0xc0),
        ({ client }) => client.writeRegion(protocol.REGION_CONFIG, MSIX_CONTROL_HIGH, 1, 0x80),
      ],
    ];
    for (const [name, block, unblock] of obstacles) {
      const fixture = enabled();
      const { device, host, client, time } = fixture;
      block(fixture);
      host.raise(0);
      device.step();
      expect(client.msix.take(0), name).toBe(0);
      unblock(fixture);
      time.nowNs += 2 * RETRY_NS;
      device.step();
      expect(client.msix.take(0), name).toBe(1);
    }
    const fixture = makePlainDevice({ connected: true });
    const { device, host, client } = fixture;
    for (const { command, body } of enableCommands(device.function.pci)) client.callNow(command, body);
    client.msix.tableAddress = device.config.barAddress(1);
    client.msix.mask(0, false);
    host.raise(0);
    device.step();
    // An entry of zeros must not become a write to address 0.
    expect([client.served, client.unserved]).toEqual([1, 0]);
    expect(device.stats.interrupts).toBe(0);
  });

  it('ask less and less often for a table that the guest refuses to read, and say so once', () => {
    const { device, host, client, time, events } = enabled();
    client.msix.refuseReads = true;
    host.raise(0);
    device.step();
    const waits = Array.from({ length: 10 }, () => {
      const began = time.nowNs;
      time.nowNs = device.nextDeadlineNs;
      device.step();
      return (time.nowNs - began) / RETRY_NS;
    });
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 128, 128, 128]);
    const held = events.filter(({ kind }) => kind === 'interrupts-held');
    expect(held.map(({ detail }) => detail)).toEqual([expect.stringMatching(/vIOMMU has to run with iommu=pt/)]);
    client.msix.refuseReads = false;
    time.nowNs = device.nextDeadlineNs;
    device.step();
    expect(client.msix.take(0)).toBe(1);
  });

  it('follow the BAR of the table, which a rescan of the bus moves under a live device', () => {
    const fixture = enabled();
    const { device, host, client } = fixture;
    host.raise(0);
    device.step();
    expect(client.msix.take(0)).toBe(1);
    client.writeRegion(protocol.REGION_CONFIG, 4, 2, 0);
    host.raise(0);
    device.step();
    client.writeRegion(protocol.REGION_CONFIG, 0x14, 4, 0x2000_0000);
    client.msix.tableAddress = 0x2000_0000;
    client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6);
    announce(fixture, 0);
    expect(client.msix.take(0)).toBe(1);
    expect(client.unserved).toBe(0);
  });

  it('are kept while MSI-X is off, and forgotten by a reset', () => {
    const fixture = enabled();
    const { device, host, client } = fixture;
    const off = disableVectors();
    client.callNow(off.command, off.body);
    host.raise(0);
    device.step();
    expect(client.msix.take(0)).toBe(0);
    announce(fixture, 0);
    expect(client.msix.take(0)).toBe(1);
    client.callNow(off.command, off.body);
    host.raise(0);
    client.callNow(protocol.DEVICE_RESET);
    announce(fixture, 0);
    expect(client.msix.take(0)).toBe(0);
  });

  it('a table that changes while it is read is read again', () => {
    const { device } = makePlainDevice();
    const sent: Uint8Array[] = [];
    let open = false;
    const session = device.connect({
      send: (bytes) => {
        if (open) sent.push(bytes);
      },
      close: () => {},
      congested: false,
    });
    const { pci } = device.function;
    const { command, body } = { command: protocol.VERSION, body: payloads.versionPayload() };
    session?.receive(payloads.message(1, command, body));
    for (const one of enableCommands(pci)) session?.receive(payloads.message(1, one.command, one.body));
    open = true;
    const reading = (): DataView => {
      const view = new DataView(sent.at(-1)?.buffer as ArrayBuffer);
      expect(view.getUint16(protocol.HEADER.command, true)).toBe(protocol.DMA_READ);
      return view;
    };
    const answer = (view: DataView): void => {
      const length = protocol.readU64(view, protocol.DMA_MESSAGE.count);
      const reply = new Uint8Array(16 + length);
      reply.set(new Uint8Array(view.buffer, 16, 16));
      const out = new DataView(reply.buffer);
      out.setUint32(16, 0xfee0_0000, true);
      out.setUint32(24, 0x99, true);
      const id = view.getUint16(protocol.HEADER.id, true);
      session?.receive(payloads.message(id, protocol.DMA_READ, reply, protocol.TYPE_REPLY));
    };
    device.raise(0);
    device.step();
    const first = reading();
    const { body: change } = announceVector(0);
    session?.receive(payloads.message(2, protocol.DEVICE_SET_IRQS, change));
    answer(first);
    const second = reading();
    expect(second.getUint16(protocol.HEADER.id, true)).not.toBe(first.getUint16(protocol.HEADER.id, true));
    expect(device.stats.interrupts).toBe(0);
    answer(second);
    expect(device.stats.interrupts).toBe(1);
    const message = new DataView(sent.at(-1)?.buffer as ArrayBuffer);
    expect(message.getUint16(protocol.HEADER.command, true)).toBe(protocol.DMA_WRITE);
    expect(message.getUint32(protocol.HEADER.flags, true)).toBe(protocol.FLAG_NO_REPLY);
    expect(protocol.readU64(message, protocol.DMA_MESSAGE.address)).toBe(0xfee0_0000);
    expect(message.getUint32(protocol.DMA_MESSAGE.data, true)).toBe(0x99);
  });

  it('SET_IRQS refuses what is no vector, and does what a loopback test asks for', () => {
    const { client, device } = enabled();
    const set = (flags: number, index: number, start: number, count: number, data?: Uint8Array) =>
      client.callNow(protocol.DEVICE_SET_IRQS, payloads.setIrqsPayload(flags, index, start, count, data)).errno;
    for (const errno of [
      set(0x24, 2, 3, 1),
      set(0x24, 2, 0, 0xffff_ffff),
      set(0x24, 0, 0, 1),
      set(0x24, 5, 0, 0),
      set(0x20, 2, 0, 1),
      set(0x25, 2, 0, 1),
      set(0x38, 2, 0, 1),
      set(0x64, 2, 0, 1),
      set(0x22, 2, 0, 3, Uint8Array.of(1)),
      client.callNow(protocol.DEVICE_SET_IRQS, new Uint8Array(8)).errno,
    ]) {
      expect(errno).toBe(EINVAL);
    }
    for (const index of [0, 1, 3, 4]) expect(set(0x21, index, 0, 0)).toBe(0);
    expect(set(0x09, 2, 0, 3)).toBe(0);
    expect(set(0x21, 2, 0, 2)).toBe(0);
    expect(set(0x22, 2, 0, 3, Uint8Array.of(0, 1, 1))).toBe(0);
    device.step();
    expect([0, 1, 2].map((vector) => client.msix.take(vector))).toEqual([1, 2, 1]);
  });

  it('go to no guest that has gone, nor to the next one', () => {
    const { device, host, client } = enabled();
    client.msix.mask(0, true);
    host.raise(0);
    device.step();
    client.disconnect();
    host.raise(1);
    device.step();
    const next = connectLoopback(device);
    next.callNow(protocol.VERSION, payloads.versionPayload());
    prepareMsix(next, device.function.pci);
    for (const { command, body } of enableCommands(device.function.pci)) next.callNow(command, body);
    device.step();
    expect([0, 1, 2].map((vector) => next.msix.take(vector))).toEqual([0, 0, 0]);
  });
});
