/** A classic pcap file as somebody else's tcpdump might have written it, in microseconds, on the client's side of a card that sums. */
import { createHash } from 'node:crypto';
import { composeFrame, type DecodedFrame, Dissection, dissect, ipv4, pseudoHeaderSum4, tcp } from '@netmem/wire';

const CLIENT = '198.51.100.7';
const SERVER = '192.0.2.10';
const ROUTER = '02:00:00:00:00:01';
const HOST = '02:00:00:00:00:02';
const STRANGER = '02:00:00:00:00:03';
/** Close to where sequence numbers come round. */
const CLIENT_START = 0xffff_f000;
const SERVER_START = 123_456_789;
const SEGMENT_BYTES = 1000;
const SEGMENTS = 30;

type TcpPart = Partial<NonNullable<DecodedFrame['tcp']>>;

function frame(part: TcpPart, destination: string = HOST): Uint8Array<ArrayBuffer> {
  return composeFrame({
    ethernet: { source: ROUTER, destination },
    ipv4: { source: CLIENT, destination: SERVER },
    tcp: { sourcePort: 40_000, destinationPort: 80, window: 500, acknowledgment: SERVER_START + 1, ...part },
  });
}

/** Puts the checksum back to what a stack leaves to its card. */
function unfinished(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer);
  const found = new Dissection();
  dissect(view, 0, bytes.length, found);
  const { l3At, l4At, l4Length } = found;
  const sum = pseudoHeaderSum4(view, l3At + ipv4.SOURCE_AT, l3At + ipv4.DESTINATION_AT, 6, l4Length);
  tcp.setChecksum(view, l4At, sum);
  return bytes;
}

function file(frames: readonly Uint8Array[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 65_535, true);
  header.setUint32(20, 1, true);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  frames.forEach((bytes, i) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, 1_700_000_000, true);
    record.setUint32(4, i * 250, true);
    record.setUint32(8, bytes.length, true);
    record.setUint32(12, bytes.length, true);
    parts.push(new Uint8Array(record.buffer), bytes);
  });
  return Buffer.concat(parts);
}

/** Only what the client sent: nobody answers in this file, and nobody asks for addresses. One frame is for somebody else. */
export function foreignCapture(): { file: Uint8Array; bytes: number; sha256: string } {
  const payload = Uint8Array.from({ length: SEGMENTS * SEGMENT_BYTES }, (_, i) => (i * 7) ^ (i >>> 9));
  const data = Array.from({ length: SEGMENTS }, (_, i) => {
    const at = i * SEGMENT_BYTES;
    const bytes = frame({
      sequence: (CLIENT_START + 1 + at) >>> 0,
      flags: tcp.ACK | tcp.PSH,
      payload: payload.slice(at, at + SEGMENT_BYTES),
    });
    return i % 2 === 0 ? unfinished(bytes) : bytes;
  });
  const [first, second, third, ...rest] = data as [Uint8Array, Uint8Array, Uint8Array, ...Uint8Array[]];
  const end = (CLIENT_START + 1 + payload.length) >>> 0;
  const frames = [
    frame({ sequence: CLIENT_START, acknowledgment: 0, flags: tcp.SYN, options: { mss: 1460 } }),
    frame({ sequence: CLIENT_START + 1, flags: tcp.ACK }),
    // The second segment was lost once and the third came twice.
    ...[first, third, third, second, ...rest],
    frame({ sequence: 5, flags: tcp.ACK }, STRANGER),
    frame({ sequence: end, flags: tcp.ACK | tcp.FIN }),
    frame({ sequence: (end + 1) >>> 0, acknowledgment: SERVER_START + 2, flags: tcp.ACK }),
  ];
  return { file: file(frames), bytes: payload.length, sha256: createHash('sha256').update(payload).digest('hex') };
}
