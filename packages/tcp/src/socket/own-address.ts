import { AF_INET6 } from '@netmem/uapi';
import { InetAddress } from '../stack/inet-address.ts';

const LOOPBACK4 = 0x7f000001;

/**
 * Where a packet for the unspecified address goes: to this host. That is what a program gets that connects to `0.0.0.0` or `::`. On IPv4 it is the
 * address that the socket is bound to, else 127.0.0.1; on IPv6 it is ::1, or 127.0.0.1 where the socket is bound to an IPv4 address.
 *
 * @param local - What the socket is bound to.
 * @returns `address` itself unless it is unspecified.
 * @kernel ip_route_output_key_hash — net/ipv4/route.c, 7.3
 * @kernel tcp_v6_connect — net/ipv6/tcp_ipv6.c, 7.3
 */
export function unspecifiedIsSelf(address: InetAddress, local: InetAddress): InetAddress {
  if (!address.isAny) return address;
  if (address.isV4) return local.isV4 && !local.isAny ? local.clone() : InetAddress.v4(LOOPBACK4);
  return local.isV4 ? InetAddress.v4(LOOPBACK4) : loopback6();
}

function loopback6(): InetAddress {
  const address = InetAddress.any(AF_INET6);
  address.w3 = 1;
  return address;
}
