/**
 * Which rx queue the card puts a frame on and where it splits headers off, told from what the administrator configured: ntuple rules, RSS,
 * tcp-data-split. The capture writes it beside each packet.
 */
import type { FlowRule, Rss } from '@netmem/ethtool';
import type { Host } from '@netmem/lab';
import { FLOW_TYPE, isErr } from '@netmem/uapi';
import { type Dissection, flowHash, ipv4, L3_IPV4, L4_TCP, L4_UDP, Toeplitz, tcp } from '@netmem/wire';

/** Reads placement off a host's configuration as it was when this was made. */
export class RxPlacement {
  readonly #rules: readonly FlowRule[];
  readonly #rss: Rss | null;
  readonly #toeplitz: Toeplitz | null;

  constructor(host: Host) {
    const rules = host.ethtool.getRules(host.device);
    const rss = host.ethtool.getRss(host.device);
    this.#rules = isErr(rules) ? [] : [...rules].sort((a, b) => a.location - b.location);
    this.#rss = isErr(rss) ? null : rss;
    this.#toeplitz = this.#rss === null ? null : new Toeplitz(this.#rss.key);
  }

  /** The queue of a frame that was dissected; the first rule that matches wins, then RSS. */
  queueOf(view: DataView, bytes: Uint8Array, frame: Dissection): number {
    for (const rule of this.#rules) if (matches(rule, view, bytes, frame)) return rule.ring;
    if (this.#rss === null || this.#toeplitz === null) return 0;
    const { indir } = this.#rss;
    return indir[flowHash(this.#toeplitz, bytes, frame) % indir.length] ?? 0;
  }
}

/** Rules of this command are about TCP over IPv4. */
function matches(rule: FlowRule, view: DataView, bytes: Uint8Array, frame: Dissection): boolean {
  if (rule.flowType !== FLOW_TYPE.TCP_V4 || frame.l3 !== L3_IPV4 || frame.l4 !== L4_TCP) return false;
  if (frame.fragment || frame.malformed) return false;
  return (
    isEqual(bytes, frame.l3At + ipv4.SOURCE_AT, rule.srcIp, rule.srcIpMask) &&
    isEqual(bytes, frame.l3At + ipv4.DESTINATION_AT, rule.dstIp, rule.dstIpMask) &&
    ((tcp.sourcePort(view, frame.l4At) ^ rule.srcPort) & rule.srcPortMask) === 0 &&
    ((tcp.destinationPort(view, frame.l4At) ^ rule.dstPort) & rule.dstPortMask) === 0
  );
}

function isEqual(bytes: Uint8Array, at: number, value: Uint8Array, mask: Uint8Array): boolean {
  for (let i = 0; i < value.length; i++) {
    if ((((bytes[at + i] ?? 0) ^ (value[i] ?? 0)) & (mask[i] ?? 0)) !== 0) return false;
  }
  return true;
}

/** Bytes of headers that a card which splits puts apart, from the frame's first byte; 0 when it leaves the frame whole. */
export function splitAt(frame: Dissection, at: number): number {
  return frame.l4 === L4_TCP || frame.l4 === L4_UDP ? frame.payloadAt - at : 0;
}
