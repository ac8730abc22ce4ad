import type { Region } from '@netmem/region';
import {
  ADMINQ_PAGE_BYTES,
  ADMINQ_SLOT_BYTES,
  ADMINQ_SLOTS,
  ADMINQ_STATUS_INTERNAL_ERROR,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_COMMAND,
  swap32,
} from './abi/index.ts';
import type { AdminCommand } from './admin-command.ts';
import { DEVICE_COMMANDS } from './admin-device.ts';
import { FLOW_RULE_COMMANDS } from './admin-flow-rules.ts';
import { QUEUE_COMMANDS } from './admin-queues.ts';
import { REPORT_COMMANDS } from './admin-reports.ts';
import { RSS_COMMANDS } from './admin-rss.ts';
import type { Card } from './card.ts';
import { ADMINQ_OUTSTANDING_MAX } from './choices.ts';

const COMMANDS: ReadonlyMap<number, AdminCommand> = new Map(
  [...DEVICE_COMMANDS, ...QUEUE_COMMANDS, ...RSS_COMMANDS, ...FLOW_RULE_COMMANDS, ...REPORT_COMMANDS].map((command) => [
    command.opcode,
    command,
  ]),
);

/**
 * Executes commands from the driver's page of 64 slots, in order: writes the status into the slot, then advances the event
 * counter, which is all that the driver waits for.
 */
export class AdminQueue {
  readonly #card: Card;
  readonly #slot: Region;
  #page = 0;
  #live = false;

  constructor(card: Card) {
    this.#card = card;
    this.#slot = card.carve(ADMINQ_SLOT_BYTES);
  }

  /** Whether commands are taken; false without a page, and after the card gave up on it. */
  get live(): boolean {
    return this.#live;
  }

  /** Starts with an empty queue in page number `pfn`; 0 stops it. */
  start(pfn: number): void {
    this.#page = pfn * ADMINQ_PAGE_BYTES;
    this.#live = pfn !== 0;
  }

  /** Executes at most `budget` commands; returns how many. */
  run(budget: number): number {
    const { registers } = this.#card;
    let done = 0;
    while (this.#live && done < budget) {
      const outstanding = (registers.adminqDoorbell - registers.eventCounter) >>> 0;
      if (outstanding === 0) break;
      if (outstanding > ADMINQ_OUTSTANDING_MAX) {
        this.#stop(`the doorbell says that ${outstanding} commands are outstanding`);
        break;
      }
      this.#execute(registers.eventCounter);
      done++;
    }
    return done;
  }

  #execute(count: number): void {
    const card = this.#card;
    const slot = this.#page + (count % ADMINQ_SLOTS) * ADMINQ_SLOT_BYTES;
    if (card.dma.read(slot, this.#slot, 0, ADMINQ_SLOT_BYTES) !== ADMINQ_SLOT_BYTES) {
      this.#stop('the card cannot reach its page');
      return;
    }
    const { view, base } = this.#slot;
    const opcode = view.getUint32(base + AQ_COMMAND.opcode);
    const command = COMMANDS.get(opcode);
    const status = command === undefined ? ADMINQ_STATUS_UNIMPLEMENTED : this.#runCommand(command, view, base);
    // Rules, RSS and the queues they name change by commands only.
    card.flows.clear();
    card.device.commands++;
    if (status !== ADMINQ_STATUS_PASSED) {
      card.device.commandsRefused++;
      const name = command?.name ?? `command 0x${opcode.toString(16)}`;
      card.host.note({ kind: 'command-refused', detail: `${name}: status 0x${status.toString(16)}` });
    }
    if (card.dma.publish32(slot + AQ_COMMAND.status, swap32(status)) < 0) {
      this.#stop('the card cannot write a status');
      return;
    }
    card.registers.eventCounter = count + 1;
  }

  /** A bug of the card, or of the host that it calls, costs the driver one command and not its whole process. */
  #runCommand(command: AdminCommand, view: DataView, at: number): number {
    const card = this.#card;
    try {
      return command.run(card, view, at);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      card.host.note({ kind: 'internal-error', detail: `${command.name}: ${what}` });
      return ADMINQ_STATUS_INTERNAL_ERROR;
    }
  }

  #stop(detail: string): void {
    this.#live = false;
    this.#card.fault('adminq-stopped', `admin queue: ${detail}`);
  }
}
