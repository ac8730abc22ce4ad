import { createHash } from 'node:crypto';
import { DMA_FROM_DEVICE, DMA_TO_DEVICE, type DmaMode, KernelBug, Machine } from '@netmem/machine';
import { regionOf } from '@netmem/region';
import { EBADF, EFAULT, EINVAL, EMFILE, ENOMEM } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  createDeviceMemory,
  createUdmabuf,
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  DMA_BUF_SYNC_RW,
  DMA_BUF_SYNC_START,
  DMA_BUF_SYNC_WRITE,
  type DmaBuf,
  type DmaBufAttachment,
  type DmaBufMapping,
  DmaBufTable,
  programs,
  UDMABUF_SIZE_LIMIT_BYTES,
} from '../src/index.ts';
import { plugIdle } from './fake-devices.ts';

const PAGE = 4096;

function attached(
  buffer: DmaBuf,
  machine: Machine,
): { attachment: DmaBufAttachment; host: ReturnType<typeof plugIdle>['host'] } {
  const { fn, host } = plugIdle(machine);
  const attachment = buffer.attach(fn.dma);
  if (typeof attachment === 'number') throw new Error(`attach: ${attachment}`);
  return { attachment, host };
}

function mapped(attachment: DmaBufAttachment, direction: number = DMA_FROM_DEVICE) {
  const entries = attachment.map(direction);
  if (typeof entries === 'number') throw new Error(`map: ${entries}`);
  return entries;
}

function view(buffer: DmaBuf): DmaBufMapping {
  const mapping = buffer.mmap();
  if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
  return mapping;
}

function read(mapping: DmaBufMapping, offset: number, length: number): Uint8Array {
  const to = new Uint8Array(length);
  expect(mapping.read(offset, to, 0, length)).toBe(0);
  return to;
}

/** Code and errno of what a call throws. */
function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}

