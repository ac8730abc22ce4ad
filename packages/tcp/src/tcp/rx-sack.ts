/**
 * SACK blocks that this end reports (RFC 2018, 4): the block with the newest segment first, at most four, and one D-SACK (RFC 2883) before them.
 *
 * @kernel tcp_sack_new_ofo_skb — net/ipv4/tcp_input.c, 7.3
 */

/** @kernel TCP_NUM_SACKS — include/linux/tcp.h, 7.3 */
export const TCP_NUM_SACKS = 4;

export class RxSack {
  count: number = 0;
  readonly left: Int32Array = new Int32Array(TCP_NUM_SACKS);
  readonly right: Int32Array = new Int32Array(TCP_NUM_SACKS);
  /** A duplicate to report with the next ACK. */
  hasDuplicate: boolean = false;
  duplicateLeft: number = 0;
  duplicateRight: number = 0;

  clear(): void {
    this.count = 0;
    this.hasDuplicate = false;
  }

  /** Blocks to send, the duplicate included. */
  get effective(): number {
    return this.count + (this.hasDuplicate ? 1 : 0);
  }

  /** Reports `left … right` as received twice. */
  setDuplicate(left: number, right: number): void {
    this.hasDuplicate = true;
    this.duplicateLeft = left;
    this.duplicateRight = right;
  }

  /** Widens a duplicate that is already there if the two touch, else sets it. @kernel tcp_sack_extend — net/ipv4/tcp_input.c, 7.3 */
  extendDuplicate(left: number, right: number): void {
    if (!this.hasDuplicate) {
      this.setDuplicate(left, right);
      return;
    }
    if (((left - this.duplicateRight) | 0) <= 0 && ((this.duplicateLeft - right) | 0) <= 0) {
      if (((left - this.duplicateLeft) | 0) < 0) this.duplicateLeft = left;
      if (((right - this.duplicateRight) | 0) > 0) this.duplicateRight = right;
    }
  }

  /** A segment was queued out of order: its block comes first. */
  add(left: number, right: number): void {
    for (let i = 0; i < this.count; i++) {
      if (!this.#extend(i, left, right)) continue;
      this.#toFront(i);
      if (this.count > 1) this.#absorb();
      return;
    }
    if (this.count === TCP_NUM_SACKS) this.count--;
    for (let i = this.count; i > 0; i--) this.#copy(i - 1, i);
    this.left[0] = left;
    this.right[0] = right;
    this.count++;
  }

  /** Drops blocks that rcvNxt has passed. @kernel tcp_sack_remove — net/ipv4/tcp_input.c, 7.3 */
  advance(rcvNxt: number): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (((rcvNxt - this.left[i]) | 0) >= 0) continue;
      if (kept !== i) this.#copy(i, kept);
      kept++;
    }
    this.count = kept;
  }

  #extend(i: number, left: number, right: number): boolean {
    if (((left - this.right[i]) | 0) > 0 || ((this.left[i] - right) | 0) > 0) return false;
    if (((left - this.left[i]) | 0) < 0) this.left[i] = left;
    if (((right - this.right[i]) | 0) > 0) this.right[i] = right;
    return true;
  }

  #toFront(i: number): void {
    const left = this.left[i];
    const right = this.right[i];
    for (let j = i; j > 0; j--) this.#copy(j - 1, j);
    this.left[0] = left;
    this.right[0] = right;
  }

  /** Merges into the first block what it now touches. @kernel tcp_sack_maybe_coalesce — net/ipv4/tcp_input.c, 7.3 */
  #absorb(): void {
    let i = 1;
    while (i < this.count) {
      if (this.#extend(0, this.left[i], this.right[i])) {
        for (let j = i + 1; j < this.count; j++) this.#copy(j, j - 1);
        this.count--;
      } else {
        i++;
      }
    }
  }

  #copy(from: number, to: number): void {
    this.left[to] = this.left[from];
    this.right[to] = this.right[from];
  }
}
