import { type CoherentBuffer, Work } from '@netmem/machine';
import { ENOMEM } from '@netmem/uapi';
import { NIC_TS_REPORT, readU64be } from '@netmem/vnic/abi';
import { reportNicTimestamp } from './admin-commands.ts';
import type { GveDevice } from './gve-device.ts';
import { NIC_TS_SYNC_INTERVAL_NS } from './settings.ts';

/**
 * The card's clock, as far as a driver can know it: read every quarter of a second, so that the 32 bits that a received packet carries can be told from
 * those of the four seconds before and after. The card is asked whether anybody wants stamps or not.
 *
 * @kernel gve_ptp — drivers/net/ethernet/google/gve/gve.h, 7.3 (partial: no clock device to read or set)
 */
export class NicClock {
  /** What it read last, in nanoseconds. */
  lastSyncNs = 0;
  /** HWTSTAMP_FILTER_ALL: received packets get the card's stamp. */
  stampAll = false;
  /** The clock's number among the host's; -1: none. */
  phcIndex = -1;
  readonly #gve: GveDevice;
  readonly #sync: Work;
  #report: CoherentBuffer | null = null;

  constructor(gve: GveDevice) {
    this.#gve = gve;
    this.#sync = new Work(() => this.#resync());
  }

  /** The card has one, and it is being read. @kernel gve_is_clock_enabled — drivers/net/ethernet/google/gve/gve.h, 7.3 */
  get enabled(): boolean {
    return this.#report !== null;
  }

  /** Reads the clock, and goes on doing so. `-ENOMEM`, or the errno of the first reading. @kernel gve_init_clock — drivers/net/ethernet/google/gve/gve_ptp.c, 7.3 */
  init(): number {
    const { dma, network, machine } = this.#gve;
    this.#report = dma.allocCoherent(NIC_TS_REPORT.$.sizeBytes);
    if (this.#report === null) return -ENOMEM;
    this.phcIndex = network.phcs.register();
    const result = this.#read(this.#report);
    if (result < 0) this.teardown();
    else machine.work.scheduleDelayed(this.#sync, NIC_TS_SYNC_INTERVAL_NS);
    return result;
  }

  /** Stops reading. The choice of who gets stamps is kept for when the card is back. @kernel gve_teardown_clock — drivers/net/ethernet/google/gve/gve_ptp.c, 7.3 */
  teardown(): void {
    const { dma, network, machine } = this.#gve;
    machine.work.cancel(this.#sync);
    if (this.phcIndex >= 0) network.phcs.unregister(this.phcIndex);
    this.phcIndex = -1;
    if (this.#report !== null) dma.freeCoherent(this.#report);
    this.#report = null;
  }

  /** @kernel gve_clock_nic_ts_read — drivers/net/ethernet/google/gve/gve_ptp.c, 7.3 */
  #read(report: CoherentBuffer): number {
    const result = reportNicTimestamp(this.#gve.adminq, report);
    const { view, base } = report.region;
    if (result === 0) this.lastSyncNs = readU64be(view, base + NIC_TS_REPORT.nicTimestamp);
    return result;
  }

  // @kernel gve_ptp_do_aux_work — drivers/net/ethernet/google/gve/gve_ptp.c, 7.3
  #resync(): void {
    const { adminq, fn, machine } = this.#gve;
    if (this.#report === null) return;
    const result = adminq.live ? this.#read(this.#report) : 0;
    if (result < 0) machine.log.emit('err', 'gve', `${fn.name}: gve_ptp_do_aux_work read err ${result}`);
    machine.work.scheduleDelayed(this.#sync, NIC_TS_SYNC_INTERVAL_NS);
  }
}
