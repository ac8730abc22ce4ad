/** What two ends agreed on in their SYNs. Reading and writing of the bytes is `@netmem/wire`'s. */

/** Timestamps with their two NOPs. @kernel TCPOLEN_TSTAMP_ALIGNED — include/net/tcp.h, 7.3 */
export const TCPOLEN_TSTAMP_ALIGNED = 12;
/** The word that opens an aligned timestamp option: NOP, NOP, kind 8, length 10. */
export const TSTAMP_WORD = 0x0101080a;
export const TCPOLEN_SACK_BASE_ALIGNED = 4;
export const TCPOLEN_SACK_PERBLOCK = 8;
/** Most bytes of options. */
export const MAX_TCP_OPTION_SPACE = 40;
/** MSS of a peer that names none (RFC 9293, 3.7.1). @kernel TCP_MSS_DEFAULT — include/uapi/linux/tcp.h, 7.3 */
export const TCP_MSS_DEFAULT = 536;
/** What a peer's MSS is at least taken for when ACKs are paced by it. @kernel TCP_MIN_MSS — include/net/tcp.h, 7.3 */
export const TCP_MIN_MSS = 88;

/** A connection's options, and those of the segment in hand. @kernel tcp_options_received — include/linux/tcp.h, 7.3 */
export class NegotiatedOptions {
  tstampOk: boolean = false;
  sackOk: boolean = false;
  wscaleOk: boolean = false;
  sndWscale: number = 0;
  /** The peer's MSS. */
  mssClamp: number = TCP_MSS_DEFAULT;
  /** Timestamp to echo (int32) and when it was taken (ms, int32). */
  tsRecent: number = 0;
  tsRecentStampMs: number = 0;
  /** Whether `tsRecent` holds anything. */
  hasTsRecent: boolean = false;
  /** The segment in hand carried timestamps, these; the echo with `tsOffset` taken off, in this host's milliseconds. */
  sawTstamp: boolean = false;
  rcvTsval: number = 0;
  rcvTsecr: number = 0;
  /** Added to this host's milliseconds, so that timestamps tell nothing about its uptime (RFC 7323, 5.4). */
  tsOffset: number = 0;
}
