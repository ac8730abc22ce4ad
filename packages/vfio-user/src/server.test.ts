import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic } from '@netmem/vnic';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveVfioUser } from './index.ts';
import { bringUp, connectSocket } from './mock/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('serveVfioUser', () => {
  it('serves one guest after another', async () => {
    const ram = join(folder, 'ram');
    const fd = openSync(ram, 'w');
    ftruncateSync(fd, 1 << 20);
    closeSync(fd);
    const memory = new LinearMemory(4 << 20);
    const port = createScriptedPort(new FrameSlots(memory, { count: 16, slotBytes: 2048 }), { mtu: 1500 });
    await using server = await serveVfioUser({
      path: join(folder, 'socket'),
      memory: ram,
      makeFunction: (host) => createNic(host, { port, memory, maxQueues: 1 }),
    });
    for (let guest = 1; guest <= 3; guest++) {
      const client = await connectSocket(server.path);
      await bringUp(client, server.function.pci, [{ iova: 0, size: 1 << 20, offset: 0 }]);
      expect(server.connected).toBe(true);
      expect(server.stats.guests).toBe(guest);
      client.disconnect();
      while (server.connected) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
});
