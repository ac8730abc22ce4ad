/** Makes the faults that were asked for happen: between cable and card, between card and host, and in the card itself. */
import { type FaultRule, type FaultyPort, injectFaults, type LinkClock, type Port, tracePort } from '@netmem/link';
import { type FaultyInterruptHost, injectInterruptFaults, type Nic, type NicHost } from '@netmem/vnic';
import type { CardFault, FrameFaultKind } from './fault-option.ts';

/** What has gone wrong so far, because it was asked for. */
export interface CardFaultCounts {
  readonly dropped: number;
  readonly duplicated: number;
  readonly corrupted: number;
  readonly delayed: number;
  readonly interrupts_delayed: number;
  readonly interrupts_lost: number;
  readonly hangs: number;
  readonly resets: number;
}

const FRAME_FAULTS: ReadonlySet<string> = new Set<FrameFaultKind>(['drop', 'duplicate', 'corrupt', 'delay']);

function frameRule({ what, nth, sent, delayNs }: CardFault): FaultRule {
  const rule: FaultRule = { action: what as FrameFaultKind, direction: sent ? 'transmit' : 'receive', nth };
  return what === 'delay' ? { ...rule, delayNs } : rule;
}

/** The faults of one card. Wrap its port and its host before it is made, and {@link attach} it then. */
export class CardFaults {
  readonly #faults: readonly CardFault[];
  readonly #seed: number;
  #port: FaultyPort | null = null;
  #host: FaultyInterruptHost | null = null;
  #nic: Nic | null = null;
  #received = 0;
  #hangs = 0;
  #resets = 0;

  constructor(faults: readonly CardFault[], seed: number) {
    this.#faults = faults;
    this.#seed = seed;
  }

  /** Null when nothing was asked for. */
  get counts(): CardFaultCounts | null {
    if (this.#faults.length === 0) return null;
    const frames = this.#port?.faults;
    const interrupts = this.#host?.faults;
    return {
      dropped: frames?.drop ?? 0,
      duplicated: frames?.duplicate ?? 0,
      corrupted: frames?.corrupt ?? 0,
      delayed: frames?.delay ?? 0,
      interrupts_delayed: interrupts?.delayed ?? 0,
      interrupts_lost: interrupts?.lost ?? 0,
      hangs: this.#hangs,
      resets: this.#resets,
    };
  }

  wrapPort(port: Port, clock: LinkClock): Port {
    const rules = this.#faults.filter(({ what }) => FRAME_FAULTS.has(what)).map(frameRule);
    const own = this.#faults.filter(({ what }) => what === 'reset' || what.startsWith('hang-'));
    let wrapped = port;
    if (rules.length > 0) {
      this.#port = injectFaults(port, { rules, clock, seed: this.#seed });
      wrapped = this.#port;
    }
    if (own.length === 0) return wrapped;
    return tracePort(wrapped, (event) => {
      if (event !== 'receive') return;
      this.#received++;
      for (const { what, nth } of own) if (nth === this.#received) this.#strike(what);
    });
  }

  wrapNicHost(host: NicHost): NicHost {
    const faults = this.#faults
      .filter(({ what }) => what.endsWith('-interrupt'))
      .map(({ what, nth, delayNs }) =>
        what === 'lose-interrupt' ? { action: 'lose' as const, nth } : { action: 'delay' as const, nth, delayNs },
      );
    if (faults.length === 0) return host;
    this.#host = injectInterruptFaults(host, faults);
    return this.#host;
  }

  attach(nic: Nic): void {
    this.#nic = nic;
  }

  #strike(what: CardFault['what']): void {
    if (this.#nic === null) return;
    if (what === 'reset') {
      this.#resets++;
      this.#nic.requestReset('--fault asked for it');
      return;
    }
    this.#hangs++;
    this.#nic.hangQueues(what === 'hang-rx' ? 'rx' : 'tx');
  }
}

/** `1 frame dropped, 2 interrupts lost`; null when nothing was asked for. */
export function describeFaults(counts: CardFaultCounts | null): string | null {
  if (counts === null) return null;
  const named: readonly (readonly [count: number, one: string, many: string])[] = [
    [counts.dropped, 'frame dropped', 'frames dropped'],
    [counts.duplicated, 'frame duplicated', 'frames duplicated'],
    [counts.corrupted, 'frame corrupted', 'frames corrupted'],
    [counts.delayed, 'frame delayed', 'frames delayed'],
    [counts.interrupts_delayed, 'interrupt delayed', 'interrupts delayed'],
    [counts.interrupts_lost, 'interrupt lost', 'interrupts lost'],
    [counts.hangs, 'hang of the card', 'hangs of the card'],
    [counts.resets, 'reset asked for', 'resets asked for'],
  ];
  const there = named
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
  return there.length === 0 ? 'none of those asked for: there were not so many frames or interrupts' : there.join(', ');
}
