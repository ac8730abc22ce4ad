import { regionOf } from '@netmem/region';
import { describe, expect, it } from 'vitest';
import { makeCardOverProtocol, RAM_POSITION } from '../test/card-over-protocol.ts';
import { makePlainDevice, PLAIN_RAM_BYTES } from '../test/plain-device.ts';
import { regionMemory } from './index.ts';
import { connectCommands, connectLoopback, type MockReply, payloads } from './mock/index.ts';
import * as protocol from './protocol.ts';
import { E2BIG, EEXIST, EINVAL, EIO, ENOENT, ENOSYS, EOPNOTSUPP, EPROTO } from './vfio-user-error.ts';

const PAGE = protocol.PAGE_BYTES;
const NONE = new Uint8Array(0);

function json(reply: MockReply): unknown {
  const bytes = new Uint8Array(reply.view.buffer, protocol.VERSION_MESSAGE.json);
  expect(bytes.at(-1)).toBe(0);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(0, -1)));
}

describe('VERSION', () => {
  it('agrees on 0.0 and says what the server takes', () => {
    const { device } = makePlainDevice();
    const client = connectLoopback(device);
    const reply = client.callNow(protocol.VERSION, payloads.versionPayload());
    expect(reply.errno).toBe(0);
    expect(reply.view.getUint32(protocol.VERSION_MESSAGE.major)).toBe(0);
    expect(json(reply)).toEqual({
      capabilities: {
        max_msg_fds: 16,
        max_data_xfer_size: 4096,
        max_dma_maps: 4096,
        pgsizes: 4096,
        write_multiple: true,
      },
    });
    expect(client.callNow(protocol.VERSION, payloads.versionPayload()).errno).toBe(EINVAL);
  });

  it('takes a client that says nothing of itself', () => {
    const { device } = makePlainDevice();
    expect(connectLoopback(device).callNow(protocol.VERSION, new Uint8Array(4)).errno).toBe(0);
  });

  it('refuses other versions, capabilities that are none, and a transfer limit below the MSI-X table', () => {
    const text = (body: string) => Uint8Array.from([0, 0, 0, 0, ...new TextEncoder().encode(body)]);
    for (const body of [
      Uint8Array.of(1, 0, 0, 0),
      NONE,
      text('{'),
      text('null\0'),
      text('{"capabilities":7}\0'),
      text('{"capabilities":{"max_data_xfer_size":"many"}}\0'),
      Uint8Array.of(0, 0, 0, 0, 0xff, 0xfe, 0),
      payloads.versionPayload({ max_data_xfer_size: 16 }),
    ]) {
      const { device } = makePlainDevice();
      const client = connectLoopback(device);
      expect(client.callNow(protocol.VERSION, body).errno).toBe(EINVAL);
      expect(client.closed).toBe(false);
    }
  });

  it('comes first: anything else ends the connection', () => {
    const { device, errors } = makePlainDevice();
    const client = connectLoopback(device);
    expect(client.callNow(protocol.DEVICE_GET_INFO, payloads.deviceInfoPayload()).errno).toBe(EPROTO);
    expect(client.closed).toBe(true);
    expect(device.connected).toBe(false);
    expect(errors.map(({ code, syscall }) => [code, syscall])).toEqual([['EPROTO', 'client']]);
    expect(errors[0].message).toMatch(/DEVICE_GET_INFO.*no vfio-user client/);
  });
});