describe('udmabuf', () => {
  it.each([
    [0, 'EINVAL'],
    [-PAGE, 'EINVAL'],
    [100, 'EINVAL'],
    [PAGE + 1, 'EINVAL'],
    [Number.NaN, 'EINVAL'],
    [UDMABUF_SIZE_LIMIT_BYTES + PAGE, 'EINVAL'],
    [32 << 20, 'ENOMEM'],
  ])('size %d: %s', (size, code) => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    const free = machine.ram.freePages;
    expect(thrown(() => createUdmabuf(machine, size))).toBe(code);
    expect(thrown(() => createUdmabuf(machine, PAGE, { entryBytes: 100 }))).toBe('EINVAL');
    expect(machine.ram.freePages).toBe(free);
  });

  it('takes pages, zeroed, and gives them back with the last reference', () => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    machine.ram.bytes.fill(0xaa, machine.ram.region.base, machine.ram.region.base + machine.ram.region.length);
    const free = machine.ram.freePages;
    const buffer = createUdmabuf(machine, 37 * PAGE);
    expect(free - machine.ram.freePages).toBe(37);
    expect(read(view(buffer), 0, 37 * PAGE).every((byte) => byte === 0)).toBe(true);
    buffer.get();
    buffer.put();
    expect(free - machine.ram.freePages).toBe(37);
    buffer.put();
    expect(machine.ram.freePages).toBe(free);
    expect(() => buffer.get()).toThrow(KernelBug);
    expect(() => buffer.put()).toThrow(KernelBug);
  });

  it('is one window where its pages are contiguous, and a reader where they are not', () => {
    const machine = new Machine({ ramBytes: 1 << 20 });
    const whole = createUdmabuf(machine, 16 * PAGE);
    expect(view(whole).region?.length).toBe(16 * PAGE);
    whole.put();
    // Every second page taken: no two that are left are neighbours.
    const hoard: number[] = [];
    for (let frame = machine.ram.allocFrames(0, -1); frame >= 0; frame = machine.ram.allocFrames(0, -1))
      hoard.push(frame);
    for (const frame of hoard.filter((f) => f % 2 === 0)) machine.ram.freeFrames(frame, 0);
    const scattered = createUdmabuf(machine, 5 * PAGE);
    const mapping = view(scattered);
    expect(mapping.region).toBe(null);
    const { attachment } = attached(scattered, machine);
    expect(mapped(attachment).map(({ offset, length }) => [offset, length])).toEqual(
      [0, 1, 2, 3, 4].map((i) => [i * PAGE, PAGE]),
    );
    const bytes = Uint8Array.from({ length: 3 * PAGE }, (_, i) => i * 7 + (i >> 8));
    expect(mapping.write(PAGE / 2, bytes, 0, bytes.length)).toBe(0);
    expect(read(mapping, PAGE / 2, bytes.length)).toEqual(bytes);
    expect(read(mapping, PAGE - 3, 9)).toEqual(bytes.slice(PAGE / 2 - 3, PAGE / 2 + 6));
    expect(read(mapping, 0, PAGE / 2).every((byte) => byte === 0)).toBe(true);
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [5 * PAGE, 1],
      [4 * PAGE, PAGE + 1],
    ]) {
      expect(mapping.read(offset, new Uint8Array(8 * PAGE), 0, length)).toBe(-EFAULT);
      expect(mapping.write(offset, new Uint8Array(8 * PAGE), 0, length)).toBe(-EFAULT);
    }
    expect(mapping.read(0, new Uint8Array(4), 1, 4)).toBe(-EFAULT);
    expect(mapping.write(0, new Uint8Array(4), 0, 5)).toBe(-EFAULT);
  });

  it('maps all of its runs or none', () => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    const buffer = createUdmabuf(machine, 8 * PAGE, { entryBytes: 2 * PAGE });
    const { attachment } = attached(buffer, machine);
    attachment.device.dmaMask = 0;
    expect(attachment.map(DMA_FROM_DEVICE)).toBe(-ENOMEM);
    attachment.device.dmaMask = 2 ** 32 - 1;
    expect(attachment.device.liveMappings).toBe(0);
    expect(mapped(attachment)).toHaveLength(4);
    expect(attachment.device.liveMappings).toBe(4);
    attachment.unmap();
    buffer.detach(attachment);
    buffer.put();
    expect(machine.audit()).toEqual([]);
  });

  it('makes no entry longer than bounce slots can be together', () => {
    const machine = new Machine({ ramBytes: 16 << 20, dmaMode: 'swiotlb' });
    const buffer = createUdmabuf(machine, 640 << 10);
    const { attachment } = attached(buffer, machine);
    expect(mapped(attachment).map(({ offset, length }) => [offset, length])).toEqual([
      [0, 256 << 10],
      [256 << 10, 256 << 10],
      [512 << 10, 128 << 10],
    ]);
    attachment.unmap();
    buffer.detach(attachment);
    buffer.put();
    expect(machine.audit()).toEqual([]);
  });

  it.each<[DmaMode, boolean]>([
    ['coherent', true],
    ['non-coherent', false],
    ['swiotlb', false],
  ])('on %s hardware the CPU sees device writes outside the bracket: %s', (dmaMode, atOnce) => {
    const machine = new Machine({ ramBytes: 16 << 20, dmaMode });
    const buffer = createUdmabuf(machine, 4 * PAGE);
    const mapping = view(buffer);
    const { attachment, host } = attached(buffer, machine);
    const [entry] = mapped(attachment);
    const written = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
    expect(host.dma.write(entry.iova + PAGE + 10, regionOf(written), 0, 100)).toBe(100);
    const seen = (): boolean => read(mapping, PAGE + 10, 100).every((byte, i) => byte === written[i]);
    expect(seen()).toBe(atOnce);
    expect(buffer.sync(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ)).toBe(0);
    expect(seen()).toBe(true);
    expect(buffer.sync(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ)).toBe(0);
    // The next write is again not seen before the next bracket.
    written.fill(0x55);
    host.dma.write(entry.iova + PAGE + 10, regionOf(written), 0, 100);
    expect(seen()).toBe(atOnce);
    expect(buffer.beginCpuAccess(DMA_FROM_DEVICE)).toBe(0);
    expect(seen()).toBe(true);
    expect(buffer.endCpuAccess(DMA_FROM_DEVICE)).toBe(0);
    expect(machine.log.unexpected()).toEqual([]);
  });

  it('what the CPU wrote inside the bracket reaches a device that reads', () => {
    const machine = new Machine({ ramBytes: 16 << 20, dmaMode: 'non-coherent' });
    const buffer = createUdmabuf(machine, PAGE);
    const { attachment, host } = attached(buffer, machine);
    const [entry] = mapped(attachment, DMA_TO_DEVICE);
    buffer.sync(DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
    view(buffer).write(0, Uint8Array.of(1, 2, 3, 4), 0, 4);
    buffer.sync(DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
    const out = new Uint8Array(4);
    expect(host.dma.read(entry.iova, regionOf(out), 0, 4)).toBe(4);
    expect([...out]).toEqual([1, 2, 3, 4]);
  });

  it('hands over what was written through a window on all of it, in every bracket after it was given out', () => {
    const machine = new Machine({ ramBytes: 16 << 20, dmaMode: 'non-coherent' });
    const buffer = createUdmabuf(machine, 2 * PAGE);
    const { attachment, host } = attached(buffer, machine);
    const [entry] = mapped(attachment, DMA_TO_DEVICE);
    const { region } = view(buffer);
    if (region === null) throw new Error('the pages are scattered');
    for (const value of [7, 8]) {
      buffer.beginCpuAccess(DMA_TO_DEVICE);
      region.bytes[region.base + PAGE + 5] = value;
      const out = new Uint8Array(1);
      host.dma.read(entry.iova + PAGE + 5, regionOf(out), 0, 1);
      expect(out[0]).not.toBe(value);
      buffer.endCpuAccess(DMA_TO_DEVICE);
      host.dma.read(entry.iova + PAGE + 5, regionOf(out), 0, 1);
      expect(out[0]).toBe(value);
    }
  });

  it.each([
    [0, -EINVAL],
    [DMA_BUF_SYNC_END, -EINVAL],
    [8 | DMA_BUF_SYNC_READ, -EINVAL],
    [-1, -EINVAL],
    [DMA_BUF_SYNC_RW, 0],
    [DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END, 0],
  ])('DMA_BUF_IOCTL_SYNC with flags %i: %i', (flags, result) => {
    expect(createUdmabuf(new Machine(), PAGE).sync(flags)).toBe(result);
  });
});

