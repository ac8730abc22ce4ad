import { FLOW_TYPE, RX_CLS_LOC_ANY } from '@netmem/uapi';

/** What a rule looks at. A mask bit that is 1 has to match. @kernel struct ethtool_rx_flow_spec — include/uapi/linux/ethtool.h, 7.3 */
export interface FlowSpec {
  /** A `FLOW_TYPE`. */
  flowType: number;
  /** 4 or 16 bytes in network order, by flow type. */
  srcIp: Uint8Array;
  srcIpMask: Uint8Array;
  dstIp: Uint8Array;
  dstIpMask: Uint8Array;
  srcPort: number;
  srcPortMask: number;
  dstPort: number;
  dstPortMask: number;
  /** Type of service, or traffic class. */
  tos: number;
  tosMask: number;
}

/** An ntuple rule as it is installed. */
export interface FlowRule extends FlowSpec {
  location: number;
  /** Receive queue, or `RX_CLS_FLOW_DISC` to drop. Of a rule that spreads: what is added to the queue that its context's table says. */
  ring: number;
  /** The rule spreads by this RSS context; absent: it does not, and `ring` is the queue. @kernel FLOW_RSS — include/uapi/linux/ethtool.h, 7.3 */
  rssContext?: number;
}

/** An ntuple rule as it is asked for. What is given has to match exactly unless its mask says otherwise; what is not given may be anything. */
export interface FlowRequest extends Partial<FlowSpec> {
  flowType: number;
  ring: number;
  /** Spread by this RSS context; 0: by the main table. Absent: no spreading. */
  rssContext?: number;
  /** Absent or `RX_CLS_LOC_ANY`: the highest free one. */
  location?: number;
}

const IPV4_TYPES: readonly number[] = [FLOW_TYPE.TCP_V4, FLOW_TYPE.UDP_V4, FLOW_TYPE.SCTP_V4];
const IPV6_TYPES: readonly number[] = [FLOW_TYPE.TCP_V6, FLOW_TYPE.UDP_V6, FLOW_TYPE.SCTP_V6];

/** Bytes of a flow type's addresses; 0 for a type whose rules have none, -1 for a number that is no type. */
export function addressBytes(flowType: number): number {
  if (IPV4_TYPES.includes(flowType)) return 4;
  if (IPV6_TYPES.includes(flowType)) return 16;
  return flowType === FLOW_TYPE.ETHER ? 0 : -1;
}

/** A request with every field filled in; null when an address or mask has the wrong length or a number does not fit its field. */
export function completeRule(request: FlowRequest): FlowRule | null {
  const bytes = addressBytes(request.flowType);
  if (bytes < 0) return null;
  const src = address(bytes, request.srcIp, request.srcIpMask);
  const dst = address(bytes, request.dstIp, request.dstIpMask);
  const srcPort = field(0xffff, request.srcPort, request.srcPortMask);
  const dstPort = field(0xffff, request.dstPort, request.dstPortMask);
  const tos = field(0xff, request.tos, request.tosMask);
  if (src === null || dst === null || srcPort === null || dstPort === null || tos === null) return null;
  return {
    flowType: request.flowType,
    ring: request.ring,
    location: request.location ?? RX_CLS_LOC_ANY,
    srcIp: src.value,
    srcIpMask: src.mask,
    dstIp: dst.value,
    dstIpMask: dst.mask,
    srcPort: srcPort.value,
    srcPortMask: srcPort.mask,
    dstPort: dstPort.value,
    dstPortMask: dstPort.mask,
    tos: tos.value,
    tosMask: tos.mask,
    ...(request.rssContext === undefined ? {} : { rssContext: request.rssContext }),
  };
}

function address(
  bytes: number,
  value: Uint8Array | undefined,
  mask: Uint8Array | undefined,
): { value: Uint8Array; mask: Uint8Array } | null {
  if (value === undefined) return { value: new Uint8Array(bytes), mask: new Uint8Array(bytes) };
  if (value.length !== bytes || (mask !== undefined && mask.length !== bytes)) return null;
  return { value: value.slice(), mask: mask?.slice() ?? new Uint8Array(bytes).fill(0xff) };
}

function field(
  all: number,
  value: number | undefined,
  mask: number | undefined,
): { value: number; mask: number } | null {
  if (value === undefined) return { value: 0, mask: 0 };
  const wanted = mask ?? all;
  if (!fits(value, all) || !fits(wanted, all)) return null;
  return { value, mask: wanted };
}

function fits(value: number, all: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= all;
}
