/** The TCP segment in a frame, as plain numbers: read from a capture's bytes and from frame slots alike. */
import { Dissection, dissect, ipv4, L3_IPV4, L4_TCP, parseTcpOptions, TcpOptions, tcp } from '@netmem/wire';

/** Reused for every frame; the fields are those of the last one that {@link TcpSegment.read} took. */
export class TcpSegment {
  readonly frame: Dissection = new Dissection();
  readonly options: TcpOptions = new TcpOptions();
  /** uint32. */
  source: number = 0;
  destination: number = 0;
  sourcePort: number = 0;
  destinationPort: number = 0;
  /** int32, as is `acknowledgment`. */
  sequence: number = 0;
  acknowledgment: number = 0;
  flags: number = 0;
  payloadLength: number = 0;

  /** Reads the frame; false when it is no whole TCP segment over IPv4. */
  read(view: DataView, at: number, length: number): boolean {
    const { frame } = this;
    dissect(view, at, length, frame);
    if (frame.l3 !== L3_IPV4 || frame.l4 !== L4_TCP || frame.fragment || frame.malformed) return false;
    const { l3At, l4At } = frame;
    this.source = view.getUint32(l3At + ipv4.SOURCE_AT);
    this.destination = view.getUint32(l3At + ipv4.DESTINATION_AT);
    this.sourcePort = tcp.sourcePort(view, l4At);
    this.destinationPort = tcp.destinationPort(view, l4At);
    this.sequence = tcp.sequence(view, l4At) | 0;
    this.acknowledgment = tcp.acknowledgment(view, l4At) | 0;
    this.flags = tcp.flags(view, l4At);
    this.payloadLength = l4At + frame.l4Length - frame.payloadAt;
    const optionsAt = l4At + tcp.MIN_HEADER_BYTES;
    parseTcpOptions(view, optionsAt, frame.payloadAt - optionsAt, this.options);
    return true;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** The sequence number behind the segment, int32. */
  get end(): number {
    const phantom = (this.has(tcp.SYN) ? 1 : 0) + (this.has(tcp.FIN) ? 1 : 0);
    return (this.sequence + this.payloadLength + phantom) | 0;
  }
}
