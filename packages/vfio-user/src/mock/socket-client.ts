import { connect } from 'node:net';
import type { MsixLocation, PciIdentity } from '@netmem/vnic';
import { assertDone, connectCommands, enableCommands, prepareMsix } from './bring-up.ts';
import type { MockMapping } from './messages.ts';
import { MockVfioUserClient } from './mock-client.ts';

/** Connects a client to the server at `path`. @throws Error when nobody listens there. */
export async function connectSocket(path: string): Promise<MockVfioUserClient> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(path, resolve);
  socket.once('error', reject);
  const client = new MockVfioUserClient((bytes) => {
    if (socket.writable) socket.write(bytes);
  });
  socket.on('data', (chunk) => client.receive(chunk as Uint8Array));
  socket.on('close', () => client.ended());
  client.onDisconnect = () => socket.destroy();
  client.onPause = (paused) => {
    if (paused) socket.pause();
    else socket.resume();
  };
  await promise;
  // What happens to the connection later ends in `ended`.
  socket.on('error', () => {});
  return client;
}

/** Does what QEMU and a guest's firmware do first, so that the device can be used. @throws Error when the server refuses. */
export async function bringUp(
  client: MockVfioUserClient,
  pci: PciIdentity & { readonly msix: MsixLocation },
  mappings: readonly MockMapping[],
): Promise<void> {
  prepareMsix(client, pci);
  for (const { command, body } of [...connectCommands(mappings), ...enableCommands(pci)]) {
    assertDone(await client.call(command, body));
  }
}
