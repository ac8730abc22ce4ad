import { freeResources, teardownResources } from './device-resources.ts';
import { resetFlowRules } from './flow-rules.ts';
import type { GveDevice } from './gve-device.ts';
import { freeInterrupts } from './notify-block.ts';

/**
 * The reverse of probe. Unregistering closes the interface and tells providers that it is gone; what they and the stack still hold keeps its page
 * pool, not the card.
 */
export function removeDevice(gve: GveDevice): void {
  const { netdev, network, adminq } = gve;
  if (!netdev.registered) return;
  network.unregisterDevice(netdev);
  gve.machine.work.cancel(gve.service);
  if (adminq.live) {
    resetFlowRules(gve);
    teardownResources(gve);
    adminq.release();
  }
  freeResources(gve);
  freeInterrupts(gve);
}
