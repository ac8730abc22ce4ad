import { join } from 'node:path';
import { SCENARIO_NIC_OPTIONS, TRANSPORT_SCENARIOS } from '@netmem/vnic/mock';
import { describe, expect, it } from 'vitest';
import { type CardOverProtocol, makeCardOverFile, makeCardOverProtocol } from '../test/card-over-protocol.ts';
import { inFolder } from '../test/socket-fixture.ts';

/** Nothing went wrong on the way that the driver could not see. */
function expectClean({ client, device, errors }: CardOverProtocol): void {
  expect(errors).toEqual([]);
  expect(client.msix.stray).toBe(0);
  expect([client.strayReplies, client.unserved]).toEqual([0, 0]);
  expect(device.stats).toMatchObject({ errorReplies: 0, malformedStreams: 0, unknownCommands: 0 });
}

describe('vnic behind the protocol', () => {
  for (const { name, run } of TRANSPORT_SCENARIOS) {
    it(`with RAM in this process: ${name}`, () => {
      const card = makeCardOverProtocol(SCENARIO_NIC_OPTIONS);
      run(card);
      expectClean(card);
    });

    it(`with RAM in a file: ${name}`, async () => {
      await inFolder(async (folder) => {
        const card = makeCardOverFile(join(folder, 'ram'), SCENARIO_NIC_OPTIONS);
        run(card);
        expectClean(card);
        card.client.disconnect();
        expect(card.device.guestDma.memory).toBeNull();
      });
    });
  }
});
