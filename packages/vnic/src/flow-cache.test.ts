import { composeFrame, Dissection, dissect } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardUp } from '../test/card-fixture.ts';
import { addRule } from '../test/flow-rules.ts';
import { tcpFrame } from '../test/frames.ts';
import { FlowCache } from './flow-cache.ts';

interface Flow {
  readonly six: boolean;
  readonly udp: boolean;
  readonly host: number;
  readonly port: number;
  readonly trafficClass: number;
}

// Few values of each, so that flows come again, and differ in one thing only.
const anyFlow: fc.Arbitrary<Flow> = fc.record({
  six: fc.boolean(),
  udp: fc.boolean(),
  host: fc.integer({ min: 1, max: 3 }),
  port: fc.constantFrom(1, 64, 256, 65_000),
  trafficClass: fc.constantFrom(0, 4),
});

function frameOf({ six, udp, host, port, trafficClass }: Flow): Uint8Array {
  const ends = six
    ? { ipv6: { source: `fd00::${host}`, destination: 'fd00::9', trafficClass } }
    : { ipv4: { source: `10.0.0.${host}`, destination: '10.0.0.9', trafficClass } };
  const ports = { sourcePort: port, destinationPort: 5201 };
  const layer4 = udp ? { udp: ports } : { tcp: { ...ports, sequence: 1, acknowledgment: 1, flags: 16, window: 1 } };
  return composeFrame({
    ethernet: { source: '02:00:00:00:00:01', destination: '02:00:00:00:00:02' },
    ...ends,
    ...layer4,
  });
}

describe('the cache of flows', () => {
  it('answers for a flow what was remembered for that very flow, or nothing', () => {
    const dissection = new Dissection();
    const trial = (flows: readonly Flow[]): void => {
      const cache = new FlowCache();
      const told = new Map<string, number>();
      flows.forEach((flow, i) => {
        const frame = frameOf(flow);
        const view = new DataView(frame.buffer, frame.byteOffset);
        dissect(view, 0, frame.length, dissection);
        const key = JSON.stringify(flow);
        if (cache.find(view, dissection)) {
          expect({ queue: cache.queue, hash: cache.hash, steered: cache.steered }).toEqual({
            queue: told.get(key),
            hash: ~(told.get(key) ?? 0),
            steered: ((told.get(key) ?? 0) & 1) === 1,
          });
        } else {
          told.set(key, i);
          cache.remember(i, ~i, (i & 1) === 1);
        }
      });
    };
    fc.assert(fc.property(fc.array(anyFlow, { maxLength: 60 }), trial));
  });

  it('knows a flow the second time, and not after it was cleared', () => {
    const cache = new FlowCache();
    const dissection = new Dissection();
    const frame = frameOf({ six: true, udp: false, host: 1, port: 64, trafficClass: 0 });
    const view = new DataView(frame.buffer, frame.byteOffset);
    dissect(view, 0, frame.length, dissection);
    expect(cache.find(view, dissection)).toBe(false);
    cache.remember(3, 7, true);
    expect(cache.find(view, dissection)).toBe(true);
    cache.clear();
    expect(cache.find(view, dissection)).toBe(false);
  });

  it('forgets at a new rule: the next frame of the flow goes where the rule says', () => {
    const card = cardUp({ maxFlowRules: 4, defaultQueues: 1 }, { queues: 2, entries: 16 });
    const queueOf = (): number => {
      card.port.push(tcpFrame());
      card.driver.settle();
      return card.rx.find((queue) => queue.poll() !== null)?.id ?? -1;
    };
    expect([queueOf(), queueOf()]).toEqual([0, 0]);
    addRule(card.driver, 0, { queue: 1, ports: [0, 5201], portMask: [0, 0xffff] });
    expect(queueOf()).toBe(1);
  });
});