describe('attachments', () => {
  it('hold the buffer, and are undone in order or not at all', () => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    const buffer = createUdmabuf(machine, PAGE);
    const { attachment } = attached(buffer, machine);
    expect([buffer.refs, buffer.attachments]).toEqual([2, 1]);
    expect(() => attachment.unmap()).toThrow(KernelBug);
    mapped(attachment);
    expect(() => attachment.map(DMA_FROM_DEVICE)).toThrow(KernelBug);
    expect(() => buffer.detach(attachment)).toThrow(KernelBug);
    expect(attachment.direction).toBe(DMA_FROM_DEVICE);
    attachment.unmap();
    expect(attachment.entries).toBe(null);
    const other = createUdmabuf(machine, PAGE);
    expect(() => other.detach(attachment)).toThrow(KernelBug);
  });
});

describe('device memory', () => {
  const make = (bytes: number = 16 * PAGE) => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    const device = createDeviceMemory(machine, { bytes, name: 'gpu' });
    return { machine, device };
  };

  it('has no CPU view', () => {
    const { device } = make();
    const buffer = device.export();
    expect(buffer.mmap()).toBe(-EINVAL);
    expect(buffer.sync(DMA_BUF_SYNC_READ)).toBe(0);
    // Nothing public of it holds bytes.
    const reachable = Object.getOwnPropertyNames(device).map(
      (name) => (device as unknown as Record<string, unknown>)[name],
    );
    expect(reachable.some((value) => ArrayBuffer.isView(value) || (typeof value === 'object' && value !== null))).toBe(
      false,
    );
  });

  it('takes what a device writes to its exports, and tells only what programs may tell', () => {
    const { machine, device } = make();
    const buffer = device.export(4 * PAGE, 8 * PAGE, 2 * PAGE);
    const { attachment, host } = attached(buffer, machine);
    const entries = mapped(attachment);
    expect(entries.map(({ offset, length }) => [offset, length])).toEqual(
      [0, 2, 4, 6].map((i) => [i * PAGE, 2 * PAGE]),
    );
    const data = Uint8Array.from({ length: 6000 }, (_, i) => (i * 13) & 0xff);
    expect(host.dma.write(entries[0].iova + 100, regionOf(data), 0, 6000)).toBe(6000);
    const range = { offset: 4 * PAGE + 100, length: 6000 };
    expect(Buffer.from(device.run(programs.sha256(), [range])).toString('hex')).toBe(
      createHash('sha256').update(data).digest('hex'),
    );
    expect(device.run(programs.compare(data), [range])).toEqual({ mismatchAt: -1, comparedBytes: 6000 });
    const wrong = data.slice();
    wrong[4321] ^= 1;
    expect(device.run(programs.compare(wrong), [range])).toEqual({ mismatchAt: 4321, comparedBytes: 6000 });
    expect(device.run(programs.compare(data.subarray(0, 5999)), [range])).toEqual({
      mismatchAt: 5999,
      comparedBytes: 6000,
    });
    attachment.unmap();
    expect(host.dma.write(entries[0].iova, regionOf(data), 0, 4)).toBe(-EFAULT);
    machine.log.expect(/IOMMU|fault/i);
    buffer.detach(attachment);
    expect(thrown(() => device.remove())).toBe('EBUSY');
    buffer.put();
    device.remove();
    expect(machine.audit().filter((text) => !text.includes('log entry'))).toEqual([]);
  });

  it('judges a stream in pieces, wherever they lie', () => {
    const { machine, device } = make();
    const buffer = device.export();
    const { attachment, host } = attached(buffer, machine);
    const [entry] = mapped(attachment);
    // ncdevmem -v 7: 1…6, newline, over and over.
    const stream = Uint8Array.from({ length: 5000 }, (_, i) => (i % 7 === 6 ? 10 : (i % 7) + 1));
    const cuts = [0, 1, 700, 701, 2000, 4096, 5000];
    const pieces = cuts
      .slice(1)
      .map((to, i) => ({ offset: ((i * 5) % 7) * 2 * PAGE + i, from: cuts[i], length: to - cuts[i] }));
    for (const { offset, from, length } of pieces)
      host.dma.write(entry.iova + offset, regionOf(stream.subarray(from, from + length)), 0, length);
    const sha = programs.sha256();
    const checker = programs.pattern(7);
    const compare = programs.compare(stream);
    for (const piece of pieces) {
      device.feed(sha, piece.offset, piece.length);
      device.feed(checker, piece.offset, piece.length);
      device.feed(compare, piece.offset, piece.length);
    }
    expect(Buffer.from(sha.result()).toString('hex')).toBe(createHash('sha256').update(stream).digest('hex'));
    expect(checker.result()).toEqual({ mismatchAt: -1, mismatches: 0, checkedBytes: 5000 });
    expect(compare.result()).toEqual({ mismatchAt: -1, comparedBytes: 5000 });
    for (const program of [sha, checker, compare]) program.reset();
    expect(checker.result().checkedBytes).toBe(0);
    // Out of step by one byte: nearly every byte is wrong.
    expect(
      device.run(checker, [{ offset: pieces[2].offset + 1, length: 1 }, ...pieces.slice(4)]).mismatchAt,
    ).toBeGreaterThanOrEqual(0);
    expect(device.run(sha, []).length).toBe(32);
  });

  it('can be painted over from inside', () => {
    const { device } = make();
    expect(device.run(programs.fill(0xee), [{ offset: 100, length: 50 }])).toBe(50);
    expect(
      device.run(programs.compare(new Uint8Array(52).fill(0xee, 1, 51)), [{ offset: 99, length: 52 }]).mismatchAt,
    ).toBe(-1);
  });

  it('refuses ranges that are not its own, before it computes anything', () => {
    const { device } = make();
    const filled = programs.fill(1);
    const outside = { offset: 16 * PAGE - 1, length: 2 };
    expect(thrown(() => device.run(filled, [{ offset: 0, length: 4 }, outside]))).toBe('EFAULT');
    expect(filled.result()).toBe(0);
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [Number.NaN, 1],
      [0, 16 * PAGE + 1],
    ]) {
      expect(thrown(() => device.feed(filled, offset, length))).toBe('EFAULT');
    }
    for (const [offset, length, entry] of [
      [1, PAGE, PAGE],
      [0, PAGE + 1, PAGE],
      [0, 0, PAGE],
      [0, PAGE, 100],
      [0, PAGE, 0],
      [16 * PAGE, PAGE, PAGE],
      [-PAGE, PAGE, PAGE],
    ]) {
      expect(
        thrown(() => device.export(offset, length, entry)),
        `${offset}+${length}/${entry}`,
      ).toBe('EINVAL');
    }
    expect(thrown(() => make(100))).toBe('EINVAL');
    expect(thrown(() => make(0))).toBe('EINVAL');
  });
});

