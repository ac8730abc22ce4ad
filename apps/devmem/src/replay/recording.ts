/** A capture file as a source: whose host it shows, what came to it, and which bytes that makes. */
import { readFileSync } from 'node:fs';
import { type CapturedPacket, LINKTYPE_ETHERNET, openCapture, type ReplayFrame, readCapture } from '@netmem/pcap';
import { arp, ethernet, formatAddress4, formatMac, MAC_BYTES, parseAddress4, tcp } from '@netmem/wire';
import { CAPTURE_APPLICATION } from '../capture/capture-file.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { ListenAddress } from '../host/options.ts';
import { finishTcpChecksum } from './finish-checksum.ts';
import { RecordedStream } from './recorded-stream.ts';
import { TcpSegment } from './tcp-segment.ts';

/** A frame that came to the recorded host. */
export interface RecordedFrame extends ReplayFrame {
  /** Frames that the recorded host had sent before. */
  readonly after: number;
}

/** What a replay needs of a capture. */
export interface Recording {
  /** The recorded host's hardware address: the replaying one takes it. */
  readonly mac: Uint8Array;
  readonly frames: readonly RecordedFrame[];
  /** Bytes of the longest of them. */
  readonly longestFrame: number;
  /** Frames that went elsewhere, or were cut when they were captured. */
  readonly skipped: number;
  /** When the first frame came, in the recorded host's own time; null when the capture does not know that time. */
  readonly startNs: number | null;
  readonly streams: readonly RecordedStream[];
  /** Clients that nobody in the capture asks for their hardware address. */
  readonly neighbours: readonly { readonly address: string; readonly mac: string }[];
  /** Why reading stopped before the end of the file; null when it did not. */
  readonly damage: string | null;
}

/** Services that are named when the one we listen for is not there. */
const SERVICES_TO_NAME = 4;

function refuse(path: string, message: string): CommandError {
  return new CommandError(EXIT.usage, `error: --replay ${path}: ${message}`);
}

class Reader {
  readonly #listen: ListenAddress;
  readonly #address: number;
  readonly #segment: TcpSegment = new TcpSegment();
  readonly #open: Map<number, RecordedStream> = new Map();
  readonly streams: RecordedStream[] = [];
  /** `10.0.0.1:80` → segments. */
  readonly services: Map<string, number> = new Map();
  mac: Uint8Array | null = null;
  /** Hardware addresses of clients by address, and the addresses that ARP packets tell. */
  readonly #clients: Map<string, string> = new Map();
  readonly #told: Set<string> = new Set();

  constructor(listen: ListenAddress) {
    this.#listen = listen;
    this.#address = parseAddress4(listen.address) ?? 0;
  }

