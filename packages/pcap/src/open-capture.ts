import { CaptureError } from './capture-error.ts';
import type { CapturedPacket, CaptureReader } from './captured-packet.ts';
import { PcapReader } from './pcap-reader.ts';
import { BLOCK_SECTION } from './pcapng-format.ts';
import { PcapngReader } from './pcapng-reader.ts';

/**
 * Opens a capture file, pcapng or pcap, of either byte order. The bytes are not copied: they must stay as they are while packets are
 * in use.
 *
 * @throws CaptureError when it is neither, or ends within its first header.
 */
export function openCapture(bytes: Uint8Array): CaptureReader {
  if (bytes.length < 4) throw new CaptureError(`${bytes.length} bytes are no capture file`, 0);
  const type = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return type === BLOCK_SECTION ? new PcapngReader(bytes) : new PcapReader(bytes);
}

/** Everything that can be read of a file. */
export interface CaptureContent {
  readonly packets: readonly CapturedPacket[];
  /** Why reading stopped before the end; null when it did not. A capture that was interrupted often ends within a packet. */
  readonly error: CaptureError | null;
}

/** Reads a whole file, or as much of it as there is. Throws nothing, whatever the bytes are. */
export function readCapture(bytes: Uint8Array): CaptureContent {
  const packets: CapturedPacket[] = [];
  try {
    for (const packet of openCapture(bytes)) packets.push(packet);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { packets, error };
  }
  return { packets, error: null };
}
