/** What the card counts. Plain numbers, live: read them whenever you like. */

/** One receive queue, since the card was made; re-creating the queue keeps the counts. */
export class RxQueueStats {
  packets = 0;
  /** Frame bytes, headers included. */
  bytes = 0;
  /** Packets whose headers went to a header buffer. */
  split = 0;
  /** Packets on a splitting queue that stayed whole because their headers exceed the header buffer. */
  headerOverflow = 0;
  /** Packets that were merged from several segments, or came as a super-frame and stayed one, and the segments they stand for. */
  rscPackets = 0;
  rscSegments = 0;
  /** Completions written. */
  completions = 0;
  noBuffers = 0;
  overMru = 0;
  badChecksum = 0;
  /** Frames for a queue that has stopped. */
  stopped = 0;

  /** All frames that were for this queue and did not reach it. */
  get dropped(): number {
    return this.noBuffers + this.overMru + this.badChecksum + this.stopped;
  }
}

/** One transmit queue, since the card was made. */
export class TxQueueStats {
  /** Packets completed, sent or not; a TSO packet is one. */
  packets = 0;
  /** Frames handed to the port. */
  frames = 0;
  /** Their bytes. */
  bytes = 0;
  tsoPackets = 0;
  /** Those of them that went to the port whole, as super-frames. */
  superFrames = 0;
  /** Frames whose checksum the card made. */
  checksums = 0;
  /** Packets that asked for a checksum the card cannot make; sent as they were. */
  checksumSkipped = 0;
  /** Packets completed and not sent: larger than the wire or its slots. */
  tooLong = 0;
  /** TSO packets completed and not sent, because their headers are not TCP or UDP over IP. */
  notSegmentable = 0;
  /** Frames completed and not sent, because the link is down. */
  linkDown = 0;
  /** Times that the port or its slots were full. */
  stalls = 0;
}

/** The whole card. */
export interface NicStats {
  readonly rx: readonly RxQueueStats[];
  readonly tx: readonly TxQueueStats[];
  readonly device: DeviceStats;
}

/** What belongs to no queue. */
export class DeviceStats {
  /** Frames taken from the port. */
  rxFrames = 0;
  rxBytes = 0;
  /** Frames that named no existing queue. */
  rxNoQueue = 0;
  /** Frames too short to be any. */
  rxRunts = 0;
  /** Super-frames from the port that were cut into what a wire would have carried, and those that cannot be cut. */
  rxCut = 0;
  rxNotSegmentable = 0;
  rxLinkDown = 0;
  /** Frames that a flow rule placed. */
  rxSteered = 0;
  /** Admin commands that ran, and those that did not end PASSED. */
  commands = 0;
  commandsRefused = 0;
  /** Queues (the admin queue too) stopped for what the driver asked of them. */
  faults = 0;
  /** Resets done, whoever asked. */
  resets = 0;
}
