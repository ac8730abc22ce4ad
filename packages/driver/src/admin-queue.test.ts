import { Machine, type PciEndpoint, type PciHost } from '@netmem/machine';
import { EACCES, EAGAIN, EINVAL, ENOMEM, ENOTRECOVERABLE, EOPNOTSUPP, ETIME } from '@netmem/uapi';
import {
  ADMINQ_PAGE_BYTES,
  ADMINQ_SLOT_BYTES,
  ADMINQ_SLOTS,
  AQ_COMMAND,
  REG_ADMINQ_DOORBELL,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
  swap32,
} from '@netmem/vnic/abi';
import { describe, expect, it } from 'vitest';
import { AdminQueue, statusErrno } from './admin-queue.ts';
import { Registers } from './registers.ts';

/** An admin queue's other end: answers every command with `status(n)`, `burst` per run. */
class Answerer implements PciEndpoint {
  readonly pci = {
    vendor: 1,
    device: 1,
    subsystemVendor: 1,
    subsystemDevice: 1,
    revision: 0,
    classCode: 0,
    bars: [{ size: 4096 }],
    msixVectors: 3,
  };
  readonly doorbells: number[] = [];
  readonly opcodes: number[] = [];
  pfn = 0;
  asked = 0;
  done = 0;
  alive = true;
  status: (n: number) => number = () => 1;
  readonly #host: PciHost;

  constructor(host: PciHost) {
    this.#host = host;
  }

  barRead(_bar: number, offset: number): number {
    if (offset === REG_ADMINQ_EVENT_COUNTER) return swap32(this.done);
    return offset === REG_ADMINQ_PFN ? swap32(this.pfn) : 0;
  }

  barWrite(_bar: number, offset: number, _size: number, value: number): void {
    if (offset === REG_ADMINQ_PFN) {
      this.pfn = swap32(value);
      this.asked = 0;
      this.done = 0;
    }
    if (offset === REG_ADMINQ_DOORBELL) {
      this.asked = swap32(value);
      this.doorbells.push(this.asked);
    }
  }

  run(): number {
    if (!this.alive || this.done === this.asked) return 0;
    const slot = this.pfn * ADMINQ_PAGE_BYTES + (this.done % ADMINQ_SLOTS) * ADMINQ_SLOT_BYTES;
    this.opcodes.push(swap32(this.#host.dma.load32(slot + AQ_COMMAND.opcode)));
    this.#host.dma.store32(slot + AQ_COMMAND.status, swap32(this.status(this.done)));
    this.done++;
    return 1;
  }

  reset(): void {}
}

function start(): { machine: Machine; adminq: AdminQueue; card: Answerer } {
  const machine = new Machine();
  let card: Answerer | null = null;
  const fn = machine.pci.plug((host) => {
    card = new Answerer(host);
    return card;
  });
  const adminq = new AdminQueue(machine, fn.dma, new Registers(fn));
  expect(adminq.start()).toBe(0);
  return { machine, adminq, card: card as unknown as Answerer };
}

describe('AdminQueue', () => {
  it('carries out a batch with one doorbell', () => {
    const { machine, adminq, card } = start();
    for (let opcode = 5; opcode < 10; opcode++) expect(adminq.begin(opcode)).toBeGreaterThan(0);
    expect(card.doorbells).toEqual([]);
    expect(adminq.flush()).toBe(0);
    expect(card.doorbells).toEqual([5]);
    expect(card.opcodes).toEqual([5, 6, 7, 8, 9]);
    expect(adminq.flush()).toBe(0);
    expect(card.doorbells).toEqual([5]);
    adminq.release();
    expect(machine.audit()).toEqual([]);
  });

  it('goes round its page, flushing when it would be full, with a free-running count', () => {
    const { adminq, card } = start();
    for (let i = 0; i < 300; i++) adminq.begin(i + 1);
    expect(adminq.flush()).toBe(0);
    expect(card.opcodes).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(card.doorbells).toEqual([63, 126, 189, 252, 300]);
    expect(adminq.commands).toBe(300);
  });

  it('gives back the errno of the first refusal, and looks at all of them', () => {
    const { adminq, card } = start();
    card.status = (n) => (n === 1 ? 0xfffffffc : n === 2 ? 0xfffffffe : 1);
    for (let i = 0; i < 4; i++) adminq.begin(1);
    expect(adminq.flush()).toBe(-ENOMEM);
    expect(adminq.failures).toBe(2);
    expect(adminq.execute(1, () => {})).toBe(0);
  });

  it.each([
    [0x0, -EINVAL],
    [0x1, 0],
    [0xfffffff0, -EAGAIN],
    [0xfffffff1, -EINVAL],
    [0xfffffff2, -EAGAIN],
    [0xfffffff3, -EAGAIN],
    [0xfffffff4, -ETIME],
    [0xfffffff5, -EAGAIN],
    [0xfffffff6, -EINVAL],
    [0xfffffff7, -EINVAL],
    [0xfffffff8, -EINVAL],
    [0xfffffff9, -EINVAL],
    [0xfffffffa, -EACCES],
    [0xfffffffb, -EACCES],
    [0xfffffffc, -ENOMEM],
    [0xfffffffd, -EAGAIN],
    [0xfffffffe, -EOPNOTSUPP],
    [0xffffffff, -EINVAL],
    [0x12345678, -EINVAL],
  ])('status 0x%s is %i', (status, errno) => {
    expect(statusErrno(status)).toBe(errno);
    const { adminq, card } = start();
    card.status = () => status;
    expect(adminq.execute(1, () => {})).toBe(errno);
  });

  it('waits two seconds, then says so; the next command finds a counter that disagrees', () => {
    const { machine, adminq, card } = start();
    machine.log.expect('AQ commands timed out, need to reset AQ');
    card.alive = false;
    const before = machine.clock.nowNs;
    expect(adminq.execute(1, () => {})).toBe(-ENOTRECOVERABLE);
    expect(machine.clock.nowNs - before).toBe(2e9);
    expect(adminq.timeouts).toBe(1);
    card.alive = true;
    machine.step();
    expect(adminq.execute(1, () => {})).toBe(-EINVAL);
    adminq.release();
    expect(adminq.start()).toBe(0);
    expect(adminq.execute(1, () => {})).toBe(0);
  });

  it('refuses everything before start and after release, and is released once', () => {
    const { machine, adminq } = start();
    adminq.release();
    adminq.release();
    expect(adminq.live).toBe(false);
    expect(adminq.begin(1)).toBe(-EINVAL);
    expect(adminq.flush()).toBe(-EINVAL);
    expect(machine.audit()).toEqual([]);
  });
});
