import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inFolder, SOCKET_RAM_BYTES, until, withServer } from '../test/socket-fixture.ts';
import { openFileMemory, serveVfioUser, VfioUserError } from './index.ts';
import { bringUp, connectSocket, payloads } from './mock/index.ts';
import * as protocol from './protocol.ts';
import { E2BIG, ENOENT } from './vfio-user-error.ts';

const RAM = [{ iova: 0, size: SOCKET_RAM_BYTES, offset: 0 }];

async function refusalOf(work: Promise<unknown>): Promise<VfioUserError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof VfioUserError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('where a server listens', () => {
  const bare = { memory: '/nowhere', makeFunction: () => ({}) as never };
  const at = (path: string) =>
    serveVfioUser({
      path,
      memory: '/nowhere',
      makeFunction: () => ({
        pci: {
          ...{ vendor: 1, device: 1, subsystemVendor: 0, subsystemDevice: 0, revision: 0, classCode: 0 },
          bars: [{ size: 4096 }],
          msixVectors: 1,
          msix: { bar: 0, tableOffset: 0, pendingOffset: 2048 },
        },
        barRead: () => 0,
        barWrite: () => {},
        run: () => 0,
        reset: () => {},
      }),
    });

  it('a socket in use is not taken over; one that a dead server left is', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'socket');
      const first = await at(path);
      const refusal = await refusalOf(at(path));
      expect(refusal).toMatchObject({ name: 'VfioUserError', code: 'EADDRINUSE', syscall: 'listen', errno: 98 });
      expect(refusal.message).toMatch(/Another server listens there: end it, or choose another path$/);
      await first.close();
      expect(existsSync(path)).toBe(false);
      // A server that was killed: its socket is there, and nobody answers.
      const dead = createServer();
      await new Promise<void>((resolve) => dead.listen(path, resolve));
      const { _handle: handle } = dead as unknown as { _handle: { close(): void } };
      const kept = join(folder, 'kept');
      renameSync(path, kept);
      handle.close();
      renameSync(kept, path);
      const second = await at(path);
      await second.close();
    });
  });

  it('says what is wrong with a path', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'file');
      writeFileSync(file, 'precious');
      expect(await refusalOf(at(file))).toMatchObject({
        code: 'EADDRINUSE',
        message: expect.stringMatching(/is no socket/),
      });
      expect(await refusalOf(at(join(folder, 'x'.repeat(108))))).toMatchObject({ code: 'ENAMETOOLONG' });
      const missing = await refusalOf(at(join(folder, 'no', 'socket')));
      // Node hides ENOENT behind EACCES in some versions.
      expect(['ENOENT', 'EACCES']).toContain(missing.code);
    });
  });

  it('refuses a function that PCI has no room for', async () => {
    await expect(serveVfioUser({ ...bare, path: '/tmp/never' })).rejects.toThrow();
  });
});

