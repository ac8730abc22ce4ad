import { DMA_FROM_DEVICE, DMA_TO_DEVICE, KernelBug, PAGE_SHIFT } from '@netmem/machine';
import { type NetDevice, type Network, netifMpCloseRxq, netifMpOpenRxq } from '@netmem/netdev';
import type { MemoryProviderOps, MemoryProviderParams } from '@netmem/page-pool';
import { EINVAL, ENODEV, EOPNOTSUPP, type ErrPtr, type Extack, isErr } from '@netmem/uapi';
import { type BindRxRequest, type BindTxRequest, checkBindPolicy, readQueues } from './bind-request.ts';
import type { DmabufBinding } from './binding.ts';
import { type BindingIds, bindingIds } from './binding-ids.ts';
import type { DmaBuf } from './dma-buf.ts';
import { DmaBufTable } from './fd-table.ts';
import { mapBinding } from './map-binding.ts';
import type { NetlinkSocketLike } from './netlink-socket.ts';
import { createDmabufProvider } from './provider.ts';
import { sharedDmaDevice } from './shared-dma-device.ts';

/**
 * Binding of dma-bufs to the receive queues of a network's devices: what the netlink operations bind-rx and bind-tx do behind the message.
 */
export class Devmem {
  readonly network: Network;
  /** The memory provider that bound queues use; for tests of the provider contract. */
  readonly provider: MemoryProviderOps;
  readonly #ids: BindingIds;
  readonly #bindings = new Set<DmabufBinding>();

  constructor(network: Network) {
    this.network = network;
    this.provider = createDmabufProvider(network.machine, network.netmem);
    this.#ids = bindingIds(network.machine);
  }

  /**
   * Opens the socket that bindings hang on: they die with it.
   *
   * @param files - The open files of the process; default: a process of its own.
   */
  openSocket(files: DmaBufTable = new DmaBufTable()): DevmemSocket {
    return new DevmemSocket(this, files);
  }

  /**
   * Binds a dma-buf to receive queues. Everything is checked before anything is changed, queues are opened in ascending order, and the first
   * failure puts all of them back.
   *
   * @returns the binding id, above 0. Otherwise, the first that applies:
   * `-ERANGE` ifindex below 1, a queue type above tx, or rxPageSize below PAGE_SIZE;
   * `-EINVAL` ifindex, fd or queues missing; rxPageSize not a power of two;
   * `-ENODEV` no such device, or it is not present;
   * `-EOPNOTSUPP` the device has no queue management;
   * `-EINVAL` a queue without id or type, of type tx, or out of range;
   * `-EOPNOTSUPP` queues with different DMA devices, or without one;
   * `-EBADF` fd not open, `-EINVAL` fd not a dma-buf;
   * the errnos of attaching, mapping and making net_iovs (`mapBinding`);
   * the errnos of opening a queue (`netifMpOpenRxq`): `-EINVAL` split off or hds-thresh not 0, `-EEXIST` provider or XDP there,
   * `-EOPNOTSUPP` rx-page-size not supported, `-EBUSY` AF_XDP, `-ENODATA` the driver ignored the provider, and the driver's own.
   * @kernel netdev_nl_bind_rx_doit — net/core/netdev-genl.c, 7.3
   */
  bindRx(socket: NetlinkSocketLike, request: BindRxRequest, extack: Extack | null = null): number {
    if (socket.closed) throw new KernelBug('netlink-socket', 'bind-rx on a closed socket');
    const policy = checkBindPolicy(request, extack);
    if (policy < 0) return policy;
    const { ifindex, queues, rxPageSize } = request;
    if (ifindex === undefined || !hasBuffer(request) || queues === undefined || queues.length === 0) return -EINVAL;
    if (rxPageSize !== undefined && (rxPageSize & (rxPageSize - 1)) !== 0) {
      extack?.set('rx-page-size must be a power of 2');
      return -EINVAL;
    }
    const niovShift = rxPageSize === undefined ? PAGE_SHIFT : 31 - Math.clz32(rxPageSize);
    const dev = this.network.device(ifindex);
    if (dev === null) return -ENODEV;
    dev.lock.lock();
    try {
      const refused = refusesBindRx(dev, extack);
      if (refused < 0) return refused;
      const chosen = readQueues(queues, dev.realNumRxQueues, extack);
      if (isErr(chosen)) return chosen;
      const dmaDev = sharedDmaDevice(dev, chosen, extack);
      if (isErr(dmaDev)) return dmaDev;
      const buf = takeBuffer(socket, request);
      if (isErr(buf)) return buf;
      const { network } = this;
      const plan = { network, dev, dmaDev, buf, direction: DMA_FROM_DEVICE, niovShift };
      const binding = mapBinding(plan, extack);
      if (isErr(binding)) return binding;
      return this.#openQueues(socket, binding, dev, chosen, extack);
    } finally {
      dev.lock.unlock();
    }
  }

