import type { Clock } from '../clock/clock.ts';
import type { ExecutionContext } from '../context/execution-context.ts';
import type { Iommu } from '../dma/iommu.ts';
import { KernelBug } from '../log/kernel-bug.ts';
import type { MachineLog } from '../log/machine-log.ts';
import { MsixTable } from './msix-table.ts';
import type { PciEndpoint, PciHost } from './pci-endpoint.ts';
import { PciFunction } from './pci-function.ts';

/** Slots below belong to the bridge and what else a board has; a cloud machine's first NIC is 00:04.0. */
const FIRST_SLOT = 4;
const MAX_SLOT = 31;

/** Units of work that a device does in one round before others have their turn. */
export const DEVICE_BUDGET = 256;

/** @internal */
export interface PciBusParts {
  readonly iommu: Iommu;
  readonly clock: Clock;
  readonly context: ExecutionContext;
  readonly log: MachineLog;
}

/** The machine's only PCI bus: functions are plugged in, polled for work, and interrupt through it. */
export class PciBus {
  readonly #parts: PciBusParts;
  readonly #functions: PciFunction[] = [];
  readonly #slots: (PciFunction | null)[] = new Array(MAX_SLOT + 1).fill(null);

  /** @internal */
  constructor(parts: PciBusParts) {
    this.#parts = parts;
  }

  /** Functions on the bus, in the order in which they were plugged in. */
  get functions(): readonly PciFunction[] {
    return this.#functions;
  }

  /**
   * Puts a device on the bus. `make` gets what the device needs from the machine and returns the device.
   *
   * @throws KernelBug when all slots are taken.
   */
  plug(make: (host: PciHost) => PciEndpoint): PciFunction {
    const { iommu, clock, context, log } = this.#parts;
    const slot = this.#slots.indexOf(null, FIRST_SLOT);
    if (slot < 0) throw new KernelBug('pci', 'no free slot on the bus');
    const name = `0000:00:${slot.toString(16).padStart(2, '0')}.0`;
    const dma = iommu.addDevice(name);
    let msix: MsixTable | null = null;
    const endpoint = make({
      dma: dma.window,
      clock,
      raise: (vector) => msix?.raise(vector),
      note: (event) => log.emit('notice', name, `${event.kind}: ${event.detail}`),
    });
    msix = new MsixTable(context, endpoint.pci.msixVectors);
    const fn = new PciFunction(name, endpoint, dma, msix, log);
    this.#slots[slot] = fn;
    this.#functions.push(fn);
    return fn;
  }

  /** Pulls a device out: it is reset, its interrupts are gone, its registers read as all ones. */
  unplug(fn: PciFunction): void {
    const at = this.#functions.indexOf(fn);
    if (at < 0) throw new KernelBug('pci', `${fn.name} is not on the bus`);
    this.#functions.splice(at, 1);
    this.#slots[this.#slots.indexOf(fn)] = null;
    fn.leaveBus();
    this.#parts.iommu.removeDevice(fn.dma);
  }

  /** Lets every device work once; true when any did. @internal */
  runDevices(): boolean {
    let worked = false;
    const functions = this.#functions;
    for (let i = 0; i < functions.length; i++) {
      if ((functions[i] as PciFunction).endpoint.run(DEVICE_BUDGET) > 0) worked = true;
    }
    return worked;
  }

  /** Delivers pending interrupts; true when there were any. @internal */
  deliverInterrupts(): boolean {
    let delivered = false;
    const functions = this.#functions;
    for (let i = 0; i < functions.length; i++) {
      if ((functions[i] as PciFunction).deliverInterrupts()) delivered = true;
    }
    return delivered;
  }
}
