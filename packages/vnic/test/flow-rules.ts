/** Flow rules for tests. */
import {
  ADMINQ_CONFIGURE_FLOW_RULE,
  ADMINQ_EXTENDED_COMMAND,
  AQ_EXTENDED_COMMAND,
  CONFIGURE_FLOW_RULE,
  FLOW_RULE,
  FLOW_RULE_OP_ADD,
  FLOW_SPEC,
  FLOW_TYPE_TCPV4,
  writeU64be,
} from '../src/abi/index.ts';
import type { MockDriver } from '../src/mock/index.ts';

export interface Rule {
  type?: number;
  queue?: number;
  source?: number[];
  sourceMask?: number[];
  destination?: number[];
  destinationMask?: number[];
  ports?: [number, number];
  portMask?: [number, number];
  spi?: number;
  tos?: number;
  tosMask?: number;
}

/** The 84 bytes of a rule. */
export function ruleBytes(rule: Rule): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FLOW_RULE.$.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(FLOW_RULE.flowType, rule.type ?? FLOW_TYPE_TCPV4);
  view.setUint16(FLOW_RULE.action, rule.queue ?? 0);
  const { key, mask } = FLOW_RULE;
  bytes.set(rule.source ?? [], key + FLOW_SPEC.srcIp);
  bytes.set(rule.sourceMask ?? [], mask + FLOW_SPEC.srcIp);
  bytes.set(rule.destination ?? [], key + FLOW_SPEC.dstIp);
  bytes.set(rule.destinationMask ?? [], mask + FLOW_SPEC.dstIp);
  if (rule.ports !== undefined) {
    view.setUint16(key + FLOW_SPEC.srcPort, rule.ports[0]);
    view.setUint16(key + FLOW_SPEC.dstPort, rule.ports[1]);
  }
  if (rule.portMask !== undefined) {
    view.setUint16(mask + FLOW_SPEC.srcPort, rule.portMask[0]);
    view.setUint16(mask + FLOW_SPEC.dstPort, rule.portMask[1]);
  }
  if (rule.spi !== undefined) {
    view.setUint32(key + FLOW_SPEC.spi, rule.spi);
    view.setUint32(mask + FLOW_SPEC.spi, 0xffffffff);
  }
  view.setUint8(key + FLOW_SPEC.tos, rule.tos ?? 0);
  view.setUint8(mask + FLOW_SPEC.tos, rule.tosMask ?? 0);
  return bytes;
}

/** The 92 bytes of an inner command. */
export function inner(op: number, location: number, rule: Rule = {}): Uint8Array {
  const bytes = new Uint8Array(CONFIGURE_FLOW_RULE.$.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(CONFIGURE_FLOW_RULE.opcode, op);
  bytes.set(ruleBytes(rule), CONFIGURE_FLOW_RULE.rule);
  view.setUint32(CONFIGURE_FLOW_RULE.location, location);
  return bytes;
}

/** Sends an inner command through EXTENDED_COMMAND; returns the outer status. */
export function flowCommand(driver: MockDriver, command: Uint8Array): number {
  const { bytes, base } = driver.scratch.region;
  bytes.set(command, base);
  return driver.execute(ADMINQ_EXTENDED_COMMAND, (slot, at) => {
    slot.setUint32(at + AQ_EXTENDED_COMMAND.innerOpcode, ADMINQ_CONFIGURE_FLOW_RULE);
    slot.setUint32(at + AQ_EXTENDED_COMMAND.innerLength, command.length);
    writeU64be(slot, at + AQ_EXTENDED_COMMAND.innerCommandAddr, driver.scratch.iova);
  });
}

export function addRule(driver: MockDriver, location: number, rule: Rule): number {
  return flowCommand(driver, inner(FLOW_RULE_OP_ADD, location, rule));
}