describe('what a client asks about the device', () => {
  it('is answered as for a PCI function with MSI-X', () => {
    const { client } = makePlainDevice({ connected: true });
    const info = client.callNow(protocol.DEVICE_GET_INFO, payloads.deviceInfoPayload()).view;
    expect([16, 20, 24, 28].map((at) => info.getUint32(at, true))).toEqual([16, 3, 9, 5]);
    const sizes = Array.from({ length: 9 }, (_, region) => {
      const { view } = client.callNow(protocol.DEVICE_GET_REGION_INFO, payloads.regionInfoPayload(region));
      expect([16, 24, 28].map((at) => view.getUint32(at, true))).toEqual([32, region, 0]);
      expect(protocol.readU64(view, 40)).toBe(0);
      const size = protocol.readU64(view, 32);
      expect(view.getUint32(20, true)).toBe(size > 0 ? 3 : 0);
      return size;
    });
    expect(sizes).toEqual([4096, 4096, 0, 0, 0, 0, 0, 256, 0]);
    const counts = Array.from({ length: 5 }, (_, index) => {
      const { view } = client.callNow(protocol.DEVICE_GET_IRQ_INFO, payloads.irqInfoPayload(index));
      expect([16, 24].map((at) => view.getUint32(at, true))).toEqual([16, index]);
      return [view.getUint32(20, true), view.getUint32(28, true)];
    });
    expect(counts).toEqual([
      [0, 0],
      [0, 0],
      [9, 3],
      [9, 1],
      [0, 0],
    ]);
  });

  it('is refused when there is no such thing, or the message is short', () => {
    const { client, device } = makePlainDevice({ connected: true });
    const errnos = [
      client.callNow(protocol.DEVICE_GET_INFO, new Uint8Array(8)),
      client.callNow(protocol.DEVICE_GET_REGION_INFO, payloads.regionInfoPayload(9)),
      client.callNow(protocol.DEVICE_GET_REGION_INFO, NONE),
      client.callNow(protocol.DEVICE_GET_IRQ_INFO, payloads.irqInfoPayload(5)),
      client.callNow(protocol.DEVICE_GET_IRQ_INFO, NONE),
    ].map(({ errno }) => errno);
    expect(errnos).toEqual(Array(5).fill(EINVAL));
    expect(device.stats.errorReplies).toBe(5);
  });
});

describe('unknown commands', () => {
  it('are told from commands that are not served, and end nothing', () => {
    const { client, device, errors } = makePlainDevice({ connected: true });
    const known = [protocol.DEVICE_GET_REGION_IO_FDS, 14, 16, 17, 18, protocol.DMA_READ, protocol.DMA_WRITE];
    expect(known.map((command) => client.callNow(command).errno)).toEqual(Array(7).fill(EOPNOTSUPP));
    expect([0, 19, 255, 0xffff].map((command) => client.callNow(command).errno)).toEqual(Array(4).fill(ENOSYS));
    expect(device.stats.unknownCommands).toBe(11);
    client.post(77);
    expect(client.strayReplies).toBe(0);
    expect(client.callNow(protocol.DEVICE_RESET).errno).toBe(0);
    expect(errors).toEqual([]);
  });

  it('neither command nor reply, a message is refused; a reply to nothing is passed over', () => {
    const { client, device } = makePlainDevice({ connected: true });
    client.sendRaw(payloads.message(5, protocol.DEVICE_RESET, NONE, 2));
    expect([client.strayReplies, device.stats.errorReplies]).toEqual([1, 1]);
    client.sendRaw(payloads.message(6, protocol.DMA_READ, new Uint8Array(64), protocol.TYPE_REPLY));
    client.sendRaw(payloads.message(7, protocol.DMA_WRITE, NONE, protocol.TYPE_REPLY | protocol.FLAG_ERROR));
    expect([client.strayReplies, device.stats.errorReplies, device.stats.interruptsRefused]).toEqual([1, 1, 1]);
  });
});

