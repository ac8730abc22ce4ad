/** Frames for tests, made with wire's plain-value encoders. */
import {
  checksumBytes,
  ethernet,
  ipv4,
  ipv6,
  parseAddress4,
  parseAddress6,
  type TcpFields,
  tcp,
  udp,
} from '@netmem/wire';

export const PEER_MAC = '02:00:00:00:00:02';
export const CARD_MAC = '42:01:0a:00:00:01';

/** Addresses, IP options and what else lies around a transport header. */
export interface IpAround {
  six?: boolean;
  source?: string;
  destination?: string;
  /** IPv4 options, or extension headers in front of `transport`. */
  options?: Uint8Array;
  /** Number of the first extension header in `options`, for IPv6. */
  firstExtension?: number;
  identification?: number;
  flags?: number;
  fragmentOffset?: number;
  trafficClass?: number;
  vlanTags?: number;
}

/** `length` bytes that differ from their neighbours. */
export function pattern(length: number, seed: number = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >>> 8) * 13 + seed * 31) & 255;
  return bytes;
}

function addresses(around: IpAround): { source: string; destination: string } {
  const six = around.six === true;
  return {
    source: around.source ?? (six ? 'fd00::2' : '10.0.0.2'),
    destination: around.destination ?? (six ? 'fd00::1' : '10.0.0.1'),
  };
}

/** Sum of the pseudo header that goes with these addresses. */
export function pseudoSum(around: IpAround, protocol: number, length: number): number {
  const { source, destination } = addresses(around);
  const parts = new Uint8Array(40);
  const view = new DataView(parts.buffer);
  if (around.six === true) {
    parts.set(parseAddress6(source) as Uint8Array, 0);
    parts.set(parseAddress6(destination) as Uint8Array, 16);
  } else {
    view.setUint32(0, parseAddress4(source) as number);
    view.setUint32(4, parseAddress4(destination) as number);
  }
  view.setUint32(32, length);
  view.setUint32(36, protocol);
  return checksumBytes(parts, 0, parts.length);
}

/** Ethernet and IP around a transport's bytes. */
export function ipFrame(around: IpAround, protocol: number, transport: Uint8Array): Uint8Array<ArrayBuffer> {
  const { source, destination } = addresses(around);
  const options = around.options ?? new Uint8Array(0);
  const traffic = around.trafficClass ?? 0;
  const packet =
    around.six === true
      ? ipv6.encode({
          source,
          destination,
          nextHeader: around.firstExtension ?? protocol,
          trafficClass: traffic,
          payload: Uint8Array.from([...options, ...transport]),
        })
      : ipv4.encode({
          source,
          destination,
          protocol,
          options,
          identification: around.identification ?? 7,
          flags: around.flags ?? ipv4.DONT_FRAGMENT,
          fragmentOffset: around.fragmentOffset ?? 0,
          trafficClass: traffic,
          payload: transport,
        });
  return etherFrame(around.six === true ? ethernet.TYPE_IPV6 : ethernet.TYPE_IPV4, packet, around.vlanTags ?? 0);
}

/** An Ethernet frame with up to two VLAN tags. */
export function etherFrame(type: number, payload: Uint8Array, vlanTags: number = 0): Uint8Array<ArrayBuffer> {
  let inner: Uint8Array = payload;
  let innerType = type;
  for (let tag = 0; tag < vlanTags; tag++) {
    inner = Uint8Array.from([0, 5, innerType >>> 8, innerType & 255, ...inner]);
    innerType = ethernet.TYPE_VLAN;
  }
  return ethernet.encode({ destination: CARD_MAC, source: PEER_MAC, type: innerType, payload: inner });
}

/** A TCP segment in a frame, with good checksums. */
export function tcpFrame(fields: Partial<TcpFields> = {}, around: IpAround = {}): Uint8Array<ArrayBuffer> {
  const whole = { sourcePort: 40000, destinationPort: 5201, ...fields };
  const bare = tcp.encode(whole);
  return ipFrame(around, ipv4.PROTOCOL_TCP, tcp.encode(whole, pseudoSum(around, ipv4.PROTOCOL_TCP, bare.length)));
}

/** A UDP datagram in a frame, with good checksums. */
export function udpFrame(
  payload: Uint8Array,
  around: IpAround = {},
  ports: [number, number] = [40000, 53],
): Uint8Array<ArrayBuffer> {
  const fields = { sourcePort: ports[0], destinationPort: ports[1], payload };
  const sum = pseudoSum(around, ipv4.PROTOCOL_UDP, 8 + payload.length);
  return ipFrame(around, ipv4.PROTOCOL_UDP, udp.encode(fields, sum));
}
