/** What ICMP errors mean to a socket, and finding the socket's packet inside them. */
import {
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '@netmem/uapi';
import { ipv4, ipv6 } from '@netmem/wire';
import { InetAddress } from '../stack/inet-address.ts';

/** Errno for each code of ICMP destination unreachable. @kernel icmp_err_convert — net/ipv4/icmp.c, 7.3 */
const UNREACH_ERRNO: readonly number[] = [
  ENETUNREACH,
  EHOSTUNREACH,
  ENOPROTOOPT,
  ECONNREFUSED,
  EMSGSIZE,
  EOPNOTSUPP,
  ENETUNREACH,
  EHOSTDOWN,
  ENONET,
  ENETUNREACH,
  EHOSTUNREACH,
  ENETUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
];
/** Bit set of the codes that end a datagram socket's patience: all but net, host, fragmentation, source route and the two TOS codes. */
const UNREACH_FATAL = 0b1110_0111_1100_1100;

/** Same for ICMPv6. @kernel tab_unreach — net/ipv6/icmp.c, 7.3 */
const UNREACH6_ERRNO: readonly number[] = [
  ENETUNREACH,
  EACCES,
  EHOSTUNREACH,
  EHOSTUNREACH,
  ECONNREFUSED,
  EACCES,
  EACCES,
];
const UNREACH6_FATAL = 0b111_0010;

/** The verdict on one message, and the packet it talks about as this host sent it. Made once, filled per message. */
export class IcmpError {
  /** Positive errno. */
  errno: number = 0;
  /** Not a passing condition. */
  fatal: boolean = false;
  /** For EMSGSIZE: the MTU told; 0 none. */
  mtu: number = 0;
  protocol: number = 0;
  readonly local: InetAddress = new InetAddress();
  readonly remote: InetAddress = new InetAddress();
  localPort: number = 0;
  remotePort: number = 0;
  /** TCP sequence number of the packet, int32. */
  seq: number = 0;
}

/** Sets errno and fatal from an IPv4 destination-unreachable code. */
export function fromUnreachCode(out: IcmpError, code: number): boolean {
  if (code >= UNREACH_ERRNO.length) return false;
  out.errno = UNREACH_ERRNO[code];
  out.fatal = ((UNREACH_FATAL >>> code) & 1) !== 0;
  return true;
}

/** Sets errno and fatal from an ICMPv6 destination-unreachable code. */
export function fromUnreach6Code(out: IcmpError, code: number): void {
  out.errno = UNREACH6_ERRNO[code] ?? EPROTO;
  out.fatal = code >= UNREACH6_ERRNO.length || ((UNREACH6_FATAL >>> code) & 1) !== 0;
}

/**
 * Reads the packet inside an error, `length` bytes at `at`: addresses, ports, sequence number.
 *
 * @returns false when it is too short or not one that a transport protocol of ours sends.
 */
export function readInnerPacket(view: DataView, at: number, length: number, out: IcmpError): boolean {
  if (length < 1) return false;
  const version = view.getUint8(at) >>> 4;
  let transport = 0;
  if (version === 4) {
    const header = length >= ipv4.MIN_HEADER_BYTES ? ipv4.headerLength(view, at) : 0;
    if (header < ipv4.MIN_HEADER_BYTES || length < header + 8) return false;
    if ((ipv4.flagsAndOffset(view, at) & ipv4.OFFSET_MASK) !== 0) return false;
    out.protocol = ipv4.protocol(view, at);
    out.local.setV4(view.getInt32(at + ipv4.SOURCE_AT));
    out.remote.setV4(view.getInt32(at + ipv4.DESTINATION_AT));
    transport = at + header;
  } else if (version === 6) {
    // This host sends no extension headers: a packet with some is not ours.
    if (length < ipv6.HEADER_BYTES + 8) return false;
    out.protocol = ipv6.nextHeader(view, at);
    out.local.readV6(view, at + ipv6.SOURCE_AT);
    out.remote.readV6(view, at + ipv6.DESTINATION_AT);
    transport = at + ipv6.HEADER_BYTES;
  } else {
    return false;
  }
  out.localPort = view.getUint16(transport);
  out.remotePort = view.getUint16(transport + 2);
  out.seq = view.getInt32(transport + 4);
  return true;
}
