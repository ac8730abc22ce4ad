import type { DeviceClock, DeviceDma, MsixLocation, NicEvent, NicFunction, NicHost, PciIdentity } from '@netmem/vnic';
import { processTimeNs, RealClock } from './device-clock.ts';
import { DeviceSession, type GuestTransport } from './device-session.ts';
import { GuestDma } from './guest-dma.ts';
import type { GuestMemory } from './guest-memory.ts';
import { InBandInterrupts } from './in-band-interrupts.ts';
import type { InterruptChannel, InterruptSink } from './interrupt-sink.ts';
import { PciConfigSpace } from './pci-config-space.ts';
import { BARS } from './protocol.ts';
import { checkShared } from './shared-memory-check.ts';
import { VfioUserStats } from './stats.ts';
import { EIO, VfioUserError } from './vfio-user-error.ts';

/** Units of work of each kind that the device does before somebody else's turn. */
const RUN_BUDGET = 64;
/** DMA faults that are reported for one guest; all are counted. */
const FAULTS_REPORTED = 16;

/** A function of a PCI device: what vnic's card is, and what any other device must be to be offered. */
export interface PciFunction extends NicFunction {
  readonly pci: PciIdentity & { readonly msix: MsixLocation };
}

/** What a device is made from. */
export interface VfioUserDeviceOptions<F extends PciFunction = PciFunction> {
  /** Makes the function, once, for all guests that follow one another; between them it is reset. */
  readonly makeFunction: (host: NicHost) => F;
  /** Opens the RAM of the guest that has just connected, such as `() => openFileMemory(path)`. May throw a VfioUserError. */
  readonly openMemory: () => GuestMemory;
  /** Bus address of the RAM's first byte. Default 0, as on a PC; 0x4000_0000 on QEMU's `virt`. */
  readonly ramBase?: number;
  /** Real time in nanoseconds. Default: since the process started. */
  readonly nowNs?: () => number;
  /** How interrupts reach the guest. Default: {@link InBandInterrupts}. */
  readonly makeInterrupts?: (channel: InterruptChannel, stats: VfioUserStats) => InterruptSink;
  /** What device and guests do that a log may want; never per packet. */
  readonly onEvent?: (event: NicEvent) => void;
  /** Why a guest was let go of: its RAM cannot be reached, it spoke garbage, or the device failed. */
  readonly onError?: (error: VfioUserError) => void;
}

/**
 * A function and all that a guest sees of it besides: configuration space, the MSI-X state, the way to guest memory. It knows
 * the protocol and no socket: {@link VfioUserDevice.connect} takes whatever carries bytes.
 */
export class VfioUserDevice<F extends PciFunction = PciFunction> implements NicHost {
  readonly stats: VfioUserStats = new VfioUserStats();
  readonly function: F;
  /** Called when there is something to do: call {@link step} until it returns false. */
  onWork: () => void = () => {};
  /** @internal */
  readonly config: PciConfigSpace;
  /** @internal */
  readonly guestDma: GuestDma;
  /** @internal */
  readonly interrupts: InterruptSink;
  /** @internal */
  readonly ramBase: number;
  readonly #options: VfioUserDeviceOptions<F>;
  readonly #clock: RealClock;
  #session: DeviceSession | null = null;
  #faultsReported = 0;
  #sharedChecked = false;
  #failure: VfioUserError | null = null;

