/** Protection against wrapped sequence numbers: RFC 7323, 5. */
import type { NegotiatedOptions } from './options.ts';

/** A timestamp this old (24 days) may have wrapped and proves nothing. @kernel TCP_PAWS_WRAP — include/net/tcp.h, 7.3 */
export const TCP_PAWS_WRAP_MS: number = 24 * 86_400_000;
/** Slack for reordered segments. @kernel TCP_PAWS_WINDOW — include/net/tcp.h, 7.3 */
export const TCP_PAWS_WINDOW = 1;
/** @kernel TCP_PAWS_MSL — include/net/tcp.h, 7.3 */
export const TCP_PAWS_MSL_MS = 60_000;

/** Whether the segment's timestamp is acceptable, `slack` units late at most. @kernel tcp_paws_check — include/net/tcp.h, 7.3 */
export function pawsCheck(options: NegotiatedOptions, slack: number, nowMs: number): boolean {
  if (((options.tsRecent - options.rcvTsval) | 0) <= slack) return true;
  // Some systems send 0 in their SYN: no base to compare with.
  return !options.hasTsRecent || options.tsRecent === 0 || ((nowMs - options.tsRecentStampMs) | 0) >= TCP_PAWS_WRAP_MS;
}

/**
 * Whether the segment must be thrown away.
 *
 * @param rst - A reset may be honoured when the stored timestamp is older than a minute: the peer may have rebooted.
 * @kernel tcp_paws_reject — include/net/tcp.h, 7.3
 */
export function pawsReject(options: NegotiatedOptions, rst: boolean, nowMs: number): boolean {
  if (pawsCheck(options, 0, nowMs)) return false;
  return !(rst && ((nowMs - options.tsRecentStampMs) | 0) >= TCP_PAWS_MSL_MS);
}

/**
 * An old timestamp on an ACK that repeats what was said and moves nothing: a reordered ACK, not an attack. Such a segment is dropped without an answer.
 *
 * @param replay - seq is what was last received and ack is sndUna and the window is the same.
 * @kernel tcp_disordered_ack_check — net/ipv4/tcp_input.c, 7.3
 */
export function isDisorderedAck(options: NegotiatedOptions, replay: boolean, rtoMs: number): boolean {
  if (!replay) return false;
  return ((options.tsRecent - options.rcvTsval) | 0) <= rtoMs;
}

/** Takes the segment's timestamp for the one to echo. @kernel tcp_store_ts_recent — net/ipv4/tcp_input.c, 7.3 */
export function storeTsRecent(options: NegotiatedOptions, nowMs: number): void {
  options.tsRecent = options.rcvTsval;
  options.tsRecentStampMs = nowMs;
  options.hasTsRecent = true;
}

/** The same if the segment covers the last ACK and is no older. @kernel tcp_replace_ts_recent — net/ipv4/tcp_input.c, 7.3 */
export function replaceTsRecent(options: NegotiatedOptions, seq: number, rcvWup: number, nowMs: number): void {
  if (options.sawTstamp && ((seq - rcvWup) | 0) <= 0 && pawsCheck(options, 0, nowMs)) storeTsRecent(options, nowMs);
}
