import { lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { EACCES, EADDRINUSE, EIO, ENAMETOOLONG, ENOENT, errnoOf, VfioUserError } from './vfio-user-error.ts';

/** What an address of a UNIX socket has room for, its final zero left out. */
const PATH_BYTES_MAX = 107;

/**
 * Listens at a path. A socket that a dead server left there is replaced.
 *
 * @throws VfioUserError `EADDRINUSE`: somebody listens there, or it is no socket; `ENAMETOOLONG`; `ENOENT`: the folder
 *   does not exist; `EACCES`, and what else `listen` says.
 */
export async function listenAt(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new VfioUserError(ENAMETOOLONG, 'listen', path, `The path of a socket has ${PATH_BYTES_MAX} bytes at most`);
  }
  try {
    await listening(server, path);
  } catch (error) {
    const errno = errnoOf(error, EIO);
    if (errno !== EADDRINUSE) throw new VfioUserError(errno, 'listen', path, advice(errno), error);
    await removeStale(path);
    try {
      await listening(server, path);
    } catch (again) {
      const why = errnoOf(again, EIO);
      throw new VfioUserError(why, 'listen', path, advice(why), again);
    }
  }
}

function advice(errno: number): string {
  if (errno === ENOENT) return 'Make the folder first';
  if (errno === EACCES) return 'Choose a folder that you may write to';
  if (errno === EADDRINUSE) return 'Another server listens there: end it, or choose another path';
  return 'Choose another path';
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error);
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/** Removes the socket of a server that is gone. @throws VfioUserError `EADDRINUSE` when it is not gone, or it is no socket. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new VfioUserError(EADDRINUSE, 'listen', path, 'It exists and is no socket: choose another path');
  }
  if (await answers(path)) throw new VfioUserError(EADDRINUSE, 'listen', path, advice(EADDRINUSE));
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but a refusal may come from a server that is alive and busy.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
