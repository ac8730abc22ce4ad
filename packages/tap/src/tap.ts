import { closeSync } from 'node:fs';
import { completeChecksum, type FrameSlots, GSO_NONE, newPortStats, type Port, type PortStats } from '@netmem/link';
import { formatMac, netmask4, parseAddress4, parseMac, parsePrefix4, parsePrefix6 } from '@netmem/wire';
import { KernelInterface } from './interface.ts';
import { type Libc, libc } from './libc.ts';
import { EAGAIN, EINVAL, TapError } from './tap-error.ts';
import { setTunCarrier, type TunFile } from './tun.ts';
import { readVnetHeader, VNET_HEADER_BYTES, writeVnetHeader } from './vnet-header.ts';

/** Bytes of a frame beyond the MTU: the Ethernet header and one VLAN tag. */
const FRAME_OVERHEAD_BYTES = 18;
/** Frames that are taken from one queue before the next one's turn: looking at an empty queue costs a system call. */
const QUEUE_BURST = 32;

/** The kernel's network interface on one side, a {@link Port} on the other: what one sends the other receives. Made by `openTap`. */
export class Tap implements Port {
  readonly slots: FrameSlots;
  readonly stats: PortStats = newPortStats();
  readonly name: string;
  /** Opened with `vnetHeader`: takes GSO frames and unfinished checksums, and hands them out. */
  readonly superFrames: boolean;
  /** Errno of the last frame that the kernel refused for another reason than being full; 0 when there was none. */
  lastErrno: number = 0;
  readonly #files: readonly TunFile[];
  readonly #fds: number[];
  readonly #libc: Libc;
  readonly #interface: KernelInterface;
  /** What each view holds before the frame. */
  readonly #headerBytes: number;
  /** The queue whose turn it is to be received from, and the frames it may still hand out. */
  #turn: number = 0;
  #burst: number = QUEUE_BURST;
  // One view for each slot, made when first needed: a system call then allocates nothing.
  readonly #views: (Uint8Array | undefined)[];
  #mtu: number = 0;
  #linkUp: boolean = false;

  /** Use `openTap`. */
  constructor(files: readonly TunFile[], slots: FrameSlots, vnetHeader: boolean) {
    const [{ name }] = files;
    this.#files = files;
    this.#fds = files.map(({ fd }) => fd);
    this.name = name;
    this.slots = slots;
    this.superFrames = vnetHeader;
    this.#headerBytes = vnetHeader ? VNET_HEADER_BYTES : 0;
    this.#libc = libc();
    this.#views = new Array<Uint8Array | undefined>(slots.count + 1).fill(undefined);
    this.#interface = new KernelInterface(name);
    this.refresh();
  }

  /** Of the first queue, for `poll` in other hands. -1 after {@link close}. */
  get fd(): number {
    return this.#fds[0];
  }

  /** Queues it was opened with. */
  get queues(): number {
    return this.#fds.length;
  }

  /** The file of a queue. -1 after {@link close}. */
  queueFd(queue: number): number {
    return this.#fds[queue];
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
    const queue = slots.queue[slot];
    const fd = this.#fds[queue < this.#fds.length ? queue : queue % this.#fds.length];
    if (this.#makeSendable(slot) && fd >= 0) {
      const written = this.#libc.write(fd, this.#view(slot), this.#headerBytes + length);
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

  #makeSendable(slot: number): boolean {
    const { slots } = this;
    if (this.superFrames) {
      writeVnetHeader(slots, slot);
      return true;
    }
    // The kernel gets plain frames: it cuts none, and finishes no checksum.
    return slots.gsoType[slot] === GSO_NONE && completeChecksum(slots, slot);
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
    const view = this.#view(slot);
    const headerBytes = this.#headerBytes;
    for (let empty = 0; empty < this.#fds.length; ) {
      const queue = this.#turn;
      const length = this.#libc.read(this.#fds[queue], view, headerBytes + slots.slotBytes) - headerBytes;
      if (length <= 0) {
        empty++;
        this.#nextQueue();
        continue;
      }
      if (--this.#burst === 0) this.#nextQueue();
      if (headerBytes > 0 && !readVnetHeader(slots, slot)) {
        stats.rxDropped++;
        continue;
      }
      slots.length[slot] = length;
      slots.queue[slot] = queue;
      stats.rxFrames++;
      stats.rxBytes += length;
      return slot;
    }
    slots.release(slot);
    return 0;
  }

  #nextQueue(): void {
    this.#turn = this.#turn + 1 < this.#fds.length ? this.#turn + 1 : 0;
    this.#burst = QUEUE_BURST;
  }

  #view(slot: number): Uint8Array {
    const view = this.#views[slot];
    return view === undefined ? this.#makeView(slot) : view;
  }

  #makeView(slot: number): Uint8Array {
    const at = this.slots.address(slot);
    const view = this.slots.region.bytes.subarray(at - this.#headerBytes, at + this.slots.slotBytes);
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
    setTunCarrier(this.#files[0], plugged);
    this.refresh();
  }

  /** Closes its files; an interface that was made for them goes. May be called again. */
  close(): void {
    if (this.fd < 0) return;
    for (const fd of this.#fds) closeSync(fd);
    this.#fds.fill(-1);
    this.#linkUp = false;
    this.#interface.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
