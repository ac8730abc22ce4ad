import {
  createDeviceMemory,
  createUdmabuf,
  type DeviceMemory,
  Devmem,
  type DevmemSocket,
  type DmaBuf,
} from '@netmem/dmabuf';
import { type GveDevice, probeGve } from '@netmem/driver';
import { Ethtool, rssEqual } from '@netmem/ethtool';
import { FRAME_OVERHEAD_BYTES, type Port } from '@netmem/link';
import { Clock, Machine, PAGE_SIZE, type PciFunction } from '@netmem/machine';
import { type NetDevice, Network } from '@netmem/netdev';
import { NetmemTable } from '@netmem/netmem';
import { PagePools } from '@netmem/page-pool';
import { InetStack } from '@netmem/tcp';
import {
  EINVAL,
  Extack,
  FLOW_TYPE,
  isErr,
  KernelError,
  kernelErrorFrom,
  NETDEV_QUEUE_TYPE,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import { createNic, type Nic } from '@netmem/vnic';
import { RX_RING_MIN_DEFAULT, TX_PACKET_BYTES_MAX } from '@netmem/vnic/abi';
import { createDelayedHost } from '@netmem/vnic/mock';
import { parseAddress4, parseAddress6 } from '@netmem/wire';
import { auditHost } from './audit.ts';
import { ramBytesOf, swiotlbBytesOf } from './host-memory.ts';
import type { DmabufOptions, HostOptions } from './host-options.ts';

const DEFAULT_QUEUES = 2;
const DEFAULT_ADDRESS = '10.0.0.1/24';
const MIN_NET_IOVS = 65_536;
/** Carrier comes by a work item right after open; anything longer is a broken driver. */
const CARRIER_TIMEOUT_NS = 2e9;
/** A page pool frees its last memory at most one second after it came back. */
const DRAIN_TIMEOUT_NS = 5e9;

/** A bound dma-buf and the memory behind it. */
export interface BoundMemory {
  /** Binding id, as control messages carry it. */
  readonly id: number;
  /** The dma-buf; mmap it when it is a udmabuf. */
  readonly dmabuf: DmaBuf;
  /** The opaque memory of exporter `device`; null for a udmabuf. */
  readonly device: DeviceMemory | null;
  /** The rx queues it is bound to. */
  readonly queues: readonly number[];
}

/**
 * A whole host: machine, card, driver, net core, ethtool, devmem and sockets, set up as the administrator of a devmem machine would.
 * Made by {@link createHost}; every part is there to be used directly.
 */
export class Host {
  readonly name: string;
  readonly machine: Machine;
  readonly netmem: NetmemTable;
  readonly pools: PagePools;
  readonly network: Network;
  readonly ethtool: Ethtool;
  readonly devmem: Devmem;
  readonly nic: Nic;
  /** The card as the PCI bus shows it. */
  readonly pciFunction: PciFunction;
  readonly driver: GveDevice;
  readonly device: NetDevice;
  readonly stack: InetStack;
  #binder: DevmemSocket | null = null;
  #memory: BoundMemory | null = null;
  #closed = false;

  /** Use {@link createHost}. */
  constructor(options: HostOptions) {
    const name = options.name ?? 'host';
    const queues = options.queues ?? DEFAULT_QUEUES;
    const niovs = Math.ceil((options.dmabuf?.bytes ?? 0) / PAGE_SIZE);
    this.name = name;
    this.machine = new Machine({
      name,
      memory: options.memory,
      clock: options.clock ?? new Clock(),
      ramBytes: ramBytesOf(options),
      seed: options.seed ?? 1,
      dmaMode: options.dmaMode ?? 'coherent',
      swiotlbBytes: swiotlbBytesOf(options),
    });
    this.netmem = new NetmemTable(this.machine, {
      maxNetIovs: options.maxNetIovs ?? Math.max(MIN_NET_IOVS, 2 * niovs),
    });
    this.pools = new PagePools(this.machine, this.netmem);
    this.network = new Network({ machine: this.machine, netmem: this.netmem, pools: this.pools });
    this.ethtool = new Ethtool(this.network);
    this.devmem = new Devmem(this.network);
    const mac = options.mac ?? this.#localMac();
    let nic: Nic | null = null;
    this.pciFunction = this.machine.pci.plug((host) => {
      const { busDelayNs = 0 } = options;
      const wrapped = options.wrapNicHost?.(host) ?? host;
      const slow =
        busDelayNs > 0 ? createDelayedHost(wrapped, this.machine.random.fork('bus').uint32(), busDelayNs) : null;
      nic = createNic(slow ?? wrapped, {
        port: options.port,
        memory: options.memory,
        mac,
        maxQueues: Math.max(queues, 2),
        defaultQueues: queues,
        maxMtu: largestMtu(options.port),
        nicTimestamp: options.nicTimestamp ?? false,
        // A card with smaller rings than usual, where the test asks for them.
        ...((options.ringEntries ?? RX_RING_MIN_DEFAULT) < RX_RING_MIN_DEFAULT
          ? { minRingEntries: options.ringEntries as number }
          : {}),
        ...(options.interruptModeration === undefined ? {} : { interruptModeration: options.interruptModeration }),
      });
      return slow?.attach(nic) ?? nic;
    });
    this.nic = nic as unknown as Nic;
    this.driver = orThrow(probeGve(this.network, this.ethtool, this.pciFunction), 'probe');
    this.device = this.driver.netdev;
    this.stack = new InetStack(this.network, { hostname: name });
    this.#configure(options, queues);
  }

  /** The device memory that is bound; null when none is. */
  get memory(): BoundMemory | null {
    return this.#memory;
  }

  /** `ethtool -G … tcp-data-split on|off`. @throws KernelError with what ethtool says. */
  setDataSplit(on: boolean): void {
    const tcpDataSplit = on ? TCP_DATA_SPLIT.ENABLED : TCP_DATA_SPLIT.DISABLED;
    this.#checked('rings-set', (extack) => this.ethtool.setRings(this.device, { tcpDataSplit }, extack));
  }

  /** `ethtool -X … equal N start S`: spreads flows without a rule over N queues. @throws KernelError with what ethtool says. */
  setRssEqual(queues: number, start: number = 0): void {
    const rss = orThrow(this.ethtool.getRss(this.device), 'rss-get');
    this.#checked('rss-set', (extack) =>
      this.ethtool.setRss(this.device, { indir: rssEqual(rss.indir.length, queues, start) }, extack),
    );
  }

  /**
   * `ethtool -N … flow-type tcp4 dst-ip A dst-port P queue Q`, or tcp6 for an IPv6 address.
   *
   * @returns the rule's location.
   * @throws KernelError with what ethtool says; EINVAL: not an address.
   */
  steer(address: string, port: number, queue: number): number {
    const bytes = addressBytes(address);
    if (bytes === null) throw new KernelError(EINVAL, 'steer', `not an address: ${address}`);
    const rule = {
      flowType: bytes.length === 4 ? FLOW_TYPE.TCP_V4 : FLOW_TYPE.TCP_V6,
      dstIp: bytes,
      dstPort: port,
      ring: queue,
    };
    return this.#checked('rule-insert', (extack) => this.ethtool.insertRule(this.device, rule, extack));
  }

  /**
   * Makes device memory, exports it and binds it to rx queues, as `bind-rx` over a netlink socket that stays open until {@link unbind}.
   *
   * @throws KernelError with what bind-rx says.
   */
  bind(options: DmabufOptions): BoundMemory {
    if (this.#memory !== null)
      throw new KernelError(16, 'bind-rx', 'this host has bound its memory already; unbind first');
    const queues = options.queues ?? [this.device.realNumRxQueues - 1];
    const device = options.exporter === 'udmabuf' ? null : createDeviceMemory(this.machine, { bytes: options.bytes });
    const dmabuf =
      device === null ? createUdmabuf(this.machine, options.bytes, { limitBytes: options.bytes }) : device.export();
    const binder = this.devmem.openSocket();
    const request = {
      ifindex: this.device.ifindex,
      dmabuf,
      queues: queues.map((id) => ({ id, type: NETDEV_QUEUE_TYPE.RX })),
    };
    try {
      const id = this.#checked('bind-rx', (extack) => this.devmem.bindRx(binder, request, extack));
      this.#binder = binder;
      this.#memory = { id, dmabuf, device, queues };
      return this.#memory;
    } catch (error) {
      binder.close();
      dmabuf.put();
      throw error;
    }
  }

  /** Closes the netlink socket: the queues go back to ordinary memory. Tokens and packets that are out keep the memory alive. */
  unbind(): void {
    this.#binder?.close();
    this.#memory?.dmabuf.put();
    this.#binder = null;
    this.#memory = null;
  }

  /** Unbinds, brings the device down and removes the driver, without waiting for anything. Sockets are the caller's to close before. Idempotent. */
  takeDown(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.unbind();
    this.device.close();
    this.driver.remove();
  }

  /**
   * {@link takeDown}, then waits until every pool has its memory back, at most five seconds of a virtual clock. On a real clock it does not wait:
   * step the machine until {@link drained}, then call this.
   *
   * @returns the audit: one sentence per thing that is not as it was; empty is clean. Idempotent.
   */
  close(): readonly string[] {
    this.takeDown();
    this.machine.run({ until: () => this.drained, timeoutNs: DRAIN_TIMEOUT_NS });
    // A binding whose last pool went is freed by a work item.
    this.machine.run();
    return this.audit();
  }

  /** Every pool that was ever made has all its memory back. */
  get drained(): boolean {
    const { hold, release } = this.pools.totals();
    return hold === release;
  }

  /** What is still held anywhere in the host, one sentence each. */
  audit(): readonly string[] {
    return auditHost(this);
  }

  #configure(options: HostOptions, queues: number): void {
    const { device, ethtool } = this;
    if (options.ringEntries !== undefined) {
      const entries = options.ringEntries;
      this.#checked('rings-set', (extack) => ethtool.setRings(device, { rx: entries, tx: entries }, extack));
    }
    if (device.realNumRxQueues !== queues) {
      this.#checked('channels-set', (extack) =>
        ethtool.setChannels(device, { rxCount: queues, txCount: queues }, extack),
      );
    }
    this.#checked('set-mtu', (extack) => device.setMtu(options.mtu ?? largestMtu(options.port), extack));
    if (options.hwGro !== undefined) {
      const features = { 'rx-gro-hw': options.hwGro };
      this.#checked('features-set', (extack) => ethtool.setFeatures(device, features, extack));
    }
    this.#checked('open', () => device.open());
    for (const address of options.addresses ?? [DEFAULT_ADDRESS]) {
      const added = this.stack.addAddress(device, address);
      if (added < 0) throw kernelErrorFrom(added, `address ${address}`);
    }
    if (options.dataSplit ?? options.dmabuf !== undefined) this.setDataSplit(true);
    if (options.dmabuf !== undefined) {
      this.#checked('features-set', (extack) => ethtool.setFeatures(device, { 'rx-ntuple-filter': true }, extack));
      this.setRssEqual(queues - (options.dmabuf.queues?.length ?? 1));
      this.bind(options.dmabuf);
    }
    this.machine.run({ until: () => device.operUp, timeoutNs: CARRIER_TIMEOUT_NS });
  }

  #checked(what: string, call: (extack: Extack) => number): number {
    const extack = new Extack();
    const result = call(extack);
    if (result < 0) throw kernelErrorFrom(result, what, extack);
    return result;
  }

  /** Locally administered, unicast, and different for every name and seed. */
  #localMac(): Uint8Array {
    const mac = new Uint8Array(6);
    this.machine.random.fork('mac').bytes(mac);
    mac[0] = 0x02;
    return mac;
  }
}

/**
 * What port, slots and a card can carry. The card's own default stops at what clouds offer; a cable of 9000 is as good.
 */
function largestMtu({ mtu, slots }: Port): number {
  return Math.min(mtu, slots.slotBytes - FRAME_OVERHEAD_BYTES, TX_PACKET_BYTES_MAX - FRAME_OVERHEAD_BYTES);
}

/** 4 or 16 bytes in network order. */
function addressBytes(text: string): Uint8Array | null {
  if (text.includes(':')) return parseAddress6(text);
  const word = parseAddress4(text);
  if (word === null) return null;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, word);
  return bytes;
}

function orThrow<T>(result: T | number, what: string): T {
  if (isErr(result)) throw kernelErrorFrom(result, what);
  return result as T;
}

/**
 * Builds a host in one call: plugs a card into the port, probes the driver, brings the device up with its addresses and, when `dmabuf` is given,
 * turns tcp-data-split on, keeps RSS away from the bound queues and binds the memory. Only the flow rule is left: {@link Host.steer}.
 *
 * @throws KernelError with the call that failed, its errno and the extended ack. RangeError when `memory` is too small.
 */
export function createHost(options: HostOptions): Host {
  return new Host(options);
}