describe('DMA_MAP and DMA_UNMAP', () => {
  it('map, refuse overlaps, and answer an unmap with its range', () => {
    const { client, device } = makePlainDevice({ connected: true });
    const map = (iova: number, size: number, offset: number) =>
      client.callNow(protocol.DMA_MAP, payloads.mapPayload({ iova, size, offset })).errno;
    expect(map(0, PAGE, 0)).toBe(0);
    expect(map(0, PAGE, 0)).toBe(EEXIST);
    expect(map(8 * PAGE, 2 * PAGE, PAGE)).toBe(0);
    expect(device.guestDma.mappings.count).toBe(2);
    const { view, errno } = client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(8 * PAGE, 2 * PAGE));
    expect(errno).toBe(0);
    expect([16, 20].map((at) => view.getUint32(at, true))).toEqual([24, 0]);
    expect([24, 32].map((at) => protocol.readU64(view, at))).toEqual([8 * PAGE, 2 * PAGE]);
    expect(client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(8 * PAGE, PAGE)).errno).toBe(ENOENT);
    expect(client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(0, 0, true)).errno).toBe(0);
    expect(device.guestDma.mappings.count).toBe(0);
  });

  it('refuse what is no range of pages', () => {
    const { client } = makePlainDevice({ connected: true });
    const huge = Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % PAGE);
    for (const mapping of [
      { iova: 0, size: 0, offset: 0 },
      { iova: 1, size: PAGE, offset: PAGE },
      { iova: 0, size: 100, offset: 0 },
      { iova: 0, size: PAGE, offset: 12 },
      { iova: huge, size: PAGE, offset: PAGE },
      { iova: 2 ** 60, size: PAGE, offset: PAGE },
    ]) {
      expect(client.callNow(protocol.DMA_MAP, payloads.mapPayload(mapping)).errno).toBe(EINVAL);
    }
    expect(client.callNow(protocol.DMA_MAP, new Uint8Array(8)).errno).toBe(EINVAL);
    expect(client.callNow(protocol.DMA_UNMAP, new Uint8Array(8)).errno).toBe(EINVAL);
    expect(client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(0, PAGE, true)).errno).toBe(EINVAL);
    expect(client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(0, 0)).errno).toBe(EINVAL);
    client.callNow(protocol.DMA_MAP, payloads.mapPayload({ iova: 0, size: 4 * PAGE, offset: 0 }));
    expect(client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(PAGE, PAGE)).errno).toBe(EINVAL);
  });

  it('keep ranges apart that come without a place in the shared file: they are mapped and not reached', () => {
    const { client, device } = makePlainDevice({ connected: true });
    const rom = { iova: 0xfffc_0000, size: 4 * PAGE, offset: 0 };
    const beyond = { iova: 0x8000_0000, size: PAGE, offset: 1 << 30 };
    for (const mapping of [rom, beyond]) {
      expect(client.callNow(protocol.DMA_MAP, payloads.mapPayload(mapping)).errno).toBe(0);
      expect(device.guestDma.load32(mapping.iova)).toBeLessThan(0);
    }
    expect(device.guestDma.mappings.count).toBe(2);
    expect(device.guestDma.mappings.reachable).toBe(0);
  });

  it('find out early that the RAM is not shared: by a piece of it, or by there being none', () => {
    for (const iova of [0x10_0000, 0x4000_0000]) {
      const { device, errors } = makePlainDevice();
      const client = connectLoopback(device);
      const errnos: number[] = [];
      for (const { command, body } of connectCommands([{ iova, size: 64 * PAGE, offset: 0 }])) {
        if (!client.closed) errnos.push(client.callNow(command, body).errno);
      }
      expect(errnos.at(-1)).toBe(EOPNOTSUPP);
      expect(client.closed).toBe(true);
      expect(errors.map(({ code }) => code)).toEqual(['EOPNOTSUPP']);
      expect(errors[0].message).toMatch(/not shared: start QEMU with .*memory-backend-file,.*share=on/);
    }
  });

  it('find out before the device is used that the guest works on a copy of the file', () => {
    for (const [shared, narrow] of [
      [true, false],
      [true, true],
      [false, false],
      [false, true],
    ]) {
      // Begins with a zero, which does not tell one form of message from the other.
      const ram = new Uint8Array(PLAIN_RAM_BYTES).fill(shared ? 0x53 : 0, 4);
      const { device, client, errors } = makePlainDevice({
        connected: true,
        openMemory: () => regionMemory(regionOf(ram)),
      });
      client.narrowDma = narrow;
      const asked: number[] = [];
      client.readMemory = (address, length) => {
        asked.push(address);
        return new Uint8Array(length).fill(0x53, 4);
      };
      client.callNow(protocol.DMA_MAP, payloads.mapPayload({ iova: 0, size: 16 * PAGE, offset: 0 }));
      expect(asked).toEqual([]);
      client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6);
      client.writeRegion(protocol.REGION_CONFIG, 4, 2, 2);
      client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6);
      expect(asked).toEqual([0]);
      expect(device.connected).toBe(shared);
      expect(errors.map(({ code }) => code)).toEqual(shared ? [] : ['EOPNOTSUPP']);
    }
  });

  it('answer for whatever opens the RAM and fails', () => {
    const { client, errors } = makePlainDevice({
      connected: true,
      openMemory: () => {
        throw new TypeError('no such native module');
      },
    });
    const { errno } = client.callNow(protocol.DMA_MAP, payloads.mapPayload({ iova: 0, size: PAGE, offset: 0 }));
    expect([errno, client.closed]).toEqual([EIO, true]);
    expect(errors[0].message).toMatch(/What opens it threw: no such native module/);
  });

  it('take a machine whose RAM does not start at 0', () => {
    const { device } = makePlainDevice({ ramBase: 0x4000_0000 });
    const client = connectLoopback(device);
    for (const { command, body } of connectCommands([{ iova: 0x4000_0000, size: PAGE, offset: 0 }])) {
      expect(client.callNow(command, body).errno).toBe(0);
    }
    expect(device.guestDma.mappings.reachable).toBe(1);
  });
});

