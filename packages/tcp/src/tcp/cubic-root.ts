/**
 * The cube root, rounded down, in integers: the same everywhere, which `Math.cbrt` need not be. Called once per epoch, not per segment.
 *
 * @param value - 0 … 2^53 - 1, a whole number.
 * @kernel cubic_root — net/ipv4/tcp_cubic.c, 7.3 (partial: exact, where the kernel's table and one Newton step may be off by 0.2 percent)
 */
export function cubicRoot(value: number): number {
  if (value < 1) return 0;
  // A power of two that is not below the root: from above, Newton's steps fall until they have arrived.
  let root = 1;
  while (root * root * root < value) root *= 2;
  for (;;) {
    const next = Math.floor((2 * root + Math.floor(value / (root * root))) / 3);
    if (next >= root) return root;
    root = next;
  }
}
