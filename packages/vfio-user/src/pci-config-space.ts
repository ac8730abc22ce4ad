import type { MsixLocation, PciIdentity } from '@netmem/vnic';
import { BARS } from './protocol.ts';

export const CONFIG_SPACE_BYTES = 256;

const VENDOR = 0x00;
const DEVICE = 0x02;
export const COMMAND = 0x04;
const STATUS = 0x06;
const REVISION = 0x08;
const CLASS = 0x09;
const CACHE_LINE = 0x0c;
const LATENCY = 0x0d;
const BAR0 = 0x10;
const SUBSYSTEM_VENDOR = 0x2c;
const SUBSYSTEM_DEVICE = 0x2e;
const CAPABILITIES = 0x34;
const INTERRUPT_LINE = 0x3c;
const MSIX = 0x40;
const MSIX_CONTROL: number = MSIX + 2;
const MSIX_TABLE: number = MSIX + 4;
const MSIX_PENDING: number = MSIX + 8;

const COMMAND_MEMORY = 1 << 1;
const COMMAND_MASTER = 1 << 2;
/** I/O, memory, master, parity error response, SERR, INTx disable. */
const COMMAND_WRITABLE = 0x0547;
const STATUS_CAPABILITIES = 1 << 4;
const BAR_PREFETCHABLE = 1 << 3;
const CAPABILITY_MSIX = 0x11;
const MSIX_ENABLE = 1 << 15;
const MSIX_FUNCTION_MASK = 1 << 14;

/**
 * PCI configuration space: a type 0 header and one capability, MSI-X. BARs are 32-bit memory.
 *
 * Read-only bits stay as they are whatever is written, so that sizing a BAR works and no guest can make the card another one.
 * A reset leaves it alone: the guest's firmware has put addresses there and does not look again.
 */
export class PciConfigSpace {
  readonly bytes: Uint8Array = new Uint8Array(CONFIG_SPACE_BYTES);
  readonly #view: DataView = new DataView(this.bytes.buffer);
  readonly #initial: Uint8Array;
  readonly #writable: Uint8Array = new Uint8Array(CONFIG_SPACE_BYTES);

  constructor(identity: PciIdentity, msix: MsixLocation) {
    const view = this.#view;
    const writable = new DataView(this.#writable.buffer);
    view.setUint16(VENDOR, identity.vendor, true);
    view.setUint16(DEVICE, identity.device, true);
    view.setUint16(STATUS, STATUS_CAPABILITIES, true);
    view.setUint8(REVISION, identity.revision);
    view.setUint8(CLASS, identity.classCode & 0xff);
    view.setUint16(CLASS + 1, identity.classCode >>> 8, true);
    identity.bars.slice(0, BARS).forEach((bar, index) => {
      if (bar.size === 0) return;
      view.setUint32(BAR0 + 4 * index, bar.prefetchable === true ? BAR_PREFETCHABLE : 0, true);
      writable.setUint32(BAR0 + 4 * index, -bar.size, true);
    });
    view.setUint16(SUBSYSTEM_VENDOR, identity.subsystemVendor, true);
    view.setUint16(SUBSYSTEM_DEVICE, identity.subsystemDevice, true);
    view.setUint8(CAPABILITIES, MSIX);
    view.setUint8(MSIX, CAPABILITY_MSIX);
    view.setUint16(MSIX_CONTROL, identity.msixVectors - 1, true);
    view.setUint32(MSIX_TABLE, msix.tableOffset | msix.bar, true);
    view.setUint32(MSIX_PENDING, msix.pendingOffset | msix.bar, true);
    writable.setUint16(COMMAND, COMMAND_WRITABLE, true);
    writable.setUint8(CACHE_LINE, 0xff);
    writable.setUint8(LATENCY, 0xff);
    writable.setUint8(INTERRUPT_LINE, 0xff);
    writable.setUint16(MSIX_CONTROL, MSIX_ENABLE | MSIX_FUNCTION_MASK, true);
    this.#initial = this.bytes.slice();
  }

  /** Writes `length` bytes of `from` at `at`; whoever calls has checked that they lie within. */
  write(offset: number, from: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i++) {
      const mask = this.#writable[offset + i];
      this.bytes[offset + i] = (this.bytes[offset + i] & ~mask) | (from[at + i] & mask);
    }
  }

  /** As it was when the machine was switched on. */
  powerOn(): void {
    this.bytes.set(this.#initial);
  }

  /** The function may use the bus by itself. */
  get busMaster(): boolean {
    return (this.#view.getUint16(COMMAND, true) & COMMAND_MASTER) !== 0;
  }

  /** Every vector is masked. */
  get msixMasked(): boolean {
    return (this.#view.getUint16(MSIX_CONTROL, true) & MSIX_FUNCTION_MASK) !== 0;
  }

  /** Bus address of a BAR, or -1 while it has none. */
  barAddress(bar: number): number {
    if ((this.#view.getUint16(COMMAND, true) & COMMAND_MEMORY) === 0) return -1;
    const address = (this.#view.getUint32(BAR0 + 4 * bar, true) & ~0xf) >>> 0;
    return address === 0 ? -1 : address;
  }
}
