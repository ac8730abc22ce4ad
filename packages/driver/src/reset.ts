import { freeResources, introduce, setupResources } from './device-resources.ts';
import { restoreFlowRules } from './flow-rules.ts';
import type { GveDevice } from './gve-device.ts';
import { configureRss } from './rss.ts';

/**
 * Resets the card and gives it back what it knew: resources, RSS table, flow rules. Queues are the caller's. Geometry is kept: the card is not
 * described again.
 *
 * @returns 0; or a negative errno with the card left alone for good.
 */
export function resetCard(gve: GveDevice): number {
  const { adminq } = gve;
  // When this returns the card does no DMA, which is what makes freeing anything legal (I-9).
  adminq.release();
  freeResources(gve);
  const started = adminq.start();
  if (started === 0) introduce(gve);
  let result = started < 0 ? started : setupResources(gve);
  if (result === 0 && gve.rss !== null) result = configureRss(gve, gve.rss);
  if (result === 0) result = restoreFlowRules(gve);
  if (result < 0) {
    gve.machine.log.emit('err', 'gve', `${gve.fn.name}: reset failed (${result}), the device is not used any more`);
    adminq.release();
    freeResources(gve);
    gve.dead = true;
    gve.netdev.present = false;
  }
  return result;
}
