/**
 * The reference driver: a network driver for the gVNIC card in its DQO-RDA form, written as an example to copy. It shows what Linux's netmem
 * contract asks of a driver that receives into device memory, each rule marked with its number where it bites (RX-1 … I-12).
 *
 * Use it to bring a card of `@netmem/vnic` up on a machine, or read it before writing a driver of your own: `rx-ring.ts`, `rx-refill.ts` and
 * `rx-receive.ts` are the receive path, `queue-mgmt.ts` is how a memory provider comes and goes.
 *
 * It is *not* a model of a card, and not a copy of Linux's gve: it follows its life cycle and its externally visible choices, in its own words, and
 * leaves out what has nothing to do with netmem (XDP, AF_XDP, queue page lists, timestamps).
 *
 * @example
 * ```ts
 * import { probeGve } from '@netmem/driver';
 * import { Ethtool } from '@netmem/ethtool';
 * import { createCable, FrameSlots } from '@netmem/link';
 * import { Machine } from '@netmem/machine';
 * import { Network } from '@netmem/netdev';
 * import { createNic } from '@netmem/vnic';
 *
 * const machine = new Machine();
 * const network = new Network({ machine });
 * const cable = createCable(new FrameSlots(machine.memory), machine.clock);
 * const card = machine.pci.plug((host) => createNic(host, { port: cable.a, memory: machine.memory }));
 * const gve = probeGve(network, new Ethtool(network), card);
 * if (typeof gve === 'number') throw new Error(`probe failed: ${gve}`);
 * gve.netdev.open();
 * machine.run({ until: () => gve.netdev.operUp });
 * console.log(gve.netdev.name, gve.netdev.operUp);
 * gve.remove();
 * ```
 *
 * @packageDocumentation
 */
export type { GveDevice, GveOptions, QueueSettings } from './gve-device.ts';
export { probeGve } from './probe.ts';
export type { DeviceStats, RxQueueStats, TxQueueStats } from './queue-stats.ts';
