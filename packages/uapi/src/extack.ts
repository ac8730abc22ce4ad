/**
 * Netlink's extended ack as far as typed layers know it: a sentence, and the name of the attribute that was wrong. The attribute's offset in a
 * message is for the netlink family to find.
 *
 * Functions take `extack: Extack | null` as their last argument and call `extack?.set(...)` right before they return the errno.
 *
 * @kernel netlink_ext_ack — include/linux/netlink.h, 7.3
 */
export class Extack {
  /** What the kernel says, in its own words; null when it says nothing. */
  message: string | null = null;
  /** The attribute it points at, in ynl's dashed spelling (`'ifindex'`); null when it points at none. */
  badAttr: string | null = null;

  /**
   * @kernel NL_SET_ERR_MSG — include/linux/netlink.h, 7.3
   */
  set(message: string | null, badAttr: string | null = null): void {
    this.message = message;
    this.badAttr = badAttr;
  }

  clear(): void {
    this.set(null);
  }
}