  /** First pass: whose host it is. */
  look({ data }: CapturedPacket): void {
    const view = viewOf(data);
    if (!this.#segment.read(view, 0, data.length)) return;
    const { destination, destinationPort, flags } = this.#segment;
    if ((flags & (tcp.SYN | tcp.ACK)) !== tcp.SYN) return;
    const service = `${formatAddress4(destination)}:${destinationPort}`;
    this.services.set(service, (this.services.get(service) ?? 0) + 1);
    if (this.#isOurs(destination, destinationPort)) this.mac ??= data.slice(0, MAC_BYTES);
  }

  /** Second pass, a frame that came in. */
  receive({ data }: CapturedPacket): void {
    const segment = this.#segment;
    const view = viewOf(data);
    if (!segment.read(view, 0, data.length)) {
      if (segment.frame.etherType === ethernet.TYPE_ARP) this.#hearArp(view, segment.frame.l3At);
      return;
    }
    const isGood = finishTcpChecksum(view, segment);
    if (!isGood || !this.#isOurs(segment.destination, segment.destinationPort)) return;
    let stream = this.#open.get(segment.sourcePort);
    if (segment.has(tcp.SYN) && stream?.startsWith(segment) !== true) {
      stream = new RecordedStream(segment);
      this.#open.set(segment.sourcePort, stream);
      this.streams.push(stream);
      this.#clients.set(formatAddress4(segment.source), formatMac(data, ethernet.SOURCE_AT));
    }
    const { payloadAt } = segment.frame;
    stream?.add(segment, data.subarray(payloadAt, payloadAt + segment.payloadLength));
  }

  /** Second pass, a frame that the recorded host sent. */
  sent({ data }: CapturedPacket): void {
    const segment = this.#segment;
    if (!segment.read(viewOf(data), 0, data.length)) return;
    const stream = this.#isOurs(segment.source, segment.sourcePort)
      ? this.#open.get(segment.destinationPort)
      : undefined;
    if (stream === undefined || !segment.has(tcp.SYN)) return;
    stream.serverStart = segment.sequence;
    if (segment.options.hasTimestamp) stream.serverTimestamp = segment.options.tsVal | 0;
  }

  get neighbours(): { address: string; mac: string }[] {
    return [...this.#clients]
      .filter(([address]) => !this.#told.has(address))
      .map(([address, mac]) => ({ address, mac }));
  }

  #hearArp(view: DataView, at: number): void {
    if (arp.validatePacket(view, at, view.byteLength - at) === 0)
      this.#told.add(formatAddress4(arp.senderAddress(view, at)));
  }

  #isOurs(address: number, port: number): boolean {
    return address === this.#address && port === this.#listen.port;
  }
}

/**
 * Reads a capture.
 *
 * @throws CommandError (usage) when the file is no capture, or nothing in it is for the address and port we listen on.
 */
export function readRecording(path: string, listen: ListenAddress): Recording {
  const bytes = readFile(path);
  const application = firstApplication(path, bytes);
  const { packets, error } = readCapture(bytes);
  const foreign = packets.find((packet) => packet.interface.linkType !== LINKTYPE_ETHERNET);
  if (foreign !== undefined) throw refuse(path, `link type ${foreign.interface.linkType} is not Ethernet.`);
  const reader = new Reader(listen);
  for (const packet of packets) reader.look(packet);
  const { mac } = reader;
  if (mac === null) throw refuse(path, whatElse(listen, reader.services));
  const frames: RecordedFrame[] = [];
  let sent = 0;
  for (const packet of packets) {
    const { data } = packet;
    if (data.length < ethernet.HEADER_BYTES || data.length < packet.originalLength) continue;
    if (isFrom(data, mac)) {
      sent++;
      reader.sent(packet);
    } else if (isFor(data, mac)) {
      const { timestampNs, seconds, nanoseconds } = packet;
      reader.receive(packet);
      frames.push({ data, timestampNs, seconds, nanoseconds, after: sent });
    }
  }
  for (const stream of reader.streams) stream.finish();
  return {
    mac,
    frames,
    longestFrame: frames.reduce((longest, { data }) => Math.max(longest, data.length), 0),
    skipped: packets.length - frames.length - sent,
    startNs: application === CAPTURE_APPLICATION ? (frames[0]?.timestampNs ?? null) : null,
    streams: reader.streams,
    neighbours: reader.neighbours,
    damage: error?.message ?? null,
  };
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw refuse(path, `${(error as NodeJS.ErrnoException).code}`);
  }
}

function firstApplication(path: string, bytes: Uint8Array): string {
  try {
    const reader = openCapture(bytes);
    reader.read();
    return reader.section?.application ?? '';
  } catch (error) {
    throw refuse(path, (error as Error).message);
  }
}

function whatElse({ address, port }: ListenAddress, services: ReadonlyMap<string, number>): string {
  const most = [...services].sort((a, b) => b[1] - a[1]).slice(0, SERVICES_TO_NAME);
  const found = most.map(([service]) => service).join(', ');
  const hint = found === '' ? 'nor to anything else over IPv4.' : `but to ${found}: say --listen ${most[0]?.[0]}.`;
  return `no connection to ${address}:${port} begins in it, ${hint}`;
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function isFrom(data: Uint8Array, mac: Uint8Array): boolean {
  return ethernet.addressEquals(viewOf(data), ethernet.SOURCE_AT, mac);
}

function isFor(data: Uint8Array, mac: Uint8Array): boolean {
  const view = viewOf(data);
  return ethernet.isMulticast(view, 0) || ethernet.addressEquals(view, ethernet.DESTINATION_AT, mac);
}
