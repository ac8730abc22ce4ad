import type { Port } from './port.ts';

/** How a cable treats frames; the same in both directions. What is not given is absent: the default cable is perfect and takes no time. */
export interface CableOptions {
  /** Default 1500. Longer frames, unless a GSO frame, are dropped and counted by their sender. */
  mtu?: number;
  /**
   * The ends take frames that are yet to be cut, as two virtual machines on one host do; the slots must hold them (SUPER_FRAME_BYTES). Default false: a
   * wire, on which cards cut what they send.
   */
  superFrames?: boolean;
  /** Frames under way in one direction before `transmit` returns false. Default 1024. */
  queueFrames?: number;
  /** Travelling time. Needs a clock. */
  latencyNs?: number;
  /** Frames follow each other at this pace, with preamble, check sequence and gap counted as on Ethernet. Needs a clock. */
  bandwidthBitsPerSecond?: number;
  /** Probability, 0 to 1, that a frame is lost. */
  loss?: number;
  /** Probability that a frame is held back so that later ones pass it: by up to `reorderNs` with a clock, by up to three frames without. */
  reorder?: number;
  /** Longest time that a frame is held back. Default 50,000. */
  reorderNs?: number;
  /** Probability that a frame arrives twice. */
  duplicate?: number;
  /** Probability that one bit of a frame is flipped, as a faulty switch does after it checked the frame. */
  corrupt?: number;
  /** Decides every random choice. Default 1. */
  seed?: number;
}

/** What the cable did to frames on purpose. */
export interface CableFaults {
  lost: number;
  reordered: number;
  duplicated: number;
  corrupted: number;
}

/** Two ports joined in memory. */
export interface Cable {
  readonly a: Port;
  readonly b: Port;
  readonly faults: CableFaults;
  /** Frames handed to `transmit` at one end and not yet to be had at the other. */
  readonly framesUnderWay: number;
  /** Delivers what is due. Returns whether anything was done. A perfect cable has nothing to do. */
  step(): boolean;
  /** Pulls the plug (what is under way is lost), or puts it back. */
  setLinkUp(up: boolean): void;
}