describe('REGION_READ and REGION_WRITE', () => {
  it('make the accesses that a bus would make', () => {
    const { client, accesses } = makePlainDevice({ connected: true });
    const read = (offset: number, count: number) =>
      client.callNow(protocol.REGION_READ, payloads.regionPayload(0, offset, count)).view;
    const both = read(8, 8);
    expect([32, 36].map((at) => both.getUint32(at, true))).toEqual([0x0800_0000, 0x0c00_0000]);
    expect(read(3, 5).byteLength).toBe(37);
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
    const { view } = client.callNow(protocol.REGION_WRITE, payloads.regionPayload(0, 6, 7, data));
    expect([protocol.readU64(view, 16), view.getUint32(24, true), view.getUint32(28, true)]).toEqual([6, 0, 7]);
    client.writeRegion(0, 0x10, 4, 0x1234_5678);
    expect(accesses).toEqual([
      'r 8/4',
      'r 12/4',
      'r 3/1',
      'r 4/4',
      'w 6/2 201',
      'w 8/4 6050403',
      'w 12/1 7',
      'w 16/4 12345678',
    ]);
  });

  it('stay within their region and a bounded size', () => {
    const { client, accesses } = makePlainDevice({ connected: true });
    const read = (region: number, offset: number, count: number) =>
      client.callNow(protocol.REGION_READ, payloads.regionPayload(region, offset, count)).errno;
    expect(read(0, 4092, 4)).toBe(0);
    expect(read(0, 4093, 4)).toBe(EINVAL);
    expect(read(0, 2 ** 60, 4)).toBe(EINVAL);
    expect(read(2, 0, 1)).toBe(EINVAL);
    expect(read(99, 0, 1)).toBe(EINVAL);
    expect(read(0, 0, 4097)).toBe(E2BIG);
    expect(read(7, 250, 8)).toBe(EINVAL);
    expect(client.callNow(protocol.REGION_READ, NONE).errno).toBe(EINVAL);
    const write = (count: number, data: Uint8Array) =>
      client.callNow(protocol.REGION_WRITE, payloads.regionPayload(0, 0, count, data)).errno;
    expect(write(5, new Uint8Array(4))).toBe(EINVAL);
    expect(write(0, NONE)).toBe(0);
    expect(accesses).toEqual(['r 4092/4']);
  });

  it('REGION_WRITE_MULTI makes all of its writes, or none', () => {
    const { client, accesses } = makePlainDevice({ connected: true });
    const good = [
      { region: 0, offset: 4, count: 4, value: 1 },
      { region: 0, offset: 8, count: 2, value: 2 },
    ];
    const multi = (writes: typeof good) =>
      client.callNow(protocol.REGION_WRITE_MULTI, payloads.writeMultiPayload(writes));
    const { view, errno } = multi(good);
    expect([errno, protocol.readU64(view, 16)]).toEqual([0, 2]);
    expect(multi([...good, { region: 5, offset: 0, count: 4, value: 3 }]).errno).toBe(EINVAL);
    expect(multi([...good, { region: 0, offset: 0, count: 9, value: 3 }]).errno).toBe(E2BIG);
    expect(accesses).toEqual(['w 4/4 1', 'w 8/2 2']);
    const short = payloads.writeMultiPayload(good).subarray(0, 40);
    expect(client.callNow(protocol.REGION_WRITE_MULTI, short).errno).toBe(EINVAL);
  });

  it('configuration space survives DEVICE_RESET, and not the guest', () => {
    const { device, client, resets } = makePlainDevice({ connected: true });
    const command = () => client.readRegionNow(protocol.REGION_CONFIG, 4, 2);
    client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6);
    const before = resets.count;
    expect(client.callNow(protocol.DEVICE_RESET).errno).toBe(0);
    expect(resets.count).toBe(before + 1);
    expect(command()).toBe(6);
    client.disconnect();
    expect(resets.count).toBe(before + 2);
    const next = connectLoopback(device);
    next.callNow(protocol.VERSION, payloads.versionPayload());
    expect(next.readRegionNow(protocol.REGION_CONFIG, 4, 2)).toBe(0);
  });
});

