// A device whose driver does what a test tells it to.

import {
  NETIF_F,
  NetDevice,
  type NetDeviceOps,
  type NetDeviceOptions,
  type Network,
  type SkBuff,
} from '../src/index.ts';

export interface PlainDevice {
  dev: NetDevice;
  /** What was sent, by queue. */
  sent: { skb: SkBuff; queue: number }[];
  /** What the operations are to answer; what is not here succeeds. */
  answers: Partial<Record<'open' | 'startXmit' | 'changeMtu' | 'setFeatures' | 'setMacAddress' | 'setXdp', number>>;
  /** Operations that ran. */
  calls: string[];
}

export function makePlainDevice(
  network: Network,
  options: Partial<NetDeviceOptions> = {},
  ops: Partial<NetDeviceOps> = {},
): PlainDevice {
  const plain: Omit<PlainDevice, 'dev'> = { sent: [], answers: {}, calls: [] };
  const answer = (name: keyof PlainDevice['answers']): number => {
    plain.calls.push(name);
    return plain.answers[name] ?? 0;
  };
  const dev = new NetDevice({
    address: Uint8Array.of(2, 0, 0, 0, 0, 1),
    numRxQueues: 4,
    numTxQueues: 4,
    features: NETIF_F.SG,
    ops: {
      open: () => answer('open'),
      stop: () => {
        plain.calls.push('stop');
        return 0;
      },
      startXmit(skb, queue) {
        const result = plain.answers.startXmit ?? 0;
        if (result === 0) plain.sent.push({ skb, queue });
        return result;
      },
      changeMtu: () => answer('changeMtu'),
      setFeatures: () => answer('setFeatures'),
      setMacAddress: () => answer('setMacAddress'),
      setXdp: () => answer('setXdp'),
      ...ops,
    },
    ...options,
  });
  const error = network.registerDevice(dev);
  if (error < 0) throw new Error(`register: ${error}`);
  return { dev, ...plain };
}

/** Runs `act` with the device's lock held. */
export function locked<T>(dev: NetDevice, act: () => T): T {
  dev.lock.lock();
  try {
    return act();
  } finally {
    dev.lock.unlock();
  }
}
