/** A server in a folder of its own, with vnic's card and a file as the guest's RAM. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScriptedPort, FrameSlots, type ScriptedPort } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { createNic, type Nic, type NicEvent } from '@netmem/vnic';
import { serveVfioUser, type VfioUserError, type VfioUserServer, type VfioUserServerOptions } from '../src/index.ts';

export interface SocketFixture {
  readonly folder: string;
  readonly ramPath: string;
  readonly port: ScriptedPort;
  readonly server: VfioUserServer<Nic>;
  readonly events: NicEvent[];
  readonly errors: VfioUserError[];
}

export const SOCKET_RAM_BYTES = 4 << 20;

/** Runs `test` with a folder that is gone afterwards. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  try {
    await test(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs `test` with a server, which must not have left anything behind when it closes. */
export async function withServer(
  test: (fixture: SocketFixture) => Promise<void>,
  options: Partial<VfioUserServerOptions<Nic>> = {},
): Promise<void> {
  await inFolder(async (folder) => {
    const ramPath = join(folder, 'ram');
    const fd = openSync(ramPath, 'w');
    ftruncateSync(fd, SOCKET_RAM_BYTES);
    closeSync(fd);
    const memory = new LinearMemory(8 << 20);
    const port = createScriptedPort(new FrameSlots(memory, { count: 64, slotBytes: 2048 }), { mtu: 1500 });
    const events: NicEvent[] = [];
    const errors: VfioUserError[] = [];
    const server = await serveVfioUser<Nic>({
      path: join(folder, 'socket'),
      memory: ramPath,
      makeFunction: (host) => createNic(host, { port, memory, maxQueues: 2, minRingEntries: 16 }),
      onEvent: (event) => events.push(event),
      onError: (error) => errors.push(error),
      ...options,
    });
    try {
      await test({ folder, ramPath, port, server, events, errors });
    } finally {
      await server.close();
    }
  });
}

/** Waits for something that another side of a socket brings about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