describe('a process and its fds', () => {
  it('gives the lowest free number, and tells a closed one from a wrong one', () => {
    const machine = new Machine({ ramBytes: 16 << 20 });
    const files = new DmaBufTable(6);
    const buffers = [0, 1, 2].map(() => createUdmabuf(machine, PAGE));
    expect(buffers.map((buffer) => files.install(buffer))).toEqual([3, 4, 5]);
    expect(files.install({ kind: 'socket' })).toBe(-EMFILE);
    expect(files.get(4)).toBe(buffers[1]);
    expect(buffers[1].refs).toBe(2);
    buffers[1].put();
    expect(files.close(4)).toBe(0);
    expect(buffers[1].refs).toBe(0);
    expect(files.install({ kind: 'socket' })).toBe(4);
    expect([files.get(4), files.get(1), files.get(6), files.get(-1), files.get(1.5)]).toEqual([
      -EINVAL,
      -EINVAL,
      -EBADF,
      -EBADF,
      -EBADF,
    ]);
    expect([files.close(6), files.close(4), files.close(4)]).toEqual([-EBADF, 0, -EBADF]);
    expect(files.audit()).toEqual([
      'fd 3 still holds a udmabuf dma-buf of 4096 bytes',
      'fd 5 still holds a udmabuf dma-buf of 4096 bytes',
    ]);
    files.closeAll();
    expect(files.audit()).toEqual([]);
    expect(buffers.map((buffer) => buffer.refs)).toEqual([0, 0, 0]);
    expect(machine.audit()).toEqual([]);
  });
});