  /** @throws RangeError when the function's BARs or MSI-X structures cannot be. */
  constructor(options: VfioUserDeviceOptions<F>) {
    this.#options = options;
    this.ramBase = options.ramBase ?? 0;
    this.#clock = new RealClock(options.nowNs ?? processTimeNs);
    this.guestDma = new GuestDma(this.stats, (iova, length) => this.#dmaFault(iova, length));
    this.function = options.makeFunction(this);
    const { pci } = this.function;
    checkIdentity(pci);
    this.config = new PciConfigSpace(pci, pci.msix);
    const makeInterrupts = options.makeInterrupts ?? ((channel, stats) => new InBandInterrupts(channel, stats));
    this.interrupts = makeInterrupts(this.#channel(), this.stats);
  }

  get dma(): DeviceDma {
    return this.guestDma;
  }

  get clock(): DeviceClock {
    return this.#clock;
  }

  /** Whether a guest is connected. */
  get connected(): boolean {
    return this.#session !== null;
  }

  /** When {@link step} has something to do at the latest, in the device's time; Infinity: not by itself. */
  get nextDeadlineNs(): number {
    return this.#failure === null ? this.#clock.nextNs : Number.POSITIVE_INFINITY;
  }

  raise(vector: number): void {
    // While the function is being made there is nobody to signal.
    if (this.interrupts !== undefined) this.interrupts.signal(vector);
  }

  note(event: NicEvent): void {
    this.#options.onEvent?.(event);
  }

  /**
   * One round: timers that are due, the function's work, interrupts, and what is to be sent. True: there was something, and
   * there may be more.
   */
  step(): boolean {
    if (this.#failure !== null) return false;
    this.#clock.refresh();
    let busy = false;
    try {
      busy = this.#clock.runDue();
      if (this.function.run(RUN_BUDGET) > 0) busy = true;
    } catch (error) {
      this.fail(error);
      return false;
    }
    this.interrupts.deliver();
    this.#session?.flush();
    return busy;
  }

  /**
   * A guest is there. One at a time.
   *
   * @returns null while another one is connected, or after the device failed for good.
   */
  connect(transport: GuestTransport): DeviceSession | null {
    if (this.#session !== null || this.#failure !== null) {
      this.stats.refusedGuests++;
      const reason = this.#failure === null ? 'another guest is connected' : this.#failure.message;
      this.note({ kind: 'guest-refused', detail: reason });
      return null;
    }
    this.stats.guests++;
    this.#faultsReported = 0;
    // What the device signalled while nobody was there is not for this guest.
    this.interrupts.reset();
    this.#session = new DeviceSession(this, transport);
    this.note({ kind: 'guest-connected', detail: `guest ${this.stats.guests}` });
    return this.#session;
  }

  /** @internal The guest has gone, or was let go of. */
  gone(error: VfioUserError | null): void {
    this.#session = null;
    this.guestDma.mappings.clear();
    this.guestDma.busMaster = false;
    this.guestDma.memory?.close();
    this.guestDma.memory = null;
    this.config.powerOn();
    this.interrupts.changed(false);
    this.resetFunction();
    this.note({ kind: 'guest-gone', detail: error === null ? 'the guest closed the connection' : error.message });
    if (error !== null) this.#options.onError?.(error);
  }

  /** @internal `size` is 1, 2 or 4. */
  readBar(bar: number, offset: number, size: number): number {
    const { pci } = this.function;
    if (bar === pci.msix.bar) {
      const at = offset - pci.msix.pendingOffset;
      if (at >= 0 && at < pendingBytes(pci.msixVectors)) return this.#pendingBits(8 * at, 8 * size);
    }
    try {
      return this.function.barRead(bar, offset, size);
    } catch (error) {
      this.fail(error);
      return 0;
    }
  }

  /** @internal `size` is 1, 2 or 4. */
  writeBar(bar: number, offset: number, size: number, value: number): void {
    try {
      this.function.barWrite(bar, offset, size, value);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @internal */
  writeConfig(offset: number, from: Uint8Array, at: number, length: number): void {
    this.config.write(offset, from, at, length);
    const { busMaster } = this.config;
    this.guestDma.busMaster = busMaster;
    if (!busMaster || this.#sharedChecked || this.#session === null) return;
    this.#sharedChecked = true;
    checkShared(this.#session);
  }

  /** @internal Opens the guest's RAM. @throws VfioUserError as the opener says. */
  openMemory(): GuestMemory {
    return this.#options.openMemory();
  }

  /** @internal */
  resetFunction(): void {
    if (this.#failure !== null) return;
    this.stats.resets++;
    try {
      this.function.reset();
    } catch (error) {
      // What cannot even be reset is offered to nobody any more.
      this.#failure = deviceError(error);
      if (this.#session !== null) this.#session.close(this.#failure);
      else this.#options.onError?.(this.#failure);
    }
    this.interrupts.reset();
  }

  /** @internal The function threw: its guest goes, and the next one finds it reset. */
  fail(error: unknown): void {
    const failure = deviceError(error);
    if (this.#session !== null) this.#session.close(failure);
    else this.#options.onError?.(failure);
  }

  #pendingBits(first: number, count: number): number {
    let bits = 0;
    for (let n = 0; n < count; n++) if (this.interrupts.isPending(first + n)) bits |= 1 << n;
    return bits >>> 0;
  }

  #dmaFault(iova: number, length: number): void {
    if (this.#faultsReported >= FAULTS_REPORTED) return;
    this.#faultsReported++;
    const range = `${length} bytes at 0x${iova.toString(16)}`;
    const last = this.#faultsReported === FAULTS_REPORTED ? '; further ones are only counted' : '';
    this.note({ kind: 'dma-fault', detail: `the device has no access to ${range}${last}` });
  }

  #channel(): InterruptChannel {
    const device = this;
    const { pci } = this.function;
    return {
      vectors: pci.msixVectors,
      tableAddress(): number {
        if (device.#session === null || device.config.msixMasked) return -1;
        const bar = device.config.barAddress(pci.msix.bar);
        return bar < 0 ? -1 : bar + pci.msix.tableOffset;
      },
      get congested(): boolean {
        return device.#session?.congested ?? true;
      },
      readBus: (address, length, done) => {
        if (device.#session === null) done(null, 0);
        else device.#session.readBus(address, length, done);
      },
      writeBus32: (address, value) => device.#session?.writeBus32(address, value),
      report: (detail) => device.note({ kind: 'interrupts-held', detail }),
      after: (ns, callback) => device.#clock.schedule(device.#clock.nowNs + ns, callback),
    };
  }
}

/** The pending-bit array is read in 64-bit words. */
function pendingBytes(vectors: number): number {
  return 8 * Math.ceil(vectors / 64);
}

function deviceError(cause: unknown): VfioUserError {
  const what = cause instanceof Error ? cause.message : String(cause);
  return new VfioUserError(EIO, 'device', 'function', `The device threw: ${what}`, cause);
}

function checkIdentity({ bars, msix, msixVectors }: PciIdentity & { readonly msix: MsixLocation }): void {
  if (bars.length > BARS) throw new RangeError(`a PCI function has ${BARS} BARs at most, not ${bars.length}`);
  bars.forEach(({ size }, index) => {
    const fits = size === 0 || (size >= 16 && size <= 0x8000_0000 && Number.isInteger(Math.log2(size)));
    if (!fits) throw new RangeError(`BAR ${index}: ${size} bytes; a size is a power of two from 16 bytes to 2 GiB`);
  });
  if (!(msixVectors >= 1 && msixVectors <= 2048))
    throw new RangeError(`${msixVectors} MSI-X vectors; 1 to 2048 can be`);
  const size = bars[msix.bar]?.size ?? 0;
  const tableEnd = msix.tableOffset + 16 * msixVectors;
  const pendingEnd = msix.pendingOffset + pendingBytes(msixVectors);
  const aligned = msix.tableOffset % 8 === 0 && msix.pendingOffset % 8 === 0;
  if (!aligned || tableEnd > size || pendingEnd > size) {
    throw new RangeError(`the MSI-X table and pending bits of ${msixVectors} vectors do not lie in BAR ${msix.bar}`);
  }
}

/**
 * Makes a device that speaks the protocol. `serveVfioUser` puts one behind a socket; use this where something else carries
 * the bytes.
 *
 * @throws RangeError when the function's BARs or MSI-X structures cannot be.
 */
export function createVfioUserDevice<F extends PciFunction>(options: VfioUserDeviceOptions<F>): VfioUserDevice<F> {
  return new VfioUserDevice(options);
}
