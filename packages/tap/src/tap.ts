import { closeSync } from 'node:fs';
import { completeChecksum, type FrameSlots, GSO_NONE, newPortStats, type Port, type PortStats } from '@netmem/link';
import { formatMac, netmask4, parseAddress4, parseMac, parsePrefix4, parsePrefix6 } from '@netmem/wire';
import { KernelInterface } from './interface.ts';
import { type Libc, libc } from './libc.ts';
import { EAGAIN, EINVAL, TapError } from './tap-error.ts';
import { IFF_NO_PI, IFF_TAP, openTun, setTunCarrier, type TunFile } from './tun.ts';

/** Bytes of a frame beyond the MTU: the Ethernet header and one VLAN tag. */
const FRAME_OVERHEAD_BYTES = 18;

/** How to open a TAP interface. */
export interface TapOptions {
  /** Where frames live. A slot must hold `mtu + 18` bytes. */
  slots: FrameSlots;
  /** Name of the kernel's interface, or a pattern. Default `'tap%d'`: the kernel takes the first that is free. */
  name?: string;
  /** Default: what the interface has, 1500 for a new one. */
  mtu?: number;
  /** Addresses of the kernel's end, such as `['10.0.0.1/24', 'fd00::1/64']`. At most one of IPv4. */
  addresses?: readonly string[];
  /** Neighbours of IPv4 that the kernel need not ask for. */
  neighbours?: readonly { address: string; mac: string }[];
  /** Brings the interface up. Default true. */
  up?: boolean;
}

/** The kernel's network interface on one side, a {@link Port} on the other: what one sends the other receives. Made by {@link openTap}. */
export class Tap implements Port {
  readonly slots: FrameSlots;
  readonly stats: PortStats = newPortStats();
  readonly name: string;
  /** For `poll` in other hands. -1 after {@link close}. */
  fd: number;
  /** Errno of the last frame that the kernel refused for another reason than being full; 0 when there was none. */
  lastErrno: number = 0;
  readonly #file: TunFile;
  readonly #libc: Libc;
  readonly #interface: KernelInterface;
  // One view for each slot, made when first needed: a system call then allocates nothing.
  readonly #views: (Uint8Array | undefined)[];
  #mtu: number = 0;
  #linkUp: boolean = false;

  /** Use {@link openTap}. */
  constructor(file: TunFile, slots: FrameSlots) {
    this.#file = file;
    this.fd = file.fd;
    this.name = file.name;
    this.slots = slots;
    this.#libc = libc();
    this.#views = new Array<Uint8Array | undefined>(slots.count + 1).fill(undefined);
    this.#interface = new KernelInterface(file.name);
    this.refresh();
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** As of the last {@link refresh}, or of the last frame that the kernel refused because the interface is down. */
  get linkUp(): boolean {
    return this.#linkUp;
  }

  /** Ethernet address of the kernel's end. */
  get kernelMac(): string {
    return formatMac(this.#interface.hardwareAddress());
  }

  /** The kernel's number of the interface. */
  get index(): number {
    return this.#interface.index();
  }

  /** Asks the kernel for MTU and link state. Each costs a system call: {@link linkUp} and {@link mtu} do not. @throws TapError ENODEV when the interface is gone. */
  refresh(): void {
    this.#mtu = this.#interface.mtu();
    this.#linkUp = this.#interface.linkUp();
  }

  transmit(slot: number): boolean {
    const { slots, stats } = this;
    const length = slots.length[slot];
    // The kernel gets plain frames: it cuts none, and finishes no checksum.
    const sendable = slots.gsoType[slot] === GSO_NONE && completeChecksum(slots, slot);
    if (sendable && this.fd >= 0) {
      const written = this.#libc.write(this.fd, this.#view(slot), length);
      if (written >= 0) {
        stats.txFrames++;
        stats.txBytes += length;
        slots.release(slot);
        return true;
      }
      const errno = this.#libc.errno();
      if (errno === EAGAIN) return false;
      this.lastErrno = errno;
      // EIO: it is down. Anything else may be this frame's fault, or the interface is gone: what refresh() says then counts.
      this.#linkUp = false;
      this.#tryRefresh();
    }
    stats.txDropped++;
    slots.release(slot);
    return true;
  }

  #tryRefresh(): void {
    try {
      this.refresh();
    } catch {
      this.#linkUp = false;
    }
  }

  receive(): number {
    if (this.fd < 0) return 0;
    const { slots, stats } = this;
    const slot = slots.allocate();
    // Without a slot the frame stays with the kernel, which drops and counts when its queue is full.
    if (slot === 0) return 0;
    const length = this.#libc.read(this.fd, this.#view(slot), slots.slotBytes);
    if (length <= 0) {
      slots.release(slot);
      return 0;
    }
    slots.length[slot] = length;
    stats.rxFrames++;
    stats.rxBytes += length;
    return slot;
  }

  #view(slot: number): Uint8Array {
    const view = this.#views[slot];
    return view === undefined ? this.#makeView(slot) : view;
  }