describe('access to guest memory', () => {
  it('needs a mapping and a bus master; all else is a counted fault that touches nothing', () => {
    const { device, client, driver, host, events } = makeCardOverProtocol();
    const { dma } = device;
    const { ram } = host;
    const iova = driver.scratch.iova;
    expect(dma.store32(iova, 0x1234)).toBeGreaterThanOrEqual(0);
    expect(dma.load32(iova)).toBe(0x1234);
    const before = Buffer.from(ram.bytes.slice(ram.base, ram.base + ram.length));
    const { epoch } = dma;
    client.writeRegion(protocol.REGION_CONFIG, 4, 2, 2);
    expect(dma.epoch).not.toBe(epoch);
    expect(dma.publish32(iova, 1)).toBe(-14);
    client.writeRegion(protocol.REGION_CONFIG, 4, 2, 6);
    expect(dma.store32(iova + ram.length, 1)).toBe(-14);
    expect(dma.write(0x1_0000_0000 + ram.length - 8, ram, 0, 16)).toBe(-14);
    expect(dma.read(0xdead_0000, ram, 0, 16)).toBe(-14);
    expect(before.equals(ram.bytes.slice(ram.base, ram.base + ram.length))).toBe(true);
    expect(device.stats.dmaFaults).toBe(4);
    expect(events.filter(({ kind }) => kind === 'dma-fault').map(({ detail }) => detail)).toContain(
      'the device has no access to 16 bytes at 0xdead0000',
    );
    for (let n = 0; n < 100; n++) dma.load32(0);
    expect(events.filter(({ kind }) => kind === 'dma-fault').length).toBe(16);
  });

  it('goes across mappings that are neighbours, whole or not at all', () => {
    const { device, client, driver, host } = makeCardOverProtocol();
    const { iova, region } = driver.scratch;
    client.callNow(protocol.DMA_UNMAP, payloads.unmapPayload(0, 0, true));
    const position = RAM_POSITION + region.base - host.ram.base;
    const map = (at: number, access: number) =>
      client.callNow(
        protocol.DMA_MAP,
        payloads.mapPayload({ iova: iova + at, size: PAGE, offset: position + at, access }),
      ).errno;
    expect([map(0, 3), map(PAGE, 3), map(2 * PAGE, 1)]).toEqual([0, 0, 0]);
    const pattern = host.allocate(PAGE).region;
    for (let i = 0; i < 64; i++) pattern.bytes[pattern.base + i] = i + 1;
    expect(device.dma.write(iova + PAGE - 20, pattern, 0, 64)).toBe(64);
    const at = region.base + PAGE - 20;
    expect(region.bytes.slice(at, at + 64)).toEqual(pattern.bytes.slice(pattern.base, pattern.base + 64));
    const back = host.allocate(PAGE).region;
    expect(device.dma.read(iova + PAGE - 20, back, 0, 64)).toBe(64);
    expect(back.bytes.slice(back.base, back.base + 64)).toEqual(pattern.bytes.slice(pattern.base, pattern.base + 64));
    // The third page is read-only: nothing of the second may change.
    const snapshot = region.bytes.slice(region.base, region.base + 3 * PAGE);
    expect(device.dma.write(iova + 2 * PAGE - 20, pattern, 0, 64)).toBe(-14);
    expect(region.bytes.slice(region.base, region.base + 3 * PAGE)).toEqual(snapshot);
    expect(device.dma.read(iova + 2 * PAGE - 20, back, 0, 64)).toBe(64);
  });
});
