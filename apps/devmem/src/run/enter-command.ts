/** What to type to send from inside the receiver's namespace. */
import type { HostOptions } from '../host/options.ts';

/** `nsenter` with what puts a program into this process's network namespace. */
export function enterNamespace(rootless: boolean): string {
  const user = rootless ? ' --user --preserve-credentials' : '';
  return `nsenter --target ${process.pid}${user} --net`;
}

/** For somebody who waits for `--sender none` to listen. */
export function enterCommand({ listen }: HostOptions, rootless: boolean): string {
  const { address, port } = listen;
  const example = `${enterNamespace(rootless)} nc -N ${address} ${port} < FILE`;
  return `Listening on ${address}:${port}. Send from the same namespace, for example:\n  ${example}`;
}
