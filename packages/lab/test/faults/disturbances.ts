// What an administrator, a card or a cable does in the middle of traffic. `n` is any number: it chooses among the values that a kind has.

import { netdevRxQueueRestart, type SkBuff } from '@netmem/netdev';
import { Extack } from '@netmem/uapi';
import type { Host, Pair } from '../../src/index.ts';
import type { Traffic } from './traffic.ts';

/** One kind of disturbance. */
export type Disturbance = (pair: Pair, n: number, traffic: Traffic) => void;

const LINK_STEP_NS = 1e5;

function checked(call: (extack: Extack) => number): void {
  const extack = new Extack();
  const result = call(extack);
  if (result < 0) throw new Error(`${result}: ${extack.message}`);
}

function resize({ ethtool, device }: Host, n: number): void {
  checked((extack) => ethtool.setRings(device, { rx: 512 << (n % 2), tx: 256 << (n % 3) }, extack));
}

function boundQueues({ memory }: Host): readonly number[] {
  return memory?.queues ?? [];
}

/** Every kind, by name. */
export const disturbances = {
  'ring sizes': ({ host }, n) => resize(host, n),
  "the peer's ring sizes": ({ peer }, n) => resize(peer, n),
  'channel counts': ({ host }, n) => {
    const { ethtool, device, driver } = host;
    // As Linux counts, a channel more than the bound queues need.
    const fewest = Math.max(...boundQueues(host)) + 2;
    const rxCount = fewest + (n % (driver.maxQueues - fewest + 1));
    checked((extack) => ethtool.setChannels(device, { rxCount, txCount: 1 + (n % driver.maxQueues) }, extack));
  },
  'rx-gro-hw': ({ host }, n) => {
    checked((extack) => host.ethtool.setFeatures(host.device, { 'rx-gro-hw': n % 2 === 0 }, extack));
  },
  'interrupt intervals': ({ host }, n) => {
    const intervals = { rxCoalesceUsecs: n % 100, txCoalesceUsecs: (7 * n) % 100 };
    checked((extack) => host.ethtool.setCoalesce(host.device, intervals, extack));
  },
  'the MTU': ({ host }, n) => {
    checked((extack) => host.device.setMtu(1500 - (n % 2) * 100, extack));
  },
  'a restart of a bound queue': ({ host }, n) => {
    const queues = boundQueues(host);
    const { lock } = host.device;
    lock.lock();
    checked(() => netdevRxQueueRestart(host.device, queues[n % queues.length] as number));
    lock.unlock();
  },
  'ethtool --reset': ({ host }) => checked(() => host.ethtool.reset(host.device)),
  'a reset that the card asks for': ({ host }) => host.nic.requestReset('a test wants it'),
  "a reset that the peer's card asks for": ({ peer }) => peer.nic.requestReset('a test wants it'),
  'a cable that is pulled': ({ cable }, n, traffic) => {
    cable.setLinkUp(false);
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    cable.setLinkUp(true);
  },
  'a link that the card loses': ({ host }, n, traffic) => {
    host.nic.setLinkUp(false);
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    host.nic.setLinkUp(true);
  },
  'an interface that is taken down': ({ host }, n, traffic) => {
    host.device.close();
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    checked(() => host.device.open());
  },
  "the peer's interface that is taken down": ({ peer }, n, traffic) => {
    peer.device.close();
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    checked(() => peer.device.open());
  },
  // Few: each may be that of a retransmission, and the time to the next one doubles.
  'DMA mappings that fail': ({ host, peer }, n) => {
    host.pciFunction.dma.failNextMappings = 1 + (n % 8);
    peer.pciFunction.dma.failNextMappings = 1 + (n % 7);
  },
  'RAM that runs out': ({ host, peer }, n, traffic) => {
    const { ram } = (n % 2 === 0 ? host : peer).machine;
    const hoard: number[] = [];
    for (let frame = ram.allocFrames(0, -1); frame >= 0; frame = ram.allocFrames(0, -1)) hoard.push(frame);
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    for (const frame of hoard) ram.freeFrames(frame, 0);
  },
  'skbs that run out': ({ host, peer }, n, traffic) => {
    const { skbs } = (n % 2 === 0 ? host : peer).network;
    const hoard: SkBuff[] = [];
    for (let skb = skbs.alloc(null); skb !== null; skb = skbs.alloc(null)) hoard.push(skb);
    traffic.runFor(LINK_STEP_NS * (1 + (n % 3000)));
    for (const skb of hoard) skb.free();
  },
} satisfies Record<string, Disturbance>;
