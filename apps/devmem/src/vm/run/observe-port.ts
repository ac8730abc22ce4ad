/** `--pcap` and `--trace` of a guest: what passes the card's port, and what the machine at the other end does. */
import type { Port } from '@netmem/link';
import { CaptureFile } from '../../capture/capture-file.ts';
import { openTrace } from '../../host/trace-file.ts';
import type { VmOptions } from '../options.ts';
import type { PeerMachine } from '../peer/peer-machine.ts';

/** Files that are being written. */
export interface ObservedPort {
  /** What to give the card instead of the cable's end. */
  readonly wrap: (port: Port, peer: PeerMachine) => Port;
  /** Packets in the capture; null without one. */
  packets(): number | null;
  close(): void;
}

/** Opens the files that the options name. @throws CommandError (usage) when the capture cannot be written. */
export function observePort(options: Pick<VmOptions, 'pcap' | 'trace'>): ObservedPort {
  const capture = options.pcap === null ? null : new CaptureFile(options.pcap);
  let endTrace: (() => void) | null = null;
  return {
    wrap(port, peer) {
      if (options.trace !== null) endTrace = openTrace(peer.host.machine, options.trace);
      return capture?.wrap(port, peer.clock) ?? port;
    },
    packets: () => capture?.packets ?? null,
    close() {
      capture?.close();
      endTrace?.();
    },
  };
}
