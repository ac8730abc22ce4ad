import {
  ADMINQ_CONFIGURE_FLOW_RULE,
  ADMINQ_EXTENDED_COMMAND,
  ADMINQ_QUERY_FLOW_RULES,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_EXTENDED_COMMAND,
  AQ_QUERY_FLOW_RULES,
  CONFIGURE_FLOW_RULE,
  FLOW_RULE,
  FLOW_RULE_OP_ADD,
  FLOW_RULE_OP_DEL,
  FLOW_RULE_OP_RESET,
  FLOW_RULE_QUERY_IDS,
  FLOW_RULE_QUERY_RULES,
  FLOW_RULE_QUERY_STATS,
  FLOW_TYPE_ESPV6,
  QUERIED_FLOW_RULE,
  QUERIED_FLOW_RULE_ID_BYTES,
  QUERY_FLOW_RULES_DESCRIPTOR,
  readU64be,
} from './abi/index.ts';
import { type AdminCommand, fetch, store } from './admin-command.ts';
import type { Card } from './card.ts';
import { STATUS_MISSING, STATUS_UNREACHABLE } from './choices.ts';

/** The inner command lies in DMA memory; its status is that of the outer one. */
function extendedCommand(card: Card, command: DataView, at: number): number {
  if (command.getUint32(at + AQ_EXTENDED_COMMAND.innerOpcode) !== ADMINQ_CONFIGURE_FLOW_RULE) {
    return ADMINQ_STATUS_UNIMPLEMENTED;
  }
  const bytes = CONFIGURE_FLOW_RULE.$.sizeBytes;
  if (command.getUint32(at + AQ_EXTENDED_COMMAND.innerLength) < bytes) return ADMINQ_STATUS_INVALID_ARGUMENT;
  const address = readU64be(command, at + AQ_EXTENDED_COMMAND.innerCommandAddr);
  if (!fetch(card, address, card.adminData, bytes)) return STATUS_UNREACHABLE;
  return configureFlowRule(card, card.adminData.view, card.adminData.base);
}

function configureFlowRule(card: Card, inner: DataView, at: number): number {
  const { rules } = card;
  if (rules.capacity === 0) return ADMINQ_STATUS_UNIMPLEMENTED;
  const op = inner.getUint16(at + CONFIGURE_FLOW_RULE.opcode);
  const location = inner.getUint32(at + CONFIGURE_FLOW_RULE.location);
  if (op === FLOW_RULE_OP_RESET) {
    rules.clear();
    return ADMINQ_STATUS_PASSED;
  }
  if (op !== FLOW_RULE_OP_ADD && op !== FLOW_RULE_OP_DEL) return ADMINQ_STATUS_INVALID_ARGUMENT;
  if (location >= rules.capacity) return ADMINQ_STATUS_OUT_OF_RANGE;
  if (op === FLOW_RULE_OP_DEL) {
    if (!rules.has(location)) return STATUS_MISSING;
    rules.remove(location);
    return ADMINQ_STATUS_PASSED;
  }
  const ruleAt = at + CONFIGURE_FLOW_RULE.rule;
  const type = inner.getUint16(ruleAt + FLOW_RULE.flowType);
  const queue = inner.getUint16(ruleAt + FLOW_RULE.action);
  if (type > FLOW_TYPE_ESPV6 || queue >= card.rx.length) return ADMINQ_STATUS_INVALID_ARGUMENT;
  rules.add(location, inner, ruleAt);
  return ADMINQ_STATUS_PASSED;
}

/** As many rules or ids as fit, ascending from the starting id; the driver asks again from where they end. */
function queryFlowRules(card: Card, command: DataView, at: number): number {
  const { rules, adminData } = card;
  if (rules.capacity === 0) return ADMINQ_STATUS_UNIMPLEMENTED;
  const op = command.getUint16(at + AQ_QUERY_FLOW_RULES.opcode);
  const start = command.getUint32(at + AQ_QUERY_FLOW_RULES.startingRuleId);
  const available = Math.min(adminData.length, readU64be(command, at + AQ_QUERY_FLOW_RULES.availableLength));
  const { bytes, view, base } = adminData;
  const reply = QUERY_FLOW_RULES_DESCRIPTOR;
  let entryBytes = 0;
  if (op === FLOW_RULE_QUERY_RULES) entryBytes = QUERIED_FLOW_RULE.$.sizeBytes;
  else if (op === FLOW_RULE_QUERY_IDS) entryBytes = QUERIED_FLOW_RULE_ID_BYTES;
  else if (op !== FLOW_RULE_QUERY_STATS) return ADMINQ_STATUS_INVALID_ARGUMENT;
  let total = reply.$.sizeBytes;
  if (available < total) return ADMINQ_STATUS_INVALID_ARGUMENT;
  let queried = 0;
  for (let n = 0; entryBytes > 0 && n < rules.count && total + entryBytes <= available; n++) {
    const location = rules.locationAt(n);
    if (location < start) continue;
    view.setUint32(base + total, location);
    if (op === FLOW_RULE_QUERY_RULES) rules.copyRule(location, bytes, base + total + QUERIED_FLOW_RULE.rule);
    total += entryBytes;
    queried++;
  }
  view.setUint32(base + reply.numFlowRules, rules.count);
  view.setUint32(base + reply.maxFlowRules, rules.capacity);
  view.setUint32(base + reply.numQueriedRules, queried);
  view.setUint32(base + reply.totalLength, total);
  const address = readU64be(command, at + AQ_QUERY_FLOW_RULES.rulesBuffAddr);
  return store(card, address, adminData, total) ? ADMINQ_STATUS_PASSED : STATUS_UNREACHABLE;
}

/** Flow steering. */
export const FLOW_RULE_COMMANDS: readonly AdminCommand[] = [
  { opcode: ADMINQ_EXTENDED_COMMAND, name: 'EXTENDED_COMMAND', run: extendedCommand },
  { opcode: ADMINQ_QUERY_FLOW_RULES, name: 'QUERY_FLOW_RULES', run: queryFlowRules },
];
