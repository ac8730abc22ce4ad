import { ipv4 } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { addRule, flowCommand, inner } from '../test/flow-rules.ts';
import { ipFrame, pattern, tcpFrame, udpFrame } from '../test/frames.ts';
import {
  ADMINQ_DESTROY_RX_QUEUE,
  FLOW_RULE_OP_DEL,
  FLOW_TYPE_AHV4,
  FLOW_TYPE_ESPV4,
  FLOW_TYPE_ESPV6,
  FLOW_TYPE_SCTPV4,
  FLOW_TYPE_TCPV4,
  FLOW_TYPE_TCPV6,
  FLOW_TYPE_UDPV4,
  FLOW_TYPE_UDPV6,
} from './abi/index.ts';

const ALL = [255, 255, 255, 255];
const PEER = [10, 0, 0, 2];
const CARD = [10, 0, 0, 1];

/** Four queues; RSS puts everything on queue 0, so that any other queue is a rule's doing. */
function steering(): UpFixture {
  return cardUp({ maxFlowRules: 32, defaultQueues: 1 }, { queues: 4, entries: 16 });
}

function queueOf(card: UpFixture, frame: Uint8Array): number {
  card.port.push(frame);
  card.driver.settle();
  for (const queue of card.rx) {
    if (queue.poll() === null) continue;
    queue.post(1);
    return queue.id;
  }
  return -1;
}

