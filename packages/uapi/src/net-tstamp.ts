// Time stamps of packets: include/uapi/linux/net_tstamp.h and include/uapi/linux/errqueue.h.

/** What SO_TIMESTAMPING asks for, and what a device can do, as bits. */
export const SOF_TIMESTAMPING = {
  TX_HARDWARE: 0x1,
  TX_SOFTWARE: 0x2,
  RX_HARDWARE: 0x4,
  RX_SOFTWARE: 0x8,
  SOFTWARE: 0x10,
  SYS_HARDWARE: 0x20,
  RAW_HARDWARE: 0x40,
  OPT_ID: 0x80,
  TX_SCHED: 0x100,
  TX_ACK: 0x200,
  OPT_CMSG: 0x400,
  OPT_TSONLY: 0x800,
  OPT_STATS: 0x1000,
  OPT_PKTINFO: 0x2000,
  OPT_TX_SWHW: 0x4000,
  BIND_PHC: 0x8000,
  OPT_ID_TCP: 0x10000,
  OPT_RX_FILTER: 0x20000,
  TX_COMPLETION: 0x40000,
} as const;
/** All bits of {@link SOF_TIMESTAMPING}. */
export const SOF_TIMESTAMPING_MASK = 0x7ffff;

/** Which sent packets a device stamps. */
export const HWTSTAMP_TX = { OFF: 0, ON: 1, ONESTEP_SYNC: 2, ONESTEP_P2P: 3 } as const;

/** Which received packets a device stamps. */
export const HWTSTAMP_FILTER = {
  NONE: 0,
  ALL: 1,
  SOME: 2,
  PTP_V1_L4_EVENT: 3,
  PTP_V1_L4_SYNC: 4,
  PTP_V1_L4_DELAY_REQ: 5,
  PTP_V2_L4_EVENT: 6,
  PTP_V2_L4_SYNC: 7,
  PTP_V2_L4_DELAY_REQ: 8,
  PTP_V2_L2_EVENT: 9,
  PTP_V2_L2_SYNC: 10,
  PTP_V2_L2_DELAY_REQ: 11,
  PTP_V2_EVENT: 12,
  PTP_V2_SYNC: 13,
  PTP_V2_DELAY_REQ: 14,
  NTP_ALL: 15,
} as const;

/** Flags of a stamping configuration that exist. */
export const HWTSTAMP_FLAG_MASK = 0x1;

/** Size of `struct scm_timestamping`: three times, each seconds and nanoseconds of 8 bytes. */
export const SCM_TIMESTAMPING_BYTES = 48;
/** Offsets of its three times. The second is not used any more. */
export const SCM_TIMESTAMPING = { software: 0, legacy: 16, hardware: 32 } as const;

/** Writes a `struct timespec` with 64-bit fields: `ns` nanoseconds since whatever the clock counts from, below 2^53. */
export function writeTimespec(view: DataView, at: number, ns: number): void {
  const seconds = Math.floor(ns / 1e9);
  view.setUint32(at, seconds, true);
  view.setUint32(at + 4, Math.floor(seconds / 0x100000000), true);
  view.setUint32(at + 8, ns - seconds * 1e9, true);
  view.setUint32(at + 12, 0, true);
}

/** Reads what {@link writeTimespec} wrote, in nanoseconds. */
export function readTimespec(view: DataView, at: number): number {
  const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
  return seconds * 1e9 + view.getUint32(at + 8, true);
}
