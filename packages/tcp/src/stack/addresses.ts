/** Which addresses are this host's: per device, with the small scans that every packet needs. */
import type { NetDevice } from '@netmem/netdev';
import { netmask4 } from '@netmem/wire';
import type { InetAddress } from './inet-address.ts';
import { commonPrefix, type SourceSelector } from './routes.ts';

/** First word of ff02::/16 groups. */
const ALL_LINK_LOCAL_GROUPS = 0xff020000 | 0;

/** One address on one device. @kernel in_ifaddr — include/linux/inetdevice.h, 7.3 */
export interface InterfaceAddress {
  readonly address: InetAddress;
  readonly prefixLength: number;
  /** IPv4 subnet broadcast in host order, int32; 0 none (/31, /32, IPv6). */
  readonly broadcast: number;
}

/** What the stack keeps for a device. @kernel in_device — include/linux/inetdevice.h, 7.3 */
export class InetDevice {
  readonly dev: NetDevice;
  readonly addresses: InterfaceAddress[] = [];
  /** fe80::/64 address made from the device's own; set when IPv6 is turned on for the device. */
  linkLocal: InetAddress | null = null;
  /** The hardware address as two numbers, so that a header costs two stores: first four bytes, last two. */
  macHigh: number = 0;
  macLow: number = 0;

  constructor(dev: NetDevice) {
    this.dev = dev;
    this.refreshMac();
  }

  refreshMac(): void {
    const mac = this.dev.address;
    this.macHigh = (mac[0] << 24) | (mac[1] << 16) | (mac[2] << 8) | mac[3];
    this.macLow = (mac[4] << 8) | mac[5];
  }
}

export class AddressTable implements SourceSelector {
  /** By ifindex. */
  readonly devices: (InetDevice | undefined)[] = [];
  /** IPv4 addresses of the host, host order int32: scanned per packet. */
  readonly #local4: number[] = [];
  readonly #broadcast4: number[] = [];
  readonly #local6: InetAddress[] = [];
  readonly #loopback: NetDevice | null;

  constructor(loopback: NetDevice | null) {
    this.#loopback = loopback;
  }

  /** The record of `dev`, made on first use. */
  device(dev: NetDevice): InetDevice {
    let record = this.devices[dev.ifindex];
    if (record === undefined || record.dev !== dev) {
      record = new InetDevice(dev);
      this.devices[dev.ifindex] = record;
    }
    return record;
  }

  /** @returns false when the host has it already. */
  add(dev: NetDevice, address: InetAddress, prefixLength: number): boolean {
    if (this.has(address)) return false;
    const record = this.device(dev);
    const v4 = address.isV4;
    const broadcast = v4 && prefixLength < 31 ? address.w3 | ~netmask4(prefixLength) | 0 : 0;
    record.addresses.push({ address, prefixLength, broadcast });
    if (v4) {
      this.#local4.push(address.w3);
      if (broadcast !== 0) this.#broadcast4.push(broadcast);
    } else {
      this.#local6.push(address);
    }
    return true;
  }

  /** Forgets a device and its addresses. */
  removeDevice(dev: NetDevice): void {
    const record = this.devices[dev.ifindex];
    if (record === undefined || record.dev !== dev) return;
    this.devices[dev.ifindex] = undefined;
    for (const entry of record.addresses) {
      if (entry.address.isV4) {
        remove(this.#local4, entry.address.w3);
        if (entry.broadcast !== 0) remove(this.#broadcast4, entry.broadcast);
      } else {
        remove(this.#local6, entry.address);
      }
    }
  }

  /** Whether exactly this address was given to a device. */
  has(address: InetAddress): boolean {
    if (address.isV4) return this.#local4.includes(address.w3);
    return this.#local6.some((local) => local.equals(address));
  }

  /** Whether packets for this IPv4 address (host order int32) are for this host. */
  isLocal4(address: number): boolean {
    const local = this.#local4;
    for (let i = 0; i < local.length; i++) if (local[i] === address) return true;
    return address >>> 24 === 127 && this.#loopback !== null;
  }

  /** Whether it is all-ones or a subnet's broadcast. */
  isBroadcast4(address: number): boolean {
    return address === -1 || (this.#broadcast4.length > 0 && this.#broadcast4.includes(address));
  }

  /** The v6 part of {@link AddressTable.isLocal}, and the groups every host is in: all nodes, and the solicited-node group of each address. */
  isLocal6(address: InetAddress): boolean {
    const local = this.#local6;
    for (let i = 0; i < local.length; i++) if (local[i].equals(address)) return true;
    if (address.w0 >>> 24 !== 0xff) return false;
    if (address.w0 !== ALL_LINK_LOCAL_GROUPS || address.w1 !== 0) return false;
    if (address.w2 === 0 && address.w3 === 1) return true;
    if (address.w2 !== 1 || address.w3 >>> 24 !== 0xff) return false;
    for (let i = 0; i < local.length; i++) if (((local[i].w3 ^ address.w3) & 0xffffff) === 0) return true;
    return false;
  }

  isLocal(address: InetAddress): boolean {
    if (address.isV4) return this.isLocal4(address.w3);
    const local = this.#local6;
    for (let i = 0; i < local.length; i++) if (local[i].equals(address)) return true;
    return false;
  }

  /**
   * Picks the source for packets that leave by `dev`: same scope and longest common prefix first (RFC 6724 rules 2 and 8).
   *
   * @returns false when the device has no address of the family.
   */
  selectSource(dev: NetDevice, destination: InetAddress, out: InetAddress): boolean {
    const record = this.devices[dev.ifindex];
    if (record === undefined) return false;
    const v4 = destination.isV4;
    const wantLinkLocal = !v4 && (destination.isLinkLocal || destination.isMulticast);
    let best: InetAddress | null = null;
    let bestScore = -1;
    for (const entry of record.addresses) {
      if (entry.address.isV4 !== v4) continue;
      const score = commonPrefix(entry.address, destination) + (entry.address.isLinkLocal === wantLinkLocal ? 256 : 0);
      if (score > bestScore) {
        best = entry.address;
        bestScore = score;
      }
    }
    if (best === null) return false;
    out.copyFrom(best);
    return true;
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
