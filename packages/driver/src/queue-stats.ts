/** Counters of one receive queue. They belong to the queue's number and survive restarts, so that they never go backwards. */
export class RxQueueStats {
  packets = 0;
  bytes = 0;
  /** Buffers shown to the card, completions read. */
  posted = 0;
  completed = 0;
  hsplitPackets = 0;
  hsplitBytes = 0;
  /** Packets of a splitting queue whose header the card left in front of the payload. */
  unsplitPackets = 0;
  /** Packets of more than one buffer: the buffers behind the first. */
  continuationBuffers = 0;
  copybreakPackets = 0;
  fragLists = 0;
  /** Packets that the card merged, their bytes, and the segments and bytes that were on the wire. */
  hwGroPackets = 0;
  hwGroBytes = 0;
  hwGroWirePackets = 0;
  hwGroWireBytes = 0;
  skbAllocFail = 0;
  bufAllocFail = 0;
  /** Packets that the card marked bad, and completions that name no posted buffer. */
  descErrDropped = 0;
  /** Packets whose header lies where no CPU can read it. */
  unreadableHeaderDropped = 0;
  csumUnnecessary = 0;
  csumNone = 0;
  /** Times that the starvation timer woke the queue. */
  starvationKicks = 0;
}

/** Counters of one transmit queue. */
export class TxQueueStats {
  packets = 0;
  bytes = 0;
  posted = 0;
  completed = 0;
  stop = 0;
  wake = 0;
  dropped = 0;
  dmaMappingErrors = 0;
  needsCsum = 0;
  csumNone = 0;
  gsoPackets = 0;
  gsoBytes = 0;
  gsoWirePackets = 0;
  gsoWireBytes = 0;
}

/** Counters of the device. */
export class DeviceStats {
  interfaceUp = 0;
  interfaceDown = 0;
  resets = 0;
  statsReportTriggers = 0;
}
