import type { InetAddress } from '../stack/inet-address.ts';

/** First word of ff02::/16, groups that end at the link. */
const LINK_LOCAL_GROUPS = 0xff02;

/**
 * Whether an address says nothing without an interface: link-local, and neither it nor the socket names one.
 *
 * @kernel __ipv6_addr_needs_scope_id — include/net/ipv6.h, 7.3
 */
export function lacksScope(address: InetAddress, boundDevice: number): boolean {
  if (address.scopeId !== 0 || boundDevice !== 0) return false;
  return address.isLinkLocal || address.w0 >>> 16 === LINK_LOCAL_GROUPS;
}
