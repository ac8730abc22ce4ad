import type { Cable, CableOptions } from './cable-options.ts';
import type { FrameSlots } from './frame-slots.ts';
import { ImpairedCable } from './impaired-cable.ts';
import { PerfectCable } from './perfect-cable.ts';
import type { LinkClock } from './port.ts';

const DEFAULT_MTU = 1500;
const DEFAULT_QUEUE_FRAMES = 1024;

/**
 * Joins two ports in memory. Without impairments a frame passes by its slot number through a ring: nothing is copied or allocated.
 *
 * @param clock - Needed for `latencyNs` and `bandwidthBitsPerSecond`; null otherwise.
 * @throws RangeError when an option is out of its range, or needs a clock and there is none.
 */
export function createCable(slots: FrameSlots, clock: LinkClock | null, options: CableOptions = {}): Cable {
  checkOptions(clock, options);
  const mtu = options.mtu ?? DEFAULT_MTU;
  const queueFrames = options.queueFrames ?? DEFAULT_QUEUE_FRAMES;
  return isPerfect(options)
    ? new PerfectCable(slots, mtu, options.superFrames ?? false, queueFrames)
    : new ImpairedCable(slots, clock, mtu, queueFrames, options);
}

function isPerfect(options: CableOptions): boolean {
  const { latencyNs, bandwidthBitsPerSecond, loss, reorder, duplicate, corrupt } = options;
  return !latencyNs && !bandwidthBitsPerSecond && !loss && !reorder && !duplicate && !corrupt;
}

function checkOptions(clock: LinkClock | null, options: CableOptions): void {
  for (const name of ['loss', 'reorder', 'duplicate', 'corrupt'] as const) {
    const probability = options[name] ?? 0;
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`cable: ${name} is a probability, not ${probability}`);
  }
  for (const name of ['latencyNs', 'bandwidthBitsPerSecond', 'reorderNs'] as const) {
    const value = options[name] ?? 0;
    if (!(value >= 0)) throw new RangeError(`cable: ${name} cannot be ${value}`);
  }
  if (clock === null && (options.latencyNs || options.bandwidthBitsPerSecond)) {
    throw new RangeError('cable: latency and bandwidth need a clock');
  }
  if (options.superFrames && options.corrupt) {
    throw new RangeError('cable: super-frames have no checksum yet that would show corruption');
  }
  if (!(options.queueFrames === undefined || options.queueFrames >= 1)) {
    throw new RangeError(`cable: a queue of ${options.queueFrames} frames`);
  }
}
