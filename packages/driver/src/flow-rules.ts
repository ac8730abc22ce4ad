import type { FlowRule } from '@netmem/ethtool';
import { NETIF_F } from '@netmem/netdev';
import { EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, FLOW_TYPE, RX_CLS_FLOW_DISC, RX_CLS_LOC_ANY } from '@netmem/uapi';
import {
  ADMINQ_CONFIGURE_FLOW_RULE,
  ADMINQ_EXTENDED_COMMAND,
  AQ_EXTENDED_COMMAND,
  CONFIGURE_FLOW_RULE,
  FLOW_RULE,
  FLOW_RULE_OP_ADD,
  FLOW_RULE_OP_DEL,
  FLOW_RULE_OP_RESET,
  FLOW_SPEC,
  FLOW_TYPE_SCTPV4,
  FLOW_TYPE_SCTPV6,
  FLOW_TYPE_TCPV4,
  FLOW_TYPE_TCPV6,
  FLOW_TYPE_UDPV4,
  FLOW_TYPE_UDPV6,
  writeU64be,
} from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';

/** The rules in the card, by location. Kept here because a reset makes the card forget them. */
export class FlowRules {
  readonly capacity: number;
  readonly #rules: Map<number, FlowRule> = new Map();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Ascending by location. */
  all(): readonly FlowRule[] {
    return [...this.#rules.values()].sort((a, b) => a.location - b.location);
  }

  has(location: number): boolean {
    return this.#rules.has(location);
  }

  /** The highest free location, as ethtool's rule manager picks; -1 when all are taken. */
  highestFree(): number {
    for (let location = this.capacity - 1; location >= 0; location--) if (!this.#rules.has(location)) return location;
    return -1;
  }

  set(rule: FlowRule): void {
    this.#rules.set(rule.location, rule);
  }

  delete(location: number): void {
    this.#rules.delete(location);
  }

  clear(): void {
    this.#rules.clear();
  }
}

const CARD_FLOW_TYPE: ReadonlyMap<number, number> = new Map([
  [FLOW_TYPE.TCP_V4, FLOW_TYPE_TCPV4],
  [FLOW_TYPE.UDP_V4, FLOW_TYPE_UDPV4],
  [FLOW_TYPE.SCTP_V4, FLOW_TYPE_SCTPV4],
  [FLOW_TYPE.TCP_V6, FLOW_TYPE_TCPV6],
  [FLOW_TYPE.UDP_V6, FLOW_TYPE_UDPV6],
  [FLOW_TYPE.SCTP_V6, FLOW_TYPE_SCTPV6],
]);

/**
 * ethtool's rule insertion; the location that was used is written into the rule.
 *
 * @returns 0; `-EOPNOTSUPP`: no flow steering, ntuple off, a drop action, or a flow type that the card does not know; `-EINVAL`: ring or location
 * out of range; `-ENOSPC`: no location free; or the card's errno.
 */
export function insertFlowRule(gve: GveDevice, rule: FlowRule): number {
  const { rules, netdev } = gve;
  if (rules.capacity === 0 || (netdev.features & NETIF_F.NTUPLE) === 0) return -EOPNOTSUPP;
  if (rule.ring === RX_CLS_FLOW_DISC || !CARD_FLOW_TYPE.has(rule.flowType)) return -EOPNOTSUPP;
  if (!(rule.ring >= 0 && rule.ring < gve.settings.rxQueues)) return -EINVAL;
  if (rule.location === RX_CLS_LOC_ANY) {
    rule.location = rules.highestFree();
    if (rule.location < 0) return -ENOSPC;
  }
  if (rule.location >= rules.capacity) return -EINVAL;
  const result = configureFlowRule(gve, FLOW_RULE_OP_ADD, rule);
  if (result === 0) rules.set({ ...rule });
  return result;
}

/** `-EOPNOTSUPP`: no flow steering; `-ENOENT`: no rule there; or the card's errno. */
export function deleteFlowRule(gve: GveDevice, location: number): number {
  const { rules } = gve;
  if (rules.capacity === 0) return -EOPNOTSUPP;
  const rule = rules.all().find((candidate) => candidate.location === location);
  if (rule === undefined) return -ENOENT;
  const result = configureFlowRule(gve, FLOW_RULE_OP_DEL, rule);
  if (result === 0) rules.delete(location);
  return result;
}

/** Removes every rule. */
export function resetFlowRules(gve: GveDevice): number {
  if (gve.rules.capacity === 0) return 0;
  const result = configureFlowRule(gve, FLOW_RULE_OP_RESET, null);
  if (result === 0) gve.rules.clear();
  return result;
}

/** After a reset: tells the card again. Linux leaves that to the user; a bound queue without its rule would receive nothing. */
export function restoreFlowRules(gve: GveDevice): number {
  for (const rule of gve.rules.all()) {
    const result = configureFlowRule(gve, FLOW_RULE_OP_ADD, rule);
    if (result < 0) return result;
  }
  return 0;
}

function configureFlowRule(gve: GveDevice, op: number, rule: FlowRule | null): number {
  const bytes = CONFIGURE_FLOW_RULE.$.sizeBytes;
  const inner = gve.dma.allocCoherent(bytes);
  if (inner === null) return -ENOMEM;
  const { view, base } = inner.region;
  view.setUint16(base + CONFIGURE_FLOW_RULE.opcode, op);
  if (rule !== null) {
    view.setUint32(base + CONFIGURE_FLOW_RULE.location, rule.location);
    writeRule(view, base + CONFIGURE_FLOW_RULE.rule, rule);
  }
  const result = gve.adminq.execute(ADMINQ_EXTENDED_COMMAND, (slots, at) => {
    slots.setUint32(at + AQ_EXTENDED_COMMAND.innerOpcode, ADMINQ_CONFIGURE_FLOW_RULE);
    slots.setUint32(at + AQ_EXTENDED_COMMAND.innerLength, bytes);
    writeU64be(slots, at + AQ_EXTENDED_COMMAND.innerCommandAddr, inner.iova);
  });
  gve.dma.freeCoherent(inner);
  return result;
}

function writeRule(view: DataView, at: number, rule: FlowRule): void {
  view.setUint16(at + FLOW_RULE.flowType, CARD_FLOW_TYPE.get(rule.flowType) ?? 0);
  view.setUint16(at + FLOW_RULE.action, rule.ring);
  writeSpec(view, at + FLOW_RULE.key, rule.srcIp, rule.dstIp, rule.srcPort, rule.dstPort, rule.tos);
  writeSpec(
    view,
    at + FLOW_RULE.mask,
    rule.srcIpMask,
    rule.dstIpMask,
    rule.srcPortMask,
    rule.dstPortMask,
    rule.tosMask,
  );
}

function writeSpec(
  view: DataView,
  at: number,
  srcIp: Uint8Array,
  dstIp: Uint8Array,
  srcPort: number,
  dstPort: number,
  tos: number,
): void {
  for (let i = 0; i < srcIp.length; i++) view.setUint8(at + FLOW_SPEC.srcIp + i, srcIp[i]);
  for (let i = 0; i < dstIp.length; i++) view.setUint8(at + FLOW_SPEC.dstIp + i, dstIp[i]);
  view.setUint16(at + FLOW_SPEC.srcPort, srcPort);
  view.setUint16(at + FLOW_SPEC.dstPort, dstPort);
  view.setUint8(at + FLOW_SPEC.tos, tos);
}
