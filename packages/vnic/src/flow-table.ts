import { type Dissection, ipv4, ipv6, L3_IPV4, L3_IPV6, L4_SCTP, L4_TCP, L4_UDP } from '@netmem/wire';
import {
  FLOW_RULE,
  FLOW_SPEC,
  FLOW_TYPE_AHV4,
  FLOW_TYPE_ESPV4,
  FLOW_TYPE_SCTPV4,
  FLOW_TYPE_TCPV4,
  FLOW_TYPE_TCPV6,
  FLOW_TYPE_UDPV4,
} from './abi/index.ts';

const RULE_BYTES = FLOW_RULE.$.sizeBytes;
const PROTOCOL_ESP = 50;
const PROTOCOL_AH = 51;
const NO_FLOW = -1;
/** A flow's fields as words: four of each address, the ports or SPI, the traffic class. */
const WORDS: number = FLOW_SPEC.$.sizeBytes / 4;
const DESTINATION_WORD = 4;
const PORTS_WORD = 8;
const CLASS_WORD = 9;
const CLASS_SHIFT = 24;

/**
 * Flow rules. Rules are tried in ascending order of location and the first that matches wins, as with ethtool.
 * Keys and masks are kept as words, so that a rule is at most ten exclusive-ors.
 */
export class FlowTable {
  readonly capacity: number;
  /** Rules present. */
  count = 0;
  readonly #raw: Uint8Array;
  readonly #present: Uint8Array;
  readonly #keys: Int32Array;
  readonly #masks: Int32Array;
  readonly #types: Uint16Array;
  readonly #queues: Uint16Array;
  /** Locations of the rules present, ascending. */
  readonly #order: Uint16Array;
  readonly #flow: Int32Array = new Int32Array(WORDS);

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#raw = new Uint8Array(capacity * RULE_BYTES);
    this.#present = new Uint8Array(capacity);
    this.#keys = new Int32Array(capacity * WORDS);
    this.#masks = new Int32Array(capacity * WORDS);
    this.#types = new Uint16Array(capacity);
    this.#queues = new Uint16Array(capacity);
    this.#order = new Uint16Array(capacity);
  }

  has(location: number): boolean {
    return this.#present[location] === 1;
  }

  /** Takes the 84 bytes of a rule as the driver wrote them; what was at that location is replaced. */
  add(location: number, rule: DataView, at: number): void {
    for (let i = 0; i < RULE_BYTES; i++) this.#raw[location * RULE_BYTES + i] = rule.getUint8(at + i);
    const type = rule.getUint16(at + FLOW_RULE.flowType);
    this.#types[location] = type;
    this.#queues[location] = rule.getUint16(at + FLOW_RULE.action);
    const first = location * WORDS;
    const six = type >= FLOW_TYPE_TCPV6;
    for (let word = 0; word < WORDS; word++) {
      // IPv4 addresses use the first of their four words only; tos is one byte of its word.
      const used = six || word >= PORTS_WORD || word % DESTINATION_WORD === 0;
      const kept = used ? (word === CLASS_WORD ? 0xff << CLASS_SHIFT : -1) : 0;
      this.#keys[first + word] = rule.getInt32(at + FLOW_RULE.key + 4 * word);
      this.#masks[first + word] = rule.getInt32(at + FLOW_RULE.mask + 4 * word) & kept;
    }
    this.#present[location] = 1;
    this.#sort();
  }

  remove(location: number): void {
    this.#present[location] = 0;
    this.#sort();
  }

  clear(): void {
    this.#present.fill(0);
    this.count = 0;
  }

  /** The n-th location in ascending order. */
  locationAt(n: number): number {
    return this.#order[n];
  }

  /** Copies the 84 bytes of a rule back out. */
  copyRule(location: number, to: Uint8Array, at: number): void {
    for (let i = 0; i < RULE_BYTES; i++) to[at + i] = this.#raw[location * RULE_BYTES + i];
  }

  /** The receive queue that a rule sends the frame to, or -1. */
  match(view: DataView, frame: Dissection): number {
    const type = this.#extract(view, frame);
    if (type === NO_FLOW) return -1;
    for (let n = 0; n < this.count; n++) {
      const location = this.#order[n];
      if (this.#types[location] === type && this.#matches(location * WORDS)) return this.#queues[location];
    }
    return -1;
  }

  #matches(first: number): boolean {
    for (let word = 0; word < WORDS; word++) {
      if (((this.#flow[word] ^ this.#keys[first + word]) & this.#masks[first + word]) !== 0) return false;
    }
    return true;
  }

  #extract(view: DataView, frame: Dissection): number {
    const flow = this.#flow;
    const at = frame.l3At;
    const type = flowType(frame);
    if (type === NO_FLOW) return NO_FLOW;
    if (frame.l3 === L3_IPV4) {
      flow[0] = view.getInt32(at + ipv4.SOURCE_AT);
      flow[DESTINATION_WORD] = view.getInt32(at + ipv4.DESTINATION_AT);
      flow[CLASS_WORD] = ipv4.trafficClass(view, at) << CLASS_SHIFT;
    } else {
      for (let word = 0; word < 4; word++) {
        flow[word] = view.getInt32(at + ipv6.SOURCE_AT + 4 * word);
        flow[DESTINATION_WORD + word] = view.getInt32(at + ipv6.DESTINATION_AT + 4 * word);
      }
      flow[CLASS_WORD] = ipv6.trafficClass(view, at) << CLASS_SHIFT;
    }
    // The authentication header's SPI is its second word; ESP's is its first, where ports are in the others.
    const portsAt = frame.l4At + (type === FLOW_TYPE_AHV4 ? 4 : 0);
    if (portsAt + 4 > frame.l4At + frame.l4Length) return NO_FLOW;
    flow[PORTS_WORD] = view.getInt32(portsAt);
    return type;
  }

  #sort(): void {
    this.count = 0;
    for (let location = 0; location < this.capacity; location++) {
      if (this.#present[location] === 1) this.#order[this.count++] = location;
    }
  }
}

/** Fragments have no flow: only the first one shows its ports, and a flow must not be split over queues. */
function flowType(frame: Dissection): number {
  if (frame.fragment || frame.malformed) return NO_FLOW;
  const four = frame.l3 === L3_IPV4;
  if (!four && frame.l3 !== L3_IPV6) return NO_FLOW;
  const base = four ? FLOW_TYPE_TCPV4 : FLOW_TYPE_TCPV6;
  if (frame.l4 === L4_TCP) return base + FLOW_TYPE_TCPV4;
  if (frame.l4 === L4_UDP) return base + FLOW_TYPE_UDPV4;
  if (frame.l4 === L4_SCTP) return base + FLOW_TYPE_SCTPV4;
  if (frame.l4Protocol === PROTOCOL_ESP) return base + FLOW_TYPE_ESPV4;
  if (frame.l4Protocol === PROTOCOL_AH && four) return FLOW_TYPE_AHV4;
  return NO_FLOW;
}
