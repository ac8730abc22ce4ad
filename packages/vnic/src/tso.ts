import { moveBytes, type Region } from '@netmem/region';
import { Dissection, dissect, ethernet, type InternetChecksum, ipv4, ipv6, L4_UNKNOWN, tcp, udp } from '@netmem/wire';
import { fillChecksum } from './tx-checksum.ts';

const IPV4_ID_AT = 4;
/** Only the last segment may say these, and only the first one this. */
const LAST_SEGMENT_FLAGS = tcp.FIN | tcp.PSH;
const FIRST_SEGMENT_FLAGS = tcp.CWR;

/**
 * The headers of a packet that is to be segmented, and how each segment's headers differ from them: IP lengths and
 * identification, TCP sequence number and flags or UDP length, and all checksums.
 */
export class SegmentHeaders {
  /** Bytes of headers. */
  length = 0;
  readonly #template: Region;
  readonly #frame: Dissection = new Dissection();
  #four = false;
  #tcp = false;
  /** Offsets from the start of the frame. */
  #l3 = 0;
  #l4 = 0;
  #identification = 0;
  #sequence = 0;
  #flags = 0;

  constructor(template: Region) {
    this.#template = template;
  }

  /** Where the packet's headers are to be put before {@link prepare}. */
  get template(): Region {
    return this.#template;
  }

  /**
   * Looks at the headers in the template.
   *
   * @returns false when they are not Ethernet, IP and TCP or UDP, exactly `length` bytes long and unfragmented.
   */
  prepare(length: number): boolean {
    const { view, base } = this.#template;
    const l3 = layer3Offset(view, base, length);
    if (l3 < 0) return false;
    // The driver's IP lengths are those of the whole packet, or 0 where that does not fit: make them those of the headers
    // alone, so that the frame can be read like any other.
    const four = view.getUint8(base + l3) >>> 4 === 4;
    if (length < l3 + (four ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES)) return false;
    if (four) view.setUint16(base + l3 + ipv4.TOTAL_LENGTH_AT, length - l3);
    else view.setUint16(base + l3 + ipv6.PAYLOAD_LENGTH_AT, length - l3 - ipv6.HEADER_BYTES);
    const frame = this.#frame;
    dissect(view, base, length, frame);
    const isTcp = frame.l4Protocol === ipv4.PROTOCOL_TCP;
    // A UDP header's own length is that of the whole packet as well, which is why dissect may call it malformed.
    const isUdp = frame.l4Protocol === ipv4.PROTOCOL_UDP && frame.l4Length === udp.HEADER_BYTES;
    if (frame.fragment || !(isUdp || (isTcp && frame.l4 !== L4_UNKNOWN))) return false;
    const l4Bytes = isTcp ? tcp.headerLength(view, frame.l4At) : udp.HEADER_BYTES;
    if (frame.l4At + l4Bytes !== base + length) return false;
    this.length = length;
    this.#four = four;
    this.#tcp = isTcp;
    this.#l3 = l3;
    this.#l4 = frame.l4At - base;
    this.#identification = four ? ipv4.identification(view, base + l3) : 0;
    this.#sequence = isTcp ? tcp.sequence(view, frame.l4At) : 0;
    this.#flags = isTcp ? tcp.flags(view, frame.l4At) : 0;
    return true;
  }

  /**
   * Writes the headers of one segment in front of its payload, which is there already, checksums included.
   *
   * @param at - Where the frame starts, from the start of the buffer.
   * @param index - 0 for the first segment; `sent` payload bytes are in earlier ones, `payload` in this one.
   */
  write(
    to: Region,
    at: number,
    index: number,
    sent: number,
    payload: number,
    last: boolean,
    sum: InternetChecksum,
  ): void {
    moveBytes(this.#template, 0, to, at - to.base, this.length);
    const { view } = to;
    const l3At = at + this.#l3;
    const l4At = at + this.#l4;
    const l4Bytes = this.length - this.#l4 + payload;
    if (this.#four) {
      view.setUint16(l3At + IPV4_ID_AT, this.#identification + index);
      ipv4.setTotalLength(view, l3At, this.length - this.#l3 + payload);
    } else {
      view.setUint16(l3At + ipv6.PAYLOAD_LENGTH_AT, this.length - this.#l3 - ipv6.HEADER_BYTES + payload);
    }
    if (this.#tcp) {
      let flags = this.#flags;
      if (!last) flags &= ~LAST_SEGMENT_FLAGS;
      if (index > 0) flags &= ~FIRST_SEGMENT_FLAGS;
      view.setUint32(l4At + tcp.SEQUENCE_AT, this.#sequence + sent);
      view.setUint8(l4At + tcp.FLAGS_AT, flags);
    } else {
      view.setUint16(l4At + udp.LENGTH_AT, l4Bytes);
    }
    dissect(view, at, this.length + payload, this.#frame);
    fillChecksum(view, this.#frame, sum);
  }
}

/** Offset of the IP header behind any VLAN tags, or -1. */
function layer3Offset(view: DataView, base: number, length: number): number {
  let typeAt = ethernet.TYPE_AT;
  for (let tags = 0; tags <= 2; tags++) {
    if (typeAt + 3 > length) return -1;
    const type = view.getUint16(base + typeAt);
    if (type === ethernet.TYPE_IPV4 || type === ethernet.TYPE_IPV6) return typeAt + 2;
    if (type !== ethernet.TYPE_VLAN && type !== ethernet.TYPE_QINQ) return -1;
    typeAt += ethernet.VLAN_TAG_BYTES;
  }
  return -1;
}
