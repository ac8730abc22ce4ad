import { type FrameSlots, type LinkClock, newPortStats, type Port, type PortStats } from '@netmem/link';

/** A frame to replay: a packet read from a capture, or made by hand. */
export interface ReplayFrame {
  readonly data: Uint8Array;
  /** When; only differences count. Not looked at where `seconds` is given. */
  readonly timestampNs?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  /** Goes to the slot's queue. */
  readonly queue?: number | null;
}

/** How frames are replayed. */
export interface ReplayOptions<Frame extends ReplayFrame = ReplayFrame> {
  /** Needed for `'recorded'`. */
  clock?: LinkClock | null;
  /**
   * - `'recorded'` (default): with the recorded distances in time. A frame that was recorded earlier than one before it comes right after that.
   * - `'asap'`: whenever one is asked for.
   */
  speed?: 'recorded' | 'asap';
  /** How often all frames are replayed: `true` for ever, a number so many times. Default once. */
  loop?: boolean | number;
  /** Which frames to replay. Default: all, also those that the recorded host sent itself. */
  filter?: (frame: Frame) => boolean;
  /** When the first frame is due, in the clock's time. Default: when `receive` is called first. */
  startNs?: number;
  /** Told to the user of the port, not enforced. Default 1500. */
  mtu?: number;
}

/** A port whose other side is a recording. */
export interface ReplayPort extends Port {
  /** While false nothing comes, and nothing of the recording is lost; what is transmitted is dropped. */
  linkUp: boolean;
  /** Frames of a pass. */
  readonly frames: number;
  /** Frames left in this pass. */
  readonly remaining: number;
  /** Passes completed. */
  readonly passes: number;
  /** Whether no frame will come any more. */
  readonly finished: boolean;
}

/** Time from the last frame to the first of the next pass, where the recording is too short to say: a model choice. */
const LOOP_GAP_NS = 1e6;

const NOTHING: () => void = () => {};

class Recording implements ReplayPort {
  readonly slots: FrameSlots;
  readonly mtu: number;
  readonly stats: PortStats = newPortStats();
  linkUp: boolean = true;
  passes: number = 0;
  readonly #frames: readonly Uint8Array[];
  readonly #queues: Uint16Array;
  /** From the start of the pass. */
  readonly #atNs: Float64Array;
  readonly #periodNs: number;
  readonly #clock: LinkClock | null;
  readonly #isTimed: boolean;
  readonly #maxPasses: number;
  #startNs: number;
  #index = 0;
  #wakeNs = Number.NEGATIVE_INFINITY;

  constructor(slots: FrameSlots, frames: readonly ReplayFrame[], options: ReplayOptions) {
    this.slots = slots;
    this.mtu = options.mtu ?? 1500;
    this.#clock = options.clock ?? null;
    this.#isTimed = options.speed !== 'asap';
    const { loop = false } = options;
    this.#maxPasses = typeof loop === 'number' ? loop : loop ? Infinity : 1;
    const fitting = frames.filter((frame) => frame.data.length <= slots.slotBytes);
    this.stats.rxDropped = frames.length - fitting.length;
    this.#frames = fitting.map((frame) => frame.data);
    this.#queues = Uint16Array.from(fitting, (frame) => frame.queue ?? 0);
    this.#atNs = distances(fitting);
    this.#periodNs = period(this.#atNs);
    this.#startNs = options.startNs ?? Number.NaN;
    if (options.startNs !== undefined) this.#armWake();
  }

  get frames(): number {
    return this.#frames.length;
  }

  get remaining(): number {
    return this.finished ? 0 : this.#frames.length - this.#index;
  }

  get finished(): boolean {
    return this.#frames.length === 0 || this.passes >= this.#maxPasses;
  }

  /** Takes the frame, and counts it: a recording does not answer. */
  transmit(slot: number): boolean {
    const { slots, stats } = this;
    if (this.linkUp) {
      stats.txFrames++;
      stats.txBytes += slots.length[slot];
    } else {
      stats.txDropped++;
    }
    slots.release(slot);
    return true;
  }

