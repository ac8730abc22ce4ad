/**
 * The child of `probeTap`: makes a TAP interface and gives it an address, says `ok` or why not. It imports nothing but its own package's files that
 * import nothing, so that it runs from source and from a tarball alike.
 */
import { closeSync } from 'node:fs';
import { KernelInterface } from './interface.ts';
import { IFF_NO_PI, IFF_TAP, openTun } from './tun.ts';

try {
  const file = openTun('probe%d', IFF_TAP | IFF_NO_PI);
  const kernel = new KernelInterface(file.name);
  // 192.0.2.1/24, an address for documentation (RFC 5737).
  kernel.setAddress4(0xc0000201, 0xffffff00);
  kernel.setUp(true);
  kernel.close();
  closeSync(file.fd);
  console.log('ok');
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
}
