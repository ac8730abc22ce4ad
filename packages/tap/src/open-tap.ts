import { closeSync } from 'node:fs';
import { type FrameSlots, SUPER_FRAME_BYTES } from '@netmem/link';
import { Tap } from './tap.ts';
import { EINVAL, TapError } from './tap-error.ts';
import { IFF_MULTI_QUEUE, IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, openTun, setTunOffload, type TunFile } from './tun.ts';
import { VNET_HEADER_BYTES } from './vnet-header.ts';

/** As many as the kernel allows. */
const MAX_QUEUES = 256;

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
  /**
   * Frames go to and fro uncut and with checksums left open, each with a `struct virtio_net_hdr`: up to 64 KiB of TCP in one frame, which is many
   * times as fast. The columns of the slots say what is to be done with it. Slots must hold SUPER_FRAME_BYTES. Default false.
   */
  vnetHeader?: boolean;
  /**
   * Queues of the interface, each a file of its own. The kernel spreads flows over them; a frame that is transmitted on a queue (the slot's `queue`)
   * makes it send that flow's next frames there. Default 1, at most 256.
   */
  queues?: number;
  /** Brings the interface up. Default true. */
  up?: boolean;
}

/**
 * Opens a TAP interface and sets it up, without the `ip` command. It takes CAP_NET_ADMIN in the network namespace: see `spawnInNetworkNamespace`.
 *
 * @throws TapError with `code`, `syscall` and what to do about it:
 *  - ENOENT, EACCES, ENODEV of `open`: no device node, no right to open it, no driver;
 *  - EPERM, EBUSY, EINVAL of `TUNSETIFF`: no capability, in use, not a TAP or a bad name, slots that do not hold what comes with `vnetHeader`;
 *  - EINVAL of `SIOCSIFMTU`, `SIOCSIFADDR`, `SIOCSARP`: a value out of its range;
 *  - ENOSYS: not Linux.
 */
export function openTap(options: TapOptions): Tap {
  const files = openQueues(options);
  let tap: Tap | null = null;
  try {
    if (options.vnetHeader) setTunOffload(files[0], VNET_HEADER_BYTES);
    tap = new Tap(files, options.slots, options.vnetHeader ?? false);
    tap.setMtu(options.mtu ?? tap.mtu);
    for (const address of options.addresses ?? []) tap.addAddress(address);
    if (options.up ?? true) tap.setUp(true);
    for (const { address, mac } of options.neighbours ?? []) tap.addNeighbour(address, mac);
    return tap;
  } catch (error) {
    if (tap === null) for (const { fd } of files) closeSync(fd);
    else tap.close();
    throw error;
  }
}

function openQueues(options: TapOptions): TunFile[] {
  const { slots, queues = 1, vnetHeader = false, name = 'tap%d' } = options;
  if (!(Number.isInteger(queues) && queues >= 1 && queues <= MAX_QUEUES))
    throw new TapError(EINVAL, 'TUNSETIFF', name, `An interface has 1 to ${MAX_QUEUES} queues, not ${queues}`);
  if (vnetHeader && (slots.slotBytes < SUPER_FRAME_BYTES || slots.headroomBytes < VNET_HEADER_BYTES)) {
    const advice = `Make slots of ${SUPER_FRAME_BYTES} bytes with a headroom of ${VNET_HEADER_BYTES}: they have ${slots.slotBytes} and ${slots.headroomBytes}`;
    throw new TapError(EINVAL, 'TUNSETIFF', name, advice);
  }
  const flags = IFF_TAP | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0) | (queues > 1 ? IFF_MULTI_QUEUE : 0);
  const files = [openTun(name, flags)];
  try {
    // The first may have turned a pattern into a name.
    while (files.length < queues) files.push(openTun(files[0].name, flags));
    return files;
  } catch (error) {
    for (const { fd } of files) closeSync(fd);
    throw error;
  }
}
