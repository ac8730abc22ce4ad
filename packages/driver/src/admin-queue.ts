import type { CoherentBuffer, DmaDevice, Machine } from '@netmem/machine';
import { EACCES, EAGAIN, EINVAL, ENOMEM, ENOTRECOVERABLE, EOPNOTSUPP, ETIME } from '@netmem/uapi';
import {
  ADMINQ_PAGE_BYTES,
  ADMINQ_SLOT_BYTES,
  ADMINQ_SLOTS,
  ADMINQ_STATUS_ABORTED,
  ADMINQ_STATUS_CANCELLED,
  ADMINQ_STATUS_DATALOSS,
  ADMINQ_STATUS_DEADLINE_EXCEEDED,
  ADMINQ_STATUS_FAILED_PRECONDITION,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_PERMISSION_DENIED,
  ADMINQ_STATUS_RESOURCE_EXHAUSTED,
  ADMINQ_STATUS_UNAUTHENTICATED,
  ADMINQ_STATUS_UNAVAILABLE,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_COMMAND,
  REG_ADMINQ_DOORBELL,
  REG_ADMINQ_EVENT_COUNTER,
  REG_ADMINQ_PFN,
} from '@netmem/vnic/abi';
import type { Registers } from './registers.ts';
import { ADMINQ_POLL_NS, ADMINQ_TIMEOUT_NS, RESET_TIMEOUT_NS } from './settings.ts';

/**
 * The channel of control: 64 command slots in one page. Commands are gathered with {@link begin} and carried out by {@link flush}, so that
 * the queues of an interface are created in two batches; {@link execute} does one.
 */
export class AdminQueue {
  /** Commands handed to the card. */
  commands = 0;
  /** Commands that the card refused. */
  failures = 0;
  timeouts = 0;
  /** Commands handed over, by opcode, for ethtool. */
  readonly byOpcode: Map<number, number> = new Map();
  readonly #machine: Machine;
  readonly #dma: DmaDevice;
  readonly #registers: Registers;
  #page: CoherentBuffer | null = null;
  #produced = 0;
  #done = 0;

  constructor(machine: Machine, dma: DmaDevice, registers: Registers) {
    this.#machine = machine;
    this.#dma = dma;
    this.#registers = registers;
  }

  get live(): boolean {
    return this.#page !== null;
  }

  /** Gives the card a fresh page of slots. Returns 0 or `-ENOMEM`. */
  start(): number {
    const page = this.#dma.allocCoherent(ADMINQ_PAGE_BYTES);
    if (page === null) return -ENOMEM;
    this.#page = page;
    this.#produced = 0;
    this.#done = 0;
    this.#registers.write(REG_ADMINQ_PFN, page.iova / ADMINQ_PAGE_BYTES);
    return 0;
  }

  /** Takes the page back, which resets the card: afterwards it knows nothing and touches no memory of ours. */
  release(): void {
    const page = this.#page;
    if (page === null) return;
    this.#registers.write(REG_ADMINQ_PFN, 0);
    const gone = (): boolean => this.#registers.read(REG_ADMINQ_PFN) === 0;
    if (!this.#machine.sleepUntil(gone, RESET_TIMEOUT_NS, ADMINQ_POLL_NS)) {
      this.#machine.log.emit('err', 'gve', `${this.#dma.name}: the card did not finish its reset`);
    }
    this.#page = null;
    this.#dma.freeCoherent(page);
  }

  /**
   * Starts a command: returns the linear address of its zeroed slot with the opcode set, for the caller to fill in. A full page is flushed
   * first. Returns a negative errno when the queue is not live or that flush failed.
   */
  begin(opcode: number): number {
    const page = this.#page;
    if (page === null) return -EINVAL;
    if (this.#produced - this.#done >= ADMINQ_SLOTS - 1) {
      const flushed = this.flush();
      if (flushed < 0) return flushed;
    }
    const at = page.address + (this.#produced % ADMINQ_SLOTS) * ADMINQ_SLOT_BYTES;
    this.#machine.memory.bytes.fill(0, at, at + ADMINQ_SLOT_BYTES);
    this.#machine.memory.view.setUint32(at + AQ_COMMAND.opcode, opcode);
    this.#produced++;
    this.commands++;
    this.byOpcode.set(opcode, (this.byOpcode.get(opcode) ?? 0) + 1);
    return at;
  }

  /**
   * Rings the doorbell for what was begun and waits for it.
   *
   * @returns 0; the errno of the first command that the card refused; `-ENOTRECOVERABLE`: it did not answer in time, reset it.
   */
  flush(): number {
    if (this.#page === null) return -EINVAL;
    if (this.#produced === this.#done) return 0;
    const counter = (): number => this.#registers.read(REG_ADMINQ_EVENT_COUNTER);
    // A counter that disagrees before we start means that the card was reset behind our back.
    if (counter() !== this.#done >>> 0) return this.#fail(-EINVAL);
    this.#registers.write(REG_ADMINQ_DOORBELL, this.#produced >>> 0);
    const finished = (): boolean => counter() === this.#produced >>> 0;
    if (!this.#machine.sleepUntil(finished, ADMINQ_TIMEOUT_NS, ADMINQ_POLL_NS)) {
      this.timeouts++;
      this.#machine.log.emit('err', 'gve', `${this.#dma.name}: AQ commands timed out, need to reset AQ`);
      return this.#fail(-ENOTRECOVERABLE);
    }
    let result = 0;
    for (; this.#done < this.#produced; this.#done++) {
      const at = this.#page.address + (this.#done % ADMINQ_SLOTS) * ADMINQ_SLOT_BYTES;
      const errno = statusErrno(this.#machine.memory.view.getUint32(at + AQ_COMMAND.status));
      if (errno < 0) {
        this.failures++;
        if (result === 0) result = errno;
      }
    }
    return result;
  }

  /** One command from begin to flush; `fill` writes the payload at the slot. Returns 0 or a negative errno. */
  execute(opcode: number, fill: (view: DataView, at: number) => void): number {
    const at = this.begin(opcode);
    if (at < 0) return at;
    fill(this.#machine.memory.view, at);
    return this.flush();
  }

  #fail(errno: number): number {
    // What was not carried out is not carried over: the next user starts from what the card says.
    this.#produced = this.#done;
    return errno;
  }
}

/** What the card's status means: 0 for PASSED, otherwise a negative errno. @kernel gve_adminq_parse_err — drivers/net/ethernet/google/gve/gve_adminq.c, 7.3 */
export function statusErrno(status: number): number {
  switch (status) {
    case ADMINQ_STATUS_PASSED:
      return 0;
    case ADMINQ_STATUS_ABORTED:
    case ADMINQ_STATUS_CANCELLED:
    case ADMINQ_STATUS_DATALOSS:
    case ADMINQ_STATUS_FAILED_PRECONDITION:
    case ADMINQ_STATUS_UNAVAILABLE:
      return -EAGAIN;
    case ADMINQ_STATUS_DEADLINE_EXCEEDED:
      return -ETIME;
    case ADMINQ_STATUS_PERMISSION_DENIED:
    case ADMINQ_STATUS_UNAUTHENTICATED:
      return -EACCES;
    case ADMINQ_STATUS_RESOURCE_EXHAUSTED:
      return -ENOMEM;
    case ADMINQ_STATUS_UNIMPLEMENTED:
      return -EOPNOTSUPP;
    default:
      return -EINVAL;
  }
}
