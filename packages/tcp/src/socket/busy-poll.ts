/** Busy polling of sockets: a call that finds nothing has the card's queue polled at once, instead of waiting for its interrupt. */
import type { BusyPollOptions, Network } from '@netmem/netdev';
import { EINVAL, ENOPROTOOPT, SO } from '@netmem/uapi';
import type { SocketHandle } from './handle.ts';

const U16_MAX = 0xffff;

/** Made once: a receive loop polls for every packet. */
const PREFER: BusyPollOptions = { prefer: true };
const NO_PREFERENCE: BusyPollOptions = {};

/** What SO_BUSY_POLL and its companions choose. */
export interface BusyPollChoice {
  /** SO_BUSY_POLL in microseconds; 0 off. No call waits here, so that any other value is as good as the next. @kernel sk_ll_usec — include/net/sock.h, 7.3 */
  llUsec: number;
  /** SO_PREFER_BUSY_POLL. */
  preferBusyPoll: boolean;
  /** SO_BUSY_POLL_BUDGET, packets; 0 the default, BUSY_POLL_BUDGET. */
  busyPollBudget: number;
}

/** A socket that can busy poll: it remembers which NAPI instance delivered to it last. */
interface BusyPollSock extends Readonly<BusyPollChoice> {
  readonly napiId: number;
  readonly stack: { readonly network: Network };
}

/**
 * Polls the queue that the socket's packets come through, once, if the socket is allowed to. The caller is in process context, and holds nothing of
 * the socket's that the arrival of a packet changes.
 *
 * @kernel sk_busy_loop — include/net/busy_poll.h, 7.3 (partial: one poll, as with MSG_DONTWAIT)
 */
export function skBusyLoop(sock: BusyPollSock): void {
  if (sock.llUsec === 0) return;
  const budget = sock.busyPollBudget === 0 ? undefined : sock.busyPollBudget;
  sock.stack.network.busyPoll(sock.napiId, budget, sock.preferBusyPoll ? PREFER : NO_PREFERENCE);
}

/** Sockets of other kinds remember what they are told. */
function choiceOf(handle: SocketHandle): BusyPollChoice {
  if (handle.tcp !== null) return handle.tcp;
  if (handle.udp !== null) return handle.udp;
  handle.busyPoll ??= { llUsec: 0, preferBusyPoll: false, busyPollBudget: 0 };
  return handle.busyPoll;
}

/**
 * `setsockopt` of SO_BUSY_POLL, SO_PREFER_BUSY_POLL and SO_BUSY_POLL_BUDGET. Whoever calls may administer the network, as everywhere here.
 *
 * @returns 0; -EINVAL a negative time, a budget that 16 bits do not hold; -ENOPROTOOPT another option.
 */
export function setBusyPollOption(handle: SocketHandle, name: number, int: number): number {
  switch (name) {
    case SO.BUSY_POLL:
      if (int < 0) return -EINVAL;
      choiceOf(handle).llUsec = int;
      return 0;
    case SO.PREFER_BUSY_POLL:
      choiceOf(handle).preferBusyPoll = int !== 0;
      return 0;
    case SO.BUSY_POLL_BUDGET:
      if (int < 0 || int > U16_MAX) return -EINVAL;
      choiceOf(handle).busyPollBudget = int;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** What was chosen; null for another option, and for the budget, which Linux does not tell. */
export function busyPollOption(handle: SocketHandle, name: number): number | null {
  if (name === SO.BUSY_POLL) return choiceOf(handle).llUsec;
  return name === SO.PREFER_BUSY_POLL ? Number(choiceOf(handle).preferBusyPoll) : null;
}
