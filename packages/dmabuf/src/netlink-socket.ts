import type { DmabufBinding } from './binding.ts';
import type { DmaBufTable } from './fd-table.ts';

/**
 * What a netlink socket is to devmem: the owner of bindings, in a process whose fds mean something.
 *
 * @kernel netdev_nl_sock — net/core/netdev-genl.h, 7.3
 */
export interface NetlinkSocketLike {
  /** The open files of the process, in which a request's fd is looked up. */
  readonly files: DmaBufTable;
  /** Bindings that live as long as the socket, in order of binding. */
  readonly bindings: Set<DmabufBinding>;
  readonly closed: boolean;
  /** Ends the bindings. */
  close(): void;
}
