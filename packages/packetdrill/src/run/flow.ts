import { tcp } from '@netmem/wire';

const TWO_32 = 2 ** 32;
/**
 * Where the script's sequence numbers start on the wire: its 0 is this. Not 0, so that a number that was not translated shows, and close enough
 * to the sign bit of int32 that a script of a megabyte crosses it.
 */
export const REMOTE_BASE = 0x7ff80000;

/** Sum or difference of sequence numbers, uint32. */
function sequenceSum(a: number, b: number): number {
  return (((a + b) % TWO_32) + TWO_32) % TWO_32;
}

/**
 * One connection as script and wire count it. Scripts count from the initial sequence number of each side; a SYN, whatever number the script gives
 * it, is where that side's 0 is.
 */
export class Flow {
  readonly protocol: 'tcp' | 'udp';
  /** The stack's port. */
  readonly localPort: number;
  readonly remotePort: number;
  /** The stack's initial sequence number on the wire; null until its SYN was seen. */
  #localLive: number | null = null;
  #localScript = 0;
  #remoteLive: number | null = null;
  #remoteScript = 0;
  /** A SYN of another number was injected: the stack may answer with a new initial sequence number. */
  #reopened = false;
  /** Timestamp values of packets out, as the script has them, to those of the wire. */
  readonly #stamps: Map<number, number> = new Map();
  #firstStamp: { readonly script: number; readonly live: number } | null = null;

  constructor(protocol: 'tcp' | 'udp', localPort: number, remotePort: number) {
    this.protocol = protocol;
    this.localPort = localPort;
    this.remotePort = remotePort;
  }

  /** A SYN with this number of the script's is about to be injected. */
  injectsSyn(sequence: number): void {
    if (this.#remoteLive === null) {
      this.#remoteLive = sequenceSum(REMOTE_BASE, sequence);
      this.#remoteScript = sequence;
    } else if (sequence !== this.#remoteScript) {
      this.#reopened = true;
    }
  }

  /** The stack's SYN came, where the script expects one with `script`. */
  sawSyn(live: number, script: number): void {
    if (this.#localLive !== null && !this.#reopened) return;
    this.#localLive = live;
    this.#localScript = script;
    this.#reopened = false;
  }

  /** Script to wire, of the script's own sequence numbers. */
  remoteToLive(sequence: number, flags: number): number {
    const base = this.#remoteLive ?? REMOTE_BASE;
    return sequenceSum(sequence, base - (isSyn(flags) ? this.#remoteScript : 0));
  }

  /** Wire to script, of what the stack says about the script's sequence numbers. */
  remoteToScript(sequence: number, flags: number): number {
    const base = this.#remoteLive ?? REMOTE_BASE;
    return sequenceSum(sequence, (isSyn(flags) ? this.#remoteScript : 0) - base);
  }

  /** Script to wire, of the stack's sequence numbers. Before its SYN was seen they are not translated. */
  localToLive(sequence: number, flags: number): number {
    if (this.#localLive === null) return sequence;
    return sequenceSum(sequence, this.#localLive - (isSyn(flags) ? this.#localScript : 0));
  }

  /** Wire to script, of the stack's own sequence numbers. */
  localToScript(sequence: number, flags: number): number {
    // Where there is no connection, a reset has no sequence number to speak of.
    if (this.#localLive === null || ((flags & tcp.RST) !== 0 && sequence === 0)) return sequence;
    return sequenceSum(sequence, (isSyn(flags) ? this.#localScript : 0) - this.#localLive);
  }

  /** A packet out carried `live` where the script has `script`. */
  sawStamp(live: number, script: number): void {
    this.#firstStamp ??= { script, live };
    this.#stamps.set(script, live);
  }

  /** A timestamp value of a packet out as the script counts: by the distance to the first one. */
  stampToScript(live: number): number {
    return this.#firstStamp === null ? live : sequenceSum(live, this.#firstStamp.script - this.#firstStamp.live);
  }

  /** What an `ecr` of the script's is on the wire; null when it repeats no value seen. 0, "none", is 0. */
  echoToLive(script: number, scaled: boolean): number | null {
    const live = this.#stamps.get(script);
    if (live !== undefined) return live;
    if (scaled && this.#firstStamp !== null) {
      return sequenceSum(script, this.#firstStamp.live - this.#firstStamp.script);
    }
    return script === 0 ? 0 : null;
  }

  /** Where in its stream the stack's byte with this sequence number is: the byte behind the SYN is at 1. */
  localPosition(live: number): number | null {
    return this.#localLive === null ? null : sequenceSum(live, -this.#localLive);
  }
}

function isSyn(flags: number): boolean {
  return (flags & tcp.SYN) !== 0;
}

/** The connections of a script. */
export class Flows {
  readonly #flows: Map<string, Flow> = new Map();
  readonly #defaults: Map<'tcp' | 'udp', Flow> = new Map();

  /** The flow that packets without ports belong to; null before there is one. */
  default(protocol: 'tcp' | 'udp'): Flow | null {
    return this.#defaults.get(protocol) ?? null;
  }

  find(protocol: 'tcp' | 'udp', localPort: number, remotePort: number): Flow | null {
    return this.#flows.get(`${protocol} ${localPort} ${remotePort}`) ?? null;
  }

  /** The flow with these ports, made if there is none. */
  open(protocol: 'tcp' | 'udp', localPort: number, remotePort: number): Flow {
    const known = this.find(protocol, localPort, remotePort);
    if (known !== null) return known;
    const flow = new Flow(protocol, localPort, remotePort);
    this.#flows.set(`${protocol} ${localPort} ${remotePort}`, flow);
    return flow;
  }

  /** As {@link open}; packets without ports belong to it from now on. */
  openDefault(protocol: 'tcp' | 'udp', localPort: number, remotePort: number): Flow {
    const flow = this.open(protocol, localPort, remotePort);
    this.#defaults.set(protocol, flow);
    return flow;
  }
}
