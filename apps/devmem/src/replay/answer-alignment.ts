/**
 * Makes a recorded client speak with a host whose numbers are others than those it once answered to.
 *
 * A replay with the seed and the times of the recording has the recorded numbers, and nothing is changed. Any other host has its own initial
 * sequence number and timestamps: what the client acknowledges and echoes is moved by the difference, in the frame, checksum included. And a client
 * never acknowledges what this host has not sent.
 */
import type { FrameSlots } from '@netmem/link';
import { seqAfter, tcp, updateChecksum } from '@netmem/wire';
import type { RecordedStream } from './recorded-stream.ts';
import { TcpSegment } from './tcp-segment.ts';

const OPTION_NOP = 1;
const OPTION_TIMESTAMP = 8;

interface Conversation {
  /** What is added to acknowledgments and to echoed timestamps. */
  readonly sequenceShift: number;
  readonly timestampShift: number;
  /** Behind the last byte that our host sent, int32. */
  sent: number;
}

/** Aligns the frames of all streams of a recording. */
export class AnswerAlignment {
  readonly #port: number;
  readonly #segment: TcpSegment = new TcpSegment();
  /** By client port, in the order in which they were recorded. */
  readonly #expected: Map<number, RecordedStream[]> = new Map();
  readonly #conversations: Map<number, Conversation> = new Map();
  /** Frames that were changed. */
  changed: number = 0;

  /** @param port - The port that we listen on. */
  constructor(port: number, streams: readonly RecordedStream[]) {
    this.#port = port;
    for (const stream of streams) {
      const known = this.#expected.get(stream.port);
      if (known === undefined) this.#expected.set(stream.port, [stream]);
      else known.push(stream);
    }
  }

  /** Our host is about to send this frame. */
  sent(slots: FrameSlots, slot: number): void {
    const segment = this.#segment;
    if (!segment.read(slots.region.view, slots.address(slot), slots.length[slot])) return;
    if (segment.sourcePort !== this.#port || segment.has(tcp.RST)) return;
    const { destinationPort, end } = segment;
    const known = this.#conversations.get(destinationPort);
    if (segment.has(tcp.SYN)) this.#meet(known);
    else if (known !== undefined && seqAfter(end, known.sent)) known.sent = end;
  }

  /** This frame of the recording is about to come in: makes it fit. */
  receive(slots: FrameSlots, slot: number): void {
    const segment = this.#segment;
    const { view } = slots.region;
    if (!segment.read(view, slots.address(slot), slots.length[slot])) return;
    const known = segment.destinationPort === this.#port ? this.#conversations.get(segment.sourcePort) : undefined;
    if (known === undefined || !segment.has(tcp.ACK)) return;
    const { l4At } = segment.frame;
    const aligned = (segment.acknowledgment + known.sequenceShift) | 0;
    const acknowledgment = seqAfter(aligned, known.sent) ? known.sent : aligned;
    let changed = false;
    if (acknowledgment !== segment.acknowledgment) {
      replaceWord(view, l4At, tcp.ACKNOWLEDGMENT_AT, acknowledgment);
      changed = true;
    }
    const { hasTimestamp, tsEcr } = segment.options;
    if (hasTimestamp && known.timestampShift !== 0) {
      const echoAt = timestampAt(view, l4At, segment.frame.payloadAt) + 4;
      replaceWord(view, l4At, echoAt - l4At, (tsEcr + known.timestampShift) | 0);
      changed = true;
    }
    if (changed) this.changed++;
  }

  /** Our SYN-ACK, in `#segment`: the first one of a connection tells the difference. */
  #meet(known: Conversation | undefined): void {
    const { destinationPort, sequence, end, options } = this.#segment;
    if (known !== undefined && known.sent === end) return;
    const stream = this.#expected.get(destinationPort)?.shift();
    if (stream === undefined) return;
    const { serverStart, serverTimestamp } = stream;
    const timed = options.hasTimestamp && serverTimestamp !== null;
    this.#conversations.set(destinationPort, {
      sequenceShift: serverStart === null ? 0 : (sequence - serverStart) | 0,
      timestampShift: timed ? (options.tsVal - serverTimestamp) | 0 : 0,
      sent: end,
    });
  }
}

/** Where the timestamp option's values are: it is there. */
function timestampAt(view: DataView, l4At: number, end: number): number {
  for (let at = l4At + tcp.MIN_HEADER_BYTES; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === OPTION_TIMESTAMP) return at + 2;
    at += kind === OPTION_NOP ? 1 : Math.max(2, view.getUint8(at + 1));
  }
  return l4At;
}

/** Replaces 32 bits of a TCP header and carries the change over to its checksum, which stays as good or as bad as it was. */
function replaceWord(view: DataView, l4At: number, offset: number, value: number): void {
  // The checksum is made of 16-bit words from the header's start; an option may lie across three of them.
  const first = l4At + (offset & ~1);
  const last = l4At + ((offset + 3) & ~1);
  const before: number[] = [];
  for (let at = first; at <= last; at += 2) before.push(view.getUint16(at));
  view.setInt32(l4At + offset, value);
  let checksum = tcp.checksum(view, l4At);
  for (let at = first, i = 0; at <= last; at += 2, i++) {
    checksum = updateChecksum(checksum, before[i] as number, view.getUint16(at));
  }
  tcp.setChecksum(view, l4At, checksum);
}
