/** Numbers of the clocks that devices have, each the lowest free one when it was given. @kernel ptp_clock_index — include/linux/ptp_clock_kernel.h, 7.3 */
export class PhcIndexes {
  readonly #taken: Set<number> = new Set();

  /** A number for a clock that came. @kernel ptp_clock_register — drivers/ptp/ptp_clock.c, 7.3 (partial: a number and nothing else, no clock device) */
  register(): number {
    let index = 0;
    while (this.#taken.has(index)) index++;
    this.#taken.add(index);
    return index;
  }

  /** The clock went. @kernel ptp_clock_unregister — drivers/ptp/ptp_clock.c, 7.3 (partial: as above) */
  unregister(index: number): void {
    this.#taken.delete(index);
  }
}
