import {
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  Extack,
  NETDEV_QUEUE_TYPE,
  QCFG_RX_PAGE_SIZE,
  TCP_DATA_SPLIT,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import {
  type BindRxRequest,
  createUdmabuf,
  Devmem,
  DmaBuf,
  type DmaBufAttachment,
  type DmaBufEntry,
  type DmaBufExporter,
  type QueueId,
} from '../src/index.ts';
import { leftovers, newNetwork, plugIdle, QueueDevice, settle } from './fake-devices.ts';

const RX = NETDEV_QUEUE_TYPE.RX;

/** A world in which a bind succeeds, until something in it is broken. */
class World {
  readonly network;
  readonly machine;
  readonly devmem;
  readonly device;
  readonly socket;
  request: { ifindex?: number; fd?: number; queues?: QueueId[]; rxPageSize?: number };
  attachErrno = 0;
  mapErrno = 0;

  constructor(options: { maxNetIovs?: number; supportedParams?: number } = {}) {
    const { machine, network } = newNetwork({ maxNetIovs: options.maxNetIovs ?? 256 });
    this.machine = machine;
    this.network = network;
    this.devmem = new Devmem(network);
    this.device = new QueueDevice(network, { supportedParams: options.supportedParams ?? QCFG_RX_PAGE_SIZE });
    this.device.dev.open();
    this.socket = this.devmem.openSocket();
    this.request = {
      ifindex: this.device.dev.ifindex,
      fd: this.install(6 * 4096, 4096 * 6),
      queues: [
        { id: 2, type: RX },
        { id: 1, type: RX },
      ],
    };
  }

  /** Opens a dma-buf that can be told to fail. */
  install(sizeBytes: number, entryBytes: number): number {
    const inner = createUdmabuf(this.machine, sizeBytes, { entryBytes });
    const live = new Map<readonly DmaBufEntry[], DmaBufAttachment>();
    const exporter: DmaBufExporter = {
      name: 'faulty',
      sizeBytes,
      attach: () => this.attachErrno,
      map: (target, direction) => {
        if (this.mapErrno < 0) return this.mapErrno;
        const attachment = inner.attach(target.device);
        if (typeof attachment === 'number') return attachment;
        const entries = attachment.map(direction);
        if (typeof entries !== 'number') live.set(entries, attachment);
        return entries;
      },
      unmap: (_device, entries) => {
        const attachment = live.get(entries);
        if (attachment === undefined) throw new Error('not mapped');
        attachment.unmap();
        inner.detach(attachment);
      },
      release: () => inner.put(),
    };
    return this.socket.files.install(new DmaBuf(exporter));
  }

  bind(extack: Extack): number {
    return this.devmem.bindRx(this.socket, this.request as BindRxRequest, extack);
  }

  finish(): string[] {
    this.socket.close();
    this.socket.files.closeAll();
    settle(this.machine);
    this.device.dev.present = true;
    this.network.unregisterDevice(this.device.dev);
    settle(this.machine);
    return [...leftovers(this.network), ...this.devmem.audit()];
  }
}

interface Violation {
  readonly what: string;
  readonly errno: number;
  readonly message: string | null;
  readonly badAttr: string | null;
  /** What it spoils: two violations of one thing cannot happen together. */
  readonly spoils: readonly string[];
  /** An id was given out before the failure. */
  readonly usesId: boolean;
  readonly spoil: (world: World) => void;
}

const violation = (
  what: string,
  errno: number,
  text: { message?: string; badAttr?: string },
  spoils: readonly string[],
  spoil: (world: World) => void,
): Violation => ({
  what,
  errno: -errno,
  message: text.message ?? null,
  badAttr: text.badAttr ?? null,
  spoils,
  usesId: false,
  spoil,
});

const late = (found: Violation): Violation => ({ ...found, usesId: true });

const OUT_OF_RANGE = 'integer out of range';

/** Every check, in the order in which they are made. */
const ORDER: readonly Violation[] = [
  violation('ifindex 0', ERANGE, { message: OUT_OF_RANGE, badAttr: 'ifindex' }, ['ifindex'], (w) => {
    w.request.ifindex = 0;
  }),
  violation('queue type 7', ERANGE, { message: OUT_OF_RANGE, badAttr: 'type' }, ['queues'], (w) => {
    w.request.queues = [{ id: 1, type: 7 }];
  }),
  violation('rx-page-size 3000', ERANGE, { message: OUT_OF_RANGE, badAttr: 'rx-page-size' }, ['size'], (w) => {
    w.request.rxPageSize = 3000;
  }),
  violation('no ifindex', EINVAL, {}, ['ifindex'], (w) => {
    delete w.request.ifindex;
  }),
  violation('no fd', EINVAL, {}, ['fd'], (w) => {
    delete w.request.fd;
  }),
  violation('no queues', EINVAL, {}, ['queues'], (w) => {
    w.request.queues = [];
  }),
  violation('rx-page-size 12288', EINVAL, { message: 'rx-page-size must be a power of 2' }, ['size'], (w) => {
    w.request.rxPageSize = 12288;
  }),
  violation('ifindex 9999', ENODEV, {}, ['ifindex'], (w) => {
    w.request.ifindex = 9999;
  }),
  violation('device detached', ENODEV, { badAttr: 'ifindex' }, ['present', 'ifindex'], (w) => {
    w.device.dev.present = false;
  }),
  violation('device without queue management', EOPNOTSUPP, { badAttr: 'ifindex' }, ['ifindex', 'queues'], (w) => {
    w.request.ifindex = w.network.loopback?.ifindex ?? 0;
  }),
  violation('queue without id', EINVAL, {}, ['queues'], (w) => {
    w.request.queues = [{ type: RX }];
  }),
  violation('queue without type', EINVAL, {}, ['queues'], (w) => {
    w.request.queues = [{ id: 1 }];
  }),
  violation('queue of type tx', EINVAL, { badAttr: 'type' }, ['queues'], (w) => {
    w.request.queues = [{ id: 99, type: NETDEV_QUEUE_TYPE.TX }];
  }),
  violation('queue id 4 of 4', EINVAL, { badAttr: 'id' }, ['queues'], (w) => {
    w.request.queues = [{ id: 4, type: RX }];
  }),
  violation(
    'queues with different DMA devices',
    EOPNOTSUPP,
    { message: 'DMA device mismatch between queue 2 and 1 (multi-PF device?)' },
    ['dma', 'queues'],
    (w) => {
      w.device.dmaOf.set(2, plugIdle(w.machine).fn.dma);
    },
  ),
  violation('no DMA device', EOPNOTSUPP, { message: "Device doesn't support DMA" }, ['dma'], (w) => {
    w.device.dmaOf.set(1, null).set(2, null);
  }),
  violation('fd that is not open', EBADF, {}, ['fd'], (w) => {
    w.request.fd = 500;
  }),
  violation('fd of something else', EINVAL, {}, ['fd'], (w) => {
    w.request.fd = 1;
  }),
  violation('attach fails', EPERM, { message: 'Failed to bind dmabuf to device' }, ['fd'], (w) => {
    w.attachErrno = -EPERM;
  }),
  violation('map fails', ENOMEM, { message: 'Failed to map dmabuf attachment' }, ['fd', 'map'], (w) => {
    w.mapErrno = -ENOMEM;
  }),
  violation(
    'size no multiple of the net_iov',
    EINVAL,
    { message: 'dmabuf size 24576 not aligned to niov size 16384' },
    ['size', 'fd'],
    (w) => {
      w.request.rxPageSize = 16384;
    },
  ),
  violation('no room for the net_iovs', ENOMEM, {}, ['niovs', 'fd'], (w) => {
    w.request.fd = w.install(257 * 4096, 257 * 4096);
  }),
  late(
    violation('split off', EINVAL, { message: 'tcp-data-split is disabled' }, ['split'], (w) => {
      w.device.dev.cfg.hdsConfig = TCP_DATA_SPLIT.DISABLED;
    }),
  ),
  late(
    violation('hds-thresh 1', EINVAL, { message: 'hds-thresh is not zero' }, ['thresh'], (w) => {
      w.device.dev.cfg.hdsThresh = 1;
    }),
  ),
  late(
    violation('queue has AF_XDP', EBUSY, { message: 'designated queue already in use by AF_XDP' }, ['xsk'], (w) => {
      w.device.dev.rxQueues[1].xskPool = {};
    }),
  ),
  late(
    violation('driver has no memory', ENOMEM, {}, ['driver'], (w) => {
      w.device.refuse.set(1, -ENOMEM);
    }),
  ),
  late(
    violation('driver ignores the provider', ENODATA, {}, ['driver'], (w) => {
      w.device.ignoresProviders = true;
    }),
  ),
];

describe('bind-rx checks', () => {
  it('nothing wrong: an id, from 1', () => {
    const world = new World();
    const extack = new Extack();
    expect(world.bind(extack)).toBe(1);
    expect([extack.message, extack.badAttr]).toEqual([null, null]);
    expect(world.finish()).toEqual([]);
  });

  it.each(ORDER.map((found) => [found.what, found] as const))('%s', (_, found) => {
    const world = new World();
    found.spoil(world);
    const extack = new Extack();
    expect(world.bind(extack)).toBe(found.errno);
    expect([extack.message, extack.badAttr]).toEqual([found.message, found.badAttr]);
    expect(world.socket.bindings.size).toBe(0);
    expect(world.device.dev.rxQueues.every((rxq) => rxq.mpParams === null)).toBe(true);
    // What failed after the id was given out has used it up, as on 7.3.4.
    const other = new QueueDevice(world.network);
    other.dev.open();
    const dmabuf = createUdmabuf(world.machine, 4096);
    const id = world.devmem.bindRx(world.devmem.openSocket(), {
      ifindex: other.dev.ifindex,
      dmabuf,
      queues: [{ id: 0, type: RX }],
    });
    expect(id).toBe(found.usesId ? 2 : 1);
    dmabuf.put();
    world.devmem.bindingById(id)?.socket?.close();
    world.network.unregisterDevice(other.dev);
    expect(world.finish()).toEqual([]);
  });

  const pairs = ORDER.flatMap((first, i) =>
    ORDER.slice(i + 1)
      .filter((second) => !second.spoils.some((thing) => first.spoils.includes(thing)))
      .map((second) => [first, second] as const),
  );

  it(`an earlier check wins over every later one (${pairs.length} pairs)`, () => {
    expect(pairs.length).toBeGreaterThan(150);
    for (const [first, second] of pairs) {
      const world = new World();
      second.spoil(world);
      first.spoil(world);
      const extack = new Extack();
      expect(world.bind(extack), `${first.what} before ${second.what}`).toBe(first.errno);
      expect(extack.message, `${first.what} before ${second.what}`).toBe(first.message);
    }
  });

  it('an XDP program is in the way', () => {
    const world = new World();
    world.device.dev.xdpProg = { hasFrags: true };
    const extack = new Extack();
    expect(world.bind(extack)).toBe(-EEXIST);
    expect(extack.message).toBe('unable to custom memory provider to device with XDP program attached');
    world.device.dev.xdpProg = null;
    expect(world.bind(extack)).toBeGreaterThan(0);
    expect(world.finish()).toEqual([]);
  });

  it('misaligned scatter entries: the text is cut where the kernel cuts it', () => {
    const world = new World();
    world.request.fd = world.install(8 * 4096, 4096);
    world.request.rxPageSize = 8192;
    const extack = new Extack();
    expect(world.bind(extack)).toBe(-EINVAL);
    expect(extack.message).toMatch(/^dmabuf sg entry \(addr=0x[0-9a-f]{16}, len=4096\) not aligned to niov size 81$/);
    expect(world.finish()).toEqual([]);
  });

  it('a page size by name needs a driver that knows sizes, PAGE_SIZE does not', () => {
    const world = new World({ supportedParams: 0 });
    world.request.rxPageSize = 8192;
    const extack = new Extack();
    expect(world.bind(extack)).toBe(-EOPNOTSUPP);
    expect(extack.message).toBe('device does not support: rx_page_size');
    world.request.rxPageSize = 4096;
    expect(world.bind(extack)).toBeGreaterThan(0);
    expect(world.finish()).toEqual([]);
  });
});

describe('ids, as recorded on 7.3.4', () => {
  it('count up over binds that fail late, not over those that fail early', () => {
    const world = new World({ maxNetIovs: 1024 });
    const { dev } = world.device;
    const extack = new Extack();
    const bind = (queues: number[], rxPageSize?: number): number => {
      world.request.queues = queues.map((id) => ({ id, type: RX }));
      if (rxPageSize === undefined) delete world.request.rxPageSize;
      else world.request.rxPageSize = rxPageSize;
      world.request.fd = world.install(64 * 4096, 4096);
      return world.bind(extack);
    };
    dev.cfg.hdsConfig = TCP_DATA_SPLIT.UNKNOWN;
    expect(bind([0])).toBe(-EINVAL);
    dev.cfg.hdsConfig = TCP_DATA_SPLIT.ENABLED;
    dev.cfg.hdsThresh = 1;
    expect(bind([0])).toBe(-EINVAL);
    dev.cfg.hdsThresh = 0;
    expect(bind([0])).toBe(3);
    dev.close();
    expect(bind([0])).toBe(-EEXIST);
    expect(extack.message).toBe('designated queue already memory provider bound');
    dev.open();
    expect(bind([0], 3000)).toBe(-ERANGE);
    expect(bind([0], 8192)).toBe(-EINVAL);
    expect(bind([0], 4096)).toBe(-EEXIST);
    expect(bind([1, 2])).toBe(6);
    expect(world.finish()).toEqual([]);
  });
});