describe('guests', () => {
  it('follow one another on one server, each finding the device fresh', async () => {
    await withServer(async ({ server, errors }) => {
      for (let guest = 1; guest <= 3; guest++) {
        const client = await connectSocket(server.path);
        await bringUp(client, server.function.pci, RAM);
        expect(server.stats.guests).toBe(guest);
        expect(server.device.guestDma.mappings.count).toBe(1);
        client.writeRegion(0, 0x1f, 1, 'x'.charCodeAt(0));
        client.writeRegion(0, 0x10, 4, 0x0100_0000);
        const { view } = await client.call(protocol.REGION_READ, payloads.regionPayload(0, 0x10, 4));
        expect(view.getUint32(32)).toBe(1);
        await until(() => server.function.inspect().adminqLive);
        client.disconnect();
        await until(() => !server.connected);
        expect(server.function.inspect().adminqLive).toBe(false);
        expect(server.device.guestDma.mappings.count).toBe(0);
        expect(server.device.guestDma.memory).toBeNull();
      }
      expect(errors).toEqual([]);
    });
  });

  it('come one at a time', async () => {
    await withServer(async ({ server, events }) => {
      const first = await connectSocket(server.path);
      await bringUp(first, server.function.pci, RAM);
      const second = await connectSocket(server.path);
      await expect(second.call(protocol.VERSION, payloads.versionPayload())).rejects.toThrow(/closed the connection/);
      expect(server.stats.refusedGuests).toBe(1);
      expect(events.some(({ kind }) => kind === 'guest-refused')).toBe(true);
      expect((await first.call(protocol.DEVICE_RESET)).errno).toBe(0);
    });
  });

  it('that leave in the middle of a message leave nothing behind', async () => {
    await withServer(async ({ server, errors }) => {
      const client = await connectSocket(server.path);
      client.sendRaw(payloads.message(1, protocol.VERSION, payloads.versionPayload()).subarray(0, 25));
      await until(() => server.connected);
      client.disconnect();
      await until(() => !server.connected);
      expect(errors).toEqual([]);
    });
  });

  it('that speak something else are answered with an error, let go of and named', async () => {
    for (const [text, answer] of [
      ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', /A header says \d+ bytes.*no vfio-user client/],
      [`\u0001\u0000\u000d\u0000\u0010${'\u0000'.repeat(11)}`, /agree on a version first/],
    ] as const) {
      await withServer(async ({ server, errors }) => {
        const client = await connectSocket(server.path);
        client.sendRaw(new TextEncoder().encode(text));
        await until(() => client.closed && !server.connected);
        expect(client.strayReplies).toBe(1);
        expect(errors.length).toBe(1);
        expect(errors[0].message).toMatch(answer);
        // The next one is none the worse for it.
        const next = await connectSocket(server.path);
        await bringUp(next, server.function.pci, RAM);
      });
    }
  });

  it('whose RAM is not there are told so', async () => {
    await withServer(
      async ({ server, errors }) => {
        const client = await connectSocket(server.path);
        await client.call(protocol.VERSION, payloads.versionPayload());
        expect((await client.call(protocol.DMA_MAP, payloads.mapPayload(RAM[0]))).errno).toBe(ENOENT);
        await until(() => client.closed);
        expect(errors[0]).toMatchObject({ code: 'ENOENT', syscall: 'open' });
        expect(errors[0].message).toMatch(/memory-backend-file,.*share=on,mem-path=FILE/);
      },
      { memory: '/nonexistent/ram' },
    );
  });

  it('that read nothing cost nothing: the server stops reading them, and goes on for the next', async () => {
    await withServer(async ({ server }) => {
      const client = await connectSocket(server.path);
      await bringUp(client, server.function.pci, RAM);
      client.pause(true);
      const read = payloads.message(9, protocol.REGION_READ, payloads.regionPayload(2, 0, 4096));
      const many = new Uint8Array(64 * read.length);
      for (let n = 0; n < 64; n++) many.set(read, n * read.length);
      // 8 MiB of answers to what would be 64 KiB of questions.
      for (let n = 0; n < 32; n++) client.sendRaw(many);
      let before = -1;
      while (server.stats.messages !== before) {
        before = server.stats.messages;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      expect(server.stats.messages).toBeLessThan(1000);
      expect(server.step()).toBe(false);
      client.disconnect();
      await until(() => !server.connected);
      const next = await connectSocket(server.path);
      await bringUp(next, server.function.pci, RAM);
    });
  });

  it('that read late get every answer', async () => {
    await withServer(async ({ server }) => {
      const client = await connectSocket(server.path);
      await bringUp(client, server.function.pci, RAM);
      client.pause(true);
      const replies = Array.from({ length: 300 }, () =>
        client.call(protocol.REGION_READ, payloads.regionPayload(2, 0, 4096)),
      );
      const last = client.call(protocol.REGION_READ, payloads.regionPayload(2, 0, 4097));
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.pause(false);
      for (const reply of await Promise.all(replies)) expect([reply.errno, reply.view.byteLength]).toEqual([0, 4128]);
      expect((await last).errno).toBe(E2BIG);
    });
  });

  it('are let go of when the server closes, which a second close survives', async () => {
    await withServer(async ({ server, folder }) => {
      const client = await connectSocket(server.path);
      await bringUp(client, server.function.pci, RAM);
      await server.close();
      await until(() => client.closed);
      expect(existsSync(join(folder, 'socket'))).toBe(false);
    });
  });
});

describe('a device that throws', () => {
  it('costs its guest the connection, and the next one finds it reset', async () => {
    let broken = true;
    await withServer(async ({ server, errors }) => {
      const { function: nic } = server;
      const run = nic.run.bind(nic);
      nic.run = (budget) => {
        if (broken && server.connected) throw new Error('a bug');
        return run(budget);
      };
      const client = await connectSocket(server.path);
      await until(() => client.closed);
      expect(errors[0]).toMatchObject({ code: 'EIO', syscall: 'device' });
      expect(errors[0].message).toMatch(/The device threw: a bug/);
      expect((errors[0].cause as Error).message).toBe('a bug');
      broken = false;
      const next = await connectSocket(server.path);
      await bringUp(next, server.function.pci, RAM);
    });
  });
});

describe('openFileMemory', () => {
  it('reads and writes the file, and never throws', async () => {
    await withServer(async ({ ramPath }) => {
      const memory = openFileMemory(ramPath);
      expect(memory.lengthBytes).toBe(SOCKET_RAM_BYTES);
      expect(memory.store32(16, -2)).toBe(4);
      expect(memory.load32(16)).toBe(0xffff_fffe);
      expect(memory.load32(SOCKET_RAM_BYTES - 2)).toBeLessThan(0);
      memory.close();
      memory.close();
      expect(memory.load32(16)).toBeLessThan(0);
      expect(memory.store32(16, 1)).toBeLessThan(0);
    });
  });

  it('names what is missing', () => {
    expect(() => openFileMemory('/nonexistent')).toThrow(
      /open \/nonexistent: no such file.*\(ENOENT\)\. Start the guest/,
    );
    expect(() => openFileMemory('/')).toThrow(/EISDIR/);
  });
});
