import { ENXIO } from '@netmem/uapi';
import type { GveDevice } from './gve-device.ts';
import { dropNapis } from './notify-block.ts';
import { bringUp } from './open-stop.ts';
import { freeQueues, quiesceQueues } from './queue-set.ts';
import { resetCard } from './reset.ts';

/**
 * Takes the interface through a reset of the card and brings it back as it was: because the card asked for it, or a user did. Providers live on
 * the queues, not in the rings, so a binding survives. The caller holds the instance lock.
 *
 * @returns 0, or a negative errno with the interface without queues.
 */
export function resetInterface(gve: GveDevice): number {
  if (gve.dead) return -ENXIO;
  const { netdev, machine } = gve;
  machine.log.emit('info', 'gve', `${netdev.name}: performing reset`);
  const live = gve.rx.length > 0;
  netdev.carrierOff();
  const set = quiesceQueues(gve);
  // The queues are not destroyed one by one: a card that wants a reset need not answer. The reset makes it forget them.
  let result = resetCard(gve);
  freeQueues(gve, set);
  if (result === 0 && live) result = bringUp(gve, gve.settings);
  if (result < 0) {
    dropNapis(gve, 0, 0);
    machine.log.emit('err', 'gve', `${netdev.name}: recovery failed (${result}), disabling all queues`);
    return result;
  }
  gve.stats.resets++;
  // Carrier stays off until the status register was looked at, as after open.
  machine.work.schedule(gve.service);
  return 0;
}
