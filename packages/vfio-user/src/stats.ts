/** What a server has done, over all its guests. The numbers only grow. */
export class VfioUserStats {
  /** Guests that connected, and connections turned away because one was there. */
  guests = 0;
  refusedGuests = 0;
  /** Messages that came, and error replies that went. */
  messages = 0;
  errorReplies = 0;
  /** Messages whose command is not one that this server serves. */
  unknownCommands = 0;
  /** Streams that were no messages, and were closed for it. */
  malformedStreams = 0;
  /** Device accesses to guest memory. */
  dmaReads = 0;
  dmaReadBytes = 0;
  dmaWrites = 0;
  dmaWriteBytes = 0;
  /** Accesses to addresses that are not mapped, not reachable, or not writable. Nothing was touched. */
  dmaFaults = 0;
  /** MSI-X messages sent, and times that one had to wait: vector masked or not set up, or a guest that does not read. */
  interrupts = 0;
  interruptsHeld = 0;
  /** MSI-X messages that the guest could not deliver. */
  interruptsRefused = 0;
  /** Reads of the MSI-X table. */
  tableReads = 0;
  /** Resets: by the guest, and between guests. */
  resets = 0;
}
