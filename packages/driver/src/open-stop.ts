import { ENXIO, isErr } from '@netmem/uapi';
import type { GveDevice, QueueSettings } from './gve-device.ts';
import { dropNapis } from './notify-block.ts';
import { buildQueues, destroyInCard, freeQueues, quiesceQueues, startQueues } from './queue-set.ts';
import { resetCard } from './reset.ts';
import { refreshRss } from './rss.ts';

/** ndo_open: builds the queues, starts them and asks for the link. Returns 0 or a negative errno with everything undone. */
export function openInterface(gve: GveDevice): number {
  if (gve.dead) return -ENXIO;
  const opened = bringUp(gve, gve.settings);
  if (opened < 0) return opened;
  gve.stats.interfaceUp++;
  // Carrier is off until the status register says otherwise.
  gve.machine.work.schedule(gve.service);
  return 0;
}

/** ndo_stop. */
export function stopInterface(gve: GveDevice): number {
  gve.netdev.carrierOff();
  bringDown(gve);
  dropNapis(gve, 0, 0);
  gve.stats.interfaceDown++;
  return 0;
}

/** Builds and starts queues by `settings`, which become the device's. */
export function bringUp(gve: GveDevice, settings: QueueSettings): number {
  const set = buildQueues(gve, settings);
  if (isErr(set)) return set;
  const started = startQueues(gve, set) || refreshRss(gve);
  if (started < 0) {
    if (gve.rx === set.rx) bringDown(gve);
    else freeQueues(gve, set);
    dropNapis(gve, 0, 0);
  }
  return started;
}

/** Stops and frees the queues. A card that does not let go of them is reset: freeing memory that it still writes to is not an option (I-9). */
export function bringDown(gve: GveDevice): void {
  const set = quiesceQueues(gve);
  if (destroyInCard(gve, set) < 0) resetCard(gve);
  freeQueues(gve, set);
}

/**
 * Changes queue counts, ring sizes or header split. The new rings are built before the old ones go, so that running out of memory
 * leaves the interface as it was.
 *
 * @returns 0, or a negative errno; when the card itself fails in between, the interface is left without queues and says so in the log.
 */
export function applySettings(gve: GveDevice, settings: QueueSettings): number {
  const { netdev } = gve;
  if (!netdev.running) {
    gve.settings = settings;
    netdev.setRealNumQueues(settings.rxQueues, settings.txQueues);
    return refreshRss(gve);
  }
  const set = buildQueues(gve, settings);
  if (isErr(set)) return set;
  const hadCarrier = netdev.operUp;
  netdev.carrierOff();
  bringDown(gve);
  const started = startQueues(gve, set) || refreshRss(gve);
  if (started < 0) {
    if (gve.rx === set.rx) bringDown(gve);
    else freeQueues(gve, set);
    gve.machine.log.emit(
      'err',
      'gve',
      `${netdev.name}: failed to start queues with new settings, disabling all queues`,
    );
    return started;
  }
  if (hadCarrier) netdev.carrierOn();
  return 0;
}
