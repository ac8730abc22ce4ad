import { describe, expect, it } from 'vitest';
import { makeCard } from '../test/card-fixture.ts';
import { addRule, flowCommand, inner, ruleBytes } from '../test/flow-rules.ts';
import {
  ADMINQ_EXTENDED_COMMAND,
  ADMINQ_QUERY_FLOW_RULES,
  ADMINQ_STATUS_INVALID_ARGUMENT,
  ADMINQ_STATUS_NOT_FOUND,
  ADMINQ_STATUS_OUT_OF_RANGE,
  ADMINQ_STATUS_PASSED,
  ADMINQ_STATUS_UNIMPLEMENTED,
  AQ_EXTENDED_COMMAND,
  AQ_QUERY_FLOW_RULES,
  FLOW_RULE_OP_ADD,
  FLOW_RULE_OP_DEL,
  FLOW_RULE_OP_RESET,
  FLOW_RULE_QUERY_IDS,
  FLOW_RULE_QUERY_RULES,
  FLOW_RULE_QUERY_STATS,
  FLOW_TYPE_TCPV4,
  writeU64be,
} from './abi/index.ts';
import type { MockDriver } from './mock/index.ts';

function setup(maxFlowRules = 64) {
  const card = makeCard({ maxQueues: 4, maxFlowRules });
  card.driver.start();
  return card;
}

function query(driver: MockDriver, op: number, start = 0, available = 4096, address = driver.scratch.iova): number {
  const aq = AQ_QUERY_FLOW_RULES;
  return driver.execute(ADMINQ_QUERY_FLOW_RULES, (slot, at) => {
    slot.setUint16(at + aq.opcode, op);
    slot.setUint32(at + aq.startingRuleId, start);
    writeU64be(slot, at + aq.availableLength, available);
    writeU64be(slot, at + aq.rulesBuffAddr, address);
  });
}

function reply(driver: MockDriver) {
  const { view, base } = driver.scratch.region;
  const [rules, max, queried, total] = [0, 4, 8, 12].map((at) => view.getUint32(base + at));
  return { rules, max, queried, total };
}

