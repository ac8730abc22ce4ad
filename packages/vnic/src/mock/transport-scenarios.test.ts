import { describe, it } from 'vitest';
import { makeCard } from '../../test/card-fixture.ts';
import { createDelayedHost, SCENARIO_NIC_OPTIONS, TRANSPORT_SCENARIOS } from './index.ts';

describe('what a transport has to let through', () => {
  for (const { name, run } of TRANSPORT_SCENARIOS) {
    it(`passes without any: ${name}`, () => {
      const card = makeCard(SCENARIO_NIC_OPTIONS);
      run({ ...card, unmap: (buffer) => card.host.unmap(buffer) });
    });
  }

  // Interrupts within an interval are a matter of microseconds, which is what this host plays with.
  for (const { name, run } of TRANSPORT_SCENARIOS.filter(({ name }) => !name.includes('moderated'))) {
    it(`passes a transport that delays writes and interrupts: ${name}`, () => {
      const card = makeCard({
        ...SCENARIO_NIC_OPTIONS,
        between: (host) => {
          const delayed = createDelayedHost(host, 7);
          return { host: delayed, attach: (nic) => delayed.attach(nic) };
        },
      });
      run({ ...card, unmap: (buffer) => card.host.unmap(buffer) });
    });
  }
});
