import type { FrameSlots } from './frame-slots.ts';

/**
 * A place where frames come and go: an end of a cable, a TAP interface, a replayed capture, or a wrapper around another port.
 *
 * A frame's slot has one owner. `receive` gives it to the caller, who releases or transmits it. `transmit` takes it when it returns true; when
 * it returns false the port is full and the caller keeps it. Nothing that a frame contains makes a port throw.
 */
export interface Port {
  readonly slots: FrameSlots;
  /** Bytes of the largest packet, without the 14 bytes of Ethernet header. */
  readonly mtu: number;
  readonly linkUp: boolean;
  readonly stats: PortStats;
  /**
   * Whoever is on the other side takes frames that are yet to be cut, and checksums that are yet to be finished: `transmit` may be given GSO frames
   * and FRAME_NEEDS_CSUM. Absent means no. Frames that come from a port may be such ones in any case.
   */
  readonly superFrames?: boolean;
  /** Takes the frame and returns true, or returns false when the port is full. A frame that cannot be sent (link down, too long) is taken, dropped and counted. */
  transmit(slot: number): boolean;
  /** The next frame, or 0 when there is none now. */
  receive(): number;
}

/** Counters of a {@link Port}, as seen from its user. They only grow. */
export interface PortStats {
  /** Frames that `receive` handed out, and their bytes. */
  rxFrames: number;
  rxBytes: number;
  /** Frames that `transmit` took and sent on, and their bytes. */
  txFrames: number;
  txBytes: number;
  /** Frames for this port that were lost for want of a slot or room. */
  rxDropped: number;
  /** Frames that `transmit` took and could not send. */
  txDropped: number;
}

/** What a link needs to know about time. A machine's clock satisfies it. */
export interface LinkClock {
  readonly nowNs: number;
  schedule(atNs: number, callback: () => void): void;
}

/** All counters at 0. */
export function newPortStats(): PortStats {
  return { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, rxDropped: 0, txDropped: 0 };
}
