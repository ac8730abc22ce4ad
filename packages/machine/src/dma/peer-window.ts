import type { Region } from '@netmem/region';

/** Device memory on the bus: other devices can be given access to it, the CPU has no mapping of it. */
export interface PeerWindow {
  readonly region: Region;
  readonly name: string;
  readonly cpuVisible: false;
}