describe('flow rules', () => {
  it('send a five-tuple to its queue and nothing else', () => {
    const card = steering();
    addRule(card.driver, 31, {
      queue: 2,
      source: PEER,
      sourceMask: ALL,
      destination: CARD,
      destinationMask: ALL,
      ports: [40000, 5201],
      portMask: [0xffff, 0xffff],
    });
    expect(queueOf(card, tcpFrame())).toBe(2);
    expect(queueOf(card, tcpFrame({ sourcePort: 40001 }))).toBe(0);
    expect(queueOf(card, tcpFrame({ destinationPort: 5202 }))).toBe(0);
    expect(queueOf(card, tcpFrame({}, { source: '10.0.0.3' }))).toBe(0);
    expect(queueOf(card, tcpFrame({}, { destination: '10.0.0.9' }))).toBe(0);
    expect(queueOf(card, udpFrame(pattern(4), {}, [40000, 5201]))).toBe(0);
    expect(queueOf(card, tcpFrame({}, { six: true }))).toBe(0);
    expect(card.nic.stats.device.rxSteered).toBe(1);
  });

  it('match whatever their masks leave open: three-tuples, prefixes, everything', () => {
    const card = steering();
    addRule(card.driver, 3, {
      queue: 1,
      destination: CARD,
      destinationMask: ALL,
      ports: [0, 5201],
      portMask: [0, 0xffff],
    });
    expect(queueOf(card, tcpFrame({ sourcePort: 1 }))).toBe(1);
    expect(queueOf(card, tcpFrame({ sourcePort: 2 }, { source: '1.2.3.4' }))).toBe(1);
    addRule(card.driver, 4, { queue: 2, source: [192, 168, 7, 0], sourceMask: [255, 255, 255, 0] });
    expect(queueOf(card, tcpFrame({ destinationPort: 9 }, { source: '192.168.7.200' }))).toBe(2);
    expect(queueOf(card, tcpFrame({ destinationPort: 9 }, { source: '192.168.8.200' }))).toBe(0);
    addRule(card.driver, 5, { queue: 3 });
    expect(queueOf(card, tcpFrame({ destinationPort: 9 }, { source: '192.168.8.200' }))).toBe(3);
  });

  it('the lowest location wins, in whatever order rules were added', () => {
    const card = steering();
    addRule(card.driver, 20, { queue: 3, ports: [0, 5201], portMask: [0, 0xffff] });
    addRule(card.driver, 10, { queue: 2 });
    addRule(card.driver, 15, { queue: 1 });
    expect(queueOf(card, tcpFrame())).toBe(2);
    flowCommand(card.driver, inner(FLOW_RULE_OP_DEL, 10));
    expect(queueOf(card, tcpFrame())).toBe(1);
    flowCommand(card.driver, inner(FLOW_RULE_OP_DEL, 15));
    expect(queueOf(card, tcpFrame())).toBe(3);
    flowCommand(card.driver, inner(FLOW_RULE_OP_DEL, 20));
    expect(queueOf(card, tcpFrame())).toBe(0);
  });

  it('know UDP, SCTP, AH and ESP, and IPv6', () => {
    const card = steering();
    addRule(card.driver, 0, { type: FLOW_TYPE_UDPV4, queue: 1 });
    expect(queueOf(card, udpFrame(pattern(4)))).toBe(1);
    addRule(card.driver, 1, { type: FLOW_TYPE_SCTPV4, queue: 2, ports: [0x0102, 0x0304], portMask: [0xffff, 0xffff] });
    const sctp = Uint8Array.from([1, 2, 3, 4, ...pattern(20)]);
    expect(queueOf(card, ipFrame({}, ipv4.PROTOCOL_SCTP, sctp))).toBe(2);
    addRule(card.driver, 2, { type: FLOW_TYPE_ESPV4, queue: 3, spi: 0xcafe });
    const esp = Uint8Array.from([0, 0, 0xca, 0xfe, ...pattern(20)]);
    expect(queueOf(card, ipFrame({}, 50, esp))).toBe(3);
    expect(queueOf(card, ipFrame({ six: true }, 50, esp))).toBe(0);
    addRule(card.driver, 3, { type: FLOW_TYPE_ESPV6, queue: 2, spi: 0xcafe });
    expect(queueOf(card, ipFrame({ six: true }, 50, esp))).toBe(2);
    addRule(card.driver, 4, { type: FLOW_TYPE_AHV4, queue: 1, spi: 0xbeef });
    const ah = Uint8Array.from([6, 4, 0, 0, 0, 0, 0xbe, 0xef, ...pattern(20)]);
    expect(queueOf(card, ipFrame({}, 51, ah))).toBe(1);
    const fd2 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    addRule(card.driver, 5, { type: FLOW_TYPE_TCPV6, queue: 3, source: fd2, sourceMask: Array(16).fill(255) });
    expect(queueOf(card, tcpFrame({}, { six: true }))).toBe(3);
    expect(queueOf(card, tcpFrame({}, { six: true, source: 'fd00:0:0:1::2' }))).toBe(0);
    addRule(card.driver, 6, { type: FLOW_TYPE_UDPV6, queue: 1, tos: 0x2e << 2, tosMask: 0xfc });
    expect(queueOf(card, udpFrame(pattern(4), { six: true, trafficClass: (0x2e << 2) | 1 }))).toBe(1);
    expect(queueOf(card, udpFrame(pattern(4), { six: true }))).toBe(0);
  });

  it('ignore what an IPv4 rule says in the words that only IPv6 uses', () => {
    const card = steering();
    addRule(card.driver, 0, {
      type: FLOW_TYPE_TCPV4,
      queue: 1,
      source: [...PEER, 9, 9, 9, 9],
      sourceMask: Array(16).fill(255),
    });
    expect(queueOf(card, tcpFrame())).toBe(1);
  });

  it('never match a fragment or an ESP packet too short for its SPI', () => {
    const card = steering();
    addRule(card.driver, 0, { queue: 1 });
    addRule(card.driver, 1, { type: FLOW_TYPE_ESPV4, queue: 2 });
    expect(queueOf(card, tcpFrame({ payload: pattern(8) }, { flags: ipv4.MORE_FRAGMENTS }))).toBe(0);
    expect(queueOf(card, ipFrame({}, 50, pattern(3)))).toBe(0);
    expect(queueOf(card, ipFrame({ fragmentOffset: 8, flags: 0 }, 50, pattern(40)))).toBe(0);
    expect(queueOf(card, ipFrame({}, 50, pattern(4)))).toBe(2);
  });

  it('drop what they send to a queue that is gone', () => {
    const card = steering();
    addRule(card.driver, 0, { queue: 3 });
    card.driver.destroyQueue(ADMINQ_DESTROY_RX_QUEUE, 3);
    expect(queueOf(card, tcpFrame())).toBe(-1);
    expect(card.nic.stats.device.rxNoQueue).toBe(1);
  });
});
