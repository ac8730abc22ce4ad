import {
  DEVICE_STATUS_LINK,
  DEVICE_STATUS_REPORT_STATS,
  DEVICE_STATUS_RESET,
  REG_DEVICE_STATUS,
} from '@netmem/vnic/abi';
import type { GveDevice } from './gve-device.ts';
import { resetInterface } from './recover.ts';
import { writeDriverStats } from './stats-report.ts';

/**
 * What the management interrupt asks for, in process context: the status register says which. There is nothing to acknowledge.
 *
 * @kernel gve_service_task — drivers/net/ethernet/google/gve/gve_main.c, 7.3
 */
export function serveManagement(gve: GveDevice): void {
  const { netdev, registers } = gve;
  if (gve.dead || !netdev.registered) return;
  if ((registers.read(REG_DEVICE_STATUS) & DEVICE_STATUS_RESET) !== 0) {
    netdev.lock.lock();
    try {
      resetInterface(gve);
    } finally {
      netdev.lock.unlock();
    }
    if (gve.dead) return;
  }
  const status = registers.read(REG_DEVICE_STATUS);
  if ((status & DEVICE_STATUS_REPORT_STATS) !== 0) writeDriverStats(gve);
  const linked = gve.rx.length > 0 && (status & DEVICE_STATUS_LINK) !== 0;
  if (linked === netdev.operUp) return;
  gve.machine.log.emit('info', 'gve', `${netdev.name}: device link is ${linked ? 'up' : 'down'}`);
  if (linked) netdev.carrierOn();
  else netdev.carrierOff();
}