  receive(): number {
    if (this.finished || !this.linkUp || !this.#isDue()) return 0;
    const { slots, stats } = this;
    // No slot left: the frame waits, as in a switch's buffer.
    const slot = slots.allocate();
    if (slot === 0) return 0;
    const frame = this.#frames[this.#index] as Uint8Array;
    slots.region.bytes.set(frame, slots.address(slot));
    slots.length[slot] = frame.length;
    slots.queue[slot] = this.#queues[this.#index] as number;
    slots.timestampNs[slot] = this.#clock?.nowNs ?? 0;
    stats.rxFrames++;
    stats.rxBytes += frame.length;
    this.#advance();
    return slot;
  }

  #isDue(): boolean {
    if (!this.#isTimed) return true;
    const { nowNs } = this.#clock as LinkClock;
    if (Number.isNaN(this.#startNs)) this.#startNs = nowNs;
    if (this.#dueNs() <= nowNs) return true;
    this.#armWake();
    return false;
  }

  #dueNs(): number {
    return this.#startNs + (this.#atNs[this.#index] as number);
  }

  #advance(): void {
    if (++this.#index === this.#frames.length) {
      this.#index = 0;
      this.passes++;
      this.#startNs += this.#periodNs;
    }
    this.#armWake();
  }

  /** Nothing has to be called, but a virtual clock must stop when the next frame is due. Once per frame. */
  #armWake(): void {
    if (!this.#isTimed || this.finished || this.#clock === null) return;
    const dueNs = this.#dueNs();
    if (dueNs <= this.#clock.nowNs || dueNs === this.#wakeNs) return;
    this.#wakeNs = dueNs;
    this.#clock.schedule(dueNs, NOTHING);
  }
}

/** Nanoseconds from the first frame to each, never falling. In two parts where they are known, because seconds since 1970 are. */
function distances(frames: readonly ReplayFrame[]): Float64Array {
  const atNs = new Float64Array(frames.length);
  const first = frames[0];
  for (let i = 1; i < frames.length; i++) {
    const distance = distanceNs(first as ReplayFrame, frames[i] as ReplayFrame);
    atNs[i] = Math.max(distance, atNs[i - 1] as number);
  }
  return atNs;
}

function distanceNs(from: ReplayFrame, to: ReplayFrame): number {
  if (from.seconds === undefined || to.seconds === undefined) return (to.timestampNs ?? 0) - (from.timestampNs ?? 0);
  return (to.seconds - from.seconds) * 1e9 + (to.nanoseconds ?? 0) - (from.nanoseconds ?? 0);
}

/** From one pass's first frame to the next one's: the recording goes on at its average pace. */
function period(atNs: Float64Array): number {
  const span = atNs.at(-1) ?? 0;
  return span + (span > 0 ? span / (atNs.length - 1) : LOOP_GAP_NS);
}

/**
 * A port whose `receive` yields the frames of a recording at their times, and whose `transmit` takes and counts what comes.
 *
 * @param frames - Such as `openCapture(bytes)` or an array. They are read at once; their bytes are not copied before they are replayed.
 * Frames longer than a slot are left out and counted as `rxDropped`.
 * @throws RangeError when recorded times are to be kept and there is no clock.
 * @throws CaptureError when `frames` is a reader and its file is damaged; `readCapture(bytes).packets` is what can be read of it.
 * @example
 * ```ts
 * const filter = (packet: CapturedPacket) => packet.direction !== DIRECTION_OUTBOUND;
 * const port = createReplayPort(slots, openCapture(bytes), { clock: machine.clock, filter });
 * ```
 */
export function createReplayPort<Frame extends ReplayFrame>(
  slots: FrameSlots,
  frames: Iterable<Frame>,
  options: ReplayOptions<Frame> = {},
): ReplayPort {
  if (options.speed !== 'asap' && !options.clock) throw new RangeError('replay: recorded times need a clock');
  const { filter, ...rest } = options;
  const all = [...frames];
  return new Recording(slots, filter === undefined ? all : all.filter(filter), rest);
}