  /**
   * Binds a dma-buf for transmit.
   *
   * @returns the binding id, above 0. Otherwise, the first that applies: `-ERANGE` ifindex below 1; `-EINVAL` ifindex or fd missing;
   * `-ENODEV` no such device, or not present; `-EOPNOTSUPP` the driver cannot send net_iovs, or has no DMA device; `-EBADF`, `-EINVAL` as in
   * {@link bindRx}; the errnos of attaching, mapping and making net_iovs.
   * @kernel netdev_nl_bind_tx_doit — net/core/netdev-genl.c, 7.3
   */
  bindTx(socket: NetlinkSocketLike, request: BindTxRequest, extack: Extack | null = null): number {
    if (socket.closed) throw new KernelBug('netlink-socket', 'bind-tx on a closed socket');
    const policy = checkBindPolicy(request, extack);
    if (policy < 0) return policy;
    if (request.ifindex === undefined || !hasBuffer(request)) return -EINVAL;
    const dev = this.network.device(request.ifindex);
    if (dev === null) return -ENODEV;
    dev.lock.lock();
    try {
      if (!dev.present) {
        extack?.set(null, 'ifindex');
        return -ENODEV;
      }
      if (!dev.netmemTx) {
        extack?.set('Driver does not support netmem TX');
        return -EOPNOTSUPP;
      }
      const dmaDev = sharedDmaDevice(dev, [0], extack);
      if (isErr(dmaDev)) return dmaDev;
      const buf = takeBuffer(socket, request);
      if (isErr(buf)) return buf;
      const { network } = this;
      const plan = { network, dev, dmaDev, buf, direction: DMA_TO_DEVICE, niovShift: PAGE_SHIFT };
      const binding = mapBinding(plan, extack);
      if (isErr(binding)) return binding;
      return this.#adopt(socket, binding);
    } finally {
      dev.lock.unlock();
    }
  }

  /** The live binding with this id. Unbind takes it out at once; its packets may still carry the id. */
  bindingById(id: number): DmabufBinding | undefined {
    const binding = this.#ids.get(id);
    return binding !== undefined && this.#bindings.has(binding) ? binding : undefined;
  }

  /** Every binding whose memory is not back yet: bound ones, and unbound ones that a page pool or a packet keeps. */
  bindings(): readonly DmabufBinding[] {
    return [...this.#bindings];
  }

  /**
   * Ends a binding: its id is free, its queues go back to ordinary memory, and the user's reference is dropped. For sockets that close; the
   * caller holds the device's lock.
   *
   * @kernel net_devmem_unbind_dmabuf — net/core/devmem.c, 7.3
   */
  unbind(binding: DmabufBinding): void {
    this.#ids.release(binding.id);
    binding.socket?.bindings.delete(binding);
    binding.socket = null;
    const { dev } = binding;
    if (dev !== null) {
      const params = this.#params(binding);
      for (const rxq of [...binding.boundRxqs]) netifMpCloseRxq(dev, rxq.index, params);
    }
    binding.boundRxqs.length = 0;
    binding.put();
  }

  /** One sentence per binding whose memory is not back yet; empty is clean. */
  audit(): string[] {
    return [...this.#bindings].map((binding) => {
      const queues = binding.boundRxqs.map((rxq) => rxq.index).join(', ');
      const state = binding.socket === null ? 'unbound' : `bound to rx queues [${queues}]`;
      return `dmabuf binding ${binding.id} is alive: ${state}, ${binding.niovsOut} of ${binding.niovs} net_iovs out, ${binding.refs} references`;
    });
  }

  #openQueues(
    socket: NetlinkSocketLike,
    binding: DmabufBinding,
    dev: NetDevice,
    queues: readonly number[],
    extack: Extack | null,
  ): number {
    const id = this.#adopt(socket, binding);
    if (id < 0) return id;
    const params = this.#params(binding);
    for (const idx of queues) {
      const opened = netifMpOpenRxq(dev, idx, params, extack);
      if (opened < 0) {
        this.unbind(binding);
        return opened;
      }
      binding.boundRxqs.push(dev.rxQueues[idx]);
    }
    return id;
  }

  #adopt(socket: NetlinkSocketLike, binding: DmabufBinding): number {
    const id = this.#ids.allocate(binding);
    if (id < 0) {
      binding.free();
      return id;
    }
    binding.name(id, (gone) => this.#bindings.delete(gone));
    binding.socket = socket;
    socket.bindings.add(binding);
    this.#bindings.add(binding);
    return id;
  }

  #params(binding: DmabufBinding): MemoryProviderParams {
    // 0 is "as the driver likes": asking for PAGE_SIZE by name must not need a driver that can do other sizes (recorded on 7.3.4).
    const rxPageSize = binding.niovShift === PAGE_SHIFT ? 0 : binding.niovBytes;
    return { mpPriv: binding, mpOps: this.provider, rxPageSize };
  }
}

/** The netlink socket as devmem knows it, made by {@link Devmem.openSocket}. Closing it is how one unbinds: there is no unbind command. */
export class DevmemSocket implements NetlinkSocketLike {
  readonly files: DmaBufTable;
  readonly bindings: Set<DmabufBinding> = new Set<DmabufBinding>();
  readonly #devmem: Devmem;
  #closed = false;

  constructor(devmem: Devmem, files: DmaBufTable) {
    this.#devmem = devmem;
    this.files = files;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Ends every binding of the socket. Packets and tokens that are out keep their memory until they are returned. Idempotent.
   *
   * @kernel netdev_nl_sock_priv_destroy — net/core/netdev-genl.c, 7.3
   */
  close(): void {
    this.#closed = true;
    for (const binding of [...this.bindings]) {
      const { dev } = binding;
      dev?.lock.lock();
      try {
        this.#devmem.unbind(binding);
      } finally {
        dev?.lock.unlock();
      }
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function hasBuffer(request: BindTxRequest): boolean {
  return request.fd !== undefined || request.dmabuf !== undefined;
}

function takeBuffer(socket: NetlinkSocketLike, request: BindTxRequest): ErrPtr<DmaBuf> {
  const { dmabuf, fd } = request;
  if (dmabuf === undefined) return socket.files.get(fd as number);
  dmabuf.get();
  return dmabuf;
}

function refusesBindRx(dev: NetDevice, extack: Extack | null): number {
  if (dev.present && dev.needsOpsLock) return 0;
  extack?.set(null, 'ifindex');
  return dev.present ? -EOPNOTSUPP : -ENODEV;
}