describe('CONFIGURE_FLOW_RULE', () => {
  it('adds, replaces, deletes and clears', () => {
    const { driver, nic } = setup();
    expect(addRule(driver, 63, { queue: 1 })).toBe(ADMINQ_STATUS_PASSED);
    expect(addRule(driver, 0, { queue: 2 })).toBe(ADMINQ_STATUS_PASSED);
    expect(addRule(driver, 0, { queue: 3 })).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().flowRules).toBe(2);
    expect(flowCommand(driver, inner(FLOW_RULE_OP_DEL, 63))).toBe(ADMINQ_STATUS_PASSED);
    expect(flowCommand(driver, inner(FLOW_RULE_OP_DEL, 63))).toBe(ADMINQ_STATUS_NOT_FOUND);
    expect(nic.inspect().flowRules).toBe(1);
    expect(flowCommand(driver, inner(FLOW_RULE_OP_RESET, 0))).toBe(ADMINQ_STATUS_PASSED);
    expect(nic.inspect().flowRules).toBe(0);
  });

  it('refuses what it cannot do', () => {
    const { driver, nic } = setup();
    expect(addRule(driver, 64, {})).toBe(ADMINQ_STATUS_OUT_OF_RANGE);
    expect(flowCommand(driver, inner(FLOW_RULE_OP_DEL, 0xffffffff))).toBe(ADMINQ_STATUS_OUT_OF_RANGE);
    expect(addRule(driver, 1, { type: 10 })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(addRule(driver, 1, { queue: 4 })).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(flowCommand(driver, inner(3, 1))).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(nic.inspect().flowRules).toBe(0);
  });

  it('refuses inner commands that are short, unknown or out of reach', () => {
    const { driver } = setup();
    const outer = (opcode: number, length: number, address: number) =>
      driver.execute(ADMINQ_EXTENDED_COMMAND, (slot, at) => {
        slot.setUint32(at + AQ_EXTENDED_COMMAND.innerOpcode, opcode);
        slot.setUint32(at + AQ_EXTENDED_COMMAND.innerLength, length);
        writeU64be(slot, at + AQ_EXTENDED_COMMAND.innerCommandAddr, address);
      });
    expect(outer(0x102, 92, driver.scratch.iova)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(outer(0x101, 91, driver.scratch.iova)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(outer(0x101, 92, 0x100)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
  });

  it('is UNIMPLEMENTED on a card without flow steering', () => {
    const { driver } = setup(0);
    expect(addRule(driver, 0, {})).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(flowCommand(driver, inner(FLOW_RULE_OP_RESET, 0))).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
    expect(query(driver, FLOW_RULE_QUERY_STATS)).toBe(ADMINQ_STATUS_UNIMPLEMENTED);
  });
});

describe('QUERY_FLOW_RULES', () => {
  it('answers counts alone', () => {
    const { driver } = setup();
    addRule(driver, 5, {});
    expect(query(driver, FLOW_RULE_QUERY_STATS)).toBe(ADMINQ_STATUS_PASSED);
    expect(reply(driver)).toEqual({ rules: 1, max: 64, queried: 0, total: 16 });
  });

  it('answers ids in ascending order from the one asked for', () => {
    const { driver } = setup();
    for (const location of [40, 3, 17, 63]) addRule(driver, location, {});
    expect(query(driver, FLOW_RULE_QUERY_IDS, 4)).toBe(ADMINQ_STATUS_PASSED);
    expect(reply(driver)).toEqual({ rules: 4, max: 64, queried: 3, total: 28 });
    const { view, base } = driver.scratch.region;
    expect([16, 20, 24].map((at) => view.getUint32(base + at))).toEqual([17, 40, 63]);
    query(driver, FLOW_RULE_QUERY_IDS, 64);
    expect(reply(driver)).toEqual({ rules: 4, max: 64, queried: 0, total: 16 });
  });

  it('answers rules as they were written', () => {
    const { driver } = setup();
    const rule = {
      type: FLOW_TYPE_TCPV4,
      queue: 2,
      source: [10, 0, 0, 2],
      sourceMask: [255, 255, 255, 255],
      ports: [1, 2] as [number, number],
      portMask: [0xffff, 0] as [number, number],
    };
    addRule(driver, 9, rule);
    expect(query(driver, FLOW_RULE_QUERY_RULES)).toBe(ADMINQ_STATUS_PASSED);
    expect(reply(driver)).toEqual({ rules: 1, max: 64, queried: 1, total: 16 + 88 });
    const { bytes, view, base } = driver.scratch.region;
    expect(view.getUint32(base + 16)).toBe(9);
    expect(bytes.slice(base + 20, base + 104)).toEqual(ruleBytes(rule));
  });

  it('answers what fits, at most 46 rules in a page', () => {
    const { driver } = setup();
    for (let location = 0; location < 64; location++) addRule(driver, location, {});
    query(driver, FLOW_RULE_QUERY_RULES);
    expect(reply(driver)).toEqual({ rules: 64, max: 64, queried: 46, total: 16 + 46 * 88 });
    query(driver, FLOW_RULE_QUERY_RULES, 46);
    expect(reply(driver).queried).toBe(18);
    query(driver, FLOW_RULE_QUERY_IDS, 0, 16 + 4 * 10 + 3);
    expect(reply(driver)).toEqual({ rules: 64, max: 64, queried: 10, total: 56 });
  });

  it('refuses unknown questions, short areas and memory out of reach', () => {
    const { driver } = setup();
    expect(query(driver, 3)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(query(driver, FLOW_RULE_QUERY_IDS, 0, 15)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(query(driver, FLOW_RULE_QUERY_STATS, 0, 4096, 0)).toBe(ADMINQ_STATUS_INVALID_ARGUMENT);
    expect(query(driver, FLOW_RULE_OP_ADD, 0, 16)).toBe(ADMINQ_STATUS_PASSED);
  });
});