  #makeView(slot: number): Uint8Array {
    const at = this.slots.address(slot);
    const view = this.slots.region.bytes.subarray(at, at + this.slots.slotBytes);
    this.#views[slot] = view;
    return view;
  }

  /**
   * Gives the kernel's end an address: `'10.0.0.1/24'` (in place of the IPv4 address it had) or `'fd00::1/64'` (besides those it has).
   *
   * @throws TapError EINVAL when it is no address with a prefix length; of `SIOCSIFADDR`.
   */
  addAddress(address: string): void {
    const four = parsePrefix4(address);
    const six = parsePrefix6(address);
    if (four !== null) this.#interface.setAddress4(four.address, netmask4(four.prefixLength));
    else if (six !== null) this.#interface.addAddress6(six.address, six.prefixLength);
    else throw new TapError(EINVAL, 'SIOCSIFADDR', `'${address}'`);
  }

  /**
   * Tells the kernel that an IPv4 host is at an Ethernet address, so that it does not ask. It forgets when the interface goes down.
   *
   * @throws TapError EINVAL when one of them is no address; of `SIOCSARP`.
   */
  addNeighbour(address: string, mac: string): void {
    const four = parseAddress4(address);
    const hardware = parseMac(mac);
    if (four === null)
      throw new TapError(EINVAL, 'SIOCSARP', `'${address}'`, 'Give an IPv4 address; IPv6 asks by itself');
    if (hardware === null) throw new TapError(EINVAL, 'SIOCSARP', `'${mac}'`, 'Give an Ethernet address');
    this.#interface.addNeighbour4(four, hardware);
  }

  /** @throws TapError EINVAL when a slot does not hold such frames; of `SIOCSIFMTU`. */
  setMtu(mtu: number): void {
    if (mtu + FRAME_OVERHEAD_BYTES > this.slots.slotBytes) {
      const largest = this.slots.slotBytes - FRAME_OVERHEAD_BYTES;
      throw new TapError(
        EINVAL,
        'SIOCSIFMTU',
        this.name,
        `Slots of ${this.slots.slotBytes} bytes allow an MTU of ${largest}, not ${mtu}`,
      );
    }
    this.#interface.setMtu(mtu);
    this.refresh();
  }

  /** Brings the kernel's interface up, or takes it down. @throws TapError of `SIOCSIFFLAGS`. */
  setUp(up: boolean): void {
    this.#interface.setUp(up);
    this.refresh();
  }

  /** Plugs the cable in, or out, as the kernel sees it. @throws TapError of `TUNSETCARRIER`. */
  setCarrier(plugged: boolean): void {
    setTunCarrier(this.#file, plugged);
    this.refresh();
  }

  /** Closes the file; an interface that was made for it goes. May be called again. */
  close(): void {
    if (this.fd < 0) return;
    closeSync(this.fd);
    this.fd = -1;
    this.#linkUp = false;
    this.#interface.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a TAP interface and sets it up, without the `ip` command. It takes CAP_NET_ADMIN in the network namespace: see `spawnInNetworkNamespace`.
 *
 * @throws TapError with `code`, `syscall` and what to do about it:
 *  - ENOENT, EACCES, ENODEV of `open`: no device node, no right to open it, no driver;
 *  - EPERM, EBUSY, EINVAL of `TUNSETIFF`: no capability, in use, not a TAP or a bad name;
 *  - EINVAL of `SIOCSIFMTU`, `SIOCSIFADDR`, `SIOCSARP`: a value out of its range;
 *  - ENOSYS: not Linux.
 */
export function openTap(options: TapOptions): Tap {
  const file = openTun(options.name ?? 'tap%d', IFF_TAP | IFF_NO_PI);
  let tap: Tap | null = null;
  try {
    tap = new Tap(file, options.slots);
    tap.setMtu(options.mtu ?? tap.mtu);
    for (const address of options.addresses ?? []) tap.addAddress(address);
    if (options.up ?? true) tap.setUp(true);
    for (const { address, mac } of options.neighbours ?? []) tap.addNeighbour(address, mac);
    return tap;
  } catch (error) {
    if (tap === null) closeSync(file.fd);
    else tap.close();
    throw error;
  }
}
